// Goal: a bare-metal program on the board speaks to the gateway through its card, as on QEMU's user network; TCP is echoed; all of it is in the
// capture. Method: one program, recorded on QEMU; a TCP stack behind a driver of the card; QEMU itself under `npm run verify`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { VirtioEntropy } from '../devices/virtio/index.ts';
import { CABLE_NS, CaptureTap, completeChecksums } from '../network/index.ts';
import { bareMetalElf } from '../testing/bare-metal-program.ts';
import { NET_PROGRAM } from '../testing/net-program.ts';
import { NetworkGuest } from '../testing/network-guest.ts';
import { readPcapng } from '../testing/pcapng-reader.ts';
import { makeGuestMemory, mmioRegister, VirtioDriver, without } from '../testing/virtio-driver.ts';
import { BoardNetwork } from './board-network.ts';
import { layOutBoot, renderBootError } from './boot-image.ts';
import { VirtMachine } from './virt-machine.ts';

const OPTIONS = { ramBytes: 4 * 1024 * 1024, hartCount: 1, profile: 'rv64gc' as const };

test('the program asks for the gateway and hears its answer, in the time of two cables', () => {
  const runs = [1, 7_000].map((cutNs) => {
    const image = layOutBoot({ program: { name: 'net', bytes: bareMetalElf(NET_PROGRAM) }, ...OPTIONS });
    if (!image.ok) throw new Error(renderBootError(image.error));
    let told = '';
    const transmit = (byte: number) => {
      told += String.fromCharCode(byte);
    };
    const tap = new CaptureTap({ bytesMax: 1 << 20 });
    const machine = new VirtMachine(image.value, { ...OPTIONS, transmit, slots: [(line, ram, clock) => new BoardNetwork(line, ram, clock, tap)] });
    for (let cuts = 0; machine.ended() === undefined && cuts < 200_000; cuts++) machine.advance(machine.timeNs() + cutNs, 1_000_000);
    return { told, end: machine.ended()?.how, instructions: machine.instructionsAttempted(), timeNs: machine.timeNs(), file: tap.file({ application: 'test' }) };
  });
  expect([runs[0]!.told, runs[0]!.end]).toEqual([NET_PROGRAM.console, 'pass']);
  expect(runs[1]).toEqual(runs[0]);
  const { packets } = readPcapng(runs[0]!.file);
  expect(packets.map(({ bytes }) => [bytes.length, bytes[21]])).toEqual([[42, 1], [42, 2]]);
  expect(runs[0]!.timeNs).toBeGreaterThan(2 * CABLE_NS);
  expect(runs[0]!.timeNs).toBeLessThan(1_000_000);
});

test('TCP through the card is echoed byte for byte', () => {
  let nowNs = 0;
  const memory = makeGuestMemory(4096);
  let rising = () => undefined as void;
  const net = new BoardNetwork({ set: (level) => level && rising() }, memory, { nowNs: () => nowNs, wakeAt: () => undefined });
  const driver = new VirtioDriver(new VirtioEntropy({ seed: 1, stream: 1 }), memory, () => net);
  driver.start({ without: [without.eventIndex] });
  const [gateway, self] = [0x0a00_0202, 0x0a00_020f];
  const guest = new NetworkGuest({ mac: net.card.mac, address: self, neighbours: new Map([[gateway, 0x5255_0a00_0202]]) }, (frame) => {
    driver.request(1, [new Uint8Array(12), completeChecksums(frame)], []);
  });
  const fill = () => {
    driver.add(0, [], [1526]);
    driver.notify(0);
  };
  for (let count = 0; count < 16; count++) fill();
  rising = () => {
    driver.write(mmioRegister.interruptAcknowledge, 3);
    for (const { bytes, written } of driver.collect(0)) {
      fill();
      guest.stack.onFrame(bytes.slice(12, written), nowNs);
    }
  };
  const run = (untilNs: number) => {
    for (let next = Math.min(net.dueNs, guest.dueNs()); next <= untilNs; next = Math.min(net.dueNs, guest.dueNs())) {
      nowNs = Math.max(nowNs, next);
      net.service(nowNs);
      guest.service(nowNs);
    }
    nowNs = untilNs;
  };
  const connection = guest.stack.connect(gateway, 7, 0);
  run(1_000_000);
  const data = Uint8Array.from({ length: 60_000 }, (_, at) => (at * at) >> 5);
  expect(guest.stack.send(connection, data, nowNs)).toBe(data.length);
  guest.stack.close(connection, nowNs);
  run(2_000_000_000);
  expect(Buffer.compare(Uint8Array.from(guest.received), data)).toBe(0);
  expect(guest.events.map(({ kind }) => kind)).toContain('closed');
  expect([net.lostFrames, net.card.counters.droppedFrames]).toEqual([0, 0]);
});

const verifies = process.env['GLASSHOUSE_VERIFY'] !== undefined;
const qemu = verifies && spawnSync('qemu-system-riscv64', ['--version']).status === 0;
const reason = verifies ? (qemu ? '' : ' (left out: qemu-system-riscv64, Debian package qemu-system-misc, is not installed)') : ' (under npm run verify)';
test.skipIf(!qemu)(`the same file on QEMU${reason}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'glasshouse-net-'));
  try {
    writeFileSync(join(folder, 'program.elf'), bareMetalElf(NET_PROGRAM));
    const done = spawnSync('qemu-system-riscv64', [
      '-M', 'virt', '-m', '128M', '-bios', 'none', '-nographic', '-monitor', 'none', '-serial', 'stdio', '-kernel', 'program.elf',
      '-global', 'virtio-mmio.force-legacy=false', '-netdev', 'user,id=n', '-device', 'virtio-net-device,netdev=n',
    ], { cwd: folder, encoding: 'latin1', timeout: 20_000, stdio: ['ignore', 'pipe', 'pipe'] });
    expect([done.stdout, done.status]).toEqual([NET_PROGRAM.console, 0]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
