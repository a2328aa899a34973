/**
 * The lab's world: pods of hosts with aggregate VMs, cables between them, and hosts with real memory beside. The run that is
 * shown balances; its baseline is the same world and seed, in which every VM stays where it was placed.
 */
import type { MechanismRequest, Refusal } from '../../protocol/command.ts';
import type { Scenario, ScenarioLink, ScenarioProcess } from '../../protocol/scenario.ts';
import type { ProcessSnapshot } from '../../protocol/snapshot.ts';
import type { LogicalProcess } from '../../sim/logical-process.ts';
import { refuse } from '../find.ts';
import type { LabDefinition, LabScenarioOptions } from '../lab.ts';
import type { OwnProcessOptions } from '../node-ports.ts';
import { PROFILE_GUEST } from '../../workload/paged-vm.ts';
import { BEAT_NS } from './agent.ts';
import { contract } from './contract.ts';
import { judge } from './judgement.ts';
import { layoutOf } from './layout.ts';
import type { Neighbour } from './pod.ts';
import { PodProcess } from './pod-process.ts';
import { Promotions } from './promotion.ts';

/** Cables between pods, and from a pod to a host with real memory. */
const POD_LINK = { bandwidthBitsPerSecond: 400_000_000_000, latencyNs: 50_000, lossPerMillion: 0 } as const;
/** Between two hosts with real memory, and from a pod to one of them. */
const HOST_LINK = { bandwidthBitsPerSecond: 25_000_000_000, latencyNs: 100_000, lossPerMillion: 0 } as const;
/** RAM of a VM with real pages, and of its host: ten of them, eleven that are promoted, and tables. Unit: 4 KiB. */
const PAGE_COUNT = 512;
const FRAME_COUNT = 16_384;
/** Work of a host with real memory, beside that of a host of a pod. */
const SINGLE_WEIGHT = 40;
/** Hash points of hosts, and the grid on which paged VMs act: that of the pods' beats. Unit: ns. */
const HASH_NS = 30_000_000_000;
const WORKLOAD_NS = BEAT_NS;
/** Time between two samples. Unit: ns. */
const SAMPLE_NS = 500_000_000;
/** Length of a headless run. Unit: ns. */
const UNTIL_NS = 60_000_000_000;
/** Metrics that a pod samples. */
const POD_COLUMNS = ['overloaded', 'cpu-stolen', 'hosts-up', 'vms-running', 'moving', 'moves', 'bytes-moved', 'bytes-network'] as const;

function scenario({ seed, knobs, baseline }: LabScenarioOptions): Scenario {
  const layout = layoutOf({ hosts: knobs['hosts'] ?? 20, vmsPerHost: knobs['vms-per-host'] ?? 1, pagedVms: knobs['paged-vms'] ?? 0 });
  const processes: ScenarioProcess[] = layout.pods.map(({ process, firstHost, hostCount, firstVm, vmCount }) => ({
    id: process,
    name: `pod ${process}`,
    kind: 'pod',
    parameters: { firstHost, hostCount, firstVm, vmCount },
    weight: hostCount,
    sampleColumns: POD_COLUMNS,
  }));
  const links: ScenarioLink[] = [
    ...layout.podCables.map(([a, b]) => ({ a, b, ...POD_LINK })),
    ...[...layout.singleCables, ...layout.accessCables].map(([a, b]) => ({ a, b, ...HOST_LINK })),
  ];
  const singles = layout.singles.map((id, index) => ({ id, name: `host ${String.fromCharCode(65 + index)}` }));
  const pagedCount = Math.round(knobs['paged-vms'] ?? 0);
  return {
    lab: contract.id,
    mode: baseline === '' ? 'mechanism' : 'baseline',
    baseline,
    seed,
    knobs,
    processes: [...processes, ...singles.map((it) => ({ ...it, weight: SINGLE_WEIGHT, sampleColumns: [] }))],
    links,
    hosts: singles.map((it) => ({ ...it, frameCount: FRAME_COUNT, processorCount: 2 })),
    vms: Array.from({ length: pagedCount }, (_, index) => ({
      id: 1 + index,
      name: `paged ${1 + index}`,
      guest: `${PROFILE_GUEST}micro`,
      fromFile: false,
      host: layout.singles[index % layout.singles.length]!,
      pageCount: PAGE_COUNT,
      vcpuCount: 1,
      bootInput: '',
    })),
    script: [],
    sampleNs: SAMPLE_NS,
    hashNs: HASH_NS,
    workloadNs: WORKLOAD_NS,
    untilNs: UNTIL_NS,
    speed: 5,
  };
}

function buildPod({ scenario: world, id, ring }: OwnProcessOptions): LogicalProcess {
  const row = world.processes.find((it) => it.id === id)!;
  const parameter = (process: ScenarioProcess | undefined, name: string) => process?.parameters?.[name] ?? 0;
  const neighbours = world.links
    .filter(({ a, b }) => a === id || b === id)
    .map(({ a, b, bandwidthBitsPerSecond, latencyNs }): Neighbour => {
      const process = a === id ? b : a;
      const there = world.processes.find((it) => it.id === process);
      return {
        process,
        hostCount: parameter(there, 'hostCount'),
        firstHost: parameter(there, 'firstHost'),
        rate: Math.max(1, Math.round(bandwidthBitsPerSecond / 8e6)),
        latencyNs,
      };
    });
  return new PodProcess({
    process: id,
    name: row.name,
    seed: world.seed,
    hostCount: parameter(row, 'hostCount'),
    firstHost: parameter(row, 'firstHost'),
    vmCount: parameter(row, 'vmCount'),
    firstVm: parameter(row, 'firstVm'),
    neighbours,
    knobs: world.knobs,
    isBaseline: world.baseline !== '',
    columns: row.sampleColumns,
    ring,
    sampleNs: world.sampleNs ?? SAMPLE_NS,
  });
}

function findRefusal(
  { scenario: world }: { readonly scenario: Scenario; readonly snapshots: readonly ProcessSnapshot[] },
  request: MechanismRequest,
): Refusal | undefined {
  const to = Number(request.arguments['to']);
  const hosts = Math.round(world.knobs['hosts'] ?? 0);
  if (request.name === 'move-vm' && !(to >= 0 && to < hosts)) {
    return refuse('no-such-host', `There is no host ${to}; there are hosts 0 to ${hosts - 1}.`);
  }
  if (request.name === 'promote') {
    const fidelity = request.arguments['fidelity'] ?? 'paged';
    if (fidelity !== 'paged' && fidelity !== 'emulated') return refuse('bad-fidelity', `A VM is 'paged' or 'emulated', not '${fidelity}'.`);
    if (!world.hosts.some(({ id }) => id === to)) return refuse('no-such-host', `Process ${to} is no host with real memory.`);
  }
  return undefined;
}

/** 'machine:4711' of the datacenter. */
function hasTarget({ knobs }: Scenario, target: string): boolean {
  const [, number] = /^machine:(\d+)$/.exec(target) ?? [];
  return number !== undefined && Number(number) < Math.round(knobs['hosts'] ?? 0);
}

/** The mechanism as the house knows it. */
export const lab: LabDefinition = {
  contract,
  everywhere: false,
  guest: { pageCount: PAGE_COUNT, vcpuCount: 1 },
  processKinds: [{ kind: 'pod', passesOn: false, build: buildPod }],
  scenario,
  attach: (ports) => new Promotions(ports),
  findRefusal,
  hasTarget,
  forBaseline: (command) => (command.kind === 'ask' ? undefined : command),
  judge,
};
