// Goal: captures have the bytes that the format wants. Method: an independent reader walks what the writer
// wrote; the reader's canary is a damaged file.
import { expect, test } from 'vitest';
import { readPcapng } from '../testing/pcapng-reader.ts';
import { mergeCaptures } from './pcapng-merge.ts';
import { interfaceBlock, packetBlock, sectionHeaderBlock } from './pcapng.ts';

function join(blocks: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(blocks.flatMap((block) => [...block]));
}

const packets = [1, 2, 3, 4, 60, 1514].map((length, index) => ({
  interfaceIndex: index % 2,
  timeNs: [0, 999, 2 ** 32 - 1, 2 ** 32, 5 * 2 ** 32 + 77, 2 ** 53 - 1][index] ?? 0,
  direction: index % 2 === 0 ? ('in' as const) : ('out' as const),
  bytes: Uint8Array.from({ length }, (_, at) => (at * 7) & 0xff),
  originalLength: length + index,
}));

function file(): Uint8Array {
  return join([
    sectionHeaderBlock({ application: 'glasshouse', comment: 'seed 1' }),
    interfaceBlock({ name: 'a-to-b', bitsPerSecond: 1e9 }),
    interfaceBlock({ name: 'b', description: 'the other', snapLength: 128 }),
    ...packets.map(packetBlock),
  ]);
}

test('blocks, options, times and lengths are read back', () => {
  const capture = readPcapng(file());
  expect(capture.application).toBe('glasshouse');
  expect(capture.interfaces).toEqual([
    { linkType: 1, snapLength: 262_144, name: 'a-to-b', resolution: 9 },
    { linkType: 1, snapLength: 128, name: 'b', resolution: 9 },
  ]);
  expect(capture.packets).toEqual(
    packets.map(({ direction, ...packet }) => ({ ...packet, flags: direction === 'in' ? 1 : 2 })),
  );
});

test('captures of several ports become one: interfaces once each, packets by time, each on its port', () => {
  const [first, second] = [packets.slice(0, 3), packets.slice(1, 5)];
  const one = join([sectionHeaderBlock({ application: 'one' }), interfaceBlock({ name: 'a' }), interfaceBlock({ name: 'b' }), ...first.map(packetBlock)]);
  const other = join([
    sectionHeaderBlock({ application: 'other' }), interfaceBlock({ name: 'c', snapLength: 128 }), interfaceBlock({ name: 'd' }),
    ...second.map(packetBlock),
  ]);
  const merged = readPcapng(mergeCaptures([one, new Uint8Array(0), other], { application: 'both', comment: 'seed 1' }));
  expect(merged.application).toBe('both');
  expect(merged.interfaces.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
  expect(merged.interfaces[2]?.snapLength).toBe(128);
  const expected = [
    ...first.map((packet) => ({ ...packet, from: 0 })),
    ...second.map((packet) => ({ ...packet, interfaceIndex: packet.interfaceIndex + 2, from: 1 })),
  ].toSorted((left, right) => left.timeNs - right.timeNs || left.from - right.from);
  expect(merged.packets).toEqual(
    expected.map(({ direction, from: _, ...packet }) => ({ ...packet, flags: direction === 'in' ? 1 : 2 })),
  );
  expect(readPcapng(mergeCaptures([], { application: 'none' })).packets).toEqual([]);
});

test('canary: the reader refuses a capture whose second length is wrong', () => {
  const bytes = file();
  bytes[bytes.length - 4] = 4;
  expect(() => readPcapng(bytes)).toThrow('both lengths');
});
