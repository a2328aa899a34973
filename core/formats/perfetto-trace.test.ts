// Goal: a written trace is read back as the same tracks, nested as Perfetto asks, in order of time. Method: a strict reader of our own
// (core/testing), a property over random lanes, one packet against bytes by hand, and a canary for the reader.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPerfettoTrace } from '../testing/perfetto-reader.ts';
import { encodeUtf8, type TraceSlice, writePerfettoTrace } from './perfetto-trace.ts';

const slice = (fromNs: number, toNs: number, name: string): TraceSlice => ({ fromNs, toNs, name, category: 'run', facts: { pages: 7, why: 'dirty' } });

test('slices that touch, nest or have no length come back', () => {
  const bytes = writePerfettoTrace([{
    name: 'host-a', tracks: [
      { kind: 'slices', name: 'rounds', slices: [slice(0, 10, 'outer'), slice(0, 4, 'inner'), slice(4, 10, 'next'), slice(10, 10, 'point'), slice(10, 2 ** 45, 'long')], instants: [{ atNs: 10, name: 'stop', category: 'event' }] },
      { kind: 'counter', name: 'bytes left', unit: 'bytes', points: [{ atNs: 0, value: 1.5 }, { atNs: 3, value: Number.NaN }, { atNs: 9, value: -2 }] },
    ],
  }]);
  const [rounds, left] = readPerfettoTrace(bytes);
  expect(rounds!.slices.map((it) => [it.name, it.fromNs, it.toNs, it.depth])).toEqual([
    ['inner', 0, 4, 1], ['next', 4, 10, 1], ['outer', 0, 10, 0], ['point', 10, 10, 0], ['long', 10, 2 ** 45, 0],
  ]);
  expect(rounds!.slices[0]!.facts).toEqual({ pages: 7, why: 'dirty' });
  expect(rounds!.instants).toEqual([{ atNs: 10, name: 'stop' }]);
  expect(rounds!.process).toBe('host-a');
  expect(left).toMatchObject({ unit: 'bytes', points: [{ atNs: 0, value: 1.5 }, { atNs: 9, value: -2 }] });
});

test('any lanes come back whole', () => {
  const lane = fc.array(fc.tuple(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 0, max: 1e6 }), fc.string({ unit: 'binary' })), { maxLength: 20 });
  fc.assert(fc.property(fc.array(lane, { maxLength: 4 }), (lanes) => {
    const tracks = lanes.map((parts, index) => {
      let at = 0;
      const slices = parts.map(([gap, length, name]) => {
        at += gap;
        const made = slice(at, at + length, name);
        at += length;
        return made;
      });
      return { kind: 'slices' as const, name: `lane ${index}`, slices, instants: [] };
    });
    const read = readPerfettoTrace(writePerfettoTrace([{ name: 'p', tracks }]));
    expect(read.map((track) => track.slices.length)).toEqual(tracks.map((track) => track.slices.length));
    for (const [index, track] of read.entries()) expect(track.slices.map((it) => [it.fromNs, it.toNs])).toEqual(tracks[index]!.slices.map((it) => [it.fromNs, it.toNs]));
  }), { seed: 7, numRuns: 60 });
});

test('the first packet is the process, byte by byte', () => {
  const bytes = writePerfettoTrace([{ name: 'h', tracks: [] }]);
  // Trace.packet { sequence 1, track_descriptor { uuid 1, name "h", process { pid 1, process_name "h" } }, sequence_flags 1 }
  expect([...bytes]).toEqual([0x0a, 19, 0x50, 1, 0xe2, 3, 12, 0x08, 1, 0x12, 1, 0x68, 0x1a, 5, 0x08, 1, 0x32, 1, 0x68, 0x68, 1]);
});

test('text is UTF-8 as others write it', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => {
    expect([...encodeUtf8(text)]).toEqual([...new TextEncoder().encode(text)]);
  }), { seed: 8 });
});

test('canaries: the reader sees broken traces', () => {
  const good = writePerfettoTrace([{ name: 'p', tracks: [{ kind: 'slices', name: 'l', slices: [slice(1, 2, 'a')], instants: [] }] }]);
  expect(() => readPerfettoTrace(good.subarray(0, good.length - 3))).toThrow();
  expect(() => readPerfettoTrace(Uint8Array.of(0x0a, 2, 0x08, 1))).toThrow('sequence');
});
