/** `headless machine`: runs a bare-metal program, or firmware with a kernel, on the board; console on stdout. */
import { writeFileSync } from 'node:fs';
import {
  AIA_CHOICES,
  type AiaChoice,
  type BootImage,
  BoardNetwork,
  type BootRequest,
  CaptureTap,
  consoleFunction,
  diskFunction,
  deviceReports,
  diskSlot,
  entropyFunction,
  entropySlot,
  HART_PROFILES,
  type HartProfileId,
  hartReports,
  layOutBoot,
  type MachineEnd,
  type NamedBytes,
  renderBootError,
  VirtMachine,
  type VirtMachineOptions,
} from '../../core/board/index.ts';
import { assert } from '../../core/base/assert.ts';
import { compileHostModule } from '../../core/wasm/index.ts';
import { GUEST_CHECK, GUEST_READY, GUEST_WORKLOAD, guestBootArguments, GUESTS } from '../../core/protocol/guest-library.ts';
import { readInteger, readSize, suggestion } from './arguments.ts';
import { openDisk, openDiskCopy, type OpenDisk } from './file-store.ts';
import { type ChosenGuest, chooseGuest, chooseProgramsDisk } from './guest-choice.ts';
import { fileKeyboard, type Keyboard, terminalKeyboard } from './keyboard.ts';
import { type ConsoleAdvance, MachineConsole, SEEN_MAX } from './machine-console.ts';
import { checkWritable, type GivenOptions, optional, readGuest, readOptions } from './options.ts';
import { BadInput, showDuration } from './terminal.ts';

/** What `machine --help` prints. */
export const machineHelp = `usage: npm run -s headless -- machine <program.elf> [options]
       npm run -s headless -- machine --guest <id> [options]

Runs a bare-metal RISC-V program on a board laid out as QEMU's virt machine: every hart starts in
M mode at the program's entry, a0 hart id, a1 device tree, a2 next stage for firmware.

  --guest id           a guest that npm run guests has fetched: ${GUESTS.map(({ id }) => id).join(', ')}; brings firmware, kernel,
                       initial RAM disk, command line, RAM and a disk, whose changes are gone in the
                       end, and random bytes that repeat; --append adds to its command line ('${GUEST_CHECK}'
                       checks itself)
  --programs           the guest's disk holds redis, sqlite and lua ('${GUEST_WORKLOAD}'
                       tries them)
  --ram size           128M by default, RAM begins at 0x80000000
  --harts n            1 by default
  --profile name       extensions of the harts: ${HART_PROFILES.map(({ id }) => id).join(', ')}
  --aia name           interrupt controller as QEMU's option of that name: none (a PLIC, the default),
                       aplic, aplic-imsic (harts then need a profile with aia)
  --engine name        interpreter, the only one
  --kernel file        what firmware goes on to: an Image, 2 MiB into RAM, or an ELF file
  --initrd file        initial RAM disk for the kernel
  --append text        the kernel's command line
  --disk file          a disk image, raw or qcow2, as a virtio block device; changes go to the
                       file; may be given up to seven times
  --pci                disks are PCI functions instead, and beside them a virtio console, whose
                       output goes to stdout, too, and a source of random bytes that repeat
  --net                a virtio network card (10.0.2.15 by DHCP) on a network of its own; the
                       gateway 10.0.2.2 answers pings, and echoes on UDP and TCP port 7
  --capture f.pcapng   writes what crossed that network there; implies --net
  --input file         types the file's bytes, to a guest when its shell is ready; without it, a
                       terminal's keys go to a guest (Ctrl-A x leaves)
  --expect text        ends with 0 as soon as the console shows the text
  --max-instructions n ends with 1 after as many, of all harts together
  --report file.json   writes a report there
  --device-tree file   writes the board's device tree there
  --dtb file           hands over this device tree as it is in place of the board's own; it then
                       says by itself what the kernel's command line is and where a RAM disk lies

The serial port (and HTIF, when the program has a symbol tohost) goes to stdout. Exit status: 0
when the program ends by the test finisher's pass or by tohost 1, or the expected text is seen;
otherwise its failure code (the number of the failed test), or 1 when that is no status from 1 to
255, when it sleeps for ever, has had its instructions or has reset the machine 101 times; 2 also
for bad input.
`;

const MIB = 1024 * 1024;
const RAM_BYTES = 128 * MIB;
/** What one WebAssembly memory has room for, tables aside. */
const RAM_BYTES_MAX = 896 * MIB;
const HARTS_MAX = 8;
/** Bytes of frames in a capture; later frames are left out. */
const CAPTURE_BYTES_MAX = 256 * MIB;
/** Virtio slots of the board, and how many of them disks may take. */
const SLOTS = 8;
const DISKS_MAX = 7;
/** A program that resets more often will never do anything else. */
const RESETS_MAX = 100;
const PROFILE: HartProfileId = 'rv64gc';

interface MachineArguments {
  readonly request: BootRequest;
  readonly instructionsMax: number;
  readonly report: string | undefined;
  readonly deviceTree: string | undefined;
  readonly disks: readonly string[];
  readonly guest: ChosenGuest | undefined;
  readonly input: Uint8Array | undefined;
  readonly expected: string | undefined;
  readonly pci: boolean;
  readonly network: boolean;
  readonly capture: string | undefined;
}

function readFile(given: GivenOptions, option: string): NamedBytes | undefined {
  const path = given.value(option);
  return path === undefined ? undefined : { name: path, bytes: readGuest(`--${option}`, path) };
}

function namedFile(option: string, path: string): NamedBytes {
  return { name: path, bytes: readGuest(`--${option}`, path) };
}

/** The guest of the library; it brings what these options would give. */
function readGuestOption(given: GivenOptions, program: string | undefined): ChosenGuest | undefined {
  const id = given.value('guest');
  if (id === undefined) {
    if (given.has('programs')) throw new BadInput('--programs goes with --guest <id>.');
    return undefined;
  }
  if (program !== undefined) throw new BadInput(`machine takes a program or --guest, found '${program}', too.`);
  const doubled = ['kernel', 'initrd'].find((name) => given.value(name) !== undefined);
  if (doubled !== undefined) throw new BadInput(`--guest brings its own ${doubled}; leave --${doubled} out.`);
  const guest = chooseGuest(id);
  return given.has('programs') ? { ...guest, paths: { ...guest.paths, disk: chooseProgramsDisk() } } : guest;
}

function readProfile(text: string | undefined): HartProfileId {
  if (text === undefined) return PROFILE;
  const found = HART_PROFILES.find(({ id }) => id === text);
  if (found === undefined) {
    const known = HART_PROFILES.map(({ id }) => id);
    throw new BadInput(`There is no hart profile '${text}'${suggestion(text, known)}`);
  }
  return found.id;
}

function readAia(text: string | undefined): AiaChoice {
  const found = AIA_CHOICES.find((it) => it === (text ?? 'none'));
  if (found === undefined) throw new BadInput(`--aia is '${text}'; expected ${AIA_CHOICES.join(', ')}.`);
  return found;
}

function readArguments(rest: readonly string[]): MachineArguments {
  const given = readOptions('machine', rest, {
    ram: 'value',
    harts: 'value',
    profile: 'value',
    aia: 'value',
    engine: 'value',
    kernel: 'value',
    initrd: 'value',
    append: 'value',
    disk: 'values',
    pci: 'switch',
    net: 'switch',
    capture: 'value',
    guest: 'value',
    programs: 'switch',
    input: 'value',
    expect: 'value',
    'max-instructions': 'value',
    report: 'value',
    'device-tree': 'value',
    dtb: 'value',
  });
  const [path, surplus] = given.operands;
  const guest = readGuestOption(given, path);
  const program = guest?.paths.firmware ?? path;
  if (program === undefined) throw new BadInput('machine needs a program: machine <program.elf>, or --guest <id>.');
  if (surplus !== undefined) throw new BadInput(`machine takes one program, found '${surplus}', too.`);
  const engine = given.value('engine');
  if (engine !== undefined && engine !== 'interpreter') {
    throw new BadInput(`--engine is '${engine}'; there is one engine: interpreter.`);
  }
  const ramBytes = optional(given.value('ram'), (text) => readSize('--ram', text)) ?? guest?.entry.ramBytes ?? RAM_BYTES;
  if (ramBytes < 4096 || ramBytes > RAM_BYTES_MAX || ramBytes % 4096 !== 0) {
    throw new BadInput(`--ram is ${ramBytes} bytes; expected whole pages of 4 KiB, 896 MiB at most.`);
  }
  const count = (name: string, maximum: number) =>
    optional(given.value(name), (text) => readInteger(`--${name}`, text, { minimum: 1, maximum }));
  const disks = given.values('disk');
  if (disks.length > DISKS_MAX) throw new BadInput(`--disk is given ${disks.length} times; the board takes ${DISKS_MAX}.`);
  if (guest !== undefined && ramBytes < guest.entry.ramBytesMin) {
    throw new BadInput(`--ram is ${ramBytes} bytes; the guest '${guest.entry.id}' needs ${guest.entry.ramBytesMin / MIB} MiB.`);
  }
  const kernel = guest === undefined ? readFile(given, 'kernel') : namedFile('kernel', guest.paths.kernel);
  const initrd = guest === undefined ? readFile(given, 'initrd') : namedFile('initrd', guest.paths.initrd);
  const deviceTree = readFile(given, 'dtb');
  if (deviceTree !== undefined && (guest !== undefined || given.value('append') !== undefined)) {
    throw new BadInput('--dtb hands over a device tree as it is; leave --guest and --append out.');
  }
  const input = given.value('input');
  const expected = given.value('expect');
  if (expected !== undefined && (expected === '' || expected.length > SEEN_MAX)) throw new BadInput(`--expect takes 1 to ${SEEN_MAX} characters.`);
  return {
    request: {
      program: { name: program, bytes: readGuest('machine', program) },
      ...(kernel === undefined ? {} : { kernel }),
      ...(initrd === undefined ? {} : { initrd }),
      ...(deviceTree === undefined ? {} : { deviceTree }),
      bootArguments: guest === undefined ? (given.value('append') ?? '') : guestBootArguments(guest.entry, given.value('append') ?? ''),
      ramBytes,
      hartCount: count('harts', HARTS_MAX) ?? 1,
      profile: readProfile(given.value('profile')),
      aia: readAia(given.value('aia')),
    },
    instructionsMax: count('max-instructions', Number.MAX_SAFE_INTEGER) ?? Number.MAX_SAFE_INTEGER,
    report: given.value('report'),
    deviceTree: given.value('device-tree'),
    disks,
    guest,
    input: input === undefined ? undefined : readGuest('--input', input),
    expected,
    pci: given.has('pci'),
    network: given.has('net') || given.value('capture') !== undefined,
    capture: given.value('capture'),
  };
}

/** How a run came to its end, over all resets that the program asked for. */
interface Outcome {
  readonly machine: VirtMachine;
  readonly advance: ConsoleAdvance;
  readonly end: MachineEnd | undefined;
  readonly resets: number;
  readonly attempted: number;
  readonly consoleBytes: number;
}

/** Where console and sentences go. */
export interface Terminal {
  out(bytes: Uint8Array): void;
  error(sentence: string): void;
  /** Keys of the person who sits there, if somebody does. */
  keyboard?(): Keyboard | undefined;
}

const PROCESS: Terminal = {
  out: (bytes) => void process.stdout.write(bytes),
  error: (sentence) => void process.stderr.write(`${sentence}\n`),
  keyboard: terminalKeyboard,
};

/** Runs it; the result is the exit status. */
export function runMachine(rest: readonly string[], terminal: Terminal = PROCESS): number {
  const asked = readArguments(rest);
  const image = layOutBoot(asked.request);
  if (!image.ok) throw new BadInput(renderBootError(image.error));
  checkWritable('--report', asked.report);
  checkWritable('--device-tree', asked.deviceTree);
  checkWritable('--capture', asked.capture);
  if (asked.deviceTree !== undefined) writeFileSync(asked.deviceTree, image.value.tree);
  const disks: OpenDisk[] = [];
  try {
    for (const path of asked.disks) disks.push(openDisk('--disk', path));
    if (asked.guest !== undefined && disks.length === 0) disks.push(openDiskCopy('--guest', asked.guest.paths.disk));
    return runBoard(asked, image.value, disks, terminal);
  } finally {
    for (const { close } of disks) close();
  }
}

function runBoard(
  asked: MachineArguments,
  image: BootImage,
  disks: readonly OpenDisk[],
  terminal: Terminal,
): number {
  const beganAtMs = performance.now();
  const compiled = compileHostModule();
  const { ramBytes, hartCount, profile, aia = 'none' } = asked.request;
  const { guest, input, expected } = asked;
  const keys = input !== undefined || guest === undefined || expected !== undefined || bootsToCheck(asked) ? undefined : terminal.keyboard?.();
  const keyboard = input === undefined ? keys : fileKeyboard(input);
  const console = new MachineConsole({
    out: (bytes) => terminal.out(bytes),
    expected,
    keyboard,
    typeAfter: guest === undefined ? undefined : GUEST_READY,
    paced: keys !== undefined,
  });
  const tap = asked.capture === undefined ? undefined : new CaptureTap({ bytesMax: CAPTURE_BYTES_MAX });
  const slots: NonNullable<VirtMachineOptions['slots']>[number][] = [];
  if (!asked.pci) slots.push(...disks.map((disk) => diskSlot(disk.image)));
  if (asked.network) slots.push((line, ram, clock) => new BoardNetwork(line, ram, clock, tap));
  // A kernel waits for random bytes before some programs start; on PCI they come with the bus.
  if (guest !== undefined && !asked.pci && slots.length < SLOTS) slots.push(entropySlot(1));
  const { transmit } = console;
  const onOutput = (bytes: Uint8Array) => bytes.forEach(transmit);
  const functions: NonNullable<VirtMachineOptions['functions']> = asked.pci
    ? [...disks.map((disk) => diskFunction(disk.image)), consoleFunction(onOutput), entropyFunction(1)]
    : [];
  const options = { ramBytes, hartCount, profile, aia, compiled, slots, functions, transmit };
  let outcome: Outcome | undefined;
  try {
    for (let resets = 0, before = 0; outcome === undefined; resets++) {
      const machine = new VirtMachine(image, options);
      const advance = console.run(machine, asked.instructionsMax - before);
      before += machine.instructionsAttempted();
      const end = machine.ended();
      if (end?.how === 'reset' && resets < RESETS_MAX) continue;
      outcome = { machine, advance, end, resets, attempted: before, consoleBytes: console.byteCount };
    }
  } finally {
    keyboard?.close(); // the terminal is as it was, whatever happened
  }
  assert(outcome !== undefined, 'the loop ends with an outcome');
  const wallSeconds = (performance.now() - beganAtMs) / 1000;
  if (asked.capture !== undefined && tap !== undefined) {
    writeFileSync(asked.capture, tap.file({ application: 'glasshouse machine' }));
  }
  if (asked.report !== undefined) {
    writeFileSync(asked.report, `${JSON.stringify(reportOf(asked, outcome, wallSeconds), null, 2)}\n`);
  }
  const sentence = sentenceOf(asked, outcome);
  if (sentence !== '') terminal.error(sentence);
  return asked.expected !== undefined && outcome.advance !== 'expected' ? Math.max(1, statusOf(outcome)) : statusOf(outcome);
}

/** The guest will run a program and power off: nobody types. */
function bootsToCheck({ request }: MachineArguments): boolean {
  return (request.bootArguments ?? '').split(' ').some((word) => word.startsWith('glasshouse.run='));
}

function statusOf({ end, advance }: Outcome): number {
  if (advance === 'expected' || advance === 'left') return 0;
  if (end?.how === 'pass') return 0;
  const code = end?.how === 'fail' ? end.code : 1;
  return code >= 1 && code <= 255 ? code : 1;
}

/** What a person wants to know when it did not end well. */
function sentenceOf(asked: MachineArguments, outcome: Outcome): string {
  const { end, advance, machine } = outcome;
  const where = `after ${outcome.attempted} instructions, ${showDuration(machine.timeNs())} of virtual time`;
  if (asked.expected !== undefined && advance !== 'expected') return `The console did not show '${asked.expected}' ${where}.`;
  if (advance === 'asleep') return `Every hart waits for an interrupt that nothing will raise, ${where}.`;
  if (advance === 'instructions') return `The program has not ended ${where}.`;
  if (end === undefined || end.how === 'pass') return '';
  if (end.how === 'reset') return `The program has reset the machine ${outcome.resets + 1} times.`;
  return end.by === 'htif' ? `Test ${end.code} failed, ${where}.` : `The program failed with code ${end.code}, ${where}.`;
}

function reportOf(asked: MachineArguments, outcome: Outcome, wallSeconds: number) {
  const { machine, end, advance } = outcome;
  const { request } = asked;
  return {
    program: request.program.name,
    profile: request.profile,
    engine: 'interpreter',
    ramBytes: request.ramBytes,
    outcome: end === undefined ? advance : end.how,
    by: end?.by ?? null,
    code: end?.code ?? null,
    failedTest: end?.by === 'htif' && end.how === 'fail' ? end.code : null,
    resets: outcome.resets,
    instructionsAttempted: outcome.attempted,
    harts: hartReports(machine),
    devices: deviceReports(machine),
    consoleBytes: outcome.consoleBytes,
    virtualTimeNs: machine.timeNs(),
    wallSeconds: Number(wallSeconds.toFixed(3)),
  };
}
