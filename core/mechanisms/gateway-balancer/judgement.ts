/**
 * Judgement of the lab's runs: that every consistency point was what the production volume had been, that moves sent no
 * more than their bitmaps, that every workload has one owner, and what the balancing came to.
 */
import { CHANGED_BLOCK_BYTES } from '../../storage/index.ts';
import type { ProcessSnapshot } from '../../protocol/snapshot.ts';
import type { Check, JudgeOptions, LabFindings } from '../lab.ts';
import { findRecoverySite, findSite } from './refusal.ts';
import type { RecoverySiteTold, SiteTold, SwitchTold } from './told.ts';

/** See the file's head. */
export function judgeBalancing({ snapshots }: JudgeOptions): LabFindings {
  const site = findSite(snapshots);
  const recovery = findRecoverySite(snapshots);
  if (site === undefined || recovery === undefined) return { metrics: {}, checks: [], outcome: 'there are no two sites in this world' };
  return {
    metrics: metricsOf(site, recovery, snapshots),
    checks: [checkPoints(recovery), checkOrder(recovery), checkMoves(site), checkOwners(site), checkHomes(site)],
    outcome: outcomeOf(site),
  };
}

/** The volume's digest after each set is the one that the tap took when it sealed it. */
function checkPoints({ volumes }: RecoverySiteTold): Check {
  const wrong = volumes.find(({ mismatches }) => mismatches > 0);
  const sets = volumes.reduce((sum, it) => sum + it.appliedSets, 0);
  return {
    id: 'consistency-points-equal',
    holds: wrong === undefined,
    found: wrong === undefined ? `${sets} update sets applied, each left the bytes that were sealed` : `workload ${wrong.workload}: ${wrong.mismatches} sets left other bytes`,
  };
}

/** Sets are counted by their sequence: no volume has applied more sets than were sealed. */
function checkOrder({ volumes }: RecoverySiteTold): Check {
  const wrong = volumes.find(({ appliedSets, appliedSequence }) => appliedSets > appliedSequence);
  return {
    id: 'each-set-once',
    holds: wrong === undefined,
    found: wrong === undefined
      ? `${volumes.reduce((sum, it) => sum + it.repeatedSets, 0)} sets came twice and were applied once`
      : `workload ${wrong.workload} applied ${wrong.appliedSets} sets up to sequence ${wrong.appliedSequence}`,
  };
}

function checkMoves({ moves }: SiteTold): Check {
  const done = moves.filter(({ phase }) => phase === 'done');
  const wrong = done.find(({ handedBlocks, resentBytes }) => resentBytes > handedBlocks * CHANGED_BLOCK_BYTES);
  return {
    id: 'no-more-than-the-bitmap',
    holds: wrong === undefined,
    found: wrong === undefined ? `${done.length} moves, each re-sent at most its marked blocks` : `a move of workload ${wrong.workload} re-sent ${wrong.resentBytes} bytes of ${wrong.handedBlocks} blocks`,
  };
}

function checkOwners({ workloads, gateways }: SiteTold): Check {
  const wrong = workloads.find(({ id, state }) => {
    const owners = gateways.filter((it) => it.workloads.includes(id));
    return state !== 'failed-over' && (owners.filter(({ site }) => site === 0).length !== 1 || owners.filter(({ site }) => site === 1).length !== 1);
  });
  return {
    id: 'one-owner',
    holds: wrong === undefined,
    found: wrong === undefined ? 'every workload has one gateway at each site' : `workload ${wrong.id} has another number of owners`,
  };
}

/** No gateway is in two lists, and a workload's pair is the one in the lists. */
function checkHomes({ workloads, gateways }: SiteTold): Check {
  const wrong = workloads.find((it) => it.state !== 'failed-over' && gateways.find(({ id }) => id === it.primaryGateway)?.workloads.includes(it.id) !== true);
  return { id: 'homes-agree', holds: wrong === undefined, found: wrong === undefined ? 'pairs and lists agree' : `workload ${wrong.id} is not in the list of its gateway` };
}

function metricsOf(site: SiteTold, recovery: RecoverySiteTold, snapshots: readonly ProcessSnapshot[]): LabFindings['metrics'] {
  const replicating = site.workloads.filter(({ state }) => state !== 'failed-over');
  const near = snapshots.map((it) => it.told as SwitchTold | undefined).find((told) => told !== undefined && 'wan' in told && told.site === 0);
  return {
    'worst-recovery-point': replicating.length === 0 ? undefined : Math.max(...replicating.map((it) => it.recoveryPointNs)),
    'score-spread': site.sites[0]?.difference,
    'recovery-spread': site.sites[1]?.difference,
    'backlog-bytes': site.gateways.reduce((sum, it) => sum + (it.site === 0 ? it.backlogBytes : 0), 0),
    moves: site.movesDone,
    'wan-bytes-per-move': site.movesDone === 0 ? undefined : site.resentBytes / site.movesDone,
    'wan-bytes': near?.wan.sentBytes,
    'resync-bytes': site.resyncBytes,
    'applied-sets': recovery.volumes.reduce((sum, it) => sum + it.appliedSets, 0),
    alarms: site.alarms.length,
  };
}

function outcomeOf(site: SiteTold): string {
  const replicating = site.workloads.filter(({ state }) => state !== 'failed-over');
  const worst = replicating.toSorted((left, right) => right.recoveryPointNs - left.recoveryPointNs)[0];
  const point = worst === undefined ? 'nothing is replicated' : `the worst recovery point is ${(worst.recoveryPointNs / 1e9).toFixed(2)} s old (${worst.name})`;
  const alarms = site.alarms.length === 0 ? '' : `; alarms: ${site.alarms.map(({ kind }) => kind).join(', ')}`;
  return `${site.movesDone} moves; ${point}; d ${(site.sites[0]?.difference ?? 0).toFixed(2)}${alarms}`;
}
