/**
 * The lab's world: two sites with four gateways each, a shared WAN, eleven protected workloads that write 80 MB/s in
 * all: 40, 15, 15 and 10 by gateway, of 24 MB/s each (the card's numbers) at a hundredth of the size. Its baseline is
 * the same world in which every workload stays where it was put.
 */
import type { Scenario, ScenarioLink, ScenarioProcess, ScenarioWorkload } from '../../protocol/scenario.ts';
import type { Attachment } from '../host-ports.ts';
import type { LabDefinition, LabScenarioOptions } from '../lab.ts';
import type { NodePart, NodePorts } from '../node-ports.ts';
import { contract, recoveryPointColumn, WORKLOADS, type WorkloadPlan } from './contract.ts';
import { judgeBalancing } from './judgement.ts';
import { PrimaryGateway } from './primary-gateway.ts';
import { RecoveryGateway } from './recovery-gateway.ts';
import { RecoverySite } from './recovery-site.ts';
import { findRequestRefusal, findSite } from './refusal.ts';
import { ProductionSite } from './site.ts';
import { SiteSwitch } from './site-switch.ts';

/** The card's megabytes a second as the lab's bytes a second: one hundredth. */
const MEGABYTE = 10_000;
/** Bytes of a protected volume. */
const VOLUME_BYTES = 1 << 20;
/** Links inside a site: 1 Gbit/s at a hundredth. Unit: bit/s, ns. */
const SITE_BITS_PER_SECOND = 10_000_000;
const BACKBONE_BITS_PER_SECOND = 1_000_000_000;
const SITE_LATENCY_NS = 250_000;
/** Payload of a TCP segment: jumbo frames of 9,000 bytes. */
const SEGMENT_BYTES = 8_948;
/** Send and receive buffers: a hundredth of what a datacenter's hosts have. */
const BUFFER_BYTES = 262_144;
/** How long a headless run lasts. Unit: ns. */
const UNTIL_NS = 40_000_000_000;
/** Time between two hash points: the world has a dozen processes, and lasts for a minute. Unit: ns. */
const HASH_NS = 100_000_000;
/** Time between two samples. Unit: ns. */
const SAMPLE_NS = 20_000_000;

/** What a world of two sites is made of; tests make smaller ones. */
export interface SitesPlan {
  readonly gatewaysPerSite: number;
  readonly workloads: readonly WorkloadPlan[];
  readonly volumeBytes: number;
  /** False: recovery volumes are empty at the start, and everything has to be copied once. */
  readonly isSeeded: boolean;
  readonly bytesPerUnit: number; // bytes/s of one unit of churn
}

const LAB_PLAN: SitesPlan = { gatewaysPerSite: 4, workloads: WORKLOADS, volumeBytes: VOLUME_BYTES, isSeeded: true, bytesPerUnit: MEGABYTE };

/** Process numbers of such a world. */
export function numbersOf({ gatewaysPerSite: count }: Pick<SitesPlan, 'gatewaysPerSite'>) {
  return {
    site: 0,
    primaryGateway: (index: number) => 1 + index,
    nearSwitch: 1 + count,
    farSwitch: 2 + count,
    recoveryGateway: (index: number) => 3 + count + index,
    recoverySite: 3 + 2 * count,
  };
}

/** The world of a plan. */
export function sitesScenario(plan: SitesPlan, { seed, knobs, baseline }: LabScenarioOptions): Scenario {
  const at = numbersOf(plan);
  const buffers = { maximumSegmentSize: SEGMENT_BYTES, sendBufferBytes: BUFFER_BYTES, receiveBufferBytes: BUFFER_BYTES };
  const columns = [...contract.metrics.map(({ id }) => id), ...plan.workloads.map((_, index) => recoveryPointColumn(index + 1))];
  const gateway = (site: 0 | 1, index: number): ScenarioProcess => ({
    id: site === 0 ? at.primaryGateway(index) : at.recoveryGateway(index),
    name: `${site === 0 ? 'P' : 'R'}${index + 1}`,
    kind: 'gateway',
    parameters: { site, recoverySite: at.recoverySite, ...buffers },
    sampleColumns: [],
  });
  const indices = Array.from({ length: plan.gatewaysPerSite }, (_, index) => index);
  const processes: ScenarioProcess[] = [
    { id: at.site, name: 'production', kind: 'site', parameters: { recoverySite: at.recoverySite, ...buffers }, sampleColumns: columns },
    ...indices.map((index) => gateway(0, index)),
    { id: at.nearSwitch, name: 'production network', kind: 'switch', parameters: { site: 0, far: at.farSwitch }, sampleColumns: ['wan-bytes'] },
    { id: at.farSwitch, name: 'recovery network', kind: 'switch', parameters: { site: 1, far: at.nearSwitch }, sampleColumns: [] },
    ...indices.map((index) => gateway(1, index)),
    { id: at.recoverySite, name: 'recovery', kind: 'recovery-site', parameters: { ...buffers }, sampleColumns: ['applied-sets'] },
  ];
  return {
    lab: contract.id,
    mode: baseline === '' ? 'mechanism' : 'baseline',
    baseline,
    seed,
    knobs,
    processes,
    links: linksOf(plan, knobs),
    hosts: [],
    vms: [],
    workloads: plan.workloads.map((it, index): ScenarioWorkload => ({
      id: index + 1,
      name: it.name,
      process: at.site,
      parameters: {
        churn: it.churn * plan.bytesPerUnit,
        volumeBytes: plan.volumeBytes,
        isSeeded: plan.isSeeded ? 1 : 0,
        primaryGateway: at.primaryGateway(it.gateway),
        recoveryGateway: at.recoveryGateway(it.gateway),
      },
    })),
    script: [],
    hashNs: HASH_NS,
    sampleNs: SAMPLE_NS,
    untilNs: UNTIL_NS,
    speed: 1,
  };
}

function linksOf(plan: SitesPlan, knobs: Readonly<Record<string, number>>): ScenarioLink[] {
  const at = numbersOf(plan);
  const cable = (a: number, b: number, bandwidthBitsPerSecond: number): ScenarioLink => ({ a, b, bandwidthBitsPerSecond, latencyNs: SITE_LATENCY_NS, lossPerMillion: 0 });
  const indices = Array.from({ length: plan.gatewaysPerSite }, (_, index) => index);
  return [
    cable(at.site, at.nearSwitch, BACKBONE_BITS_PER_SECOND),
    ...indices.map((index) => cable(at.primaryGateway(index), at.nearSwitch, SITE_BITS_PER_SECOND)),
    {
      a: at.nearSwitch,
      b: at.farSwitch,
      bandwidthBitsPerSecond: Math.round(knobs['wan-bandwidth'] ?? SITE_BITS_PER_SECOND),
      latencyNs: Math.round(knobs['wan-latency'] ?? SITE_LATENCY_NS),
      lossPerMillion: Math.round((knobs['wan-loss'] ?? 0) * 10_000),
    },
    ...indices.map((index) => cable(at.recoveryGateway(index), at.farSwitch, SITE_BITS_PER_SECOND)),
    cable(at.recoverySite, at.farSwitch, BACKBONE_BITS_PER_SECOND),
  ];
}

function gatewayPart(ports: NodePorts): NodePart {
  return ports.parameters['site'] === 1 ? new RecoveryGateway(ports) : new PrimaryGateway(ports);
}

/** Hosts of a world of this lab have no part in it. */
function attachNothing(): Attachment {
  return { onRequest: () => undefined, hashInto: () => undefined };
}

/** The mechanism as the house knows it. */
export const lab: LabDefinition = {
  contract,
  everywhere: false,
  guest: { pageCount: 1, vcpuCount: 1 },
  processKinds: [
    { kind: 'site', passesOn: false, attach: (ports) => new ProductionSite(ports) },
    { kind: 'gateway', passesOn: false, attach: gatewayPart },
    { kind: 'switch', passesOn: true, attach: (ports) => new SiteSwitch(ports) },
    { kind: 'recovery-site', passesOn: false, attach: (ports) => new RecoverySite(ports) },
  ],
  scenario: (options) => sitesScenario(LAB_PLAN, options),
  attach: attachNothing,
  findRefusal: ({ snapshots }, request) => findRequestRefusal(findSite(snapshots), request),
  // Nobody re-homes in the static world; a fail-over is the same in both.
  forBaseline: (command) => (command.kind === 'ask' && command.ask === 're-home' ? undefined : command),
  judge: judgeBalancing,
};
