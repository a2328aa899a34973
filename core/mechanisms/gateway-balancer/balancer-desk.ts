/**
 * The balancer's desk at the production site: reports of all gateways as they came, one decision for each site an
 * epoch, the moves that follow from it, alarms, and a log that says why. Decisions are mechanism.ts' own.
 */
import { type Hash64, hashInteger } from '../../base/index.ts';
import type { NodePorts } from '../node-ports.ts';
import type { LoadReport, Resource } from './gateway-load.ts';
import {
  type Alarm, type BalancerSettings, decide, type Decision, type Gateway, homingFault, isOverloaded, type Rest, scoreFault, type Workload,
} from './mechanism.ts';
import type { Move, Moves } from './moves.ts';
import type { ProtectedWorkload } from './protected-workload.ts';
import type { AlarmTold, KnownGateway, SiteBalance, SiteTold, WorkloadTold } from './told.ts';

/** A gateway that has not answered for so many epochs is taken for dead. */
const DEAD_EPOCHS = 3;
/** Lines of the log that are told. */
const LOG_MAX = 12;

/** A gateway as it is known here. */
interface Known {
  readonly id: number;
  readonly site: 0 | 1;
  isConnected: boolean;
  report: LoadReport | undefined;
  reportEpoch: number; //   of this desk, at which the report came; −1 = none yet
  pongEpoch: number;
  freeAtEpoch: number;
}

interface SiteState {
  readonly site: 0 | 1;
  difference: number;
  heaviest: number;
  lightest: number;
  rest: Rest | 'off' | 'none';
}

const NO_USE: Readonly<Record<Resource, number>> = { processor: 0, memory: 0, network: 0, staging: 0 };

/** See the file's head. */
export class BalancerDesk {
  epoch = 0;
  private readonly ports: NodePorts;
  private readonly workloads: ReadonlyMap<number, ProtectedWorkload>;
  private readonly moves: Moves;
  private readonly known = new Map<number, Known>();
  private readonly sites: readonly SiteState[] = [0, 1].map((site) => ({
    site: site === 0 ? 0 : 1, difference: 0, heaviest: -1, lightest: -1, rest: 'none',
  }));
  private alarms: AlarmTold[] = [];
  private log: { readonly timeNs: number; readonly site: 0 | 1; readonly text: string }[] = [];

  constructor(ports: NodePorts, workloads: ReadonlyMap<number, ProtectedWorkload>, moves: Moves) {
    this.ports = ports;
    this.workloads = workloads;
    this.moves = moves;
    for (const { id, kind, parameters } of ports.scenario.processes) {
      if (kind !== 'gateway') continue;
      const site = parameters?.['site'] === 1 ? 1 : 0;
      this.known.set(id, { id, site, isConnected: false, report: undefined, reportEpoch: -1, pongEpoch: 0, freeAtEpoch: 0 });
    }
  }

  siteOf(gateway: number): 0 | 1 {
    return this.known.get(gateway)?.site ?? 0;
  }

  onConnected(gateway: number, isConnected: boolean): void {
    const known = this.known.get(gateway);
    if (known === undefined) return;
    known.isConnected = isConnected;
    if (isConnected) known.pongEpoch = this.epoch;
  }

  onReport(gateway: number, report: LoadReport): void {
    const known = this.known.get(gateway);
    if (known === undefined) return;
    known.report = report;
    known.reportEpoch = this.epoch;
  }

  onPong(gateway: number): void {
    const known = this.known.get(gateway);
    if (known !== undefined) known.pongEpoch = this.epoch;
  }

  /** The site lost power: what gateways said is forgotten. */
  onPowerLoss(): void {
    for (const known of this.known.values()) {
      known.isConnected = false;
      known.report = undefined;
      known.reportEpoch = -1;
      known.pongEpoch = this.epoch;
    }
  }

  onMoveEnded(move: Move): void {
    const freeAtEpoch = this.epoch + this.ports.knob('cool-down');
    for (const gateway of [move.from, move.to]) {
      const known = this.known.get(gateway);
      if (known !== undefined) known.freeAtEpoch = Math.max(known.freeAtEpoch, freeAtEpoch);
    }
    const workload = this.workloads.get(move.workload);
    if (workload !== undefined) workload.freeAtEpoch = freeAtEpoch;
  }

  // ── An epoch ──────────────────────────────────────────────────────────────────────────────────

  onEpoch(now: number): void {
    this.epoch++;
    const smoothing = this.ports.knob('smoothing');
    for (const workload of this.workloads.values()) workload.onEpoch(now, smoothing);
    const alarms: (Alarm & { readonly site: 0 | 1 })[] = [];
    const balances = this.ports.knob('balancing') === 1 && this.ports.scenario.baseline === '';
    for (const state of this.sites) {
      const gateways = this.gatewaysOf(state.site);
      const decision = decide(gateways, this.workloadsOf(state.site), this.settings());
      state.difference = decision.difference;
      state.heaviest = decision.heaviest;
      state.lightest = decision.lightest;
      alarms.push(...decision.alarms.map((it) => ({ ...it, site: state.site })));
      if (!balances) {
        state.rest = 'off';
        continue;
      }
      this.leaveTheDead(state.site);
      this.follow(state, decision, now);
    }
    this.raise(alarms, now);
  }

  private follow(state: SiteState, decision: Decision, now: number): void {
    for (const { workload, to } of decision.moves) {
      const found = this.workloads.get(workload);
      if (found === undefined || found.isMoving) continue;
      this.say(state.site, `moves ${found.name} to ${this.ports.nameOf(to)}: d ${decision.difference.toFixed(2)}`, now);
      this.moves.begin(found, { site: state.site, to, why: 'balance' });
    }
    if (state.rest !== decision.rest && decision.moves.length === 0) this.say(state.site, WHY[decision.rest], now);
    state.rest = decision.rest;
  }

  /** Workloads of gateways that do not answer any more go to the lightest one that does; a few an epoch. */
  private leaveTheDead(site: 0 | 1): void {
    const isDead = (id: number) => this.epoch - (this.known.get(id)?.pongEpoch ?? 0) > DEAD_EPOCHS;
    let left = this.ports.knob('moves-per-epoch');
    for (const workload of this.workloads.values()) {
      const home = site === 0 ? workload.primary : workload.recovery;
      if (!isDead(home) || !workload.isReplicating()) continue;
      const move = this.moves.find(workload.id);
      if (move?.phase === 'draining') this.moves.onDrained(workload.id);
      else if (move !== undefined) this.moves.fail(move, `${this.ports.nameOf(home)} does not answer`);
      if (workload.isMoving || left <= 0) continue;
      const target = this.lightestLiving(site, isDead);
      if (target === undefined) continue;
      left--;
      this.say(site, `${this.ports.nameOf(home)} does not answer: ${workload.name} goes to ${this.ports.nameOf(target)}`, this.ports.now());
      this.moves.begin(workload, { site, to: target, why: 'gateway-lost' });
    }
  }

  private lightestLiving(site: 0 | 1, isDead: (id: number) => boolean): number | undefined {
    const settings = this.settings();
    const foreseen = (gateway: Gateway) => gateway.score + this.movingTo(gateway.id) / gateway.capacityBytesPerSecond;
    return this.gatewaysOf(site)
      .filter((it) => !isDead(it.id) && scoreFault(it, settings.epoch) === undefined && this.known.get(it.id)?.isConnected === true)
      .toSorted((left, right) => foreseen(left) - foreseen(right) || left.id - right.id)[0]?.id;
  }

  /** Churn that is on its way to a gateway. */
  private movingTo(gateway: number): number {
    return this.moves.active.filter(({ to }) => to === gateway).reduce((sum, { workload }) => sum + (this.workloads.get(workload)?.churnBytesPerSecond ?? 0), 0);
  }

  private raise(alarms: readonly (Alarm & { readonly site: 0 | 1 })[], now: number): void {
    const before = this.alarms;
    const find = (list: readonly { readonly kind: string; readonly site: 0 | 1; readonly gateway: number }[], it: { readonly kind: string; readonly site: 0 | 1; readonly gateway: number }) =>
      list.find((other) => other.kind === it.kind && other.site === it.site && other.gateway === it.gateway);
    // Before every gateway had the time to tell a first score nothing is wrong.
    const due = this.epoch <= 2 ? alarms.filter(({ kind }) => kind !== 'STALE_SCORE') : alarms;
    this.alarms = due.map((it) => ({ kind: it.kind, site: it.site, gateway: it.gateway, sinceNs: (find(before, it) as AlarmTold | undefined)?.sinceNs ?? now }));
    for (const alarm of this.alarms) {
      if (find(before, alarm) !== undefined) continue;
      const where = alarm.gateway < 0 ? SITE_NAMES[alarm.site] : this.ports.nameOf(alarm.gateway);
      this.ports.note('alarm', alarm.gateway < 0 ? `site:${this.ports.id}` : `gateway:${alarm.gateway}`, `${alarm.kind}: ${where}`);
    }
  }

  private say(site: 0 | 1, text: string, timeNs: number): void {
    this.log.push({ timeNs, site, text });
    if (this.log.length > LOG_MAX) this.log.shift();
    this.ports.note('balancer', `site:${this.ports.id}`, `${SITE_NAMES[site]}: ${text}`);
  }

  // ── What is known ─────────────────────────────────────────────────────────────────────────────

  private settings(): BalancerSettings {
    const knob = (id: string) => this.ports.knob(id);
    return {
      epoch: this.epoch,
      differenceThreshold: knob('difference-threshold'),
      movesPerEpoch: Math.round(knob('moves-per-epoch')),
      coolDownEpochs: Math.round(knob('cool-down')),
      weightProcessor: knob('weight-processor'),
      weightNetwork: knob('weight-network'),
      scoreLimit: knob('score-limit'),
      resourceLimit: knob('resource-limit') / 100,
    };
  }

  private gatewaysOf(site: 0 | 1): Gateway[] {
    return [...this.known.values()].filter((it) => it.site === site).map((it) => this.gatewayOf(it));
  }

  private gatewayOf({ id, report, reportEpoch, freeAtEpoch }: Known): Gateway {
    const isBusy = this.moves.active.some((move) => move.from === id || move.to === id);
    return {
      id,
      score: report?.score ?? 0,
      use: report?.use ?? NO_USE,
      capacityBytesPerSecond: report?.capacityBytesPerSecond ?? 1,
      networkBytesPerSecond: report?.networkBytesPerSecond ?? 1,
      backlogAgeNs: report?.backlogAgeNs ?? 0,
      reportEpoch,
      freeAtEpoch: isBusy ? this.epoch + 1 : freeAtEpoch,
    };
  }

  private workloadsOf(site: 0 | 1): Workload[] {
    return [...this.workloads.values()].filter((it) => it.isReplicating()).map((it) => this.workloadOf(it, site));
  }

  private workloadOf(it: ProtectedWorkload, site: 0 | 1): Workload {
    return {
      id: it.id,
      gateway: site === 0 ? it.primary : it.recovery,
      churnBytesPerSecond: it.churnBytesPerSecond,
      rpoTargetNs: this.ports.knob('rpo-target'),
      freeAtEpoch: it.freeAtEpoch,
      isBusy: it.isMoving || it.state !== 'running' || it.openedTerm !== it.tap.term,
    };
  }

  /** Where a workload may be re-homed by hand, and why not. */
  homesOf(it: ProtectedWorkload): WorkloadTold['homes'] {
    const settings = this.settings();
    return [...this.known.values()].map((known) => {
      if (it.state !== 'running') return { gateway: known.id, refusal: 'not-replicating' };
      const isDown = !known.isConnected;
      const refusal = homingFault({ ...this.workloadOf(it, known.site), isBusy: it.isMoving }, this.gatewayOf(known), { isDown, settings });
      return { gateway: known.id, refusal };
    });
  }


  measure(): Record<string, number> {
    let backlogBytes = 0;
    for (const { site, report } of this.known.values()) if (site === 0) backlogBytes += report?.backlogBytes ?? 0;
    return {
      'score-spread': this.sites[0]?.difference ?? 0,
      'recovery-spread': this.sites[1]?.difference ?? 0,
      'backlog-bytes': backlogBytes,
      alarms: this.alarms.length,
    };
  }

  told(): Pick<SiteTold, 'epoch' | 'gateways' | 'alarms' | 'sites' | 'limits' | 'log'> {
    const settings = this.settings();
    return {
      epoch: this.epoch,
      gateways: [...this.known.values()].map((it) => this.toldOf(it, settings)),
      alarms: this.alarms,
      sites: this.sites.map((it): SiteBalance => ({ ...it, threshold: settings.differenceThreshold })),
      limits: { score: settings.scoreLimit, resource: settings.resourceLimit },
      log: this.log,
    };
  }

  private toldOf(known: Known, settings: BalancerSettings): KnownGateway {
    const gateway = this.gatewayOf(known);
    const fault = scoreFault(gateway, settings.epoch) ?? '';
    return {
      id: known.id,
      name: this.ports.nameOf(known.id),
      site: known.site,
      isConnected: known.isConnected,
      score: Number.isFinite(gateway.score) ? gateway.score : -1,
      use: gateway.use,
      backlogBytes: known.report?.backlogBytes ?? 0,
      backlogAgeNs: gateway.backlogAgeNs,
      reportEpoch: known.reportEpoch,
      isOverloaded: isOverloaded(gateway, settings),
      fault: fault === 'ADD_APPLIANCE' ? '' : fault,
      workloads: [...this.workloads.values()].filter((it) => (known.site === 0 ? it.primary : it.recovery) === known.id && it.isReplicating()).map(({ id }) => id),
    };
  }

  hashInto(hash: Hash64): void {
    hashInteger(hash, this.epoch);
    for (const { reportEpoch, pongEpoch, freeAtEpoch, isConnected } of this.known.values()) {
      for (const value of [reportEpoch, pongEpoch, freeAtEpoch, isConnected ? 1 : 0]) hashInteger(hash, value);
    }
    hashInteger(hash, this.alarms.length);
  }
}

const SITE_NAMES = ['production', 'recovery'] as const;

/** Why nothing (more) was moved, as the log says it. */
const WHY: Readonly<Record<Rest, string>> = {
  balanced: 'balanced: the difference is within the threshold',
  'all-overloaded': 'no move: every gateway is overloaded',
  'no-useful-move': 'no useful move: none would lower the highest load without doing harm',
  'cool-down': 'no move: the last one is cooling down',
  'moves-spent': 'no further move in this epoch',
  'too-few': 'no move: fewer than two gateways with a valid score',
};
