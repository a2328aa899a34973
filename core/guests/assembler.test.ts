// Goal: our guests mean the same to another assembler. Method: where riscv64-unknown-elf-gcc is installed, GNU as assembles
// the same sources; images must be equal but for the padding between parts (zeroes here, nops there).
// Canary: one changed instruction is seen.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { assemble } from '../isa/assemble.ts';
import { GUEST_PROGRAMS, KERNEL_ADDRESS } from './index.ts';

function isInstalled(): boolean {
  try {
    execFileSync('riscv64-unknown-elf-gcc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false; // the programs are then held to their behaviour only
  }
}

// biome-ignore format: a command line
const FLAGS = ['-march=rv64ima_zicsr_zifencei', '-mabi=lp64', '-mno-relax', '-nostdlib',
  '-Wl,--build-id=none', '-Wl,-Ttext=0x80000000', '-Wl,-N', '-Wl,-e,start', '-Wl,--no-warn-rwx-segments'];

function assembleWithGnu(folder: string, source: string): Uint8Array {
  writeFileSync(join(folder, 'guest.s'), `.globl start\n${source}`);
  execFileSync('riscv64-unknown-elf-gcc', [...FLAGS, join(folder, 'guest.s'), '-o', join(folder, 'guest.elf')]);
  execFileSync('riscv64-unknown-elf-objcopy', ['-O', 'binary', join(folder, 'guest.elf'), join(folder, 'guest.bin')]);
  return readFileSync(join(folder, 'guest.bin'));
}

/** Bytes that differ although ours is no padding. */
function differences(ours: Uint8Array, theirs: Uint8Array): number[] {
  const found: number[] = [];
  for (let index = 0; index < Math.max(ours.length, theirs.length); index++) {
    if (ours[index] !== theirs[index] && ours[index] !== 0) found.push(index);
  }
  return found;
}

test.skipIf(!isInstalled())('GNU as makes the same images from our sources', () => {
  const folder = mkdtempSync(join(tmpdir(), 'glasshouse-as-'));
  try {
    for (const { name, source } of GUEST_PROGRAMS) {
      const program = assemble(source, { origin: KERNEL_ADDRESS, name });
      if (!program.ok) throw new Error(name);
      const theirs = assembleWithGnu(folder, source);
      expect(theirs.length).toBe(program.value.bytes.length);
      expect(differences(program.value.bytes, theirs)).toEqual([]);
      const changed = program.value.bytes.slice();
      changed[4] = changed[4]! ^ 0x80 || 1;
      expect(differences(changed, theirs)).toEqual([4]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
