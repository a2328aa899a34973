/** How the gateway balancer is shown: two sites as a flow, from what their processes tell; recovery points below. */
import { recoveryPointColumn, WORKLOADS } from '../../../core/mechanisms/gateway-balancer/contract.ts';
import type { AlarmTold, GatewayTold, KnownGateway, RecoverySiteTold, SiteBalance, SiteTold, SwitchTold, WorkloadTold } from '../../../core/mechanisms/gateway-balancer/told.ts';
import type { AppState, NodeView } from '../../session/store.ts';
import type { FlowBracket, FlowFacts, FlowGateway, FlowRibbonFacts, FlowWorkload } from '../../stage/flow/flow-facts.ts';
import type { LabStory, LabView } from '../lab-view.ts';

/** Each workload's recovery point, thin, below the worst of them. */
const RECOVERY_POINTS = {
  metrics: ['worst-recovery-point'],
  parts: WORKLOADS.map(({ name }, index) => ({ column: recoveryPointColumn(index + 1), title: `Recovery point of ${name}`, entity: `workload:${index + 1}` })),
  target: 'rpo-target',
};

export const view: LabView = {
  lab: 'gateway-balancer',
  stage: { picture: 'flow' },
  strip: [{ view: 'time-chart', title: 'Recovery points', ...RECOVERY_POINTS, process: 0 }],
  charts: [
    { view: 'time-chart', title: 'Recovery points', ...RECOVERY_POINTS, process: 0 },
    { view: 'time-chart', title: 'Score spread', metrics: ['score-spread', 'recovery-spread'], tokens: ['ink', 'device'] },
    { view: 'time-chart', title: 'Backlog and bytes from bitmaps', metrics: ['backlog-bytes', 'resync-bytes'], tokens: ['ink', 'device'] },
    { view: 'sample-ring' },
  ],
};

/** Something was done to the run: a fault, a knob, a request. */
const isTouched = ({ events }: Pick<AppState, 'events'>) => events.some(({ kind }) => kind === 'fault' || kind === 'command');

/** The first screen offers the harshest thing; then workloads are there to be dragged. */
export const story: LabStory = {
  chapterAfter: (chapter) => chapter,
  knobsAreShown: (_, state) => isTouched(state),
  tell: (state) => ({
    sentence: isTouched(state) ? 'What was on its way is sent again from bitmaps. Drag a workload to another gateway.' : state.lab.contract.sentence,
    button: { id: 'inject-fault', args: { fault: 'gateway-crash', target: 'gateway:1' }, title: 'Crash that gateway', primary: !isTouched(state) },
  }),
  summary: () => '',
};

const RESOURCES = [
  { id: 'processor', title: 'processor', knob: 'weight-processor' },
  { id: 'memory', title: 'memory', knob: 'weight-memory' },
  { id: 'network', title: 'network', knob: 'weight-network' },
  { id: 'staging', title: 'staging disk', knob: 'weight-staging' },
] as const;

/** Refusals by the names that the site gives them, as short phrases beside a gateway. */
const REFUSALS: Readonly<Record<string, string>> = {
  'same-gateway': 'it is there already',
  'move-under-way': 'it is being moved',
  'gateway-down': 'the gateway does not answer',
  'no-valid-score': 'the gateway tells no valid score',
  'would-overload': 'the gateway would be overloaded',
  'not-replicating': 'it is not replicated from here any more',
};

/** What the balancer left as it is, and why. */
const RESTS: Readonly<Record<SiteBalance['rest'], string>> = {
  balanced: 'Balanced: the difference is within the threshold.',
  'all-overloaded': 'Every gateway is overloaded: nothing is moved.',
  'no-useful-move': 'No useful move: none would lower the highest load without doing harm.',
  'cool-down': 'The last move is cooling down.',
  'moves-spent': 'As many moves have begun as an epoch may have.',
  'too-few': 'Fewer than two gateways tell a valid score.',
  off: 'Nothing is moved by itself.',
  none: '',
};

/** What the flow picture draws; undefined until the sites have told something. */
export function flow(state: AppState): FlowFacts | undefined {
  const { nodes, knobs } = state;
  const site = nodes.find(({ kind }) => kind === 'site');
  const recovery = nodes.find(({ kind }) => kind === 'recovery-site');
  if (site === undefined || recovery === undefined) return undefined;
  const told = site.told as SiteTold;
  const { volumes } = recovery.told as RecoverySiteTold;
  const gateways = nodes.filter(({ kind }) => kind === 'gateway');
  return {
    sites: [site.name, recovery.name],
    workloads: told.workloads.map((it) => workloadOf(it, told)),
    gateways: gateways.map((node) => gatewayOf(node, told, knobs)),
    volumes: told.workloads.map(({ id, name }) => ({ id, name, entity: `volume:${id}` })),
    ribbons: ribbonsOf(told, gateways, volumes),
    wan: wanOf(state, gateways),
    brackets: told.sites.map((it) => bracketOf(it, told.gateways)),
    alarms: told.alarms.map((it) => alarmText(it, told.gateways)),
    rehome: { request: 're-home', workload: 'workload', gateway: 'gateway' },
  };
}

function workloadOf(it: WorkloadTold, { moves }: SiteTold): FlowWorkload {
  const move = moves.find(({ workload, endedAtNs }) => workload === it.id && endedAtNs < 0);
  const refusals = it.homes.map(({ gateway, refusal }) => [gateway, REFUSALS[refusal] ?? refusal] as const);
  return {
    id: it.id,
    name: it.name,
    entity: `workload:${it.id}`,
    gateway: it.primaryGateway,
    movingTo: move?.site === 0 ? move.to : -1,
    phase: move?.phase ?? '',
    rpoNs: it.recoveryPointNs,
    targetNs: it.rpoTargetNs,
    refusals: Object.fromEntries(refusals),
  };
}

function gatewayOf(node: NodeView, site: SiteTold, knobs: AppState['knobs']): FlowGateway {
  const told = node.told as GatewayTold;
  const known = site.gateways.find(({ id }) => id === node.process);
  return {
    id: node.process,
    name: node.name,
    entity: `gateway:${node.process}`,
    side: told.site,
    isUp: told.isUp,
    backlogBytes: told.backlogBytes,
    stagingBytes: told.stagingCapacityBytes,
    behindNs: told.backlogAgeNs,
    score: told.score,
    isOverloaded: known?.isOverloaded ?? false,
    resources: RESOURCES.map(({ id, title, knob }) => ({ id, title, use: told.use[id], limit: site.limits.resource, weight: knobs[knob] ?? 0 })),
  };
}

/** From VM to volume; what a gateway holds back is the difference between what comes and what leaves. */
function ribbonsOf(site: SiteTold, gateways: readonly NodeView[], volumes: RecoverySiteTold['volumes']): FlowRibbonFacts[] {
  const ribbons: FlowRibbonFacts[] = [];
  for (const node of gateways) {
    const { site: side, came, shipped } = node.told as GatewayTold;
    const here = `gateway:${node.process}`;
    for (const { workload, bytesPerSecond, byteCount } of came) {
      ribbons.push({ from: side === 0 ? `workload:${workload}` : 'wan', to: here, workload, bytesPerSecond, totalBytes: byteCount });
    }
    for (const { workload, bytesPerSecond, byteCount } of shipped) {
      ribbons.push({ from: here, to: side === 0 ? 'wan' : `volume:${workload}`, workload, bytesPerSecond, totalBytes: byteCount });
    }
  }
  const known = new Set([...site.workloads.map(({ id }) => id), ...volumes.map(({ workload }) => workload)]);
  return ribbons.filter(({ workload, bytesPerSecond }) => known.has(workload) && bytesPerSecond >= 1);
}

function wanOf(state: AppState, gateways: readonly NodeView[]): FlowFacts['wan'] {
  const near = state.nodes.find(({ kind, told }) => kind === 'switch' && (told as SwitchTold).site === 0);
  const far = state.nodes.find(({ kind, told }) => kind === 'switch' && (told as SwitchTold).site === 1);
  const link = state.links.find(({ from, to }) => from === near?.process && to === far?.process);
  const shipped = gateways.flatMap(({ told }) => ((told as GatewayTold).site === 0 ? (told as GatewayTold).shipped : []));
  return {
    entity: `link:${near?.process ?? 0}-${far?.process ?? 0}`,
    bytesPerSecond: shipped.reduce((sum, it) => sum + it.bytesPerSecond, 0),
    capacity: (link?.bandwidthBitsPerSecond ?? 0) / 8,
    isUp: link?.up ?? false,
  };
}

function bracketOf(it: SiteBalance, gateways: readonly KnownGateway[]): FlowBracket {
  const scoreOf = (id: number) => gateways.find((gateway) => gateway.id === id)?.score ?? 0;
  const { site, difference, threshold, rest } = it;
  return { side: site, high: scoreOf(it.heaviest), low: scoreOf(it.lightest), difference, threshold, said: RESTS[rest] };
}

function alarmText({ kind, site, gateway }: AlarmTold, gateways: readonly KnownGateway[]): string {
  const where = gateway < 0 ? (site === 0 ? 'production' : 'recovery') : (gateways.find(({ id }) => id === gateway)?.name ?? '');
  return `${kind}: ${where}`;
}
