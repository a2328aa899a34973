/**
 * Which worker runs which process: short cables stay inside a worker, for the two ends of a cable can run ahead of each
 * other only by its latency, and the work is spread evenly. Clusters grow along cables, the shortest first, while they are
 * no larger than a worker's share; then the largest cluster goes to the worker with the least work, and so on.
 * The result of a run does not depend on it.
 */

/** What is to be spread. */
export interface ShardingRequest {
  /** Work of each process, beside the others'. */
  readonly weights: readonly number[];
  /** Cables between positions. */
  readonly links: readonly { readonly a: number; readonly b: number; readonly latencyNs: number }[];
  readonly workerCount: number;
}

/** How much more than its share a cluster may have, so that small remainders do not break chains. */
const SHARE_SLACK = 1.05;

/** Worker of each process, 0 … workerCount − 1. */
export function shard({ weights, links, workerCount }: ShardingRequest): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const share = (total / workerCount) * SHARE_SLACK;
  const parent = weights.map((_, position) => position);
  const size = [...weights];
  const rootOf = (position: number): number => {
    let root = position;
    while (parent[root] !== root) root = parent[root]!;
    return root;
  };
  for (const { a, b } of links.toSorted((left, right) => left.latencyNs - right.latencyNs)) {
    const [first, second] = [rootOf(a), rootOf(b)];
    if (first === second || size[first]! + size[second]! > share) continue;
    parent[Math.max(first, second)] = Math.min(first, second);
    size[Math.min(first, second)] = size[first]! + size[second]!;
  }
  const clusters = parent.map((_, position) => position).filter((position) => rootOf(position) === position);
  const load = new Array<number>(workerCount).fill(0);
  const workerOf = new Map<number, number>();
  for (const cluster of clusters.toSorted((left, right) => size[right]! - size[left]! || left - right)) {
    const worker = load.indexOf(Math.min(...load));
    workerOf.set(cluster, worker);
    load[worker]! += size[cluster]!;
  }
  return weights.map((_, position) => workerOf.get(rootOf(position))!);
}
