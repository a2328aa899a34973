// Goal: in all five modes the bare-metal hart does what QEMU does. Method: replay of a program whose digests
// QEMU 7.2 printed, a case for each; made anew with `GLASSHOUSE_MAKE_VECTORS=1 npx vitest run core/isa/vectors/privileged`,
// which needs qemu-system-riscv64.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runDriver } from '../../testing/driver-machine.ts';
import { assemble, renderAssemblyError } from '../assemble.ts';
import { CASE_COUNT, privilegedDriver } from './privileged-driver.ts';
import { QEMU_ORIGIN } from './qemu-driver.ts';

const GOLDEN = new URL('./privileged.txt', import.meta.url);
const isMaking = process.env['GLASSHOUSE_MAKE_VECTORS'] === '1';
/** More than the whole program takes. */
const INSTRUCTIONS = 4_000_000;

function imageOf(isVerbose: boolean): Uint8Array {
  const program = assemble(privilegedDriver(isVerbose), { origin: QEMU_ORIGIN, name: 'privileged', profile: 'rv64gch-sstc' });
  if (!program.ok) throw new Error(renderAssemblyError(program.error));
  return program.value.bytes;
}

function onQemu(image: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'vectors-'));
  try {
    const file = join(folder, 'image.bin');
    writeFileSync(file, image);
    // biome-ignore format: options with their values
    return execFileSync('qemu-system-riscv64', [
      '-machine', 'virt', '-cpu', 'rv64,h=true,sstc=true,svinval=true,svpbmt=true', '-m', '64M', '-smp', '2', '-bios', 'none', '-nographic',
      '-monitor', 'none', '-serial', 'stdio', '-device', `loader,file=${file},addr=${QEMU_ORIGIN}`,
    ], { encoding: 'utf8', timeout: 120_000, stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26 });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test.runIf(isMaking)('made anew', { timeout: 300_000 }, () => {
  if (process.env['VERBOSE'] !== undefined) {
    const image = imageOf(true);
    writeFileSync(join(tmpdir(), 'privileged-qemu.txt'), onQemu(image));
    writeFileSync(join(tmpdir(), 'privileged-machine.txt'), runDriver(image, { instructions: 16_000_000 }));
    return;
  }
  writeFileSync(GOLDEN, onQemu(imageOf(false)));
});

test('golden: what each case leaves behind is what it left on QEMU', () => {
  const golden = readFileSync(GOLDEN, 'utf8').trim().split('\n');
  expect(golden).toHaveLength(CASE_COUNT);
  expect(runDriver(imageOf(false), { instructions: INSTRUCTIONS }).trim().split('\n')).toEqual(golden);
});

test('canary: a G stage whose pages may all be written leaves something else behind', () => {
  const golden = readFileSync(GOLDEN, 'utf8');
  const spoiled = runDriver(imageOf(false), { instructions: INSTRUCTIONS, spoil: ({ memory }) => {
    const walk = memory.walk as unknown as { permits(...all: unknown[]): boolean };
    const { permits } = walk;
    walk.permits = (hart, entry, ...rest) => permits.call(walk, hart, (entry as number) | 4, ...rest);
  } });
  expect(spoiled).not.toBe(golden);
});
