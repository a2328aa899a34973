// Goal: fluid flows and packets share a link evenly, end at the exact nanosecond, and not one byte is lost or made.
// Method: random starts, aborts, cuts and rates; an oracle in rational arithmetic (BigInt) says how much each has got.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FluidLinks, type FlowId } from './fluid-links.ts';

const FLUID = 1;
const PACKET = 2;

test('one flow takes exactly its bytes over the rate, rounded up to a nanosecond', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 34 }), fc.integer({ min: 1, max: 125_000 }), (bytes, rate) => {
      const links = new FluidLinks(1);
      links.setRate(0, rate, 5);
      links.start(0, bytes, FLUID, 7, 5);
      let now = links.dueNs(0);
      const ended: number[] = [];
      for (let looks = 0; ended.length === 0 && looks < 1e6; looks++) {
        links.takeDone(0, now, (_kind, tag) => void ended.push(tag));
        if (ended.length === 0) now = links.dueNs(0);
      }
      expect(BigInt(now - 5)).toBe((BigInt(bytes) * 1000n + BigInt(rate) - 1n) / BigInt(rate));
      expect(links.servedBytes(0)).toBe(bytes);
    }),
    { numRuns: 100 },
  );
});

const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('flow' as const), bytes: fc.integer({ min: 1, max: 1e7 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('packet' as const), bytes: fc.integer({ min: 64, max: 9000 }) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('pass' as const), ns: fc.nat(300_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rate' as const), rate: fc.integer({ min: 0, max: 4000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('abort' as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const) }) },
);

/** Runs a link to `until`, event by event. */
function passTo(links: FluidLinks, until: number, onEnd: (kind: number, tag: number, bytes: number, now: number) => void): void {
  for (let dueNs = links.dueNs(0); dueNs <= until; dueNs = links.dueNs(0)) {
    links.takeDone(0, dueNs, (kind, tag, bytes) => onEnd(kind, tag, bytes, dueNs));
  }
}

test('bytes served are bytes ended and bytes under way, and never more than rate times time', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const links = new FluidLinks(1, 2);
      let now = 0;
      let rate = 1250;
      links.setRate(0, rate, now);
      let tag = 0;
      let endedBytes = 0;
      let capacity = 0n; // thousandths of a byte that the link could have served
      const flows = new Map<number, FlowId>();
      const packets: number[] = [];
      const onEnd = (kind: number, it: number, bytes: number): void => {
        endedBytes += bytes;
        if (kind === FLUID) flows.delete(it);
        else expect(packets.shift()).toBe(it); // in order
      };
      for (const it of actions) {
        if (it.kind === 'flow' && links.hasRoom(0)) {
          flows.set(tag, links.start(0, it.bytes, FLUID, tag, now));
          tag++;
        } else if (it.kind === 'packet') {
          packets.push(tag);
          links.send(0, it.bytes, PACKET, tag++, now);
        } else if (it.kind === 'pass') {
          passTo(links, now + it.ns, onEnd);
          capacity += BigInt(rate) * BigInt(it.ns);
          now += it.ns;
          links.setRate(0, rate, now); // settles
        } else if (it.kind === 'rate') {
          rate = it.rate;
          links.setRate(0, rate, now);
        } else if (it.kind === 'abort' && flows.size > 0) {
          const [key, flow] = [...flows][it.which % flows.size]!;
          endedBytes += links.abort(flow, now);
          flows.delete(key);
        } else if (it.kind === 'drop') {
          links.dropPackets(0, now, (_kind, _tag, bytes) => {
            endedBytes += bytes;
          });
          packets.length = 0;
        }
        expect(links.servedBytes(0)).toBe(endedBytes + links.bytesUnderWay(0));
        expect(BigInt(links.servedBytes(0)) * 1000n <= capacity).toBe(true);
      }
      links.setRate(0, 1000, now);
      passTo(links, now + 5e11, onEnd);
      expect(flows.size + packets.length).toBe(0);
      expect(links.servedBytes(0)).toBe(endedBytes);
    }),
    { numRuns: 150 },
  );
});

test('a busy link serves all of its rate: n flows end together at n times the time of one', () => {
  for (const count of [1, 3, 7, 64]) {
    const links = new FluidLinks(1);
    links.setRate(0, 1250, 0);
    for (let index = 0; index < count; index++) links.start(0, 1_000_003, FLUID, index, 0);
    const ends: number[] = [];
    passTo(links, 1e12, (_kind, _tag, _bytes, now) => void ends.push(now));
    expect(ends).toHaveLength(count);
    expect(ends.at(-1)).toBe(Math.ceil((count * 1_000_003 * 1000) / 1250));
  }
});

test('packets and flows share evenly, and a packet does not wait for a flow to end', () => {
  const links = new FluidLinks(1);
  links.setRate(0, 1000, 0);
  links.start(0, 1e9, FLUID, 1, 0);
  links.send(0, 1500, PACKET, 2, 0);
  links.send(0, 1500, PACKET, 3, 0);
  const ends: number[] = [];
  passTo(links, 1e7, (_kind, tag, _bytes, now) => void ends.push(tag, now));
  expect(ends).toEqual([2, 3000, 3, 6000]);
});
