/** Why a request is refused, from what the production site tells of itself: the page, scripts and the site judge alike. */
import type { MechanismRequest, Refusal } from '../../protocol/command.ts';
import type { ProcessSnapshot } from '../../protocol/snapshot.ts';
import { refuse } from '../find.ts';
import type { RecoverySiteTold, SiteTold } from './told.ts';

/** The production site's block; undefined when the world has none. */
export function findSite(snapshots: readonly ProcessSnapshot[]): SiteTold | undefined {
  return snapshots.find(({ kind }) => kind === 'site')?.told as SiteTold | undefined;
}

/** The recovery site's block. */
export function findRecoverySite(snapshots: readonly ProcessSnapshot[]): RecoverySiteTold | undefined {
  return snapshots.find(({ kind }) => kind === 'recovery-site')?.told as RecoverySiteTold | undefined;
}

/** Why a request of this lab would be refused now; undefined when it would not. */
export function findRequestRefusal(site: SiteTold | undefined, request: MechanismRequest): Refusal | undefined {
  if (site === undefined) return refuse('no-site', 'There is no production site in this world.');
  const id = Number(request.arguments['workload']);
  const workload = site.workloads.find((it) => it.id === id);
  if (workload === undefined) return refuse('no-such-workload', `There is no workload ${id}; known are ${site.workloads.map((it) => it.id).join(', ')}.`);
  const { name } = workload;
  // The other site can be started from also when this one is dark.
  if (!site.isUp && request.name !== 'fail-over-unplanned') return refuse('site-down', 'The production site has no power.');
  if (request.name !== 're-home') {
    if (request.name === 'fail-over-unplanned' && workload.state !== 'failed-over' && !workload.hasPoint) {
      return refuse('no-consistency-point', `The recovery site has no consistency point of ${name} yet.`);
    }
    if (workload.state === 'running' || (workload.state !== 'failed-over' && request.name === 'fail-over-unplanned')) return undefined;
    return refuse('not-replicating', `${name} is ${workload.state}, so it cannot be failed over again.`);
  }
  const to = Number(request.arguments['gateway']);
  const gateway = site.gateways.find((it) => it.id === to);
  if (gateway === undefined) return refuse('no-such-gateway', `Process ${to} is no gateway; gateways are ${site.gateways.map((it) => `${it.id} (${it.name})`).join(', ')}.`);
  const kind = workload.homes.find((it) => it.gateway === to)?.refusal ?? '';
  return kind === '' ? undefined : refuse(kind, homingSentence(kind, name, gateway.name));
}

/** One sentence for a name out of `homes`. */
export function homingSentence(kind: string, workload: string, gateway: string): string {
  switch (kind) {
    case 'same-gateway':
      return `${workload} is on ${gateway} already.`;
    case 'move-under-way':
      return `${workload} is being moved; it can be moved again when that is over.`;
    case 'gateway-down':
      return `${gateway} does not answer, so ${workload} cannot go there.`;
    case 'no-valid-score':
      return `${gateway} has told no valid score of late, so ${workload} cannot go there.`;
    case 'would-overload':
      return `${gateway} would be overloaded by the churn of ${workload}.`;
    default:
      return `${workload} is not replicated from here any more.`;
  }
}
