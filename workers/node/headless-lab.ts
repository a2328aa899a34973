/** `headless lab`: runs a lab with its script and the faults asked for, judges it, writes report and capture. */
import { writeFileSync } from 'node:fs';
import type { SampleRows } from '../../core/metrics/index.ts';
import type { Command, LoggedCommand } from '../../core/protocol/command.ts';
import { findLabGuest, LAB_GUESTS, LABS_WITH_GUESTS } from '../../core/protocol/lab-guests.ts';
import type { Scenario } from '../../core/protocol/scenario.ts';
import { judge, type LabJudgement, listLabs, readScenarioFile, scriptOf, sentenceOf } from '../../core/world/index.ts';
import { WORKER_COUNT_MAX } from '../run-plan.ts';
import { planner } from '../world.ts';
import { readDuration, readFault, readInteger, readKnob, suggestion, type TimedFault } from './arguments.ts';
import { advanceToBegin, readLabGuest } from './lab-begin.ts';
import { checkWritable, optional, orBadInput, readGuest, readOptions, readText } from './options.ts';
import type { HeadlessRun } from './run-session.ts';
import { startHeadlessRun } from './run-session.ts';
import { writeLastSnapshot } from './snapshot-file.ts';
import { BadInput, makeProgress, showFailure } from './terminal.ts';

/** What `lab --help` prints. */
export const labHelp = `usage: npm run -s headless -- lab <slug> [options]
       npm run -s headless -- lab --scenario file.json [options]

  --set knob=value       a knob at the start; repeatable. 400G, 30ms, 2%, on, off are understood
  --fault id@time        injects a fault at a virtual time, such as cut-link@700ms, or
                         cut-link=link:1-2@700ms when one of several is meant; repeatable
  --scenario file.json   a datacenter of any shape in place of the lab's own
  --seed n               0 … 4294967295, default 1
  --workers n            worker threads, 1 … ${WORKER_COUNT_MAX}; the result does not depend on it. By
                         default one for up to four hosts, and as many for the baseline
  --inline               everything in one thread with unshared memory, as in a page without isolation
  --until duration       how long, in virtual time; default: the lab's own
  --baseline             also runs the lab's first baseline, from the same seed and commands
  --against id           also runs the baseline of that id, or all of them; repeatable
  --guest file.elf       a guest in place of the lab's own
  --guest id             a real system with a load: ${LAB_GUESTS.map(({ id }) => id).join(', ')} (in ${LABS_WITH_GUESTS.join(', ')}); its files
                         come from npm run guests. Times of --fault and --until then count from
                         when its load is on
  --report file.json     writes the report there, else it goes to stdout
  --snapshot file.core   writes the snapshot that was taken last, an ELF core that gdb and readelf open
  --capture file.pcapng  writes the frames at the ports of all hosts, an interface each, with virtual times

Exit status: 0 when all checks hold, 1 when one does not, 2 for bad input. \`list\` tells the
labs with their knobs and faults.
`;

interface LabArguments {
  readonly slug: string;
  readonly seed: number;
  readonly knobs: Readonly<Record<string, number>>;
  readonly faults: readonly TimedFault[];
  readonly scenario: string | undefined;
  readonly workers: number | undefined;
  readonly inline: boolean;
  readonly untilNs: number | undefined;
  readonly against: readonly string[]; // ids of baselines
  readonly guestPath: string | undefined;
  readonly report: string | undefined;
  readonly capture: string | undefined;
  readonly snapshot: string | undefined;
}

function readArguments(rest: readonly string[]): LabArguments {
  const given = readOptions('lab', rest, {
    set: 'values',
    fault: 'values',
    seed: 'value',
    workers: 'value',
    inline: 'switch',
    until: 'value',
    baseline: 'switch',
    against: 'values',
    scenario: 'value',
    guest: 'value',
    report: 'value',
    capture: 'value',
    snapshot: 'value',
  });
  const [operand, ...more] = given.operands;
  const slugs = listLabs().map((lab) => lab.slug);
  const path = given.value('scenario');
  if (path !== undefined && operand !== undefined) {
    throw new BadInput(`lab takes a lab or --scenario, found '${operand}' and --scenario '${path}'.`);
  }
  const scenario = path === undefined ? undefined : readText('--scenario', path);
  const file = scenario === undefined ? undefined : contentOf(scenario);
  const slug = file?.lab ?? operand;
  if (slug === undefined) throw new BadInput(`lab needs the name of a lab. Known: ${slugs.join(', ')}.`);
  if (more.length > 0) throw new BadInput(`lab takes one lab, found '${more[0]}' after '${slug}'.`);
  const lab = listLabs().find((it) => it.slug === slug);
  if (lab === undefined && file === undefined) throw new BadInput(`There is no lab '${slug}'${suggestion(slug, slugs)}`);
  const faultIds = lab?.faults.map((fault) => fault.id) ?? [];
  const baselines = lab?.baselines.map(({ id }) => id) ?? [];
  const against = againstOf(slug, baselines, { first: given.has('baseline'), named: given.values('against') });
  const settings = given.values('set').map((text) => orBadInput(readKnob(text, lab?.knobs ?? [])));
  return {
    slug,
    seed: optional(given.value('seed'), (text) => readInteger('--seed', text, { minimum: 0, maximum: 0xffff_ffff })) ?? file?.seed ?? 1,
    knobs: Object.fromEntries(settings.map(({ id, value }) => [id, value])),
    faults: given.values('fault').map((text) => orBadInput(readFault(text, faultIds))),
    workers: optional(given.value('workers'), (text) =>
      readInteger('--workers', text, { minimum: 1, maximum: WORKER_COUNT_MAX }),
    ),
    inline: given.has('inline'),
    untilNs: optional(given.value('until'), (text) => readDuration('--until', text)),
    against,
    scenario,
    guestPath: given.value('guest'),
    report: given.value('report'),
    capture: given.value('capture'),
    snapshot: given.value('snapshot'),
  };
}

/** Ids of the baselines asked for, each once. */
function againstOf(
  slug: string,
  known: readonly string[],
  asked: { readonly first: boolean; readonly named: readonly string[] },
): readonly string[] {
  if (asked.first && known.length === 0) throw new BadInput(`The lab '${slug}' has no baseline.`);
  for (const id of asked.named) {
    if (id !== 'all' && !known.includes(id)) {
      throw new BadInput(`The lab '${slug}' has no baseline '${id}'${suggestion(id, [...known, 'all'])}`);
    }
  }
  if (asked.named.includes('all')) return known;
  return [...new Set([...(asked.first ? known.slice(0, 1) : []), ...asked.named])];
}

/** Runs it; the result is the exit status. */
export async function runLab(rest: readonly string[]): Promise<number> {
  const asked = readArguments(rest);
  const guest = guestOf(asked);
  const scenarioIn = (baseline: string): Scenario => {
    const { slug: lab, seed, knobs, scenario: file } = asked;
    const extras = { ...(guest === undefined ? {} : { guest: guest.bytes, guestName: guest.name }), ...(file === undefined ? {} : { file }) };
    const made = planner.scenarioOf({ lab, seed, knobs, baseline, ...extras });
    if (!made.ok) throw new BadInput(made.error.sentence);
    return made.value as Scenario;
  };
  const scenario = scenarioIn('');
  const lengthNs = asked.untilNs ?? scenario.untilNs;
  checkWritable('--report', asked.report);
  checkWritable('--capture', asked.capture);
  checkWritable('--snapshot', asked.snapshot);
  const progress = makeProgress(lengthNs);
  const beganAtMs = performance.now();
  const begun = await startHeadlessRun(
    {
      lab: asked.slug,
      seed: asked.seed,
      knobs: asked.knobs,
      baselines: asked.against,
      ...(asked.scenario === undefined ? {} : { scenario: asked.scenario }),
      playing: false,
      speed: Number.POSITIVE_INFINITY,
      capture: asked.capture !== undefined,
      ...(scenario.begins === undefined ? { log: commandsOf(scenario, asked.faults) } : {}),
      ...(asked.workers === undefined ? {} : { workerCount: asked.workers }),
      ...(guest === undefined ? {} : { guest }),
    },
    { inline: asked.inline, onState: progress.onState },
  );
  if (!begun.ok) {
    if ('sentence' in begun.error) throw new BadInput(begun.error.sentence);
    process.stderr.write(`${showFailure(begun.error)}\n`);
    return 1;
  }
  const run = begun.value;
  try {
    const began = await advanceToBegin(run, scenario);
    if (typeof began === 'string') {
      progress.done();
      process.stderr.write(`${began}\n`);
      return 1;
    }
    if (scenario.begins !== undefined) {
      for (const { atNs, command } of commandsOf(scenario, asked.faults)) await run.coordinator.command(command, began + atNs);
    }
    const untilNs = began + lengthNs;
    await run.coordinator.advanceTo(untilNs);
    progress.done();
    const baselines = asked.against.map((id) => ({ id, scenario: scenarioIn(id) }));
    const wallSeconds = (performance.now() - beganAtMs) / 1000;
    return await finish(run, { asked, scenario, baselines, beganNs: began, untilNs, wallSeconds });
  } finally {
    await run.stop();
  }
}

/** The guest in place of the lab's own: a file, or a real system by its id. */
function guestOf({ guestPath, slug }: LabArguments): { readonly name: string; readonly bytes: Uint8Array } | undefined {
  if (guestPath === undefined) return undefined;
  return findLabGuest(guestPath) === undefined ? { name: guestPath, bytes: readGuest('--guest', guestPath) } : readLabGuest(guestPath, slug);
}

/** A scenario file's content, or a refusal. */
function contentOf(text: string) {
  const read = readScenarioFile(text);
  if (!read.ok) throw new BadInput(sentenceOf(read.error));
  return read.value;
}

/** The lab's own script and the faults asked for, as a log. */
function commandsOf(scenario: Scenario, faults: readonly TimedFault[]): LoggedCommand[] {
  return [
    ...scriptOf(scenario).map(({ atNs, command }) => ({ atNs, command })),
    ...faults.map(({ id, target, atNs }): { atNs: number; command: Command } => ({
      atNs,
      command: { kind: 'inject-fault', fault: id, ...(target === '' ? {} : { target }) },
    })),
  ]
    .toSorted((left, right) => left.atNs - right.atNs)
    .map((entry, sequence) => ({ ...entry, sequence }));
}

async function finish(
  run: HeadlessRun,
  setting: {
    readonly asked: LabArguments;
    readonly scenario: Scenario;
    readonly baselines: readonly { readonly id: string; readonly scenario: Scenario }[];
    readonly beganNs: number;
    readonly untilNs: number;
    readonly wallSeconds: number;
  },
): Promise<number> {
  const { asked, scenario, untilNs, wallSeconds } = setting;
  const failure = run.failure();
  const { slug: lab, guestPath: guest = '', seed } = asked;
  const head = { lab, guest, seed, workers: run.started.workerCount };
  if (failure !== undefined) {
    process.stderr.write(`${showFailure(failure)}\n`);
    const outcome = `failed: ${failure.message}`;
    const virtualTimeNs = failure.virtualTimeNs;
    const nothing = { runHash: '', metrics: {}, baseline: null, baselines: {}, checks: [] };
    writeReport(asked.report, { ...head, virtualTimeNs, wallSeconds, ...nothing, outcome, failure });
    return 1;
  }
  const { hash } = await run.coordinator.runHash();
  const commands = run.log();
  const judged = async (lane: string, scenario: Scenario) =>
    judge({ scenario, snapshots: run.snapshots(lane), commands, samplesOf: await samplesOf(run, scenario, lane) });
  const judgement = await judged('main', scenario);
  const baselines: { id: string; judgement: LabJudgement }[] = [];
  for (const it of setting.baselines) {
    baselines.push({ id: it.id, judgement: await judged(it.id, it.scenario) });
  }
  if (asked.capture !== undefined) {
    writeFileSync(asked.capture, await run.coordinator.capture('all'));
  }
  if (asked.snapshot !== undefined) await writeLastSnapshot(run, asked.snapshot);
  writeReport(asked.report, {
    ...head,
    ...(scenario.begins === undefined ? {} : { beganAtNs: setting.beganNs }),
    virtualTimeNs: untilNs,
    wallSeconds: Number(wallSeconds.toFixed(3)),
    runHash: hash,
    metrics: judgement.metrics,
    baseline: baselines[0]?.judgement ?? null,
    baselines: Object.fromEntries(baselines.map(({ id, judgement }) => [id, judgement])),
    checks: judgement.checks,
    outcome: judgement.outcome,
  });
  const judgements = [judgement, ...baselines.map((it) => it.judgement)];
  const broken = judgements.flatMap(({ checks }) => checks).filter((check) => !check.holds);
  for (const check of broken) process.stderr.write(`${check.id} does not hold: ${check.found}\n`);
  return broken.length === 0 ? 0 : 1;
}

/** Reads the sampled rows of a lane's processes. */
async function samplesOf(run: HeadlessRun, { processes }: Scenario, lane: string) {
  const rows = new Map<number, SampleRows>();
  for (const { id, sampleColumns } of processes) {
    const { values } = await run.coordinator.copySamples(id, 0, lane);
    rows.set(id, { columns: sampleColumns, values });
  }
  return (process: number) => rows.get(process);
}

function writeReport(
  path: string | undefined,
  report: { readonly outcome: string } & Readonly<Record<string, unknown>>,
): void {
  const text = `${JSON.stringify(report, null, 2)}\n`;
  if (path === undefined) process.stdout.write(text);
  else {
    writeFileSync(path, text);
    process.stdout.write(`${report.outcome}\n`);
  }
}
