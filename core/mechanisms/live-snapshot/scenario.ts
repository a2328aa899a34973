/**
 * The lab's world: one VM in which somebody types while it writes pages, on a host with a disk, and a second
 * host that it may move to. The run that is shown takes a snapshot while it runs; the baselines are the same
 * world, same seed, with the two older ways of taking it.
 */
import { NS_PER_SECOND, PAGE_SIZE } from '../../base/index.ts';
import type { Command } from '../../protocol/command.ts';
import type { Scenario } from '../../protocol/scenario.ts';
import { allKnobs, type LabDefinition, type LabScenarioOptions } from '../lab.ts';
import { LiveSnapshotAttachment } from './attachment.ts';
import { beginsWith, labVm } from '../guest-words.ts';
import { contract } from './contract.ts';
import { judgeSnapshots } from './judgement.ts';
import { findSnapshotRefusal } from './refusal.ts';

/** The VM of the lab: 64 MiB, a map of 128 × 128 pages. */
export const LAB_VM = 1;
/** RAM of the lab's VM in pages. */
export const LAB_PAGE_COUNT = 16_384;
/** RAM of each host: the VM, a fork of it, and their tables. */
export const LAB_FRAME_COUNT = 33_280;
/** When a headless run asks for the snapshot. Unit: ns. By then the guest has filled its memory. */
export const LAB_SNAPSHOT_AT_NS = 200_000_000;
/** What it is called then. */
export const LAB_SNAPSHOT_NAME = 'while typing';

/** The defaults of all knobs. */
export function defaultKnobs(): Record<string, number> {
  return allKnobs(contract);
}

/** The scenario for these knobs (all given, all checked by the caller). */
export function liveSnapshotScenario(options: LabScenarioOptions): Scenario {
  const { baseline, seed, knobs } = options;
  const vm = labVm({ id: LAB_VM, name: 'desk-1', guest: 'dirtier', host: 0, pageCount: LAB_PAGE_COUNT, vcpuCount: 1 }, options);
  const sampleColumns = contract.metrics.map((metric) => metric.id);
  const hosts = ['host-a', 'host-b'].map((name, id) => ({
    id, name, frameCount: LAB_FRAME_COUNT, processorCount: 2,
  }));
  return {
    lab: contract.id,
    mode: baseline === '' ? 'mechanism' : 'baseline',
    baseline,
    seed,
    knobs,
    processes: hosts.map(({ id, name }) => ({ id, name, sampleColumns })),
    links: [{ a: 0, b: 1, bandwidthBitsPerSecond: 10_000_000_000, latencyNs: 50_000, lossPerMillion: 0 }],
    hosts,
    vms: [vm],
    ...beginsWith(vm),
    script: [
      {
        atNs: LAB_SNAPSHOT_AT_NS,
        command: { kind: 'ask', ask: 'take-snapshot', arguments: { vm: LAB_VM, name: LAB_SNAPSHOT_NAME } },
      },
    ],
    untilNs: LAB_SNAPSHOT_AT_NS + expectedNs(knobs),
    speed: 0.03,
  };
}

/** Knobs that neither baseline has a use for. */
const LIVE_ONLY = ['queue-reserve', 'page-size'];

function forBaseline(command: Command): Command | undefined {
  return command.kind === 'set-knob' && LIVE_ONLY.includes(command.knob) ? undefined : command;
}

/** The mechanism as the house knows it. */
export const lab: LabDefinition = {
  contract,
  everywhere: true,
  guest: { pageCount: LAB_PAGE_COUNT, vcpuCount: 1 },
  scenario: liveSnapshotScenario,
  attach: (ports) => new LiveSnapshotAttachment(ports),
  findRefusal: findSnapshotRefusal,
  forBaseline,
  judge: judgeSnapshots,
};

/** Longest time that a snapshot with these knobs should take: twice the memory over the disk, the sweep, half a second. */
function expectedNs(knobs: Readonly<Record<string, number>>): number {
  const bytes = LAB_PAGE_COUNT * PAGE_SIZE;
  const diskNs = (bytes / (knobs['disk-bandwidth'] ?? 1)) * NS_PER_SECOND;
  const sweepNs = (LAB_PAGE_COUNT / (knobs['sweep-rate'] ?? 1)) * NS_PER_SECOND;
  const operationsNs = LAB_PAGE_COUNT * (knobs['disk-latency'] ?? 0);
  return Math.min(Math.round(2 * (diskNs + sweepNs) + operationsNs + NS_PER_SECOND / 2), 600 * NS_PER_SECOND);
}
