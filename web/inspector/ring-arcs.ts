/**
 * A split queue as two rings: outside the available ring, in which the driver leads and the device follows, inside the
 * used ring, in which the device leads and the driver follows. Arcs and hands as paths; pure.
 */
import { arc } from 'd3-shape';
import type { RingFacts } from '../../core/protocol/machine-inspection.ts';

export const RING_SIZE = 320;
const CENTRE = RING_SIZE / 2;
/** Radii of the two rings. Unit: px. */
export const AVAILABLE = { inner: 104, outer: 132 } as const;
export const USED = { inner: 66, outer: 88 } as const;
/** Rings of more entries have no line between neighbours. */
const TICKS_MAX = 64;

export type RingPart = 'waiting' | 'in-flight' | 'free' | 'returned' | 'unseen';

export interface RingArc {
  readonly part: RingPart;
  readonly first: number; //  slot
  readonly count: number;
  readonly d: string;
}

export interface RingHand {
  readonly who: 'driver' | 'device';
  readonly slot: number;
  readonly d: string; //      a triangle
}

const angleOf = (slot: number, size: number): number => (slot / Math.max(1, size)) * 2 * Math.PI;

function arcOf(ring: { readonly inner: number; readonly outer: number }, first: number, count: number, size: number): string {
  const shape = arc<null>().innerRadius(ring.inner).outerRadius(ring.outer).startAngle(angleOf(first, size)).endAngle(angleOf(first + count, size));
  return shape(null) ?? '';
}

/** Arcs of the available ring: in flight, waiting, and the rest. They cover the ring once. */
export function availableArcs({ size, nextUsed, waiting, inFlight }: Pick<RingFacts, 'size' | 'nextUsed' | 'waiting' | 'inFlight'>): RingArc[] {
  const held = Math.min(size, inFlight);
  const wait = Math.min(size - held, waiting);
  const parts: readonly (readonly [RingPart, number])[] = [['in-flight', held], ['waiting', wait], ['free', size - held - wait]];
  let first = nextUsed % size;
  return parts.flatMap(([part, count]): RingArc[] => {
    if (count === 0) return [];
    const made: RingArc = { part, first: first % size, count, d: arcOf(AVAILABLE, first, count, size) };
    first += count;
    return [made];
  });
}

/** Arcs of the used ring: what was returned and what was never. */
export function usedArcs({ size, nextUsed }: Pick<RingFacts, 'size' | 'nextUsed'>): RingArc[] {
  const returned = Math.min(size, nextUsed);
  const first = returned === size ? 0 : nextUsed - returned;
  const parts: readonly (readonly [RingPart, number, number])[] = [['returned', first, returned], ['unseen', first + returned, size - returned]];
  return parts.flatMap(([part, from, count]): RingArc[] => (count === 0 ? [] : [{ part, first: from % size, count, d: arcOf(USED, from, count, size) }]));
}

/** Where driver and device stand: a triangle outside its ring for the one that leads, inside for the one that follows. */
export function ringHands(ring: Pick<RingFacts, 'size' | 'availableIndex' | 'nextAvailable' | 'nextUsed' | 'usedEvent'>): readonly { readonly ring: 'available' | 'used'; readonly hand: RingHand }[] {
  const { size } = ring;
  const hand = (who: RingHand['who'], index: number, radius: number, outwards: boolean): RingHand => {
    const slot = index % size;
    const angle = angleOf(slot, size) - Math.PI / 2;
    const at = (r: number, a: number) => `${(r * Math.cos(a)).toFixed(1)} ${(r * Math.sin(a)).toFixed(1)}`;
    const back = outwards ? radius + 14 : radius - 14;
    const spread = 7 / back;
    return { who, slot, d: `M${at(radius, angle)}L${at(back, angle - spread)}L${at(back, angle + spread)}Z` };
  };
  return [
    ...(ring.availableIndex < 0 ? [] : [{ ring: 'available', hand: hand('driver', ring.availableIndex, AVAILABLE.outer + 1, true) } as const]),
    { ring: 'available', hand: hand('device', ring.nextAvailable, AVAILABLE.inner - 1, false) },
    { ring: 'used', hand: hand('device', ring.nextUsed, USED.inner - 1, false) },
  ];
}

/** Lines between neighbouring slots; '' where there are too many. */
export function tickPath(size: number, ring: { readonly inner: number; readonly outer: number }): string {
  if (size > TICKS_MAX) return '';
  return Array.from({ length: size }, (_, slot) => {
    const angle = angleOf(slot, size) - Math.PI / 2;
    const [x, y] = [Math.cos(angle), Math.sin(angle)];
    return `M${(x * ring.inner).toFixed(1)} ${(y * ring.inner).toFixed(1)}L${(x * ring.outer).toFixed(1)} ${(y * ring.outer).toFixed(1)}`;
  }).join('');
}

export const RING_VIEW = `${-CENTRE} ${-CENTRE} ${RING_SIZE} ${RING_SIZE}`;

/** Cells of the descriptor table in rows of 32. */
export const TABLE_COLUMNS = 32;

/** One sentence that says what the picture shows. */
export function ringSentence({ size, waiting, inFlight, ready, device, name, fault }: RingFacts): string {
  if (!ready) return `The ${name} queue of ${device} is not ready: no driver has set it up.`;
  const wrong = fault === '' ? '' : ` Wrong: ${fault}.`;
  return `The ${name} queue of ${device} has ${size} entries: ${waiting} wait for the device, ${inFlight} are in flight.${wrong}`;
}
