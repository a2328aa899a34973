/** `headless vm`: runs a kernel file in a VM, its console on stdout, until a text, its own end or a time. */
import { writeFileSync } from 'node:fs';
import type { ProcessSnapshot } from '../../core/protocol/snapshot.ts';
import { snapshotInstant, VM_LAB } from '../world.ts';
import { readDuration, readInteger, readSize } from './arguments.ts';
import { checkWritable, optional, readGuest, readOptions } from './options.ts';
import type { HeadlessRun } from './run-session.ts';
import { startHeadlessRun } from './run-session.ts';
import { writeSnapshot } from './snapshot-file.ts';
import { BadInput, showDuration, showFailure } from './terminal.ts';

/** What `vm --help` prints. */
export const vmHelp = `usage: npm run -s headless -- vm --kernel guest.elf [options]
       npm run -s headless -- vm --restore file.core [options]

  --kernel guest.elf   an S-mode RV64IMA program: a0 hart id, a1 device tree, RAM from
                       0x80000000, SBI 2.0
  --restore file.core  a VM goes on from a snapshot, at the instant that it shows; it brings its
                       RAM and its vCPUs
  --snapshot file.core writes a snapshot of where the VM stands at the end, an ELF core that gdb
                       and readelf open
  --ram size           64M by default
  --vcpus n            1 by default
  --until duration     virtual time at most; 10s by default, counted from a snapshot's instant
  --expect text        ends with 0 as soon as the console shows it, with 1 if it never does
  --seed n             0 … 4294967295, default 1
  --report file.json   writes a report there

The guest's console goes to stdout. Exit status: 0, or 1 when the VM failed or the text did
not come, 2 for bad input.
`;

/** Virtual time between two looks at the console for the text. Unit: ns. */
const LOOK_NS = 10_000_000;
const UNTIL_NS = 10_000_000_000;

interface VmArguments {
  readonly kernel: string;
  readonly restores: boolean;
  readonly snapshot: string | undefined;
  readonly ramBytes: number;
  readonly vcpuCount: number;
  readonly untilNs: number;
  readonly expect: string | undefined;
  readonly seed: number;
  readonly report: string | undefined;
}

function readArguments(rest: readonly string[]): VmArguments {
  const given = readOptions('vm', rest, {
    kernel: 'value',
    restore: 'value',
    snapshot: 'value',
    ram: 'value',
    vcpus: 'value',
    until: 'value',
    expect: 'value',
    seed: 'value',
    report: 'value',
  });
  const [operand] = given.operands;
  if (operand !== undefined) throw new BadInput(`vm takes options only, found '${operand}'; the guest goes behind --kernel.`);
  const restore = given.value('restore');
  const kernel = restore ?? given.value('kernel');
  if (kernel === undefined) throw new BadInput('vm needs --kernel guest.elf or --restore file.core.');
  if (restore !== undefined) {
    const surplus = ['kernel', 'ram', 'vcpus'].find((name) => given.value(name) !== undefined);
    if (surplus !== undefined) throw new BadInput(`vm takes --restore or --${surplus}, not both: a snapshot brings its own.`);
  }
  return {
    kernel,
    restores: restore !== undefined,
    snapshot: given.value('snapshot'),
    ramBytes: optional(given.value('ram'), (text) => readSize('--ram', text)) ?? 64 * 1024 * 1024,
    vcpuCount: optional(given.value('vcpus'), (text) => readInteger('--vcpus', text, { minimum: 1, maximum: 16 })) ?? 1,
    untilNs: optional(given.value('until'), (text) => readDuration('--until', text)) ?? UNTIL_NS,
    expect: given.value('expect'),
    seed: optional(given.value('seed'), (text) => readInteger('--seed', text, { minimum: 0, maximum: 0xffff_ffff })) ?? 1,
    report: given.value('report'),
  };
}

/** Runs it; the result is the exit status. */
export async function runVm(rest: readonly string[]): Promise<number> {
  const asked = readArguments(rest);
  const bytes = readGuest(asked.restores ? '--restore' : '--kernel', asked.kernel);
  const beginsAtNs = asked.restores ? instantOf(asked.kernel, bytes) : 0;
  checkWritable('--report', asked.report);
  checkWritable('--snapshot', asked.snapshot);
  const beganAtMs = performance.now();
  let text = '';
  const onSnapshot = (_lane: unknown, snapshot: ProcessSnapshot) => {
    for (const chunk of snapshot.console) {
      text += chunk.text;
      process.stdout.write(Buffer.from(chunk.text, 'latin1'));
    }
  };
  const begun = await startHeadlessRun(
    {
      lab: VM_LAB,
      seed: asked.seed,
      knobs: { ram: asked.ramBytes, vcpus: asked.vcpuCount },
      playing: false,
      speed: Number.POSITIVE_INFINITY,
      capture: false,
      guest: { name: asked.kernel, bytes },
    },
    { inline: false, onSnapshot },
  );
  if (!begun.ok) {
    if ('sentence' in begun.error) throw new BadInput(begun.error.sentence);
    process.stderr.write(`${showFailure(begun.error)}\n`);
    return 1;
  }
  const run = begun.value;
  try {
    const endNs = beginsAtNs + asked.untilNs;
    const virtualTimeNs = await advance(run, asked, { endNs, beginsAtNs, text: () => text });
    if (asked.snapshot !== undefined && run.failure() === undefined) await writeSnapshot(run, asked.snapshot);
    return await finish(run, { asked, text, virtualTimeNs, wallSeconds: (performance.now() - beganAtMs) / 1000 });
  } finally {
    await run.stop();
  }
}

/** Goes on until the text is there, the VM has ended, the run has failed or the time is up. Gives where it stands. */
async function advance(
  run: HeadlessRun,
  asked: VmArguments,
  way: { readonly beginsAtNs: number; readonly endNs: number; readonly text: () => string },
): Promise<number> {
  const { text } = way;
  let timeNs = way.beginsAtNs;
  let searchedTo = 0;
  while (timeNs < way.endNs && run.failure() === undefined) {
    timeNs = Math.min(way.endNs, timeNs + LOOK_NS);
    await run.coordinator.advanceTo(timeNs);
    if (asked.expect !== undefined) {
      if (text().indexOf(asked.expect, searchedTo) >= 0) break;
      searchedTo = Math.max(0, text().length - asked.expect.length);
    }
    const state = vmOf(run)?.state;
    if (state === 'stopped' || state === 'failed') break;
  }
  return timeNs;
}

function vmOf(run: HeadlessRun) {
  return run.snapshots('main').flatMap((snapshot) => snapshot.host?.vms ?? [])[0];
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
    readonly text: string;
    readonly virtualTimeNs: number;
    readonly wallSeconds: number;
  },
): Promise<number> {
  const { asked, text, virtualTimeNs, wallSeconds } = ending;
  const failure = run.failure();
  const vm = vmOf(run);
  const found = asked.expect === undefined || text.includes(asked.expect);
  const checks = [
    { id: 'vm-did-not-fail', holds: failure === undefined && vm?.state !== 'failed', found: failure?.message ?? vm?.reason ?? '' },
    ...(asked.expect === undefined
      ? []
      : [{ id: 'expected-text', holds: found, found: found ? asked.expect : `not on the console within ${showDuration(virtualTimeNs)}` }]),
  ];
  const runHash = failure === undefined ? (await run.coordinator.runHash()).hash : '';
  if (asked.report !== undefined) {
    const report = {
      kernel: asked.kernel,
      seed: asked.seed,
      workers: run.started.workerCount,
      virtualTimeNs,
      wallSeconds: Number(wallSeconds.toFixed(3)),
      runHash,
      metrics: {
        'instructions-retired': { value: vm?.instructionsRetired ?? 0, unit: 'instructions' },
        'console-bytes': { value: text.length, unit: 'bytes' },
      },
      baseline: null,
      checks,
      outcome: vm === undefined ? 'failed' : `${vm.state}${vm.reason === '' ? '' : `: ${vm.reason}`}`,
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
