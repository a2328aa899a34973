/**
 * The lab's world: two hosts, one link, one VM that writes pages. The run that is shown migrates it while
 * it runs; its baseline is the same world, same seed, with stop-and-copy instead.
 */
import { NS_PER_SECOND, PAGE_SIZE } from '../../base/index.ts';
import type { Command } from '../../protocol/command.ts';
import type { Scenario } from '../../protocol/scenario.ts';
import { allKnobs, type LabDefinition, type LabScenarioOptions } from '../lab.ts';
import { MigrationAttachment } from './attachment.ts';
import { beginsWith, labVm, writtenBy } from '../guest-words.ts';
import { contract } from './contract.ts';
import { judgeMigrations } from './judgement.ts';
import { findMigrationRefusal } from './refusal.ts';

/** The VM of the lab: 64 MiB, a map of 128 × 128 pages. */
export const LAB_VM = 1;
/** RAM of the lab's VM in pages. */
export const LAB_PAGE_COUNT = 16_384;
/** RAM of each host: the VM, its tables, and half as much again. */
export const LAB_FRAME_COUNT = 24_576;
/** When a headless run asks for the migration. Unit: ns. By then the guest has filled its memory. */
export const LAB_MIGRATE_AT_NS = 200_000_000;

/** What the lab is expected to come to with its default knobs. */
export const EXPECTED = { outcome: 'migrated', roundsMost: 6 } as const;

/** The defaults of all knobs. */
export function defaultKnobs(): Record<string, number> {
  return allKnobs(contract);
}

/** The scenario for these knobs (all given, all checked by the caller). */
export function precopyScenario(options: LabScenarioOptions): Scenario {
  const { baseline, seed, knobs } = options;
  const vm = labVm({ id: LAB_VM, name: 'web-1', guest: 'dirtier', host: 0, pageCount: LAB_PAGE_COUNT, vcpuCount: 1 }, options);
  const knob = (id: string) => knobs[id] ?? 0;
  const sampleColumns = contract.metrics.map((metric) => metric.id);
  const hosts = ['host-a', 'host-b'].map((name, id) => ({
    id,
    name,
    frameCount: LAB_FRAME_COUNT,
    processorCount: 2,
  }));
  return {
    lab: contract.id,
    mode: baseline === '' ? 'mechanism' : 'baseline',
    baseline,
    seed,
    knobs,
    processes: hosts.map(({ id, name }) => ({ id, name, sampleColumns })),
    links: [
      {
        a: 0,
        b: 1,
        bandwidthBitsPerSecond: Math.round(knob('bandwidth')),
        latencyNs: Math.round(knob('latency')),
        lossPerMillion: Math.round(knob('loss') * 10_000),
      },
    ],
    hosts,
    vms: [vm],
    ...beginsWith(vm),
    script: [{ atNs: LAB_MIGRATE_AT_NS, command: { kind: 'migrate', vm: LAB_VM, to: 1 } }],
    untilNs: LAB_MIGRATE_AT_NS + expectedNs(vm.guest, knobs),
    speed: 0.03,
  };
}

/** Knobs that stop-and-copy does not have. */
const PRECOPY_ONLY = ['downtime-limit', 'round-limit', 'throttle'];

/** `migrate` means stop-and-copy there. */
function forBaseline(command: Command): Command | undefined {
  return command.kind === 'set-knob' && PRECOPY_ONLY.includes(command.knob) ? undefined : command;
}

/** The mechanism as the house knows it. */
export const lab: LabDefinition = {
  contract,
  everywhere: true,
  guest: { pageCount: LAB_PAGE_COUNT, vcpuCount: 1 },
  scenario: precopyScenario,
  attach: (ports) => new MigrationAttachment(ports),
  findRefusal: findMigrationRefusal,
  forBaseline,
  judge: judgeMigrations,
};

/**
 * Longest time that a migration with these knobs should take: a few copies of the memory, some
 * rounds of waiting, all rounds of the working set when the guest writes as fast as the link, a
 * second. Unit: ns.
 */
function expectedNs(guest: string, knobs: Readonly<Record<string, number>>): number {
  const knob = (id: string) => knobs[id] ?? 0;
  const written = writtenBy(guest, knobs);
  const pageNs = ((PAGE_SIZE * 8) / Math.max(1, knob('bandwidth'))) * NS_PER_SECOND;
  const copyNs = LAB_PAGE_COUNT * pageNs;
  const waitNs = 40 * knob('latency');
  const strained = 2 * written.pagesPerSecond * pageNs > NS_PER_SECOND;
  const rounds = strained ? knob('round-limit') + 12 : 0; // 12: the steps of the throttle
  const roundsNs = rounds * written.pages * pageNs;
  const allNs = Math.round(2.5 * copyNs + waitNs + roundsNs + NS_PER_SECOND);
  return Math.min(allNs, 600 * NS_PER_SECOND);
}
