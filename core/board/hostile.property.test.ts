// Goal: nothing that a program does makes the board throw, hang or answer outside its rules. Method: random accesses
// of every width over all windows and their edges, for each kind of interrupt controller; random words and
// mutated programs as code, run for a while, all under limits.
import { expect, test } from 'vitest';
import { makePrng, nextBelow, nextUint32, type Prng } from '../base/index.ts';
import { writeElf } from '../formats/index.ts';
import { BARE_METAL_PROGRAMS } from '../testing/bare-metal-programs.ts';
import { bareMetalElf } from '../testing/bare-metal-program.ts';
import { compileHostModule } from '../wasm/index.ts';
import { layOutBoot } from './boot-image.ts';
import { AIA_CHOICES, type AiaChoice } from '../platform/memory-map.ts';
import { RAM_ADDRESS } from '../platform/memory-map.ts';
import { VirtMachine } from './virt-machine.ts';

const compiled = compileHostModule();
const long = process.env['GLASSHOUSE_VERIFY'] !== undefined;
const PROGRAM = writeElf({ entry: RAM_ADDRESS, segments: [{ physicalAddress: RAM_ADDRESS, bytes: new Uint8Array(64) }] });

function makeBoard(bytes: Uint8Array, aia: AiaChoice): VirtMachine | undefined {
  const options = { ramBytes: 256 * 1024, hartCount: 2, profile: aia === 'aplic-imsic' ? ('rv64gch-sstc-aia' as const) : ('rv64gch-sstc' as const), aia };
  const image = layOutBoot({ program: { name: 'hostile', bytes }, ...options });
  return image.ok ? new VirtMachine(image.value, { ...options, compiled, transmit: () => undefined }) : undefined;
}

/** Addresses where something begins or ends, and between. */
function drawAddress(prng: Prng, machine: VirtMachine): number {
  const windows = machine.devices.bus.windows();
  const { address, device } = windows[nextBelow(prng, windows.length)]!;
  const small = nextBelow(prng, 0x40) * (1 << nextBelow(prng, 4));
  const kinds = [address + small, address + device.size - small, address + nextBelow(prng, Math.min(device.size, 2 ** 31))];
  return Math.max(0, kinds[nextBelow(prng, 3)]!);
}

test.each(AIA_CHOICES)('random accesses to the devices, aia=%s: refused or answered with a word', (aia) => {
  const prng = makePrng({ seed: 31, stream: 2 });
  const machine = makeBoard(PROGRAM, aia)!;
  const { bus } = machine.devices;
  const into = { low: 0, high: 0 };
  let answered = 0;
  for (let step = 0; step < 20_000; step++) {
    const byteCount = 1 << nextBelow(prng, 4);
    const address = drawAddress(prng, machine);
    if (nextBelow(prng, 2) === 0) {
      bus.write(address, byteCount, nextUint32(prng) | 0, nextUint32(prng) | 0);
      continue;
    }
    if (!bus.read(address, byteCount, into)) continue;
    answered++;
    const fits = into.low >= 0 && into.low < 2 ** Math.min(32, 8 * byteCount) && into.high >= 0 && into.high < 2 ** 32;
    if (!fits) throw new Error(`${byteCount} bytes at 0x${address.toString(16)} read ${into.high}:${into.low}`);
  }
  expect(answered).toBeGreaterThan(1_000);
});

test('random words and mutated programs as code: an end, a limit or sleep, and the same twice', () => {
  const prng = makePrng({ seed: 77, stream: 5 });
  const outcomes = new Set<string>();
  for (let round = 0; round < (long ? 1_000 : 30); round++) {
    const aia = AIA_CHOICES[round % AIA_CHOICES.length]!;
    const bytes = bareMetalElf(BARE_METAL_PROGRAMS[nextBelow(prng, BARE_METAL_PROGRAMS.length)]!);
    const code = 120 + nextBelow(prng, 64);
    const mutations = round % 2 === 0 ? 300 : 4;
    for (let count = 0; count < mutations; count++) bytes[code + nextBelow(prng, Math.min(bytes.length - code, 1_000))] = nextBelow(prng, 256);
    const runs = [makeBoard(bytes, aia), makeBoard(bytes, aia)].map((machine) => {
      if (machine === undefined) return 'refused';
      machine.type(Uint8Array.of(1, 2, 3));
      const how = machine.advance(1e12, 20_000);
      return `${how} ${machine.timeNs()} ${machine.instructionsAttempted()} ${machine.harts.readPc(0)} ${machine.harts.readPc(1)}`;
    });
    expect(runs[0]).toBe(runs[1]);
    outcomes.add(runs[0]!.split(' ')[0]!);
  }
  expect(outcomes.has('instructions')).toBe(true);
});
