/** The contract of the gateway balancer: what can be turned, broken, asked and measured, with units. */
import type { Contract } from '../../base/contract.ts';

// biome-ignore format: a table, a row a line
export const contract = {
  id: 'gateway-balancer',
  title: 'Balancing replication gateways',
  sentence: 'One gateway gets more than it ships. Let the balancer move work away, losing nothing.',
  baselines: [
    { id: 'static', title: 'Static assignment', help: 'The same sites, writes and gateways; every workload stays where it was put.' },
  ],
  terms: [
    { term: 'gateway',            meaning: 'an appliance that stages writes and ships them to the other site; there are some at each site' },
    { term: 'update set',         meaning: 'all writes of a workload between two seals; it is applied whole, so the recovery volume is always a moment of the production volume' },
    { term: 'recovery point (RPO)', meaning: 'how old the newest moment is that the recovery site could start from' },
    { term: 'load score',         meaning: 'weighted use of a gateway’s processor, memory, network and staging disk, plus the age of its backlog, smoothed over epochs' },
    { term: 'changed-block bitmap', meaning: 'which blocks the recovery site does not have; during a move writes are only marked there' },
    { term: 'churn',              meaning: 'what a workload writes each second' },
  ],
  knobs: [
    { id: 'churn',                title: 'Churn of all VMs',        unit: '%',       minimum: 0,         maximum: 300,            step: 5,    default: 100,           scale: 'linear',      entity: 'workload', help: 'What the workloads write, in parts of what they were set up with.' },
    { id: 'wan-bandwidth',        title: 'WAN bandwidth',           unit: 'bit/s',   minimum: 1_000_000, maximum: 1_000_000_000,  step: 10,   default: 10_000_000,    scale: 'logarithmic', entity: 'link',     help: 'Rate of the one link between the sites, which all gateways share.' },
    { id: 'wan-latency',          title: 'WAN latency',             unit: 'ns',      minimum: 1_000_000, maximum: 200_000_000,    step: 10,   default: 10_000_000,    scale: 'logarithmic', entity: 'link',     help: 'Time a frame takes from one site to the other.' },
    { id: 'wan-loss',             title: 'WAN loss',                unit: '%',       minimum: 0,         maximum: 10,             step: 0.05, default: 0.1,           scale: 'linear',      entity: 'link',     help: 'Frames lost between the sites; TCP sends them again.' },
    { id: 'gateway-capacity',     title: 'Gateway capacity',        unit: 'bytes/s', minimum: 20_000,    maximum: 10_000_000,     step: 20,   default: 240_000,       scale: 'logarithmic', entity: 'gateway',  help: 'Writes that a production gateway can compress each second; one of the recovery site unpacks twice as much.' },
    { id: 'balancing',            title: 'Balancer',                unit: '',        minimum: 0,         maximum: 1,              step: 1,    default: 1,             scale: 'switch',      entity: 'gateway',  help: 'Whether moves are decided by themselves; re-homing by hand goes on without.' },
    { id: 'epoch',                title: 'Epoch',                   unit: 'ns',      minimum: 100_000_000, maximum: 60_000_000_000, step: 10, default: 1_000_000_000, scale: 'logarithmic', entity: 'gateway',  help: 'Time between two looks at all scores.' },
    { id: 'difference-threshold', title: 'Difference threshold',    unit: '',        minimum: 0,         maximum: 1,              step: 0.01, default: 0.25,          scale: 'linear',      entity: 'gateway',  help: 'Up to this relative difference between the heaviest and the lightest gateway nothing is moved.' },
    { id: 'moves-per-epoch',      title: 'Moves an epoch',          unit: 'moves',   minimum: 1,         maximum: 8,              step: 1,    default: 1,             scale: 'linear',      entity: 'gateway',  help: 'Most moves that begin at one site in one epoch.' },
    { id: 'cool-down',            title: 'Cool-down',               unit: 'epochs',  minimum: 0,         maximum: 20,             step: 1,    default: 2,             scale: 'linear',      entity: 'gateway',  help: 'Epochs for which a gateway and a workload are left alone after a move.' },
    { id: 'weight-processor',     title: 'Processor weight',        unit: '',        minimum: 0,         maximum: 1,              step: 0.05, default: 0.5,           scale: 'linear',      entity: 'gateway',  help: 'Share of the processor’s use in the score.' },
    { id: 'weight-memory',        title: 'Memory weight',           unit: '',        minimum: 0,         maximum: 1,              step: 0.05, default: 0.1,           scale: 'linear',      entity: 'gateway',  help: 'Share of the memory’s use in the score.' },
    { id: 'weight-network',       title: 'Network weight',          unit: '',        minimum: 0,         maximum: 1,              step: 0.05, default: 0.2,           scale: 'linear',      entity: 'gateway',  help: 'Share of the network card’s use in the score.' },
    { id: 'weight-staging',       title: 'Staging weight',          unit: '',        minimum: 0,         maximum: 1,              step: 0.05, default: 0.2,           scale: 'linear',      entity: 'gateway',  help: 'Share of the staging disk’s use in the score.' },
    { id: 'smoothing',            title: 'Smoothing',               unit: '',        minimum: 0.05,      maximum: 1,              step: 0.05, default: 0.5,           scale: 'linear',      entity: 'gateway',  help: 'Part of a score that is new each epoch; 1 forgets the past.' },
    { id: 'score-limit',          title: 'Score limit',             unit: '',        minimum: 0.1,       maximum: 3,              step: 0.05, default: 0.8,           scale: 'linear',      entity: 'gateway',  help: 'A gateway with a higher score is overloaded.' },
    { id: 'resource-limit',       title: 'Resource limit',          unit: '%',       minimum: 10,        maximum: 100,            step: 1,    default: 95,            scale: 'linear',      entity: 'gateway',  help: 'A gateway of which any single resource is used beyond this is overloaded.' },
    { id: 'staging-capacity',     title: 'Staging disk',            unit: 'bytes',   minimum: 200_000,   maximum: 200_000_000,    step: 10,   default: 24_000_000,    scale: 'logarithmic', entity: 'gateway',  help: 'What a gateway can hold that is not shipped yet; when it is full, writes are only marked.' },
    { id: 'rpo-target',           title: 'RPO target',              unit: 'ns',      minimum: 500_000_000, maximum: 60_000_000_000, step: 10, default: 5_000_000_000, scale: 'logarithmic', entity: 'workload', help: 'How old the recovery point of a workload may be.' },
    { id: 'seal-interval',        title: 'Seal interval',           unit: 'ns',      minimum: 50_000_000, maximum: 10_000_000_000, step: 10,  default: 500_000_000,   scale: 'logarithmic', entity: 'workload', help: 'Time between two consistency points.' },
  ],
  faults: [
    { id: 'gateway-crash',     title: 'Crash a gateway',             entity: 'gateway',  moment: 'any',    repeatable: true, help: 'A gateway loses power and is back a second later; what its staging disk had synced is there.' },
    { id: 'crash-mid-move',    title: 'Crash in the middle of a move', entity: 'gateway', moment: 'active', repeatable: true, help: 'Whichever gateway is draining or taking a workload over loses power now.' },
    { id: 'gateway-death',     title: 'Kill a gateway for good',     entity: 'gateway',  moment: 'any',    repeatable: true, help: 'A gateway loses power and does not come back; what was staged there is sent again from the bitmap.' },
    { id: 'site-power',        title: 'Power cut at the production site', entity: 'site', moment: 'any',   repeatable: true, help: 'VMs, taps and the balancer lose power for two seconds. Volumes, bitmaps and who owns what survive.' },
    { id: 'wan-burst',         title: 'Loss on the WAN',             entity: 'link',     moment: 'any',    repeatable: true, help: 'A fifth of all frames is lost for two seconds.' },
    { id: 'wan-cut',           title: 'Cut the WAN',                 entity: 'link',     moment: 'any',    repeatable: true, help: 'Nothing gets through for three seconds.' },
    { id: 'staging-full',      title: 'Fill a staging disk',         entity: 'gateway',  moment: 'any',    repeatable: true, help: 'A staging disk takes nothing more for five seconds; writes are marked and sent later.' },
    { id: 'stale-score',       title: 'Silence a score report',      entity: 'gateway',  moment: 'any',    repeatable: true, help: 'A gateway works on, but tells no score for five epochs.' },
    { id: 'bad-score',         title: 'Spoil a score report',        entity: 'gateway',  moment: 'any',    repeatable: true, help: 'A gateway tells a score that is no number, then a negative one, for five epochs.' },
    { id: 'churn-burst',       title: 'Burst of writes',             entity: 'workload', moment: 'any',    repeatable: true, help: 'One workload writes four times as much for three seconds.' },
    { id: 'recovery-overload', title: 'Slow a recovery gateway',     entity: 'gateway',  moment: 'any',    repeatable: true, help: 'A gateway of the recovery site has a quarter of its capacity for ten seconds.' },
  ],
  requests: [
    { id: 're-home',             title: 'Move a workload to another gateway', arguments: [{ id: 'workload', kind: 'workload', optional: false }, { id: 'gateway', kind: 'process', optional: false }], help: 'The workload’s writes go through that gateway from now on; nothing is copied again but the blocks written meanwhile.' },
    { id: 'fail-over-planned',   title: 'Fail over, losing nothing',          arguments: [{ id: 'workload', kind: 'workload', optional: false }], help: 'The workload stops, everything is shipped, and it starts at the recovery site from exactly there.' },
    { id: 'fail-over-unplanned', title: 'Fail over at once',                  arguments: [{ id: 'workload', kind: 'workload', optional: false }], help: 'The workload starts at the recovery site from the newest consistency point there; what was not shipped is lost.' },
  ],
  metrics: [
    { id: 'worst-recovery-point', title: 'Worst recovery point',   unit: 'ns',      kind: 'gauge',   better: 'lower',   entity: 'workload', help: 'Age of the oldest of all workloads’ newest consistency points.' },
    { id: 'score-spread',         title: 'Score spread',           unit: '',        kind: 'gauge',   better: 'lower',   entity: 'gateway',  help: 'Relative difference between the heaviest and the lightest gateway of the production site.' },
    { id: 'recovery-spread',      title: 'Spread at the recovery site', unit: '',   kind: 'gauge',   better: 'lower',   entity: 'gateway',  help: 'The same for the gateways of the recovery site.' },
    { id: 'backlog-bytes',        title: 'Backlog',                unit: 'bytes',   kind: 'gauge',   better: 'lower',   entity: 'gateway',  help: 'What is staged on the production gateways and not applied at the recovery site, as they reported it.' },
    { id: 'moves',                title: 'Moves completed',        unit: 'moves',   kind: 'counter', better: 'neither', entity: 'gateway',  help: 'Moves that ended with the workload streaming through its new gateway.' },
    { id: 'wan-bytes-per-move',   title: 'Bytes re-sent a move',   unit: 'bytes',   kind: 'result',  better: 'lower',   entity: 'link',     help: 'Blocks sent again from bitmaps by completed moves, each: at most the marked blocks.' },
    { id: 'wan-bytes',            title: 'WAN bytes',              unit: 'bytes',   kind: 'counter', better: 'lower',   entity: 'link',     help: 'Bytes of all frames that the production site has put on the WAN.' },
    { id: 'resync-bytes',         title: 'Bytes from bitmaps',     unit: 'bytes',   kind: 'counter', better: 'lower',   entity: 'workload', help: 'Blocks read again from production volumes because a write could not be handed on.' },
    { id: 'applied-sets',         title: 'Consistency points',     unit: 'sets',   kind: 'counter', better: 'higher',  entity: 'workload', help: 'Update sets applied at the recovery site, each with the digest that the production volume had.' },
    { id: 'alarms',               title: 'Alarms',                 unit: 'alarms',   kind: 'gauge',   better: 'lower',   entity: 'gateway',  help: 'Alarms that stand now.' },
  ],
  leavesOut: [
    'Replication back after a fail-over, and choosing an older consistency point than the newest.',
    'Encryption and deduplication of update sets; routing between the sites (they are one switched network).',
    'Everything is a hundredth of the real size: a gateway of 240 kB/s stands for one of 24 MB/s. Times are not scaled.',
  ],
} as const satisfies Contract;

/** The sample column of a workload's recovery point: the curves below the picture. Unit: ns. */
export function recoveryPointColumn(workload: number): string {
  return `recovery-point:${workload}`;
}

/** A workload at the start: its churn in the card's MB/s, and the number of its gateway at both sites. */
export interface WorkloadPlan {
  readonly name: string;
  readonly churn: number;
  readonly gateway: number;
}

// biome-ignore format: a table
export const WORKLOADS: readonly WorkloadPlan[] = [
  { name: 'orders',    churn: 12, gateway: 0 }, { name: 'mail',    churn: 10, gateway: 0 }, { name: 'ledger', churn: 9, gateway: 0 },
  { name: 'archive',   churn: 6,  gateway: 0 }, { name: 'wiki',    churn: 3,  gateway: 0 },
  { name: 'telemetry', churn: 9,  gateway: 1 }, { name: 'builds',  churn: 6,  gateway: 1 },
  { name: 'search',    churn: 8,  gateway: 2 }, { name: 'billing', churn: 7,  gateway: 2 },
  { name: 'web',       churn: 6,  gateway: 3 }, { name: 'desk',    churn: 4,  gateway: 3 },
];
