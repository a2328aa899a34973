// Goal: a snapshot's bytes give back exactly what went in, and nothing else is taken for one. Method: round trips;
// every bit flipped, every cut, records doubled and moved (fast-check); each error has its sentence.
import { deflateSync } from 'fflate';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeHash } from '../base/index.ts';
import {
  decodeSnapshot, digestRecord, encodeBeginning, encodePage, encodeSnapshot, encodeTrailer, joinPieces, pageCodec,
  type SnapshotImage, snapshotFileErrorSentence,
} from './snapshot-file.ts';

const page = (seed: number) => Uint8Array.from({ length: 4096 }, (_, index) => (index >> 4) * seed);

const IMAGE: SnapshotImage = {
  head: { name: 'vor dem Umbau', parent: 'ältere', vm: 7, vmName: 'desk-1', guest: 'dirtier', pageCount: 6, vcpuCount: 2, takenAtNs: 2 ** 40 + 5 },
  vcpus: [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5)],
  device: Uint8Array.of(9, 8, 7, 6),
  pages: [page(1), undefined, page(3), undefined, page(5), page(7)],
};

test('what goes in comes out', () => {
  const decoded = decodeSnapshot(encodeSnapshot(IMAGE));
  expect(decoded).toEqual({ ok: true, value: IMAGE });
});

/** Records of a snapshot with pages in any order, one of them deflated. */
function records(): { beginning: Uint8Array[]; pages: Uint8Array[] } {
  return {
    beginning: encodeBeginning(IMAGE.head, IMAGE.vcpus, IMAGE.device),
    pages: [encodePage(5, pageCodec.raw, page(7)), encodePage(0, pageCodec.deflate, deflateSync(page(1))), encodePage(4, pageCodec.raw, page(5)), encodePage(2, pageCodec.raw, page(3))],
  };
}

function close(list: readonly Uint8Array[], counts = { stored: 4, zero: 2 }): Uint8Array {
  const digest = makeHash();
  for (const record of list) digestRecord(digest, record);
  return joinPieces([...list, encodeTrailer(counts, digest)]);
}

test('pages come in any order, deflated or not', () => {
  const { beginning, pages } = records();
  expect(decodeSnapshot(close([...beginning, ...pages]))).toEqual({ ok: true, value: IMAGE });
});

test.each([
  ['no trailer', () => joinPieces([...records().beginning, ...records().pages]), 'truncated'],
  ['a page twice', () => close([...records().beginning, ...records().pages, records().pages[0]!]), 'bad-page'],
  ['a page missing', () => close([...records().beginning, ...records().pages.slice(1)]), 'wrong-count'],
  ['a page beyond RAM', () => close([...records().beginning, encodePage(6, 0, page(1))]), 'bad-page'],
  ['a page too short', () => close([...records().beginning, encodePage(1, 0, page(1).subarray(1))]), 'bad-page'],
  ['deflate of something else', () => close([...records().beginning, encodePage(1, 1, deflateSync(new Uint8Array(100)))]), 'bad-page'],
  ['no deflate at all', () => close([...records().beginning, encodePage(1, 1, Uint8Array.of(0xff, 0xff, 0xff))]), 'bad-page'],
  ['a wrong zero count', () => close([...records().beginning, ...records().pages], { stored: 4, zero: 3 }), 'wrong-count'],
  ['no device', () => close([records().beginning[0]!, records().beginning[1]!, records().beginning[2]!, ...records().pages]), 'bad-head'],
  ['a vCPU missing', () => close([records().beginning[0]!, records().beginning[1]!, records().beginning[3]!, ...records().pages]), 'wrong-count'],
  ['a second head', () => close([...records().beginning, records().beginning[0]!]), 'wrong-order'],
  ['a page first', () => close(records().pages), 'wrong-order'],
  ['bytes after the end', () => joinPieces([encodeSnapshot(IMAGE), Uint8Array.of(1)]), 'bad-record'],
  ['nothing', () => new Uint8Array(0), 'truncated'],
])('%s is refused by name', (_what, make, kind) => {
  const decoded = decodeSnapshot(make());
  expect(decoded).toMatchObject({ ok: false, error: { kind } });
  if (!decoded.ok) expect(snapshotFileErrorSentence(decoded.error)).toMatch(/^The snapshot|^Page/);
});

test('any cut and any flipped bit is noticed', () => {
  const bytes = encodeSnapshot(IMAGE);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(7), fc.boolean(), (at, bit, cuts) => {
      const damaged = cuts ? bytes.slice(0, at) : bytes.slice();
      if (!cuts) damaged[at]! ^= 1 << bit;
      const decoded = decodeSnapshot(damaged);
      // Two fields say nothing: `codec` and `argument` of records that have none, `extra` of all. They are under the digest.
      expect(decoded.ok && !isTrailerSlack(bytes.length, at)).toBe(false);
    }),
    { seed: 3, numRuns: 2_000 },
  );
});

/** The trailer's own header fields that are not looked at: its digest cannot cover itself. */
function isTrailerSlack(size: number, at: number): boolean {
  const inTrailer = at - (size - 32);
  return inTrailer === 3 || (inTrailer >= 4 && inTrailer < 8) || (inTrailer >= 12 && inTrailer < 16);
}
