// Goal: what the recorded programs print and end with is what QEMU's virt machine does. Method: each runs there as
// it runs here; only under `npm run verify`, the records are what `npm test` holds the board to.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bareMetalElf } from '../testing/bare-metal-program.ts';
import { BARE_METAL_PROGRAMS } from '../testing/bare-metal-programs.ts';

const verifies = process.env['GLASSHOUSE_VERIFY'] !== undefined;
const qemu = verifies && spawnSync('qemu-system-riscv64', ['--version']).status === 0;
const reason = verifies ? (qemu ? '' : ' (left out: qemu-system-riscv64, Debian package qemu-system-misc, is not installed)') : ' (under npm run verify)';

test.skipIf(!qemu).each(BARE_METAL_PROGRAMS.filter(({ onlyHere }) => onlyHere === undefined))(`on QEMU: $name${reason}`, (program) => {
  const folder = mkdtempSync(join(tmpdir(), 'glasshouse-qemu-'));
  try {
    const file = join(folder, 'program.elf');
    writeFileSync(file, bareMetalElf(program));
    const done = spawnSync('qemu-system-riscv64', [
      '-M', `virt,aia=${program.aia ?? 'none'}${program.guests === undefined ? '' : `,aia-guests=${program.guests}`}`,
      '-cpu', program.guests === undefined ? 'rv64' : 'rv64,h=true', '-m', '128M', '-smp', String(program.hartCount), '-bios', 'none', '-nographic',
      '-monitor', 'none', '-serial', 'stdio', '-kernel', file,
    ], { encoding: 'latin1', timeout: 20_000, stdio: ['ignore', 'pipe', 'pipe'] });
    expect([done.stdout, done.status]).toEqual([program.console, program.status]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
