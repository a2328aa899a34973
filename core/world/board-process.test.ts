// Goal: boards are processes as hosts are: any cuts give one run hash, journeys over checkpoints find the recorded state, disks included, commands
// reach them, ends and resets are told, and what does not fit is refused before anything is built. Method: a file of boards that run the bare-metal
// programs recorded on QEMU; random cuts and journeys; every field spoilt. Canaries: another program, another input and a byte of RAM change hashes.
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../base/index.ts';
import { BOARD_BUNDLE, BOARD_FILES, BOARD_SCENARIO as FILE, boardRow } from '../testing/board-world.ts';
import { getBareMetalProgram } from '../testing/bare-metal-programs.ts';
import { DISK_PROGRAM, diskProgramBlock, diskProgramSector } from '../testing/disk-program.ts';
import { NET_PROGRAM } from '../testing/net-program.ts';
import { readPcapng } from '../testing/pcapng-reader.ts';
import { WorldRun } from '../testing/run-world.ts';
import { TimeMachine } from '../testing/time-machine.ts';
import { BoardProcess } from './board-process.ts';
import { judge } from './judge.ts';
import { parseScenarioFile } from './scenario-file.ts';
import { validateCommand } from './validate-command.ts';
import { sentenceOf } from './world-error.ts';

function parse(file: unknown, guest: Uint8Array | undefined = BOARD_BUNDLE) {
  return parseScenarioFile({ text: JSON.stringify(file), ...(guest === undefined ? {} : { guest }) });
}

function scenarioOf(file: unknown, guest?: Uint8Array) {
  const made = parse(file, guest);
  if (!made.ok) throw new Error(sentenceOf(made.error));
  return made.value;
}

const boardsOf = (run: WorldRun) => run.all.filter((it) => it instanceof BoardProcess);
const consoles = (run: WorldRun) => boardsOf(run).map((it) => it.output.text());
const vmsIn = (run: WorldRun) => run.snapshots().flatMap(({ host }) => host!.vms);
const CONSOLES = [DISK_PROGRAM.console, NET_PROGRAM.console, 'up\nHELLO', getBareMetalProgram('two harts').console];

function runOf(file: typeof FILE, options: { readonly split?: (nowNs: number) => number } = {}): WorldRun {
  const scenario = scenarioOf(file);
  const run = new WorldRun({ scenario, guest: BOARD_BUNDLE, ...options });
  for (const { atNs, command } of scenario.script) {
    run.runTo(atNs);
    run.command(atNs, command);
  }
  run.runTo(file.untilNs);
  return run;
}

test('cut anywhere: one run hash, one state, the recorded consoles; another byte typed or another program: another hash', () => {
  const longer = { ...FILE, untilNs: 25_000_000 };
  const whole = runOf(longer);
  expect(consoles(whole)).toEqual(CONSOLES);
  const random = makePrng({ seed: 8, stream: 1 });
  for (const most of [30_000, 2_000_000]) {
    const cut = runOf(longer, { split: (now) => now + 1 + nextBelow(random, most) });
    expect(cut.hash()).toBe(whole.hash());
    expect(cut.all.map((it) => it.stateHash!())).toEqual(whole.all.map((it) => it.stateHash!()));
    expect(consoles(cut)).toEqual(CONSOLES);
  }
  const other = { ...longer, commands: [{ atNs: 1_000_000, command: { kind: 'console-input', vm: 'echo', text: 'hellp' } }, ...FILE.commands.slice(1)] };
  expect(runOf(other).hash()).not.toBe(whole.hash());
  expect(runOf({ ...longer, boards: [...FILE.boards.slice(0, 3), boardRow('harts', 'disk.elf')] }).hash()).not.toBe(whole.hash());
});

test('journeys over checkpoints find the recorded state, disks included; a byte of RAM is in it', () => {
  const scenario = scenarioOf(FILE);
  const machine = new TimeMachine({ scenario, guest: BOARD_BUNDLE });
  for (const { atNs, command } of scenario.script) machine.command(atNs, command);
  const random = makePrng({ seed: 3, stream: 1 });
  const disk = () => machine.run.all[0]!.snapshotFile!('disk:1:0')!;
  const cuts: { timeNs: number; hash: string; disk: Uint8Array }[] = [];
  while (machine.now() < FILE.untilNs) {
    machine.goTo(Math.min(FILE.untilNs, machine.now() + 1 + nextBelow(random, machine.now() < 300_000 ? 4_000 : 200_000)));
    cuts.push({ timeNs: machine.now(), hash: machine.hash(), disk: disk() });
    if (cuts.length % 9 === 0) machine.take();
  }
  const end = disk();
  for (let n = 0; n < 8; n++) expect(Buffer.compare(end.subarray(diskProgramSector(n) * 512).subarray(0, 512), diskProgramBlock(n))).toBe(0);
  expect(cuts.filter((cut) => Buffer.compare(cut.disk, end) !== 0).length).toBeGreaterThan(3); // canary: disks at cuts differ
  for (let count = 0; count < 24; count++) {
    const cut = cuts[nextBelow(random, cuts.length)]!;
    machine.travelTo(cut.timeNs);
    expect(`${cut.timeNs} ${machine.hash()}`).toBe(`${cut.timeNs} ${cut.hash}`);
    expect(Buffer.compare(disk(), cut.disk)).toBe(0);
  }
  machine.goTo(FILE.untilNs);
  expect(consoles(machine.run)).toEqual(CONSOLES);
  const before = machine.hash();
  boardsOf(machine.run)[0]!.machine.ram.write(0x8000_8000, Uint8Array.of(1), 'restore');
  expect(machine.hash()).not.toBe(before); // canary
});

test('told as a machine with its memory: harts with modes and traps, how it ended, an outcome', () => {
  const run = runOf({ ...FILE, boards: [...FILE.boards, boardRow('failure', 'failure.elf'), boardRow('tohost', 'tohost.elf')] });
  const told = run.snapshots();
  expect(told.map(({ kind }) => kind)).toEqual(new Array(6).fill('board'));
  expect(vmsIn(run).map(({ id, state }) => [id, state])).toEqual([[1, 'stopped'], [2, 'stopped'], [3, 'stopped'], [4, 'stopped'], [5, 'failed'], [6, 'failed']]);
  expect(vmsIn(run).slice(4).map(({ reason }) => reason)).toEqual(['The program reported failure 42 to the test finisher.', 'Test 7 failed (tohost).']);
  const { host } = told[3]!;
  expect([host!.processorCount, host!.vms[0]!.pageCount, host!.board!.profile, host!.board!.interrupts]).toEqual([2, 256, 'rv64gc', 'plic']);
  expect(told[0]!.host!.board!.devices.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'test there', 'rtc there', 'clint there', 'plic there', 'serial there', 'virtio block driven', 'virtio entropy waits for a driver', 'pcie configuration there',
  ]);
  expect(host!.board!.harts.map(({ mode }) => mode)).toEqual(['M', 'M']);
  expect(host!.board!.harts.some(({ traps }) => Object.keys(traps).length > 0)).toBe(true);
  const early = new WorldRun({ scenario: run.scenario, guest: BOARD_BUNDLE });
  early.runTo(1_500_000);
  expect(vmsIn(early)[2]!.state).toBe('running');
  expect(early.snapshots()[2]!.host!.board!.harts.map(({ waiting }) => waiting)).toEqual([true, true]);
  const { outcome, checks } = judge({ scenario: run.scenario, snapshots: told, commands: [] });
  expect(outcome).toContain('VM 1 is stopped on disk');
  expect(checks.filter(({ holds }) => !holds).map(({ found }) => found)).toHaveLength(2);
});

test('a reset: RAM is empty again, time goes on, what resets for ever fails; a rewind over resets finds the state', () => {
  const scenario = scenarioOf({ ...FILE, boards: [boardRow('reset', 'reset.elf')], commands: [] });
  const machine = new TimeMachine({ scenario, guest: BOARD_BUNDLE });
  machine.goTo(300);
  const hash = machine.hash();
  machine.take();
  machine.goTo(1_000_000);
  expect(consoles(machine.run)[0]).toBe('.'.repeat(101));
  expect(vmsIn(machine.run)[0]).toMatchObject({ state: 'failed', reason: 'The program has reset the machine 101 times.' });
  expect(machine.run.snapshots()[0]!.host!.board!.resets).toBe(100);
  const end = machine.hash();
  machine.travelTo(300);
  expect(machine.hash()).toBe(hash);
  machine.goTo(1_000_000);
  expect(machine.hash()).toBe(end);
});

test('a program that traps for ever, into a handler that faults itself, is stopped by name at a known time; one whose handler comes back goes on', () => {
  const file = { ...FILE, boards: [boardRow('lost', 'lost.elf'), boardRow('trapping', 'trapping.elf')], commands: [], untilNs: 350_000 };
  const random = makePrng({ seed: 5, stream: 9 });
  const whole = runOf(file);
  const cut = runOf(file, { split: (now) => now + 1 + nextBelow(random, 60_000) });
  expect(cut.all.map((it) => it.stateHash!())).toEqual(whole.all.map((it) => it.stateHash!()));
  expect(vmsIn(whole).map(({ state, reason }) => [state, reason])).toEqual([['failed', 'Hart 0 traps for ever: its handler at 0x0 faults itself.'], ['running', '']]);
  expect(boardsOf(whole)[0]!.machine.timeNs()).toBe(0); // it stands in the turn in which it was caught
  expect(boardsOf(whole)[0]!.machine.instructionsAttempted()).toBe(200_000);
});

test('its card is on a network of its own, which a capture shows and which changes nothing', () => {
  const scenario = scenarioOf(FILE);
  const [captured, without] = [true, false].map((capture) => new WorldRun({ scenario, guest: BOARD_BUNDLE, capture }));
  for (const run of [captured!, without!]) run.runTo(FILE.untilNs);
  expect(captured!.hash()).toBe(without!.hash());
  expect(readPcapng(captured!.all[1]!.capture!()!).packets.length).toBeGreaterThanOrEqual(2);
  expect(without!.all[1]!.capture!()).toBeUndefined();
});

test('looked at: registers, instructions, memory, a walk; looking changes nothing; what needs a hypervisor is refused by name', () => {
  const scenario = scenarioOf(FILE);
  const run = new WorldRun({ scenario, guest: BOARD_BUNDLE });
  run.runTo(20_000);
  const board = boardsOf(run)[0]!;
  const before = board.stateHash();
  expect(board.inspect({ view: 'registers', vm: 1, vcpu: 0 })).toMatchObject({ view: 'registers', privilege: 'M', pc: expect.stringMatching(/^0x0000000080/) });
  const listing = board.inspect({ view: 'disassembly', vm: 1, vcpu: 0, before: 2, after: 3 });
  expect(listing.view === 'disassembly' && listing.lines.length).toBeGreaterThanOrEqual(4);
  const start = board.inspect({ view: 'guest-memory', vm: 1, guestPhysicalAddress: 0x8000_0000, byteCount: 8 });
  expect(start).toMatchObject({ present: true });
  expect(board.inspect({ view: 'guest-memory', vm: 1, guestPhysicalAddress: 0x1000_0000, byteCount: 8 })).toMatchObject({ present: false });
  const walk = { view: 'translation', vm: 1, vcpu: 0, access: 'load' } as const;
  expect(board.inspect({ ...walk, address: '0x80000010' })).toMatchObject({ rows: [{ purpose: 'page', second: [] }], end: { ended: 'translated', physical: '0x80000010' }, lands: 'page 0 of 256 of RAM' });
  expect(board.inspect({ ...walk, address: '0x10000000' })).toMatchObject({ lands: 'the device “serial” on the bus, register 0x0' });
  expect(board.inspect({ ...walk, address: '0x7fffffff' })).toMatchObject({ lands: expect.stringContaining('pcie') });
  expect(board.inspect({ view: 'registers', vm: 1, vcpu: 1 })).toMatchObject({ view: 'none' });
  expect(board.inspect({ view: 'registers', vm: 2, vcpu: 0 })).toMatchObject({ view: 'none' });
  expect(board.inspect({ view: 'can-migrate', vm: 1, to: 1 })).toMatchObject({ refused: true });
  expect(board.stateHash()).toBe(before);
  expect(validateCommand(scenario, run.snapshots(), { kind: 'migrate', vm: 1, to: 2 })?.sentence).toBe("disk is bare metal: it has no hypervisor that could do 'migrate'.");
  expect(validateCommand(scenario, run.snapshots(), { kind: 'console-input', vm: 3, text: 'a' })).toBeUndefined();
});

test('stepping: the next instruction of a board is one instruction away', () => {
  const run = new WorldRun({ scenario: scenarioOf(FILE), guest: BOARD_BUNDLE });
  run.runTo(5_000);
  const board = boardsOf(run)[0]!;
  const attempted = board.machine.instructionsAttempted();
  for (let step = 1; step <= 5; step++) {
    board.run(board.nextInstructionTime(1));
    expect(board.machine.instructionsAttempted()).toBe(attempted + step);
  }
});

const withBoard = (change: object) => ({ ...FILE, commands: [], boards: [boardRow('disk', 'disk.elf', change)] });

test.each([
  ['a program that is not there', withBoard({ program: 'x' }), "at boards[0].program: there is no file 'x' beside the scenario; there are disk.elf"],
  ['a disk that is not there', withBoard({ disks: ['x'] }), "at boards[0].disks[0]: there is no file 'x'"],
  ['a disk as program', withBoard({ program: 'raw.img' }), 'at boards[0].program: raw.img'],
  ['too many disks', withBoard({ disks: Array.from({ length: 7 }, () => 'raw.img'), network: true }), "at boards[0].disks: expected at most 6 disks beside the board's other devices, found 7"],
  ['a RAM disk that does not fit', withBoard({ initrd: 'raw.img' }), 'at boards[0].program: '],
  ['interrupt files without the AIA', withBoard({ interrupts: 'aplic-imsic' }), "at boards[0].profile: harts with interrupt files need a profile with the AIA, found 'rv64gc'"],
  ['version 1', { ...withBoard({}), version: 1 }, 'at boards: boards came with version 2 of the format, and this file says 1'],
  ['version 3', { ...withBoard({}), version: 3 }, 'at version: expected 1 or 2'],
  ['nothing that runs', { ...FILE, boards: [], commands: [] }, 'at hosts: expected at least one host or board'],
  ['a name twice', { ...FILE, boards: [boardRow('a', 'disk.elf'), boardRow('a', 'disk.elf')], commands: [] }, "at boards[1].name: the name 'a' is there twice"],
  ['a command of a hypervisor', { ...FILE, commands: [{ atNs: 0, command: { kind: 'migrate', vm: 'echo', to: 1 } }] }, 'echo is bare metal'],
])('%s: one sentence', (_, file, words) => {
  const made = parse(file);
  expect(made.ok ? 'accepted' : sentenceOf(made.error)).toContain(words);
});

test('every field of a board removed, mistyped or strange is told by its path; no file, too; a file that is no bundle is the program', () => {
  const sound = boardRow('disk', 'disk.elf', { kernel: 'disk.elf', initrd: 'net.elf' });
  const refused = (board: object, guest: Uint8Array | undefined = BOARD_BUNDLE) => {
    const made = parseScenarioFile({ text: JSON.stringify({ ...withBoard({}), boards: [board] }), ...(guest === undefined ? {} : { guest }) });
    return made.ok ? 'accepted' : sentenceOf(made.error);
  };
  for (const key of Object.keys(sound)) {
    const { [key as keyof typeof sound]: _, ...rest } = sound;
    if (key !== 'kernel' && key !== 'initrd') expect(refused(rest)).toContain(`boards[0].${key}`);
    for (const wrong of [null, -7, {}, [[]]]) expect(refused({ ...sound, [key]: wrong })).toContain(`boards[0].${key}`);
  }
  expect(refused({ ...sound, strange: 1 })).toContain('boards[0].strange');
  const none = parseScenarioFile({ text: JSON.stringify(withBoard({})) });
  expect(none.ok ? 'accepted' : sentenceOf(none.error)).toContain("boards[0].program: this board starts the file 'disk.elf', and none was given");
  expect(refused(boardRow('alone', 'any.elf'), BOARD_FILES.get('harts.elf'))).toBe('accepted');
});
