// Goal: a snapshot as an ELF core is what gdb and readelf open, and a VM restored from it is byte for byte the
// original. Method: our own reader; readelf and gdb-multiarch where they are installed; a real VM; damaged files.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SnapshotImage } from '../formats/snapshot-file.ts';
import { makeTestHost } from '../testing/test-host.ts';
import { coreFileErrorSentence, decodeCore, encodeCore, readSnapshotBytes } from './core-file.ts';
import { Host } from './host.ts';
import { restoreVm } from './restore-vm.ts';

const { host, vm } = makeTestHost({ image: { kind: 'program', name: 'ticker' }, ramBytes: 1 << 20 });
vm.type('hello\n');
host.run(35_000_000);
vm.pause('test');

const IMAGE: SnapshotImage = {
  head: { name: 'x', parent: '', vm: 1, vmName: 'guest', guest: 'ticker', pageCount: vm.pageCount, vcpuCount: 1, takenAtNs: host.now() },
  vcpus: vm.vcpus.map(({ index }) => vm.saveVcpu(index)),
  device: vm.deviceRecord(),
  pages: Array.from({ length: vm.pageCount }, (_, page) => (vm.memory.isZero(page) ? undefined : vm.memory.readPage(page)!.slice())),
};
const BYTES = encodeCore(IMAGE);

test('what goes in comes out; a VM restored from the file equals the original', () => {
  const decoded = readSnapshotBytes(BYTES);
  if (!decoded.ok) throw new Error(decoded.error);
  const other = new Host({ id: 1, name: 'other', frameCount: 2_000, processorCount: 1, seed: 2 });
  const made = restoreVm(other, decoded.value, { id: 9, name: 'copy' });
  if (!made.ok) throw new Error(made.error);
  const copy = made.value;
  for (let page = 0; page < vm.pageCount; page++) expect(copy.memory.readPage(page)).toEqual(vm.memory.readPage(page));
  expect(copy.saveVcpu(0)).toEqual(vm.saveVcpu(0));
  expect(copy.deviceRecord()).toEqual(vm.deviceRecord());
  // And both go on alike.
  other.run(host.now());
  vm.resume();
  copy.resume();
  const since = vm.debugConsole.byteCount;
  host.run(300_000_000);
  other.run(300_000_000);
  expect(vm.debugConsole.text().slice(since).length).toBeGreaterThan(50);
  expect(copy.debugConsole.text()).toBe(vm.debugConsole.text().slice(since));
});

function withFile(run: (path: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'core-'));
  try {
    const path = join(folder, 'vm.core');
    writeFileSync(path, BYTES);
    run(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const tool = (name: string) => ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'].map((folder) => join(folder, name)).find(existsSync);
const READELF = tool('readelf');
const GDB = tool('gdb-multiarch');

test.skipIf(READELF === undefined)('readelf opens it', () => {
  withFile((path) => {
    const text = execFileSync(READELF!, ['-h', '-l', '-n', path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    expect(text).toMatch(/Type:\s+CORE/);
    expect(text).toMatch(/Machine:\s+RISC-V/);
    expect(text).toMatch(/NT_PRSTATUS/);
    expect(text).toMatch(/GLASSHOUSE/);
    expect(text).toMatch(/LOAD\s+0x[0-9a-f]+ 0x0+80000000 0x0+80000000/);
    expect(text).not.toMatch(/[Ww]arning|[Ee]rror/);
  });
});

test.skipIf(GDB === undefined)('gdb shows the registers and the memory', () => {
  withFile((path) => {
    const view = new DataView(IMAGE.vcpus[0]!.buffer);
    const word = new DataView(IMAGE.pages[0]!.buffer).getUint32(0, true).toString(16).padStart(8, '0');
    const commands = ['set architecture riscv:rv64', `core-file ${path}`, 'info registers pc sp', 'x/1xw 0x80000000'];
    const { stdout: text, stderr } = spawnSync(GDB!, ['-nx', '-batch', ...commands.flatMap((it) => ['-ex', it])], { encoding: 'utf8' });
    expect(stderr).not.toMatch(/[Ww]arning|rror/);
    const pc = view.getBigUint64(8 + 256, true).toString(16);
    expect(text).toContain(`0x${pc}`);
    expect(text).toContain(`0x${view.getBigUint64(8 + 16, true).toString(16)}`); // x2
    expect(text).toMatch(new RegExp(`0x80000000:\\s+0x${word}`));
  });
});

test('damaged and foreign files are refused with a sentence, never an exception', () => {
  fc.assert(
    fc.property(fc.nat(4_000), fc.nat(255), fc.boolean(), (at, value, cuts) => {
      const damaged = cuts ? BYTES.slice(0, at * 7) : BYTES.slice();
      if (!cuts) damaged[at] = value;
      const decoded = decodeCore(damaged);
      if (!decoded.ok) expect(coreFileErrorSentence(decoded.error)).toMatch(/\.$/);
    }),
    { seed: 5, numRuns: 500 },
  );
  expect(decodeCore(new Uint8Array(100))).toMatchObject({ error: { kind: 'not-elf' } });
  expect(decodeCore(BYTES.slice(0, 5_000))).toMatchObject({ error: { kind: 'truncated' } });
  const executable = BYTES.slice();
  executable[16] = 2;
  expect(decodeCore(executable)).toMatchObject({ error: { kind: 'not-a-core', type: 2, machine: 243 } });
});
