// Goal: the command line does what it says: reports with the fields promised, one hash whatever the workers, exit statuses, one
// clear line for bad input. Method: the bundled program as a child process, on short runs of the real world.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeElf } from '../../core/formats/index.ts';
import { findGuestProgram, KERNEL_ADDRESS } from '../../core/guests/index.ts';
import { assemble } from '../../core/isa/assemble.ts';
import { DEVICE_BUNDLE, DEVICE_FILES, DEVICE_SCENARIO } from '../../core/testing/device-world.ts';
import { DISK_PROGRAM, diskProgramBlock, diskProgramSector } from '../../core/testing/disk-program.ts';
import { readPcapng } from '../../core/testing/pcapng-reader.ts';

const launcher = join(import.meta.dirname, 'launch.mjs');
const bundle = join(import.meta.dirname, '../../.cache/headless/headless.js');
const folder = mkdtempSync(join(tmpdir(), 'glasshouse-'));
const LAB = 'precopy-migration';
const RING = join(import.meta.dirname, '../../public/scenarios/ring-of-four.json');
// The lab's script asks for the migration at 200 ms; over this link it ends within 120 ms.
const SHORT = ['--set', 'bandwidth=40G', '--set', 'dirty-rate=20k', '--until', '320ms'];

function run(...args: string[]) {
  const done = spawnSync(process.execPath, [bundle, ...args], { encoding: 'utf8' });
  return { status: done.status, out: done.stdout, err: done.stderr };
}

function makeElf(): string {
  const program = assemble(findGuestProgram('ticker')!.source, { origin: KERNEL_ADDRESS, name: 'ticker' });
  if (!program.ok) throw new Error('the ticker assembles');
  const path = join(folder, 'ticker.elf');
  writeFileSync(path, writeElf({ entry: KERNEL_ADDRESS, segments: [{ physicalAddress: KERNEL_ADDRESS, bytes: program.value.bytes }] }));
  return path;
}

let elf = '';
beforeAll(() => {
  elf = makeElf();
  // The launcher bundles what is older than its sources; the tests then all run that one bundle.
  expect(spawnSync(process.execPath, [launcher, 'headless', '--help']).status).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('list prints the labs as JSON', () => {
  const { status, out } = run('list');
  expect(status).toBe(0);
  expect(JSON.parse(out)).toContainEqual(expect.objectContaining({ slug: LAB, knobs: expect.any(Array) }));
});

test('pods with traffic between them, hosts with real memory beside: one hash with 1, 2 and 4 workers and inline', () => {
  const campaign = process.env['GLASSHOUSE_VERIFY'] !== undefined;
  const args = ['--set', `hosts=${campaign ? 1000 : 60}`, '--set', `paged-vms=${campaign ? 40 : 4}`, '--set', 'churn=400', '--set', 'crash-rate=500', '--until', campaign ? '30s' : '3s'];
  const hashes = [['--workers', '1'], ['--workers', '2'], ['--workers', '4'], ['--inline']].map((how) => {
    const report = join(folder, 'pods.json');
    const done = run('lab', 'datacenter-scale', ...args, ...how, '--report', report);
    expect(done.err).toBe('');
    expect(done.status).toBe(0);
    const { runHash, metrics } = JSON.parse(readFileSync(report, 'utf8'));
    expect(metrics['bytes-network'].value).toBeGreaterThan(1e8);
    return runHash as string;
  });
  expect(new Set(hashes).size).toBe(1);
});

test('a lab gives one report whatever the workers, also inline, and a capture', () => {
  const report = join(folder, 'report.json');
  const capture = join(folder, 'frames.pcapng');
  const one = run('lab', LAB, ...SHORT, '--workers', '1', '--report', report, '--capture', capture);
  expect(one.err).toBe('');
  expect(one.status).toBe(0);
  const first = JSON.parse(readFileSync(report, 'utf8'));
  expect(Object.keys(first)).toEqual([
    'lab', 'guest', 'seed', 'workers', 'virtualTimeNs', 'wallSeconds', 'runHash', 'metrics', 'baseline', 'baselines', 'checks', 'outcome',
  ]);
  expect(first).toMatchObject({ lab: LAB, seed: 1, workers: 1, virtualTimeNs: 320_000_000, baseline: null });
  expect(first.runHash).toMatch(/^[0-9a-f]{16}$/);
  expect(first.metrics.downtime).toEqual({ value: expect.any(Number), unit: 'ns' });
  const contract = JSON.parse(run('list').out).find(({ slug }: { slug: string }) => slug === LAB);
  const measured = contract.metrics.map(({ id }: { id: string }) => id).filter((id: string) => id !== 'guest-gap');
  expect(Object.keys(first.metrics)).toEqual(expect.arrayContaining(measured)); // a gap below 2 ms is not printed
  const { 'link-bytes-per-second': link, 'bytes-sent': sent, 'total-time': total } = first.metrics;
  expect(link.value).toBeGreaterThan((0.5 * sent.value * 1e9) / total.value);
  expect(link.value).toBeLessThanOrEqual(5e9); // what 40 Gb/s can carry
  expect(first.outcome).toContain('migrated');
  const frames = readPcapng(new Uint8Array(readFileSync(capture)));
  expect(frames.interfaces.map(({ name }) => name)).toEqual(['host-a to host-b', 'host-b to host-a']);
  const times = frames.packets.map(({ timeNs }) => timeNs);
  expect(times).toEqual(times.toSorted((left, right) => left - right));
  // What one port sends, the other receives (flags 1: in, 2: out).
  const count = (port: number, flags: number) => frames.packets.filter((it) => it.interfaceIndex === port && it.flags === flags).length;
  expect([count(0, 2), count(1, 2)]).toEqual([count(1, 1), count(0, 1)]);
  expect(count(0, 2)).toBeGreaterThan(1_000);
  for (const more of [['--workers', '2'], ['--workers', '4', '--baseline'], ['--inline']]) {
    const again = JSON.parse(run('lab', LAB, ...SHORT, ...more).out);
    expect(again).toMatchObject({ runHash: first.runHash, metrics: first.metrics, checks: first.checks });
    if (more.includes('--baseline')) expect(again.baseline.metrics.downtime.value).toBeGreaterThan(first.metrics.downtime.value);
  }
  expect(JSON.parse(run('lab', LAB, ...SHORT, '--seed', '2').out).runHash).not.toBe(first.runHash);
});

test('all baselines of a lab beside it, by name or all: a judgement of each, the run’s own hash as without', () => {
  const short = ['lab', 'live-snapshot', '--set', 'disk-bandwidth=2000M', '--until', '260ms'];
  const alone = JSON.parse(run(...short).out);
  const all = JSON.parse(run(...short, '--against', 'all', '--workers', '2').out);
  expect(all.runHash).toBe(alone.runHash);
  expect(Object.keys(all.baselines)).toEqual(['stop-and-copy', 'synchronous']);
  expect(all.baseline).toEqual(all.baselines['stop-and-copy']);
  expect(all.baselines['synchronous'].metrics).not.toEqual(all.baseline.metrics);
  const named = JSON.parse(run(...short, '--against', 'synchronous', '--inline').out);
  expect(named.baselines).toEqual({ synchronous: all.baselines['synchronous'] });
  expect([alone.baseline, alone.baselines]).toEqual([null, {}]);
});

test('a fault takes effect at its time, the same with any number of workers', () => {
  const faults = ['--fault', 'cut-link@201ms', '--until', '260ms'];
  const [one, two] = ['1', '2'].map((workers) => run('lab', LAB, ...SHORT.slice(0, 4), ...faults, '--workers', workers));
  const report = JSON.parse(one!.out);
  expect(report.runHash).toBe(JSON.parse(two!.out).runHash);
  expect(report.outcome).not.toContain('migrated;');
  expect(one?.status).toBe(0);
});

test('the walkthroughs play to their ends; a report tells each step', () => {
  const { status, out, err } = run('walkthrough', 'skeleton');
  expect([status, err]).toEqual([0, '']);
  const report = JSON.parse(out);
  expect(report).toMatchObject({ lab: 'skeleton', outcome: 'played to its end', runHash: expect.stringMatching(/^[0-9a-f]{16}$/) });
  expect(report.steps.map(({ id, holds }: { id: string; holds: boolean }) => [id, holds])).toEqual([
    ['watch', true], ['pause', true], ['faster', true],
  ]);
  const spoilt = run('walkthrough', 'skeleton', '--set', 'pause=20ms');
  expect(spoilt.status).toBe(1);
  expect(spoilt.err).toContain("The step 'pause'");
});

test('a scenario file: four hosts in a ring, two migrations, one hash whatever the workers', () => {
  const reports = [['--workers', '1'], ['--workers', '2'], ['--workers', '4'], ['--inline']].map((more) => {
    const { status, out, err } = run('lab', '--scenario', RING, ...more);
    expect([status, err]).toEqual([0, '']);
    return JSON.parse(out);
  });
  expect(reports[0]).toMatchObject({ lab: 'precopy-migration', seed: 1, virtualTimeNs: 300_000_000 });
  expect(reports[0].checks).toContainEqual(
    expect.objectContaining({ id: 'downtime-within-limit', holds: true, found: expect.stringContaining('2 completed') }),
  );
  expect(new Set(reports.map(({ runHash }) => runHash)).size).toBe(1);
});

test('a guest file runs in a VM until its text appears; status 1 when it does not', () => {
  const report = join(folder, 'vm.json');
  const seen = run('vm', '--kernel', elf, '--expect', 'tick', '--ram', '16M', '--report', report);
  expect(seen.err).toBe('');
  expect(seen.status).toBe(0);
  expect(seen.out).toContain('tick');
  const told = JSON.parse(readFileSync(report, 'utf8'));
  expect(told).toMatchObject({ lab: 'vm', guest: elf, checks: [{ holds: true }, { holds: true }] });
  expect(Object.keys(told)).toEqual([
    'lab', 'guest', 'seed', 'workers', 'virtualTimeNs', 'wallSeconds', 'runHash', 'metrics', 'baseline', 'baselines', 'checks', 'outcome',
  ]);
  const unseen = run('vm', '--kernel', elf, '--expect', 'no such words', '--until', '50ms');
  expect(unseen.status).toBe(1);
  expect(unseen.err).toContain('expected-text does not hold');
});

test('the VMs of a scenario file run with its commands, their lines named, the same with any number of workers', () => {
  const report = join(folder, 'ring.json');
  const [one, two] = [1, 2].map(() => run('vm', '--scenario', RING, '--until', '260ms', '--report', report));
  expect([one!.status, one!.err]).toEqual([0, '']);
  expect(one!.out).toBe(two!.out);
  for (const name of ['web-1', 'web-2', 'clock']) expect(one!.out).toMatch(new RegExp(`^${name} \\| .+$`, 'm'));
  const told = JSON.parse(readFileSync(report, 'utf8'));
  expect(told).toMatchObject({ lab: 'precopy-migration', guest: '', seed: 1, virtualTimeNs: 260_000_000 });
  // The file's commands move VMs: the hash is that of the same file as a lab.
  const lab = JSON.parse(run('lab', '--scenario', RING, '--until', '260ms').out);
  expect(told.runHash).toBe(lab.runHash);
  expect(run('vm', '--scenario', RING, '--expect', 'clock | ').status).toBe(0);
});

test.each([
  [[], 'usage:'],
  [['lob'], "did you mean 'lab'?"],
  [['list', 'all'], 'list takes no arguments'],
  [['lab'], 'lab needs the name of a lab'],
  [['lab', 'precopy-migraton'], "did you mean 'precopy-migration'?"],
  [['lab', LAB, 'more'], "found 'more'"],
  [['lab', LAB, '--sead', '1'], "did you mean 'seed'?"],
  [['lab', LAB, '--seed'], '--seed'],
  [['lab', LAB, '--seed', '-1'], '--seed'],
  [['lab', LAB, '--seed', '1', '--seed', '2'], '--seed is given twice'],
  [['lab', LAB, '--workers', '0'], 'from 1 to 16'],
  [['lab', LAB, '--until', '5'], 'expected a duration'],
  [['lab', LAB, '--set', 'bandwith=1G'], "did you mean 'bandwidth'?"],
  [['lab', LAB, '--set', 'bandwidth=1T'], 'between 1000000 and 400000000000'],
  [['lab', LAB, '--fault', 'cut-lnk@1s'], "did you mean 'cut-link'?"],
  [['lab', LAB, '--guest', '/nowhere/guest.elf'], 'there is no such file'],
  [['lab', LAB, '--guest', import.meta.filename], 'not an ELF file'],
  [['lab', LAB, '--against', 'stop-and-copi'], "did you mean 'stop-and-copy'?"],
  [['lab', LAB, '--scenario', 'file.json'], 'a lab or --scenario'],
  [['lab', '--scenario', '/nowhere/file.json'], 'there is no such file'],
  [['lab', '--scenario', import.meta.filename], 'it is not JSON'],
  [['walkthrough'], 'walkthrough needs the name of a lab'],
  [['walkthrough', 'skeletton'], "did you mean 'skeleton'?"],
  [['lab', LAB, '--report', '/nowhere/report.json'], 'cannot be written'],
  [['vm'], 'vm needs --kernel'],
  [['vm', '--kernel', import.meta.filename], 'is no kernel: an ELF file or a RISC-V Image was expected'],
  [['vm', '--kernel', 'ELF', '--ram', '0'], 'RAM'],
  [['vm', '--kernel', 'ELF', '--ram', '900G'], 'host machine has'],
  [['vm', '--scenario', import.meta.filename], 'it is not JSON'],
  [['vm', '--scenario', RING, '--ram', '1G'], '--scenario or --ram'],
  [['vm', '--scenario', RING, '--kernel', 'ELF'], "no VM has the guest 'file'"],
  [['vm', '--kernel', 'ELF', '--vcpus', '99'], '--vcpus'],
  [['vm', '--kernel', 'CUT'], 'truncated'],
  [['vm', '--kernel', 'ELF', '--board'], '--board goes with --guest'],
  [['vm', '--guest', 'small', '--board', '--net'], '--board or --net'],
  [['bench', 'gest'], "did you mean 'guest'?"],
])('bad input %j: status 2 and one line', (args, words) => {
  const cut = join(folder, 'cut.elf');
  if (!existsSync(cut)) writeFileSync(cut, readFileSync(elf).subarray(0, 50));
  const { status, out, err } = run(...args.map((it) => ({ ELF: elf, CUT: cut })[it] ?? it));
  expect(err).toContain(words);
  expect(status).toBe(2);
  expect(out).toBe('');
  if (args.length > 0) expect(err.trimEnd().split('\n')).toHaveLength(1);
});

test.each([['list'], ['lab'], ['walkthrough'], ['vm'], ['bench']])('%s --help', (command) => {
  const { status, out } = run(command, '--help');
  expect(status).toBe(0);
  expect(out).toContain(`-- ${command === 'bench' ? '' : command}`);
});

test('two sites of processes without memory: one hash for 1, 2 and 4 workers', () => {
  const hashes = ['1', '2', '4'].map((workers) => {
    const done = run('lab', 'gateway-balancer', '--until', '300ms', '--workers', workers, '--seed', '5');
    expect(done.status).toBe(0);
    return (JSON.parse(done.out) as { runHash: string }).runHash;
  });
  expect(hashes[0]).toMatch(/^[0-9a-f]{16}$/);
  expect(new Set(hashes).size).toBe(1);
}, 120_000);

test('VMs with disks and cards on two hosts: one hash with 1, 2 and 4 workers and inline', () => {
  const [scenario, guest, report] = ['devices.json', 'devices.bundle', 'devices-report.json'].map((name) => join(folder, name));
  writeFileSync(scenario!, JSON.stringify(DEVICE_SCENARIO));
  writeFileSync(guest!, DEVICE_BUNDLE);
  const hashes = [['--workers', '1'], ['--workers', '2'], ['--workers', '4'], ['--inline']].map((how) => {
    const done = run('lab', '--scenario', scenario!, '--guest', guest!, ...how, '--report', report!);
    expect([done.err, done.status]).toEqual(['', 0]);
    return (JSON.parse(readFileSync(report!, 'utf8')) as { runHash: string }).runHash;
  });
  expect(hashes[0]).toMatch(/^[0-9a-f]{16}$/);
  expect(new Set(hashes).size).toBe(1);
});

test('vm --kernel with a disk: the changes go to the file; typed in answer; bad combinations in one sentence', () => {
  const [kernel, disk, echo] = ['disk.elf', 'raw.img', 'echo.elf'].map((name) => {
    const path = join(folder, name);
    writeFileSync(path, DEVICE_FILES.get(name)!);
    return path;
  });
  const written = run('vm', '--kernel', kernel!, '--disk', disk!, '--ram', '1M', '--until', '10ms');
  expect([written.out, written.err, written.status]).toEqual([DISK_PROGRAM.console, '', 0]);
  expect(readFileSync(disk!).subarray(diskProgramSector(3) * 512).subarray(0, 512)).toEqual(Buffer.from(diskProgramBlock(3)));
  const typed = run('vm', '--kernel', echo!, '--net', '--vcpus', '2', '--ram', '1M', '--until', '60ms', '--answer', 'up=>hello', '--answer', 'HELLO=>.');
  expect(typed.out).toContain('up\nHELLO');
  expect([typed.err, typed.status]).toEqual(['', 0]);
  const [net, frames] = [join(folder, 'net.elf'), join(folder, 'net.pcapng')];
  writeFileSync(net, DEVICE_FILES.get('net.elf')!);
  expect(run('vm', '--kernel', net, '--net', '--ram', '1M', '--until', '10ms', '--capture', frames).status).toBe(0);
  expect(readPcapng(readFileSync(frames)).packets.length).toBeGreaterThanOrEqual(2);
  const refused: readonly [string[], string][] = [
    [['--initrd', disk!], 'vm needs --kernel'],
    [['--scenario', RING, '--initrd', disk!], '--initrd, --append, --disk and --net go with --kernel or --guest.'],
    [['--kernel', disk!], 'raw.img is no kernel'],
    [['--kernel', kernel!, '--disk', disk!, '--disk', disk!], 'is given twice.'],
    [['--kernel', kernel!, '--answer', 'x'], "--answer is 'x'; expected 'prompt=>text'."],
    [['--guest', 'nobody'], "There is no guest 'nobody'"],
    [['--guest', 'debian', '--kernel', kernel!], '--guest brings its own; leave --kernel out.'],
    [['--kernel', kernel!, '--append', 'a', '--interactive'], 'needs a terminal'],
  ];
  for (const [args, words] of refused) {
    const done = run('vm', ...args);
    expect([done.status, done.out]).toEqual([2, '']);
    expect(done.err).toContain(words);
    expect(done.err.trim().split('\n')).toHaveLength(1);
  }
});

test('vm --snapshot of a VM with devices, vm --restore of that file alone, on any machine; a bad file in one sentence', () => {
  const [kernel, disk, core, cut, text, saved] = ['echo.elf', 'kept.img', 'kept.core', 'cut.core', 'typed', 'saved.img'].map((name) => join(folder, name)) as [string, string, string, string, string, string];
  writeFileSync(kernel, DEVICE_FILES.get('echo.elf')!);
  writeFileSync(disk, DEVICE_FILES.get('raw.img')!);
  expect(run('vm', '--kernel', kernel, '--disk', disk, '--net', '--vcpus', '2', '--ram', '1M', '--until', '5ms', '--snapshot', core).err).toBe('');
  rmSync(disk);
  writeFileSync(text, 'hello');
  const hashes = [1, 2].map(() => {
    const report = join(folder, 'kept.json');
    const done = run('vm', '--restore', core, '--input', text, '--until', '60ms', '--save-disk', saved, '--report', report);
    expect([done.out, done.err, done.status]).toEqual(['HELLO', '', 0]);
    return (JSON.parse(readFileSync(report, 'utf8')) as { runHash: string }).runHash;
  });
  expect(hashes[1]).toBe(hashes[0]);
  expect(Buffer.compare(readFileSync(saved), DEVICE_FILES.get('raw.img')!)).toBe(0);
  writeFileSync(cut, readFileSync(core).subarray(0, 20_000));
  const refused: readonly [string[], string][] = [
    [['--restore', cut], 'truncated'],
    [['--restore', core, '--net'], 'vm takes --restore or --net, not both'],
    [['--restore', core, '--guest', 'small'], 'vm takes --restore or --guest, not both'],
    [['--guest', 'small-prepared', '--vcpus', '2'], 'small-prepared'],
  ];
  for (const [args, words] of refused) {
    const done = run('vm', ...args);
    expect([done.status, done.out]).toEqual([2, '']);
    expect(done.err).toContain(words);
    expect(done.err.trim().split('\n')).toHaveLength(1);
  }
});
