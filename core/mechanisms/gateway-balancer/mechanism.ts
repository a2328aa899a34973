/**
 * The balancer's decision for one site in one epoch, beside its card (steps 3 to 8): pure, from what gateways have
 * reported and what workloads write. What it decides is carried out by moves.ts.
 *
 *   score  L = EWMA of Σ weight · use / capacity + backlog age / RPO       (the gateways compute it: gateway-load.ts)
 *   d = (Lmax − Lmin) / Lmax, 0 when Lmax = 0
 *
 * A move's effect is foreseen from the workload's churn: the source gets lighter by its part of processor and
 * network use, the target heavier. Backlog, memory and staging are not foreseen: they follow.
 */

/** What a gateway last reported, or what is wrong with it. */
export interface Gateway {
  readonly id: number;
  readonly score: number;
  /** Uses as parts of the capacity; may exceed 1. */
  readonly use: { readonly processor: number; readonly memory: number; readonly network: number; readonly staging: number };
  readonly capacityBytesPerSecond: number;
  readonly networkBytesPerSecond: number;
  readonly backlogAgeNs: number;
  /** Epoch of the report; −1 = none yet. */
  readonly reportEpoch: number;
  /** Not before this epoch may a move begin or end here. */
  readonly freeAtEpoch: number;
}

export interface Workload {
  readonly id: number;
  readonly gateway: number;
  readonly churnBytesPerSecond: number;
  readonly rpoTargetNs: number;
  readonly freeAtEpoch: number;
  /** A move of it is under way, or it is not replicating. */
  readonly isBusy: boolean;
}

export interface BalancerSettings {
  readonly epoch: number;
  readonly differenceThreshold: number;
  readonly movesPerEpoch: number;
  readonly coolDownEpochs: number;
  readonly weightProcessor: number;
  readonly weightNetwork: number;
  readonly scoreLimit: number;
  readonly resourceLimit: number;
}

/** A report older than this many epochs is stale. */
export const STALE_EPOCHS = 2;

export type Alarm =
  | { readonly kind: 'ADD_APPLIANCE'; readonly gateway: -1 }
  | { readonly kind: 'STALE_SCORE' | 'BAD_SCORE' | 'NEGATIVE_SCORE'; readonly gateway: number };

/** Why no (further) move was decided. */
export type Rest =
  | 'balanced' //           d does not exceed the threshold
  | 'all-overloaded' //     every gateway of the site is
  | 'no-useful-move' //     no workload's move would help without doing harm
  | 'cool-down' //          the heaviest or the lightest has just had a move
  | 'moves-spent' //        as many as an epoch may have
  | 'too-few'; //           fewer than two gateways with a valid score

export interface Move {
  readonly workload: number;
  readonly from: number;
  readonly to: number;
}

export interface Decision {
  readonly moves: readonly Move[];
  readonly rest: Rest;
  readonly alarms: readonly Alarm[];
  /** At the beginning, of the gateways with a valid score. */
  readonly difference: number;
  readonly heaviest: number; // id, −1 = none
  readonly lightest: number;
  /** Scores by gateway as they are foreseen after the moves, heaviest first: for tests of progress. */
  readonly foreseen: readonly number[];
}

/** What is wrong with a score report; undefined when it can be used. */
export function scoreFault(gateway: Gateway, epoch: number): Alarm['kind'] | undefined {
  if (gateway.reportEpoch < 0 || epoch - gateway.reportEpoch > STALE_EPOCHS) return 'STALE_SCORE';
  const { processor, memory, network, staging } = gateway.use;
  if (![gateway.score, processor, memory, network, staging].every(Number.isFinite)) return 'BAD_SCORE';
  return gateway.score < 0 ? 'NEGATIVE_SCORE' : undefined;
}

/** Whether a gateway has more to do than it should, by its score or by any one resource. */
export function isOverloaded({ score, use }: Pick<Gateway, 'score' | 'use'>, settings: Pick<BalancerSettings, 'scoreLimit' | 'resourceLimit'>): boolean {
  return score > settings.scoreLimit || Math.max(use.processor, use.memory, use.network, use.staging) > settings.resourceLimit;
}

/** d of the card. */
export function relativeDifference(scores: readonly number[]): number {
  const most = Math.max(0, ...scores);
  return most === 0 || scores.length < 2 ? 0 : (most - Math.min(...scores)) / most;
}

/** See the file's head. */
export function decide(gateways: readonly Gateway[], workloads: readonly Workload[], settings: BalancerSettings): Decision {
  const alarms: Alarm[] = [];
  const valid: Gateway[] = [];
  for (const gateway of gateways) {
    const fault = scoreFault(gateway, settings.epoch);
    if (fault === undefined) valid.push(gateway);
    else alarms.push({ kind: fault, gateway: gateway.id } as Alarm);
  }
  const ended = (rest: Rest, moves: readonly Move[], sorted: readonly Gateway[]): Decision => ({
    moves,
    rest,
    alarms,
    difference: relativeDifference(valid.map(({ score }) => score)),
    heaviest: heaviestFirst(valid)[0]?.id ?? -1,
    lightest: heaviestFirst(valid).at(-1)?.id ?? -1,
    foreseen: sorted.map(({ score }) => score),
  });
  if (valid.length > 0 && valid.every((it) => isOverloaded(it, settings))) {
    alarms.push({ kind: 'ADD_APPLIANCE', gateway: -1 });
    return ended('all-overloaded', [], heaviestFirst(valid));
  }
  const moves: Move[] = [];
  let places = workloads;
  let sorted = heaviestFirst(valid);
  for (;;) {
    if (relativeDifference(sorted.map(({ score }) => score)) <= settings.differenceThreshold) {
      return ended(sorted.length < 2 ? 'too-few' : 'balanced', moves, sorted);
    }
    const [heaviest, lightest] = [sorted[0]!, sorted.at(-1)!];
    if (moves.length >= settings.movesPerEpoch) return ended('moves-spent', moves, sorted);
    if (Math.max(heaviest.freeAtEpoch, lightest.freeAtEpoch) > settings.epoch) return ended('cool-down', moves, sorted);
    const best = findBestMove(heaviest, lightest, places, settings);
    if (best === undefined) return ended('no-useful-move', moves, sorted);
    moves.push({ workload: best.workload.id, from: heaviest.id, to: lightest.id });
    const freeAtEpoch = settings.epoch + settings.coolDownEpochs;
    places = places.map((it) => (it === best.workload ? { ...it, gateway: lightest.id, freeAtEpoch: Math.max(freeAtEpoch, settings.epoch + 1) } : it));
    sorted = heaviestFirst(sorted.map((it) => (it === heaviest ? { ...best.source, freeAtEpoch } : it === lightest ? { ...best.target, freeAtEpoch } : it)));
  }
}

function heaviestFirst(gateways: readonly Gateway[]): Gateway[] {
  return gateways.toSorted((left, right) => right.score - left.score || left.id - right.id);
}

/** The workload of the heaviest gateway whose move leaves the lower maximum; the lighter one of two equals, then the lower id. */
function findBestMove(heaviest: Gateway, lightest: Gateway, workloads: readonly Workload[], settings: BalancerSettings) {
  let best: { readonly workload: Workload; readonly source: Gateway; readonly target: Gateway; readonly most: number } | undefined;
  const here = workloads.filter(({ gateway }) => gateway === heaviest.id).toSorted((left, right) => left.churnBytesPerSecond - right.churnBytesPerSecond || left.id - right.id);
  for (const workload of here) {
    const { source, target } = afterMove(heaviest, lightest, { workload, workloads: here }, settings);
    if (findHarm({ heaviest, lightest, workload, source, target }, settings) !== undefined) continue;
    const most = Math.max(source.score, target.score);
    if (best === undefined || most < best.most) best = { workload, source, target, most };
  }
  return best;
}

/** Why a workload may not go from the heaviest to the lightest gateway; undefined when it may. */
function findHarm(
  plan: { readonly heaviest: Gateway; readonly lightest: Gateway; readonly workload: Workload; readonly source: Gateway; readonly target: Gateway },
  settings: BalancerSettings,
): string | undefined {
  const { heaviest, lightest, workload, source, target } = plan;
  if (workload.isBusy || workload.freeAtEpoch > settings.epoch) return 'busy';
  if (isOverloaded(target, settings)) return 'overloads-target';
  if (lightest.backlogAgeNs > workload.rpoTargetNs || target.use.processor > 1) return 'breaks-rpo';
  if (target.score > source.score) return 'swaps-order';
  return source.score < heaviest.score ? undefined : 'no-gain';
}

/** Both gateways as they are foreseen once `workload` has moved. `workloads`: all of the source. */
export function afterMove(
  from: Gateway,
  to: Gateway,
  what: { readonly workload: Workload; readonly workloads: readonly Workload[] },
  settings: Pick<BalancerSettings, 'weightProcessor' | 'weightNetwork'>,
): { readonly source: Gateway; readonly target: Gateway } {
  const churn = what.workload.churnBytesPerSecond;
  const total = what.workloads.reduce((sum, it) => sum + it.churnBytesPerSecond, 0);
  const part = total <= 0 ? 0 : churn / total;
  const networkBytes = from.use.network * from.networkBytesPerSecond * part;
  return {
    source: changed(from, -from.use.processor * part, -networkBytes, settings),
    target: changed(to, churn / to.capacityBytesPerSecond, networkBytes, settings),
  };
}

function changed(gateway: Gateway, processor: number, networkBytes: number, settings: Pick<BalancerSettings, 'weightProcessor' | 'weightNetwork'>): Gateway {
  const network = networkBytes / gateway.networkBytesPerSecond;
  const score = gateway.score + settings.weightProcessor * processor + settings.weightNetwork * network;
  const use = { ...gateway.use, processor: Math.max(0, gateway.use.processor + processor), network: Math.max(0, gateway.use.network + network) };
  return { ...gateway, use, score: Math.max(0, score) };
}

/** Why a workload cannot be re-homed by hand, as a kind; '' when it can. */
export function homingFault(
  workload: Pick<Workload, 'gateway' | 'isBusy' | 'churnBytesPerSecond'>,
  target: Gateway,
  about: { readonly isDown: boolean; readonly settings: BalancerSettings },
): '' | 'same-gateway' | 'move-under-way' | 'gateway-down' | 'no-valid-score' | 'would-overload' {
  if (workload.gateway === target.id) return 'same-gateway';
  if (workload.isBusy) return 'move-under-way';
  if (about.isDown) return 'gateway-down';
  if (scoreFault(target, about.settings.epoch) !== undefined) return 'no-valid-score';
  const processor = target.use.processor + workload.churnBytesPerSecond / target.capacityBytesPerSecond;
  return processor > about.settings.resourceLimit ? 'would-overload' : '';
}
