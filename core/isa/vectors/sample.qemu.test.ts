// Goal: beyond the golden vectors, a large sample of random instructions leaves on our bare-metal hart what it leaves on QEMU:
// programs of all user-level extensions, and single instructions in M, HS, U, VS and VU with both stages of translation.
// Method: drivers with seeds of their own run on both and print registers and digests. Under `npm run verify`, or
// in slices: GLASSHOUSE_TRIALS=1-10 npx vitest run core/isa/vectors/sample.qemu.test.ts
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runDriver } from '../../testing/driver-machine.ts';
import { assemble, renderAssemblyError } from '../assemble.ts';
import type { HartProfileId } from '../table/index.ts';
import { CASE_COUNT, drawCases, isDoubtfulOnQemu, privilegedDriver } from './privileged-driver.ts';
import { PROGRAM_SETS, type ProgramSet, programDriver, QEMU_ORIGIN } from './qemu-driver.ts';

const { env } = process;
const SLICE = env['GLASSHOUSE_TRIALS'];
const runs = SLICE !== undefined || env['GLASSHOUSE_VERIFY'] !== undefined;
const [FROM, TO] = (SLICE ?? '1-10').split('-').map(Number) as [number, number];
const TRIALS = Array.from({ length: TO - FROM + 1 }, (_, index) => FROM + index);
const qemu = runs && spawnSync('qemu-system-riscv64', ['--version']).status === 0;
const reason = runs ? (qemu ? '' : ' (left out: qemu-system-riscv64, Debian package qemu-system-misc, is not installed)') : ' (under npm run verify)';

/** Programs of a set in one image, and instructions of each. */
const PROGRAMS = 200;
const INSTRUCTIONS_A_PROGRAM = 60;
/** 8 MiB: the windows of the programs lie 4 MiB into RAM. */
const PAGES = 0x800;

function imageOf(source: string, profile: HartProfileId): Uint8Array {
  const program = assemble(source, { origin: QEMU_ORIGIN, name: 'driver', profile });
  if (!program.ok) throw new Error(renderAssemblyError(program.error));
  return program.value.bytes;
}

function onQemu(image: Uint8Array, cpu: string, hartCount: number): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'sample-'));
  try {
    const file = join(folder, 'image.bin');
    writeFileSync(file, image);
    // biome-ignore format: options with their values
    const printed = execFileSync('qemu-system-riscv64', [
      '-machine', 'virt', '-cpu', cpu, '-m', '64M', '-smp', String(hartCount), '-bios', 'none', '-nographic',
      '-monitor', 'none', '-serial', 'stdio', '-device', `loader,file=${file},addr=${QEMU_ORIGIN}`,
    ], { encoding: 'utf8', timeout: 120_000, stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26 });
    return printed.trim().split('\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The first line that differs, if one does. */
function firstDifference(mine: readonly string[], its: readonly string[]): string | undefined {
  const at = its.findIndex((line, index) => line !== mine[index]);
  if (at >= 0) return `line ${at}: ${mine[at]}, on QEMU ${its[at]}`;
  return mine.length === its.length ? undefined : `${mine.length} lines, on QEMU ${its.length}`;
}

test.skipIf(!qemu).each(Object.entries(PROGRAM_SETS))(`random programs: %s${reason}`, (_, golden: ProgramSet) => {
  let compared = 0;
  for (const trial of TRIALS) {
    const set: ProgramSet = { ...golden, count: PROGRAMS, firstSeed: 100_000 + 1_000 * trial };
    const image = imageOf(programDriver(set), 'rv64gc');
    const optional = ['c', 'f', 'd', 'h', 'zba', 'zbb', 'zbc', 'zbs'].map((each) => `${each}=${set.qemu.includes(each)}`);
    const its = onQemu(image, `rv64,${optional.join(',')}`, 1);
    expect(its).toHaveLength(32 * PROGRAMS); // no program has trapped
    const mine = runDriver(image, { instructions: 40_000_000, profile: 'rv64gc', pageCount: PAGES }).trim().split('\n');
    expect(firstDifference(mine, its), `trial ${trial}`).toBeUndefined();
    compared += PROGRAMS * INSTRUCTIONS_A_PROGRAM;
  }
  process.stdout.write(`${golden.file}: trials ${FROM}-${TO}, ${compared} instructions\n`);
}, 900_000);

test.skipIf(!qemu)(`single instructions in all modes, with both stages${reason}`, () => {
  let compared = 0;
  for (const trial of TRIALS) {
    const seed = 10_000 + trial;
    const isSure = drawCases(seed).cases.map((each) => !isDoubtfulOnQemu(each));
    const sure = (lines: readonly string[]) => lines.map((line, index) => (isSure[index] === true ? line : ''));
    const image = imageOf(privilegedDriver(false, seed), 'rv64gch-sstc');
    const its = onQemu(image, 'rv64,h=true,sstc=true,svinval=true,svpbmt=true', 2);
    expect(its).toHaveLength(CASE_COUNT);
    const mine = runDriver(image, { instructions: 4_000_000 }).trim().split('\n');
    expect(firstDifference(sure(mine), sure(its)), `trial ${trial}`).toBeUndefined();
    compared += isSure.filter((each) => each).length;
  }
  expect(compared).toBeGreaterThan(0.8 * TRIALS.length * CASE_COUNT);
  process.stdout.write(`privileged: trials ${FROM}-${TO}, ${compared} cases\n`);
}, 900_000);
