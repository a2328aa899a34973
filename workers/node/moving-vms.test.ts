// Goal: VMs with disks and cards that move between hosts give one run hash whatever the workers, and what they say is what they would say standing still.
// Method: a scenario file with three VMs that move while they talk and write, through the bundled command line. Canary: a move a microsecond later.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packBundle } from '../../core/formats/index.ts';
import { ANSWERER_PROGRAM, callerProgram, DIARY_SECTORS, diaryProgram, guestFile } from '../../core/testing/mobile-guests.ts';

const folder = mkdtempSync(join(tmpdir(), 'glasshouse-moving-'));
const program = join(import.meta.dirname, '../../.cache/headless/headless.js');
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(() => {
  expect(spawnSync(process.execPath, [join(import.meta.dirname, 'launch.mjs'), 'headless', '--help']).status).toBe(0);
}, 120_000);

const caller = callerProgram(50);
const GUESTS = [caller, ANSWERER_PROGRAM, diaryProgram()];
const boot = (kernel: string, disks: readonly string[], network: boolean) => ({ kernel, append: '', disks, network });
const vm = (name: string, host: string, boots: object) => ({ name, host, fidelity: 'emulated', guest: 'file', memoryMiB: 1, vcpus: 1, boot: boots, input: '' });
const move = (atNs: number, name: string, to: string) => ({ atNs, command: { kind: 'migrate', vm: name, to } });

const scenarioAt = (firstNs: number) => ({
  format: 'glasshouse-scenario', version: 1, name: 'moving', lab: 'precopy-migration', seed: 3, knobs: {}, sites: [],
  profiles: [{ name: 'small', memoryMiB: 8, processors: 4, picosecondsPerInstruction: 1000 }],
  hosts: [{ name: 'a', profile: 'small', rack: '', devices: [] }, { name: 'b', profile: 'small', rack: '', devices: [] }],
  links: [{ between: ['a', 'b'], bitsPerSecond: 10e9, latencyNs: 20_000, lossPercent: 0 }],
  vms: [
    vm('caller', 'a', boot('caller', [], true)),
    vm('answerer', 'b', boot('answerer', [], true)),
    vm('diary', 'b', boot('diary', ['disk.img'], false)),
  ],
  workloads: [],
  commands: [move(firstNs, 'caller', 'b'), move(4_000_000, 'diary', 'a'), move(7_000_000, 'answerer', 'a'), move(10_000_000, 'diary', 'b'), move(12_000_000, 'caller', 'a')],
  untilNs: 30_000_000, speed: 1,
});

/** The command line over the scenario; `firstNs`: when the first move begins. */
function start(command: 'lab' | 'vm', firstNs: number, ...how: string[]) {
  const [scenario, guest] = ['scenario.json', 'guests.bundle'].map((name) => join(folder, name));
  writeFileSync(scenario!, JSON.stringify(scenarioAt(firstNs)));
  writeFileSync(guest!, packBundle(new Map([['disk.img', new Uint8Array(DIARY_SECTORS * 512)], ...GUESTS.map((it) => [it.name, guestFile(it)] as const)])));
  const file = command === 'lab' ? '--guest' : '--kernel';
  return spawnSync(process.execPath, [program, command, '--scenario', scenario!, file, guest!, ...how], { encoding: 'utf8' });
}

function run(firstNs: number, ...how: string[]) {
  const report = join(folder, 'report.json');
  const { stderr: err } = start('lab', firstNs, ...how, '--report', report);
  return { err, report: JSON.parse(readFileSync(report, 'utf8')) as { readonly runHash: string } };
}

test('one hash with 1 and 4 workers and inline', () => {
  const runs = [['--workers', '1'], ['--workers', '4'], ['--inline']].map((how) => run(1_500_000, ...how));
  expect(runs.map(({ err }) => err)).toEqual(['', '', '']);
  expect(new Set(runs.map(({ report }) => report.runHash)).size).toBe(1);
  expect(runs[0]!.report.runHash).not.toBe(run(1_501_000, '--inline').report.runHash);
});

test('the consoles say what the guests say standing still', () => {
  const { stdout, stderr } = start('vm', 1_500_000);
  expect(stderr).toBe('');
  const said = (name: string) => stdout.split('\n').filter((line) => line.startsWith(`${name} | `)).map((line) => `${line.slice(name.length + 3)}\n`).join('');
  expect(said('caller')).toBe(`0000000000000002\n${caller.console}`);
  expect(said('diary')).toContain('wrote and flushed\nread back\n');
});
