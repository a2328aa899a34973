/**
 * The lab's world: one host, one VM that prints ticks. The run that is shown pauses it; its baseline is the
 * same world and seed, in which nobody pauses it.
 */
import { PAGE_SIZE } from '../../base/index.ts';
import type { MechanismRequest, Refusal } from '../../protocol/command.ts';
import type { Scenario } from '../../protocol/scenario.ts';
import type { ProcessSnapshot } from '../../protocol/snapshot.ts';
import { consoleOf } from '../console-check.ts';
import { findVm, noSuchVm, refuse, whereabouts } from '../find.ts';
import type { JudgeOptions, LabDefinition, LabFindings, LabScenarioOptions } from '../lab.ts';
import { contract } from './contract.ts';
import { BriefPauses, periodLine, TICK_LINE } from './mechanism.ts';

/** The VM of the lab. */
export const LAB_VM = 1;
const RAM_BYTES = 4 << 20;
const PAGE_COUNT = RAM_BYTES / PAGE_SIZE;
/** RAM of the host: the VM, its tables, and room. */
const FRAME_COUNT = 2 * PAGE_COUNT;
/** When a headless run asks for the pause. Unit: ns. */
const PAUSE_AT_NS = 200_000_000;

/** What the lab comes to with its default knobs: a gap of at least the pause. */
export const EXPECTED = { gapLongestNsLeast: 60_000_000 } as const;

function scenario({ seed, knobs, baseline, guestFile, boot }: LabScenarioOptions): Scenario {
  const periodNs = knobs['period'] ?? 0;
  return {
    lab: contract.id,
    mode: baseline === '' ? 'mechanism' : 'baseline',
    baseline,
    seed,
    knobs,
    processes: [{ id: 0, name: 'host', sampleColumns: contract.metrics.map(({ id }) => id) }],
    links: [],
    hosts: [{ id: 0, name: 'host', frameCount: FRAME_COUNT, processorCount: 1 }],
    vms: [
      {
        id: LAB_VM,
        name: 'clock',
        guest: guestFile ?? 'ticker',
        fromFile: guestFile !== undefined,
        host: 0,
        pageCount: PAGE_COUNT,
        vcpuCount: 1,
        ...(boot === undefined ? {} : { boot, profile: 'rv64gc' }),
        bootInput: guestFile === undefined ? periodLine(periodNs) : '',
      },
    ],
    script: [
      {
        atNs: PAUSE_AT_NS,
        command: { kind: 'ask', ask: 'pause-briefly', arguments: { vm: LAB_VM } },
      },
    ],
    untilNs: PAUSE_AT_NS + (knobs['pause'] ?? 0) + 5 * periodNs,
    speed: 0.1,
  };
}

function findRefusal(
  world: { readonly scenario: Scenario; readonly snapshots: readonly ProcessSnapshot[] },
  request: MechanismRequest,
): Refusal | undefined {
  const id = Number(request.arguments['vm']);
  const found = findVm(world.snapshots, id);
  if (found === undefined) return noSuchVm(id);
  if (found.vm.state === 'running') return undefined;
  return refuse('not-running', `VM ${id} is ${found.vm.state}, so it cannot be paused.`);
}

/** Times at which ticks were printed. */
function tickTimesOf(snapshots: readonly ProcessSnapshot[]): number[] {
  const times: number[] = [];
  let line = '';
  for (const { timeNs, text } of consoleOf(snapshots, LAB_VM)) {
    const lines = (line + text).split('\n');
    line = lines.pop() ?? '';
    for (const whole of lines) if (TICK_LINE.test(whole)) times.push(timeNs);
  }
  return times;
}

function judge({ scenario: { vms }, snapshots }: JudgeOptions): LabFindings {
  const times = tickTimesOf(snapshots);
  const gaps = times.slice(1).map((timeNs, index) => timeNs - (times[index] ?? 0));
  const goesOn = gaps.every((gapNs) => gapNs > 0);
  return {
    metrics: {
      ticks: times.length,
      gap: gaps.at(-1),
      'gap-longest': gaps.length === 0 ? undefined : Math.max(...gaps),
    },
    checks: [
      {
        id: 'ticks-go-on',
        holds: goesOn && times.length > 0,
        found: `${times.length} ticks, ${goesOn ? 'each later than the one before' : 'not all in order'}`,
      },
    ],
    outcome: whereabouts(snapshots, vms[0]?.id ?? LAB_VM),
  };
}

/** The mechanism as the house knows it. */
export const lab: LabDefinition = {
  contract,
  everywhere: false,
  guest: { pageCount: PAGE_COUNT, vcpuCount: 1 },
  scenario,
  attach: (ports) => new BriefPauses(ports),
  findRefusal,
  forBaseline: (command) => (command.kind === 'ask' ? undefined : command),
  judge,
};
