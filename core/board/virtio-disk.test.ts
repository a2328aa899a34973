// Goal: a bare-metal program drives a disk on the board through rings and interrupts, and leaves on the image what it wrote; the same file
// does so on QEMU. Method: one program, recorded on QEMU; raw and qcow2 images; QEMU itself under `npm run verify`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkQcow2, createQcow2, MemoryStore, openQcow2Chain, RawImage } from '../formats/index.ts';
import { bareMetalElf } from '../testing/bare-metal-program.ts';
import { DISK_PROGRAM, DISK_PROGRAM_SECTORS, diskProgramBlock, diskProgramSector } from '../testing/disk-program.ts';
import { layOutBoot, renderBootError } from './boot-image.ts';
import { VirtMachine } from './virt-machine.ts';
import { diskSlot } from './virtio-slots.ts';

const DISK_BYTES = DISK_PROGRAM_SECTORS * 512;
const OPTIONS = { ramBytes: 4 * 1024 * 1024, hartCount: 1, profile: 'rv64gc' as const };

const expected = new Uint8Array(DISK_BYTES);
for (let n = 0; n < 8; n++) expected.set(diskProgramBlock(n), diskProgramSector(n) * 512);

function run(slots: Parameters<typeof diskSlot>[0][]) {
  const image = layOutBoot({ program: { name: 'disk', bytes: bareMetalElf(DISK_PROGRAM) }, ...OPTIONS });
  if (!image.ok) throw new Error(renderBootError(image.error));
  let told = '';
  const transmit = (byte: number) => {
    told += String.fromCharCode(byte);
  };
  const machine = new VirtMachine(image.value, { ...OPTIONS, transmit, slots: slots.map((image) => diskSlot(image)) });
  machine.advance(Number.POSITIVE_INFINITY, 1_000_000);
  return { told, end: machine.ended(), instructions: machine.instructionsAttempted() };
}

test('on raw and qcow2: console as recorded, the image holds the blocks, the run repeats', () => {
  const raw = new MemoryStore({ bytesMax: DISK_BYTES, bytes: new Uint8Array(DISK_BYTES) });
  const first = run([new RawImage(raw)]);
  expect([first.told, first.end?.how]).toEqual([DISK_PROGRAM.console, 'pass']);
  expect(Buffer.compare(raw.bytes(), expected)).toBe(0);
  const store = new MemoryStore({ bytesMax: 4 * DISK_BYTES });
  expect(createQcow2(store, { diskBytes: DISK_BYTES }).ok).toBe(true);
  const image = openQcow2Chain(store, () => undefined);
  if (!image.ok) throw new Error(image.error.kind);
  expect(run([image.value])).toEqual(first);
  const content = new Uint8Array(DISK_BYTES);
  expect(image.value.read(0, content).ok).toBe(true);
  expect(Buffer.compare(content, expected)).toBe(0);
  expect(checkQcow2(store)).toMatchObject({ value: { leaks: 0, damages: 0, flagFaults: 0, allocated: 3 } });
});

test('a disk that is read only fails the write; no disk is told', () => {
  const store = new MemoryStore({ bytesMax: DISK_BYTES, bytes: new Uint8Array(DISK_BYTES) });
  expect(run([new RawImage(store, { readOnly: true })]).end).toMatchObject({ how: 'fail', code: 1 });
  expect(run([])).toMatchObject({ told: 'no disk\n', end: { how: 'fail', code: 1 } });
});

const verifies = process.env['GLASSHOUSE_VERIFY'] !== undefined;
const qemu = verifies && spawnSync('qemu-system-riscv64', ['--version']).status === 0;
const reason = verifies ? (qemu ? '' : ' (left out: qemu-system-riscv64, Debian package qemu-system-misc, is not installed)') : ' (under npm run verify)';
test.skipIf(!qemu)(`the same file on QEMU${reason}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'glasshouse-disk-'));
  try {
    writeFileSync(join(folder, 'program.elf'), bareMetalElf(DISK_PROGRAM));
    writeFileSync(join(folder, 'disk'), new Uint8Array(DISK_BYTES));
    const done = spawnSync('qemu-system-riscv64', [
      '-M', 'virt', '-m', '128M', '-bios', 'none', '-nographic', '-monitor', 'none', '-serial', 'stdio', '-kernel', 'program.elf',
      '-global', 'virtio-mmio.force-legacy=false', '-drive', 'file=disk,format=raw,if=none,id=d', '-device', 'virtio-blk-device,drive=d',
    ], { cwd: folder, encoding: 'latin1', timeout: 20_000, stdio: ['ignore', 'pipe', 'pipe'] });
    expect([done.stdout, done.status]).toEqual([DISK_PROGRAM.console, 0]);
    expect(Buffer.compare(readFileSync(join(folder, 'disk')), expected)).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
