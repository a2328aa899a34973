/** `headless machine`: runs a bare-metal program, or firmware with a kernel, on the board; console on stdout. */
import { writeFileSync } from 'node:fs';
import {
  AIA_CHOICES,
  type Advance,
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
import { compileHostModule } from '../../core/wasm/index.ts';
import { readInteger, readSize, suggestion } from './arguments.ts';
import { openDisk, type OpenDisk } from './file-store.ts';
import { checkWritable, type GivenOptions, optional, readGuest, readOptions } from './options.ts';
import { BadInput, showDuration } from './terminal.ts';

/** What `machine --help` prints. */
export const machineHelp = `usage: npm run -s headless -- machine <program.elf> [options]

Runs a bare-metal RISC-V program on a board laid out as QEMU's virt machine: every hart starts in
M mode at the program's entry, a0 hart id, a1 device tree, a2 next stage for firmware.

  --ram size           128M by default, RAM begins at 0x80000000
  --harts n            1 by default
  --profile name       extensions of the harts: ${HART_PROFILES.map(({ id }) => id).join(', ')}
  --aia name           interrupt controller as QEMU's option of that name: none (a PLIC, the default),
                       aplic, aplic-imsic (harts then need the profile rv64gc-aia)
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
  --max-instructions n ends with 1 after as many, of all harts together
  --report file.json   writes a report there
  --device-tree file   writes the board's device tree there

The serial port (and HTIF, when the program has a symbol tohost) goes to stdout. Exit status: 0
when the program ends by the test finisher's pass or by tohost 1; otherwise its failure code (the
number of the failed test), or 1 when that is no status from 1 to 255, when it sleeps for ever
has had its instructions or has reset the machine 101 times; 2 also for bad input.
`;

const MIB = 1024 * 1024;
const RAM_BYTES = 128 * MIB;
/** What one WebAssembly memory has room for, tables aside. */
const RAM_BYTES_MAX = 896 * MIB;
const HARTS_MAX = 8;
/** Bytes of frames in a capture; later frames are left out. */
const CAPTURE_BYTES_MAX = 256 * MIB;
/** Of the board's eight virtio slots. */
const DISKS_MAX = 7;
/** A program that resets more often will never do anything else. */
const RESETS_MAX = 100;
const PROFILE: HartProfileId = 'rv64gc';
/** Virtual time between two looks at the console. Unit: ns. */
const LOOK_NS = 10_000_000;

interface MachineArguments {
  readonly request: BootRequest;
  readonly instructionsMax: number;
  readonly report: string | undefined;
  readonly deviceTree: string | undefined;
  readonly disks: readonly string[];
  readonly pci: boolean;
  readonly network: boolean;
  readonly capture: string | undefined;
}

function readFile(given: GivenOptions, option: string): NamedBytes | undefined {
  const path = given.value(option);
  return path === undefined ? undefined : { name: path, bytes: readGuest(`--${option}`, path) };
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
    'max-instructions': 'value',
    report: 'value',
    'device-tree': 'value',
  });
  const [path, surplus] = given.operands;
  if (path === undefined) throw new BadInput('machine needs a program: machine <program.elf>.');
  if (surplus !== undefined) throw new BadInput(`machine takes one program, found '${surplus}', too.`);
  const engine = given.value('engine');
  if (engine !== undefined && engine !== 'interpreter') {
    throw new BadInput(`--engine is '${engine}'; there is one engine: interpreter.`);
  }
  const ramBytes = optional(given.value('ram'), (text) => readSize('--ram', text)) ?? RAM_BYTES;
  if (ramBytes < 4096 || ramBytes > RAM_BYTES_MAX || ramBytes % 4096 !== 0) {
    throw new BadInput(`--ram is ${ramBytes} bytes; expected whole pages of 4 KiB, 896 MiB at most.`);
  }
  const count = (name: string, maximum: number) =>
    optional(given.value(name), (text) => readInteger(`--${name}`, text, { minimum: 1, maximum }));
  const disks = given.values('disk');
  if (disks.length > DISKS_MAX) throw new BadInput(`--disk is given ${disks.length} times; the board takes ${DISKS_MAX}.`);
  const [kernel, initrd] = [readFile(given, 'kernel'), readFile(given, 'initrd')];
  return {
    request: {
      program: { name: path, bytes: readGuest('machine', path) },
      ...(kernel === undefined ? {} : { kernel }),
      ...(initrd === undefined ? {} : { initrd }),
      bootArguments: given.value('append') ?? '',
      ramBytes,
      hartCount: count('harts', HARTS_MAX) ?? 1,
      profile: readProfile(given.value('profile')),
      aia: readAia(given.value('aia')),
    },
    instructionsMax: count('max-instructions', Number.MAX_SAFE_INTEGER) ?? Number.MAX_SAFE_INTEGER,
    report: given.value('report'),
    deviceTree: given.value('device-tree'),
    disks,
    pci: given.has('pci'),
    network: given.has('net') || given.value('capture') !== undefined,
    capture: given.value('capture'),
  };
}

/** How a run came to its end, over all resets that the program asked for. */
interface Outcome {
  readonly machine: VirtMachine;
  readonly advance: Advance;
  readonly end: MachineEnd | undefined;
  readonly resets: number;
  readonly attempted: number;
  readonly consoleBytes: number;
}

/** Where console and sentences go. */
export interface Terminal {
  out(bytes: Uint8Array): void;
  error(sentence: string): void;
}

const PROCESS: Terminal = {
  out: (bytes) => void process.stdout.write(bytes),
  error: (sentence) => void process.stderr.write(`${sentence}\n`),
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
  let pending: number[] = [];
  let consoleBytes = 0;
  const flush = () => {
    consoleBytes += pending.length;
    if (pending.length > 0) terminal.out(Uint8Array.from(pending));
    pending = [];
  };
  const tap = asked.capture === undefined ? undefined : new CaptureTap({ bytesMax: CAPTURE_BYTES_MAX });
  const slots: NonNullable<VirtMachineOptions['slots']>[number][] = [];
  if (!asked.pci) slots.push(...disks.map((disk) => diskSlot(disk.image)));
  if (asked.network) slots.push((line, ram, clock) => new BoardNetwork(line, ram, clock, tap));
  const transmit = (byte: number) => void pending.push(byte);
  const onOutput = (bytes: Uint8Array) => bytes.forEach(transmit);
  const functions: NonNullable<VirtMachineOptions['functions']> = asked.pci
    ? [...disks.map((disk) => diskFunction(disk.image)), consoleFunction(onOutput), entropyFunction(1)]
    : [];
  const options = { ramBytes, hartCount, profile, aia, compiled, slots, functions, transmit };
  let outcome: Outcome | undefined;
  for (let resets = 0, before = 0; outcome === undefined; resets++) {
    const machine = new VirtMachine(image, options);
    const advance = runToEnd(machine, asked.instructionsMax - before, flush);
    before += machine.instructionsAttempted();
    const end = machine.ended();
    if (end?.how === 'reset' && resets < RESETS_MAX) continue;
    outcome = { machine, advance, end, resets, attempted: before, consoleBytes };
  }
  const wallSeconds = (performance.now() - beganAtMs) / 1000;
  if (asked.capture !== undefined && tap !== undefined) {
    writeFileSync(asked.capture, tap.file({ application: 'glasshouse machine' }));
  }
  if (asked.report !== undefined) {
    writeFileSync(asked.report, `${JSON.stringify(reportOf(asked, outcome, wallSeconds), null, 2)}\n`);
  }
  const sentence = sentenceOf(outcome);
  if (sentence !== '') terminal.error(sentence);
  return statusOf(outcome);
}

function runToEnd(machine: VirtMachine, instructionsMax: number, flush: () => void): Advance {
  for (;;) {
    const advance = machine.advance(machine.timeNs() + LOOK_NS, instructionsMax);
    flush();
    if (advance !== 'reached') return advance;
  }
}

function statusOf({ end }: Outcome): number {
  if (end?.how === 'pass') return 0;
  const code = end?.how === 'fail' ? end.code : 1;
  return code >= 1 && code <= 255 ? code : 1;
}

/** What a person wants to know when it did not end well. */
function sentenceOf(outcome: Outcome): string {
  const { end, advance, machine } = outcome;
  const where = `after ${outcome.attempted} instructions, ${showDuration(machine.timeNs())} of virtual time`;
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
