// Goal: the command `machine` runs a program file, gives its status, and tells what happened. Method: recorded
// programs and bad input through the command's function; once the bundled command line in a process of its own.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkQcow2, createQcow2, MemoryStore, parseDeviceTree } from '../../core/formats/index.ts';
import { bareMetalElf } from '../../core/testing/bare-metal-program.ts';
import { getBareMetalProgram } from '../../core/testing/bare-metal-programs.ts';
import { DISK_PROGRAM, DISK_PROGRAM_SECTORS, diskProgramBlock, diskProgramSector } from '../../core/testing/disk-program.ts';
import { NET_PROGRAM } from '../../core/testing/net-program.ts';
import { readPcapng } from '../../core/testing/pcapng-reader.ts';
import { runMachine } from './headless-machine.ts';
import { BadInput } from './terminal.ts';

const launcher = join(import.meta.dirname, 'launch.mjs');
const bundle = join(import.meta.dirname, '../../.cache/headless/headless.js');
const folder = mkdtempSync(join(tmpdir(), 'glasshouse-machine-'));

/** The command's function; bad input as its process tells it. */
function run(...args: string[]) {
  let [out, err] = ['', ''];
  const terminal = {
    out: (bytes: Uint8Array) => { out += Buffer.from(bytes).toString('latin1'); },
    error: (sentence: string) => { err += sentence; },
  };
  try {
    return { status: runMachine(args, terminal), out, err };
  } catch (cause) {
    if (!(cause instanceof BadInput)) throw cause;
    return { status: 2, out, err: cause.message };
  }
}

function fileOf(name: string, source?: string): string {
  const path = join(folder, `${name.replaceAll(' ', '-')}.elf`);
  const program = source === undefined ? getBareMetalProgram(name) : { name, source, hartCount: 1, console: '', status: 0 };
  writeFileSync(path, bareMetalElf(program));
  return path;
}

afterAll(() => rmSync(folder, { recursive: true }));

test('a program that passes: its console, status 0, a report of every hart', () => {
  const report = join(folder, 'report.json');
  const { console: expected } = getBareMetalProgram('two harts');
  const done = run(fileOf('two harts'), '--harts', '2', '--ram', '2M', '--report', report);
  expect(done).toEqual({ status: 0, out: expected, err: '' });
  const told = JSON.parse(readFileSync(report, 'utf8'));
  expect(told).toMatchObject({ profile: 'rv64gc', engine: 'interpreter', ramBytes: 2 * 1024 * 1024, outcome: 'pass', by: 'finisher', code: 0, failedTest: null, resets: 0 });
  expect(told.harts.map(({ traps }: { traps: unknown }) => traps)).toEqual([{}, { 'machine software interrupt': 1 }]);
  const retired = told.harts.map((hart: { instructionsRetired: number }) => hart.instructionsRetired);
  expect(retired[0] + retired[1]).toBe(told.instructionsAttempted);
  expect(told.virtualTimeNs).toBeGreaterThan(1_000);
  expect(told.consoleBytes).toBe(expected.length);
  // The same again, to the nanosecond.
  run(fileOf('two harts'), '--harts', '2', '--ram', '2M', '--report', report);
  expect(JSON.parse(readFileSync(report, 'utf8'))).toEqual({ ...told, wallSeconds: expect.any(Number) });
});

test('disks: raw and qcow2 over a backing file keep what the program wrote; a wrong file is one sentence', () => {
  const program = join(folder, 'disk.elf');
  writeFileSync(program, bareMetalElf(DISK_PROGRAM));
  const diskBytes = DISK_PROGRAM_SECTORS * 512;
  const raw = join(folder, 'disk.raw');
  writeFileSync(raw, new Uint8Array(diskBytes));
  const report = join(folder, 'disk.json');
  expect(run(program, '--disk', raw, '--net', '--report', report)).toEqual({ status: 0, out: DISK_PROGRAM.console, err: '' });
  const { devices } = JSON.parse(readFileSync(report, 'utf8'));
  expect(devices).toMatchObject([
    { name: 'block', status: 15, failure: '', queues: [{ size: 8, taken: 17, returned: 17 }], counters: { reads: 8, writes: 8, flushes: 1, errors: 0 } },
    { name: 'net', status: 0, queues: [{ ready: false }, { ready: false }], counters: { sentFrames: 0 } },
  ]);
  const at = diskProgramSector(7) * 512;
  expect(readFileSync(raw).subarray(at, at + 512).equals(diskProgramBlock(7))).toBe(true);
  // Over that file as its backing file: the file below stays as it is.
  const before = readFileSync(raw);
  const store = new MemoryStore({ bytesMax: 1 << 20 });
  createQcow2(store, { diskBytes, backing: { name: 'disk.raw', format: 'raw' } });
  const image = join(folder, 'disk.qcow2');
  writeFileSync(image, store.bytes());
  expect(run(program, '--disk', image).status).toBe(0);
  expect(readFileSync(raw).equals(before)).toBe(true);
  const after = readFileSync(image);
  expect(after.length).toBeGreaterThan(store.size());
  expect(checkQcow2(new MemoryStore({ bytesMax: after.length, bytes: after }))).toMatchObject({ value: { leaks: 0, damages: 0, flagFaults: 0 } });
  if (spawnSync('qemu-img', ['--version']).status === 0) {
    expect(spawnSync('qemu-img', ['check', '-f', 'qcow2', image]).status).toBe(0);
    expect(spawnSync('qemu-img', ['compare', '-f', 'qcow2', '-F', 'raw', image, raw]).status).toBe(0);
  }
  rmSync(raw);
  expect(run(program, '--disk', image)).toMatchObject({ status: 2, err: expect.stringMatching(/its backing file 'disk.raw' was not given\.$/) });
  writeFileSync(image, after.subarray(0, 60_000));
  expect(run(program, '--disk', image)).toMatchObject({ status: 2, err: expect.stringMatching(/needs \d+ bytes; the file has 60000\.$/) });
  expect(run(program, '--disk', join(folder, 'none'))).toMatchObject({ status: 2, err: expect.stringContaining('cannot be read') });
  expect(run(program, ...Array.from({ length: 8 }, () => ['--disk', image]).flat())).toMatchObject({ status: 2, err: expect.stringContaining('takes 7') });
});

test('network: the program speaks to the gateway, and the capture shows it; without a card it says so', () => {
  const program = join(folder, 'net.elf');
  writeFileSync(program, bareMetalElf(NET_PROGRAM));
  expect(run(program)).toMatchObject({ status: 1, out: 'no card\n' });
  expect(run(program, '--net')).toEqual({ status: 0, out: NET_PROGRAM.console, err: '' });
  const capture = join(folder, 'net.pcapng');
  expect(run(program, '--capture', capture).status).toBe(0);
  const { packets, interfaces } = readPcapng(new Uint8Array(readFileSync(capture)));
  expect([interfaces.map(({ name }) => name), packets.length]).toEqual([['gateway', 'vm'], 2]);
});

test('on the PCIe bus: the slots are empty, the disk is a function', () => {
  const program = join(folder, 'disk.elf');
  writeFileSync(program, bareMetalElf(DISK_PROGRAM));
  const disk = join(folder, 'pci.raw');
  writeFileSync(disk, new Uint8Array(512));
  expect(run(program, '--disk', disk, '--pci')).toMatchObject({ status: 1, out: 'no disk\n' });
  // Vendor and device, and class, of bus 0: the bridge, block, console, entropy, nobody.
  const lister = fileOf('list functions', `_start:
    li   s0, 0x30000000
    li   s1, 5
1:  lwu  a0, 0(s0)
    call hex
    lwu  a0, 8(s0)
    call hex
    li   t0, 0x8000
    add  s0, s0, t0
    addi s1, s1, -1
    bnez s1, 1b
    li   t0, 0x100000
    li   a0, 0x5555
    sw   a0, 0(t0)
2:  j    2b
hex:
    li   t2, 28
    li   t0, 0x10000000
3:  srl  t1, a0, t2
    andi t1, t1, 15
    addi t1, t1, 48
    sb   t1, 0(t0)
    addi t2, t2, -4
    bgez t2, 3b
    li   t1, 10
    sb   t1, 0(t0)
    ret
`);
  const words = ['00081;36', '06000000', '10421:?4', '01000001', '10431:?4', '07800001', '10441:?4', '00??0001', '????????', '????????'];
  expect(run(lister, '--disk', disk, '--pci')).toEqual({ status: 0, out: `${words.join('\n')}\n`, err: '' });
});

test('as a process: console on stdout, the program’s status', () => {
  expect(spawnSync(process.execPath, [launcher, 'headless', '--help']).status).toBe(0); // bundles what is older than its sources
  const done = spawnSync(process.execPath, [bundle, 'machine', fileOf('tohost failure')], { encoding: 'utf8' });
  expect([done.status, done.stdout, done.stderr]).toEqual([7, '!', expect.stringContaining('Test 7 failed')]);
});

test('a text that is waited for ends the run; what is typed reaches the serial port', () => {
  const echo = fileOf('echo', `_start:
    li   t0, 0x10000000
1:  li   t2, 500
2:  addi t2, t2, -1              # a look now and then: each leaves compiled code
    bnez t2, 2b
    lbu  t1, 5(t0)
    andi t1, t1, 1
    beqz t1, 1b
    lbu  t1, 0(t0)
    sb   t1, 0(t0)
    j    1b`);
  const typed = join(folder, 'typed');
  writeFileSync(typed, 'abc hello def');
  expect(run(echo, '--input', typed, '--expect', 'hello')).toMatchObject({ status: 0, err: '', out: expect.stringMatching(/^abc hello/) });
  expect(run(echo, '--input', typed, '--expect', 'hallo', '--max-instructions', '50000')).toMatchObject({ status: 1, err: expect.stringContaining("did not show 'hallo'") });
});

test('failures: the code is the status, a failed test is named', () => {
  expect(run(fileOf('failure'))).toMatchObject({ status: 42, err: expect.stringContaining('failed with code 42') });
  const report = join(folder, 'failed.json');
  expect(run(fileOf('tohost failure'), '--report', report)).toMatchObject({ status: 7, out: '!', err: expect.stringContaining('Test 7 failed') });
  expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({ outcome: 'fail', by: 'htif', failedTest: 7 });
});

test('a program that never ends is stopped at its instructions; one that sleeps for ever is told', () => {
  const endless = run(fileOf('endless', '1: j 1b'), '--max-instructions', '100000');
  expect([endless.status, endless.err]).toEqual([1, 'The program has not ended after 100000 instructions, 100.0 µs of virtual time.']);
  const asleep = run(fileOf('asleep', '1: wfi\nj 1b'));
  expect([asleep.status, asleep.err]).toEqual([1, expect.stringContaining('Every hart waits')]);
});

test('a reset begins anew, RAM and devices too, and counts on', () => {
  const report = join(folder, 'reset.json');
  const path = fileOf('reset', `
    la   t0, word
    lw   t1, 0(t0)
    bnez t1, 1f                  # never: a reset loads the program anew
    li   t2, 1
    sw   t2, 0(t0)
    li   t0, 0x100000
    li   t1, 0x7777
    sw   t1, 0(t0)
1:  j    1b
    .data
word: .word 0
    .text`);
  const done = run(path, '--ram', '64K', '--max-instructions', '500', '--report', report);
  expect([done.status, done.err]).toEqual([1, expect.stringContaining('has not ended after 500 instructions')]);
  const told = JSON.parse(readFileSync(report, 'utf8'));
  expect(told.instructionsAttempted).toBe(500);
  expect(told.resets).toBeGreaterThan(40);
  expect(run(path, '--ram', '64K').err).toBe('The program has reset the machine 101 times.');
});

test('the device tree that the program gets can be written to a file', () => {
  const file = join(folder, 'board.dtb');
  expect(run(fileOf('hello'), '--harts', '3', '--append', 'quiet', '--device-tree', file).status).toBe(0);
  const tree = parseDeviceTree(new Uint8Array(readFileSync(file)));
  if (!tree.ok) throw new Error('it is a device tree');
  const cpus = tree.value.children.find(({ name }) => name === 'cpus')!;
  expect(cpus.children.map(({ name }) => name)).toEqual(['cpu@0', 'cpu@1', 'cpu@2', 'cpu-map']);
});

test('a device tree of the person’s own is handed over as it is, and one that is none is refused by name', () => {
  const file = join(folder, 'own.dtb');
  const again = join(folder, 'again.dtb');
  expect(run(fileOf('hello'), '--harts', '2', '--append', 'mine', '--device-tree', file).status).toBe(0);
  expect(run(fileOf('hello'), '--dtb', file, '--device-tree', again).status).toBe(0);
  expect(readFileSync(again).equals(readFileSync(file))).toBe(true);
  expect(run(fileOf('hello'), '--dtb', import.meta.filename)).toMatchObject({ status: 2, err: expect.stringMatching(/headless-machine\.test\.ts: no device tree blob: expected 0xd00dfeed at byte 0/) });
  expect(run(fileOf('hello'), '--dtb', file, '--append', 'more')).toMatchObject({ status: 2, err: expect.stringContaining('leave --guest and --append out') });
});

test.each([
  [[], 'machine needs a program'],
  [['PROGRAM', 'more'], "found 'more'"],
  [['/nowhere/program.elf'], 'there is no such file'],
  [[import.meta.filename], 'not an ELF file'],
  [['RV32'], 'a 32-bit ELF file'],
  [['CUT'], 'truncated'],
  [['PROGRAM', '--ram', '1000'], 'whole pages of 4 KiB'],
  [['PROGRAM', '--ram', '8G'], '896 MiB at most'],
  [['PROGRAM', '--ram', '4K'], 'the device tree overlap'],
  [['PROGRAM', '--harts', '9'], 'from 1 to 8'],
  [['PROGRAM', '--profile', 'rv64gcc'], "did you mean 'rv64gc'?"],
  [['PROGRAM', '--aia', 'imsic'], 'expected none, aplic, aplic-imsic'],
  [['PROGRAM', '--engine', 'translator'], 'there is one engine'],
  [['PROGRAM', '--kernel', '/nowhere/Image'], '--kernel'],
  [['--guest', 'debain'], "did you mean 'debian'?"],
  [['PROGRAM', '--programs'], '--programs goes with --guest'],
  [['PROGRAM', '--guest', 'debian'], 'a program or --guest'],
  [['--guest', 'debian', '--kernel', 'Image'], 'leave --kernel out'],
  [['PROGRAM', '--expect', ''], '--expect takes 1 to'],
  [['PROGRAM', '--input', '/nowhere/keys'], '--input'],
  [['PROGRAM', '--max-instructions', '0'], '--max-instructions'],
  [['PROGRAM', '--report', '/nowhere/report.json'], 'cannot be written'],
  [['PROGRAM', '--rma', '1M'], "did you mean 'ram'?"],
])('bad input %j: status 2 and one line', (args, words) => {
  const program = fileOf('hello');
  const bytes = readFileSync(program);
  const files: Record<string, string> = { PROGRAM: program, CUT: join(folder, 'cut.elf'), RV32: join(folder, 'rv32.elf') };
  writeFileSync(files['CUT']!, bytes.subarray(0, 50));
  bytes[4] = 1;
  writeFileSync(files['RV32']!, bytes);
  const done = run(...args.map((it) => files[it] ?? it));
  expect(done.err).toContain(words);
  expect([done.status, done.out, done.err.trimEnd().split('\n').length]).toEqual([2, '', 1]);
});
