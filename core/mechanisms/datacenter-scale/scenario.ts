/**
 * The lab's world: pods of hosts with aggregate VMs, cables between them, and hosts with real memory beside. The run that is
 * shown balances; its baseline is the same world and seed, in which every VM stays where it was placed.
 */
import { PAGE_SIZE } from '../../base/index.ts';
import type { MechanismRequest, Refusal } from '../../protocol/command.ts';
import type { Scenario, ScenarioLink, ScenarioProcess } from '../../protocol/scenario.ts';
import type { ProcessSnapshot } from '../../protocol/snapshot.ts';
import type { LogicalProcess } from '../../sim/logical-process.ts';
import { refuse } from '../find.ts';
import type { LabDefinition, LabScenarioOptions } from '../lab.ts';
import type { OwnProcessOptions } from '../node-ports.ts';
import { contract } from './contract.ts';
import { judge } from './judgement.ts';
import { layoutOf } from './layout.ts';
import type { Neighbour } from './pod.ts';
import { PodProcess } from './pod-process.ts';

/** Cables between pods, and from a pod to a host with real memory. */
const POD_LINK = { bandwidthBitsPerSecond: 400_000_000_000, latencyNs: 50_000, lossPerMillion: 0 } as const;
/** Time between two samples. Unit: ns. */
const SAMPLE_NS = 500_000_000;
/** Length of a headless run. Unit: ns. */
const UNTIL_NS = 60_000_000_000;
/** Metrics that a pod samples. */
const POD_COLUMNS = ['overloaded', 'cpu-stolen', 'hosts-up', 'vms-running', 'moving', 'moves', 'bytes-moved', 'bytes-network'] as const;

function scenario({ seed, knobs, baseline }: LabScenarioOptions): Scenario {
  const layout = layoutOf({ hosts: knobs['hosts'] ?? 20, vmsPerHost: knobs['vms-per-host'] ?? 1, pagedVms: 0 });
  const processes: ScenarioProcess[] = layout.pods.map(({ process, firstHost, hostCount, firstVm, vmCount }) => ({
    id: process,
    name: `pod ${process}`,
    kind: 'pod',
    parameters: { firstHost, hostCount, firstVm, vmCount },
    weight: hostCount,
    sampleColumns: POD_COLUMNS,
  }));
  const links: ScenarioLink[] = layout.podCables.map(([a, b]) => ({ a, b, ...POD_LINK }));
  return {
    lab: contract.id,
    mode: baseline === '' ? 'mechanism' : 'baseline',
    baseline,
    seed,
    knobs,
    processes,
    links,
    hosts: [],
    vms: [],
    script: [],
    sampleNs: SAMPLE_NS,
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
  guest: { pageCount: (4 << 20) / PAGE_SIZE, vcpuCount: 1 },
  processKinds: [{ kind: 'pod', passesOn: false, build: buildPod }],
  scenario,
  attach: () => ({ onRequest: () => undefined, hashInto: () => undefined }),
  findRefusal,
  hasTarget,
  forBaseline: (command) => (command.kind === 'ask' ? undefined : command),
  judge,
};
