/** `headless vm`: runs a kernel file in a VM, or the VMs of a scenario file, consoles on stdout, until a text, their own end or a time. */
import { writeFileSync } from 'node:fs';
import { err, ok, type Result } from '../../core/base/result.ts';
import type { Scenario } from '../../core/protocol/scenario.ts';
import type { ProcessSnapshot, VmSnapshot } from '../../core/protocol/snapshot.ts';
import { GUEST_READY, GUESTS, PREPARED_GUESTS } from '../../core/protocol/guest-library.ts';
import { GUEST_PROFILES, readScenarioFile, sentenceOf } from '../../core/world/index.ts';
import type { StartOptions } from '../session-api.ts';
import { WORKER_COUNT_MAX } from '../run-plan.ts';
import { planner, snapshotInstant, VM_LAB } from '../world.ts';
import { readDuration, readInteger, readSize } from './arguments.ts';
import { BOOT_OPTIONS, type BootBundle, readBoardOptions, readBundleOptions, saveDisks, writeDisks } from './boot-bundle.ts';
import { choosePrepared } from './guest-choice.ts';
import { Consoles } from './consoles.ts';
import { type Answer, Dialog } from './dialog.ts';
import { type Keyboard, terminalKeyboard } from './keyboard.ts';
import { checkWritable, optional, readGuest, readOptions, readText } from './options.ts';
import type { HeadlessRun } from './run-session.ts';
import { startHeadlessRun } from './run-session.ts';
import { writeSnapshot } from './snapshot-file.ts';
import { BadInput, showDuration, showFailure } from './terminal.ts';

/** What `vm --help` prints. */
export const vmHelp = `usage: npm run -s headless -- vm --kernel guest.elf [options]
       npm run -s headless -- vm --kernel Image --initrd file --append text [--disk file] [--net]
       npm run -s headless -- vm --guest <id> [--append text] [--disk file] [--net]
       npm run -s headless -- vm --guest <id> --board [--vcpus n] [--append text]
       npm run -s headless -- vm --restore file.core [options]
       npm run -s headless -- vm --scenario file.json [--kernel guest.elf] [options]

  --kernel guest.elf   an S-mode program for the harts' profile: a0 hart id, a1 device tree, RAM from
                       0x80000000, SBI 2.0
                       An Image (a Linux kernel), or any kernel with one of the next four options, gets
                       devices at the places of QEMU's virt machine: serial port, interrupt controller,
                       clock, virtio disks, card, console and random bytes
  --guest id           a guest that npm run guests has fetched: ${GUESTS.map(({ id }) => id).join(', ')}; brings kernel, RAM disk,
                       command line, RAM and a disk of which it gets a copy. One that npm run guests -- --prepare
                       has booted goes on at its shell: ${PREPARED_GUESTS.map(({ id }) => id).join(', ')}
  --board              the guest boots on a bare-metal board under its firmware instead of in a VM: the
                       same run, with the same run hash, as the page's; --vcpus are its harts
  --initrd file        initial RAM disk for the kernel
  --append text        the kernel's command line, such as console=ttyS0
  --disk file          a disk image, raw or qcow2; changes go to the file when the run ends; may be given
                       up to five times
  --net                a virtio network card (10.0.2.15 by DHCP); the gateway 10.0.2.2 answers pings, and
                       echoes on UDP and TCP port 7
  --restore file.core  a VM goes on from a snapshot, at the instant that it shows; it brings its
                       RAM, its vCPUs, its devices and its disks, so nothing else is needed
  --scenario file.json the VMs of a scenario file, with its commands; what they print goes to
                       stdout a line at a time, after the VM's name when there are several.
                       --kernel is then what VMs with the guest 'file' run
  --snapshot file.core writes a snapshot of where the VM stands at the end, an ELF core that gdb
                       and readelf open; of a VM with devices it holds these, too, and its disks
  --save-disk file     writes a disk as it is at the end, the first one to the first file; may be given
                       several times
  --ram size           64M by default, with devices 128M, or what a guest wants
  --vcpus n            1 by default
  --profile name       its harts: rv64ima by default, with devices rv64gc
  --until duration     virtual time at most; 10s by default, counted from a snapshot's instant;
                       of a scenario file, its own
  --answer 'a=>b'      types b and a line feed when the console has shown a; may be given several
                       times, answered in their order
  --input file         types the file's bytes, to a guest when its shell is ready
  --interactive        a terminal's keys go to the console, and virtual time keeps to the clock on
                       the wall; Ctrl-A x leaves
  --expect text        ends with 0 as soon as the console shows it, with 1 if it never does
  --programs           the guest's disk is the one with redis, sqlite and lua (wants --ram 64M)
  --seed n             0 … 4294967295, default 1
  --workers n          worker threads, 1 … ${WORKER_COUNT_MAX}; the result does not depend on it
  --capture f.pcapng   writes what crossed cards and ports there
  --report file.json   writes a report there

The guest's console goes to stdout. Exit status: 0, or 1 when the VM failed or the text did
not come, 2 for bad input.
`;

/** Virtual time between two looks at the console for the text. Unit: ns. */
const LOOK_NS = 10_000_000;
const UNTIL_NS = 10_000_000_000;
/** The VM's id in a run that is made of one. */
const VM_ID = 1;
const MIB = 1024 * 1024;

interface VmArguments {
  readonly kernel: string | undefined; //   or the snapshot to restore
  readonly restores: boolean;
  readonly scenario: string | undefined; // text of the file
  readonly bundle: BootBundle | undefined;
  readonly dialog: Dialog;
  readonly isInteractive: boolean;
  readonly snapshot: string | undefined;
  readonly saveDisks: readonly string[];
  readonly ramBytes: number;
  readonly vcpuCount: number;
  readonly profile: number | undefined;
  readonly untilNs: number | undefined;
  readonly expect: string | undefined;
  readonly seed: number | undefined;
  readonly workers: number | undefined;
  readonly report: string | undefined;
  readonly capture: string | undefined;
}

function readArguments(rest: readonly string[]): VmArguments {
  const given = readOptions('vm', rest, {
    kernel: 'value',
    restore: 'value',
    scenario: 'value',
    snapshot: 'value',
    'save-disk': 'values',
    ram: 'value',
    vcpus: 'value',
    profile: 'value',
    until: 'value',
    expect: 'value',
    answer: 'values',
    input: 'value',
    interactive: 'switch',
    ...BOOT_OPTIONS,
    board: 'switch',
    seed: 'value',
    workers: 'value',
    report: 'value',
    capture: 'value',
  });
  const [operand] = given.operands;
  if (operand !== undefined) throw new BadInput(`vm takes options only, found '${operand}'; the guest goes behind --kernel.`);
  const guest = given.value('guest');
  const prepared = guest === undefined ? undefined : choosePrepared(guest);
  const restore = prepared ?? given.value('restore');
  const kernel = restore ?? given.value('kernel');
  const path = given.value('scenario');
  if (kernel === undefined && path === undefined && given.value('guest') === undefined) {
    throw new BadInput('vm needs --kernel guest.elf, --guest id, --restore file.core or --scenario file.json.');
  }
  if (restore !== undefined) {
    const surplus = ['kernel', 'ram', 'vcpus', 'profile', 'scenario', 'initrd', 'append', 'disk', 'programs', ...(prepared === undefined ? ['guest', 'net'] : ['restore', 'net'])].find((name) => given.value(name) !== undefined || given.has(name));
    const asked = prepared === undefined ? 'restore' : `guest ${guest}`;
    if (surplus !== undefined) throw new BadInput(`vm takes --${asked} or --${surplus}, not both: a snapshot brings its own.`);
  }
  if (path !== undefined) {
    const surplus = ['ram', 'vcpus', 'profile', 'append', 'save-disk'].find((name) => given.value(name) !== undefined);
    if (surplus !== undefined) throw new BadInput(`vm takes --scenario or --${surplus}, not both: the file says it.`);
  }
  const vcpuCount = optional(given.value('vcpus'), (text) => readInteger('--vcpus', text, { minimum: 1, maximum: 8 })) ?? 1;
  const board = given.has('board') ? readBoardOptions(given, vcpuCount) : undefined;
  const bundle = board?.bundle ?? (restore === undefined ? readBundleOptions(given) : undefined);
  return {
    kernel,
    bundle,
    dialog: new Dialog(given.values('answer'), typedFirst(given.value('input'), bundle)),
    isInteractive: given.has('interactive'),
    restores: restore !== undefined,
    scenario: path === undefined ? board?.scenario : readText('--scenario', path),
    snapshot: given.value('snapshot'),
    saveDisks: given.values('save-disk'),
    ramBytes: optional(given.value('ram'), (text) => readSize('--ram', text)) ?? bundle?.guest?.ramBytes ?? (bundle === undefined ? 64 : 128) * MIB,
    vcpuCount,
    profile: optional(given.value('profile'), readProfile),
    untilNs: optional(given.value('until'), (text) => readDuration('--until', text)),
    expect: given.value('expect'),
    workers: optional(given.value('workers'), (text) => readInteger('--workers', text, { minimum: 1, maximum: WORKER_COUNT_MAX })),
    seed: optional(given.value('seed'), (text) => readInteger('--seed', text, { minimum: 0, maximum: 0xffff_ffff })),
    report: given.value('report'),
    capture: given.value('capture'),
  };
}

/** What a file types: once a guest's shell is ready, or at once. */
function typedFirst(path: string | undefined, bundle: BootBundle | undefined): readonly Answer[] {
  if (path === undefined) return [];
  return [{ prompt: bundle?.guest === undefined ? '' : GUEST_READY, text: readText('--input', path) }];
}

/** The number of a profile's name. */
function readProfile(name: string): Result<number, string> {
  const profile = GUEST_PROFILES.find(({ id }) => id === name);
  if (profile === undefined) {
    const known = GUEST_PROFILES.map(({ id }) => id).join(', ');
    return err(`--profile is one of ${known}, not '${name}'.`);
  }
  return ok(profile.number);
}

/** What is run: a guest file in a VM of its own, or a scenario file. */
interface Plan {
  readonly options: StartOptions;
  readonly names: ReadonlyMap<number, string>; // of the VMs, by id
  readonly beginsAtNs: number;
  readonly endNs: number;
}

function planOf(asked: VmArguments): Plan {
  const { kernel, restores, seed } = asked;
  const bytes = asked.bundle?.bytes ?? (kernel === undefined ? undefined : readGuest(restores ? '--restore' : '--kernel', kernel));
  const guest = bytes === undefined ? {} : { guest: { name: kernel ?? asked.bundle?.guest?.id ?? '', bytes } };
  const common = { playing: false, speed: Number.POSITIVE_INFINITY, capture: asked.capture !== undefined, ...guest, ...(asked.workers === undefined ? {} : { workerCount: asked.workers }) };
  if (asked.scenario === undefined) {
    const beginsAtNs = restores && bytes !== undefined ? instantOf(kernel ?? '', bytes) : 0;
    const knobs = { ram: asked.ramBytes, vcpus: asked.vcpuCount, ...(asked.profile === undefined ? {} : { profile: asked.profile }) };
    const options = { ...common, lab: VM_LAB, seed: seed ?? 1, knobs };
    return { options, names: new Map(), beginsAtNs, endNs: beginsAtNs + (asked.untilNs ?? UNTIL_NS) };
  }
  const read = readScenarioFile(asked.scenario);
  if (!read.ok) throw new BadInput(sentenceOf(read.error));
  const request = { lab: read.value.lab, seed: seed ?? read.value.seed, knobs: {} };
  const made = planner.scenarioOf({ ...request, baseline: '', file: asked.scenario, ...(bytes === undefined ? {} : { guest: bytes }) });
  if (!made.ok) throw new BadInput(made.error.sentence);
  const scenario = made.value as Scenario;
  const names = new Map([...scenario.vms.map(({ id, name }) => [id, name] as const), ...(scenario.boards ?? []).map(({ vm, name }) => [vm, name] as const)]);
  const options = { ...common, ...request, scenario: asked.scenario };
  return { options, names, beginsAtNs: 0, endNs: asked.untilNs ?? scenario.untilNs };
}

/** Runs it; the result is the exit status. */
export async function runVm(rest: readonly string[]): Promise<number> {
  const asked = readArguments(rest);
  const plan = planOf(asked);
  checkWritable('--report', asked.report);
  checkWritable('--snapshot', asked.snapshot);
  checkWritable('--capture', asked.capture);
  for (const path of asked.saveDisks) checkWritable('--save-disk', path);
  const beganAtMs = performance.now();
  const consoles = new Consoles(plan.names, (text) => process.stdout.write(Buffer.from(text, 'latin1')));
  const onSnapshot = (_lane: unknown, snapshot: ProcessSnapshot) => consoles.take(snapshot);
  const begun = await startHeadlessRun(plan.options, { inline: false, onSnapshot });
  if (!begun.ok) {
    if ('sentence' in begun.error) throw new BadInput(begun.error.sentence);
    process.stderr.write(`${showFailure(begun.error)}\n`);
    return 1;
  }
  const run = begun.value;
  try {
    const virtualTimeNs = await advance(run, asked, { ...plan, consoles });
    consoles.end();
    if (asked.snapshot !== undefined && run.failure() === undefined) await writeSnapshot(run, asked.snapshot);
    if (asked.capture !== undefined) writeFileSync(asked.capture, await run.coordinator.capture('all'));
    if (asked.scenario === undefined) await writeDisks(run, VM_ID, asked.bundle?.disks ?? []);
    await saveDisks(run, VM_ID, asked.saveDisks);
    const wallSeconds = (performance.now() - beganAtMs) / 1000;
    return await finish(run, { asked, plan, text: consoles.text(), virtualTimeNs, wallSeconds });
  } finally {
    await run.stop();
  }
}

/** Goes on until the text is there, the VM has ended, the run has failed or the time is up. Gives where it stands. */
async function advance(
  run: HeadlessRun,
  asked: VmArguments,
  way: { readonly beginsAtNs: number; readonly endNs: number; readonly consoles: Consoles },
): Promise<number> {
  const keyboard = asked.isInteractive ? terminalKeyboard() : undefined;
  if (asked.isInteractive && keyboard === undefined) throw new BadInput('vm: --interactive needs a terminal; --input types a file.');
  try {
    return await goOn(run, asked, way, keyboard);
  } finally {
    keyboard?.close();
  }
}

async function goOn(
  run: HeadlessRun,
  asked: VmArguments,
  way: { readonly beginsAtNs: number; readonly endNs: number; readonly consoles: Consoles },
  keyboard: Keyboard | undefined,
): Promise<number> {
  const { consoles } = way;
  const beganAtMs = performance.now();
  let timeNs = way.beginsAtNs;
  let searchedTo = 0;
  while (timeNs < way.endNs && run.failure() === undefined) {
    timeNs = Math.min(way.endNs, timeNs + LOOK_NS);
    await run.coordinator.advanceTo(timeNs);
    consoles.settle();
    if (keyboard !== undefined) await sleepUntil(beganAtMs + (timeNs - way.beginsAtNs) / 1e6);
    const keys = keyboard === undefined ? new Uint8Array(0) : keyboard.take();
    if (keys === undefined) break;
    const text = asked.dialog.reply(consoles.text()) + Buffer.from(keys).toString('utf8');
    if (text !== '') await run.coordinator.command({ kind: 'console-input', vm: VM_ID, text });
    if (asked.expect !== undefined) {
      if (consoles.text().indexOf(asked.expect, searchedTo) >= 0) break;
      searchedTo = Math.max(0, consoles.text().length - asked.expect.length);
    }
    const vms = vmsOf(run);
    if (vms.length > 0 && vms.every(({ state }) => state === 'stopped' || state === 'failed')) break;
  }
  return timeNs;
}

/** For a person virtual time does not run ahead of the clock on the wall. */
async function sleepUntil(timeMs: number): Promise<void> {
  const restMs = timeMs - performance.now();
  if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
}

/** All VMs, each as the host tells it on which it is (or was last). */
function vmsOf(run: HeadlessRun): VmSnapshot[] {
  const byId = new Map<number, VmSnapshot>();
  for (const vm of run.snapshots('main').flatMap((snapshot) => snapshot.host?.vms ?? [])) {
    if (!byId.has(vm.id) || vm.state !== 'incoming') byId.set(vm.id, vm);
  }
  return [...byId.values()];
}

/** The instant that a snapshot shows: its VM's time goes on from there. */
function instantOf(path: string, bytes: Uint8Array): number {
  const instant = snapshotInstant(bytes);
  if (!instant.ok) throw new BadInput(`--restore '${path}': ${instant.error}`);
  return instant.value;
}

async function finish(
  run: HeadlessRun,
  ending: {
    readonly asked: VmArguments;
    readonly plan: Plan;
    readonly text: string;
    readonly virtualTimeNs: number;
    readonly wallSeconds: number;
  },
): Promise<number> {
  const { asked, plan, text, virtualTimeNs, wallSeconds } = ending;
  const failure = run.failure();
  const vms = vmsOf(run);
  const broke = vms.find(({ state }) => state === 'failed');
  const found = asked.expect === undefined || text.includes(asked.expect);
  const checks = [
    { id: 'vm-did-not-fail', holds: failure === undefined && broke === undefined, found: failure?.message ?? broke?.reason ?? vms[0]?.reason ?? '' },
    ...(asked.expect === undefined
      ? []
      : [{ id: 'expected-text', holds: found, found: found ? asked.expect : `not on the console within ${showDuration(virtualTimeNs)}` }]),
  ];
  const runHash = failure === undefined ? (await run.coordinator.runHash()).hash : '';
  if (asked.report !== undefined) {
    const report = {
      lab: plan.options.lab,
      guest: asked.kernel ?? '',
      seed: plan.options.seed,
      workers: run.started.workerCount,
      virtualTimeNs,
      wallSeconds: Number(wallSeconds.toFixed(3)),
      runHash,
      metrics: {
        'instructions-retired': { value: vms.reduce((sum, vm) => sum + vm.instructionsRetired, 0), unit: 'instructions' },
        'console-bytes': { value: text.length, unit: 'bytes' },
      },
      baseline: null,
      baselines: {},
      checks,
      outcome: vms.map(outcomeOf).join('; ') || 'failed',
    };
    writeFileSync(asked.report, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (failure !== undefined) process.stderr.write(`${showFailure(failure)}\n`);
  const broken = checks.filter((check) => !check.holds);
  if (failure === undefined) {
    for (const check of broken) process.stderr.write(`${check.id} does not hold: ${check.found}\n`);
  }
  return broken.length === 0 ? 0 : 1;
}

/** How a VM ended; after its name when the file names several. */
function outcomeOf({ name, state, reason }: VmSnapshot, _: number, vms: readonly VmSnapshot[]): string {
  const how = `${state}${reason === '' ? '' : `: ${reason}`}`;
  return vms.length > 1 ? `${name} ${how}` : how;
}
