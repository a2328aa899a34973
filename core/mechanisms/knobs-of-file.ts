/**
 * What a scenario file's own links and guests mean in terms of a lab's knobs, so that what the controls show is
 * what the world is: the first link, and the first VM whose guest is the labs' own. What is turned in the file
 * (its `knobs`) stands over this.
 */
import type { ScenarioLink, ScenarioVm } from '../protocol/scenario.ts';

/** The values of link and guest knobs in a world; those without a link or such a guest are missing. */
export function knobsOfWorld(world: {
  readonly links: readonly ScenarioLink[];
  readonly vms: readonly ScenarioVm[];
}): Record<string, number> {
  const knobs: Record<string, number> = {};
  const [link] = world.links;
  if (link !== undefined) {
    knobs['bandwidth'] = link.bandwidthBitsPerSecond;
    knobs['latency'] = link.latencyNs;
    knobs['loss'] = link.lossPerMillion / 10_000;
  }
  const input = world.vms.find(({ guest }) => guest === 'dirtier')?.bootInput ?? '';
  for (const [, word, value] of input.matchAll(/^(rate|set) (\d+)$/gm)) {
    knobs[word === 'rate' ? 'dirty-rate' : 'working-set'] = Number(value); // the last line counts
  }
  return knobs;
}
