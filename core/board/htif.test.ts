// Goal: every command of the host-target interface does what the simulator's does, and none harms us. Method: a
// VM's RAM with the two doublewords in it, commands stored one by one, hostile ones included.
import { expect, test } from 'vitest';
import { makePrng, nextBelow, nextUint32 } from '../base/index.ts';
import { MemorySystem } from '../memory/index.ts';
import { pollHtif } from './htif.ts';
import { RAM_ADDRESS } from '../platform/memory-map.ts';

const PLACES = { tohost: RAM_ADDRESS + 0x1000, fromhost: RAM_ADDRESS + 0x1040 };
const RECORD = RAM_ADDRESS + 0x2000;

function makeTarget() {
  const system = new MemorySystem(64);
  const made = system.createVm({ vmId: 1, pageCount: 16, allocated: true });
  if (!made.ok) throw new Error('there is room');
  const ram = made.value;
  const told = { text: '', exits: [] as number[] };
  const doublewords = (...values: bigint[]) => new Uint8Array(BigInt64Array.from(values.map((value) => BigInt.asIntN(64, value))).buffer);
  const read = (address: number) => new DataView(ram.read(address, 8)!.buffer).getBigInt64(0, true);
  const send = (command: bigint) => {
    ram.write(PLACES.tohost, doublewords(command), 'vcpu');
    pollHtif(ram, PLACES, {
      transmit: (byte) => { told.text += String.fromCharCode(byte); },
      onExit: (code) => told.exits.push(code),
    });
  };
  const call = (...values: bigint[]) => {
    ram.write(RECORD, doublewords(...values, ...new Array<bigint>(8 - values.length).fill(0n)), 'vcpu');
    ram.write(PLACES.fromhost, doublewords(0n), 'vcpu');
    send(BigInt(RECORD));
    return read(RECORD);
  };
  return { ram, told, send, call, read };
}

test('odd payloads end: 1 is a pass, others name the failed test', () => {
  const { told, send, read } = makeTarget();
  for (const command of [1n, 3n, 2n * 1337n + 1n]) send(command);
  expect(told.exits).toEqual([0, 1, 1337]);
  expect(read(PLACES.tohost)).toBe(0n);
});

test('nothing stored, nothing done', () => {
  const { told, send } = makeTarget();
  send(0n);
  expect(told).toEqual({ text: '', exits: [] });
});

test('device 1 puts bytes out; the word is taken', () => {
  const { told, send, read } = makeTarget();
  for (const letter of 'hi\n') {
    send((0x101n << 48n) | BigInt(letter.charCodeAt(0)));
    expect(read(PLACES.tohost)).toBe(0n);
  }
  expect(told.text).toBe('hi\n');
});

test('the write call prints and answers with its length; the reply is announced', () => {
  const { ram, told, call, read } = makeTarget();
  ram.write(RAM_ADDRESS + 0x3ffd, new TextEncoder().encode('over a page'), 'vcpu');
  expect(call(64n, 1n, BigInt(RAM_ADDRESS + 0x3ffd), 11n)).toBe(11n);
  expect([told.text, read(PLACES.fromhost)]).toEqual(['over a page', 1n]);
});

test('exit by call; other calls, descriptors and addresses are refused by number', () => {
  const { told, call } = makeTarget();
  call(93n, 7n);
  expect(told.exits).toEqual([7]);
  expect(call(1024n, 1n)).toBe(-38n);
  expect(call(64n, 3n, BigInt(RAM_ADDRESS), 1n)).toBe(-38n);
  expect(call(64n, 1n, 0n, 1n)).toBe(-14n);
  expect(call(64n, 1n, -1n, 1n)).toBe(-14n);
  expect(call(64n, 1n, BigInt(RAM_ADDRESS + 0xffff), 2n)).toBe(-14n);
  expect(call(64n, 1n, BigInt(RAM_ADDRESS + 1), -1n)).toBe(-14n); // cut to the most that one write takes: still beyond RAM
  expect(told.text).toBe('');
});

test('random commands and records never throw', () => {
  const prng = makePrng({ seed: 5, stream: 1 });
  const { send, call } = makeTarget();
  const random = () => ((BigInt(nextUint32(prng)) << 32n) | BigInt(nextUint32(prng))) >> BigInt(nextBelow(prng, 64));
  for (let round = 0; round < 500; round++) {
    send(random());
    call(BigInt(64 + nextBelow(prng, 2)), BigInt(nextBelow(prng, 3)), random(), random());
  }
});
