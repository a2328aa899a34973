// Goal: ages are read as the tool log stamps them, around the end of the epoch counter; the cut dims only what is older. Method: a small view by hand.
import { expect, test } from 'vitest';
import { frameField, headerWord } from '../../core/protocol/host-memory-layout.ts';
import { makeCopiedView } from '../session/host-view.ts';
import { ABSENT, AGE_MAX, ageColours, ageCounts, ageText, readAges } from './heat-cells.ts';

test('ages count from the present epoch, around its end', () => {
  const view = makeCopiedView(0, 8);
  view.header[headerWord.heatEpoch] = 3;
  [3, 1, 254, 0, 200].forEach((stamp, page) => {
    view.guestMaps[8 + page] = page + 1;
    view.frameTable[page] = (stamp & frameField.heatMask) << frameField.heatShift;
  });
  const ages = new Uint8Array(8);
  readAges(view, 1, 8, ages);
  expect([...ages]).toEqual([0, 2, 5, AGE_MAX, AGE_MAX, ABSENT, ABSENT, ABSENT]);
  const counts = ageCounts(ages, 8);
  expect(counts[0]).toBe(1);
  expect(counts[AGE_MAX]).toBe(2);
  expect(counts.reduce((a, b) => a + b)).toBe(5);
  readAges(view, -1, 8, ages);
  expect(ages.every((age) => age === ABSENT)).toBe(true);
});

test('the cut dims what is older and leaves the rest', () => {
  const all = ageColours({ hot: 0xff0000ff, cold: 0xff000000, stage: 0xffffffff, cut: AGE_MAX });
  const cut = ageColours({ hot: 0xff0000ff, cold: 0xff000000, stage: 0xffffffff, cut: 4 });
  expect([...cut.subarray(0, 5)]).toEqual([...all.subarray(0, 5)]);
  expect(cut[5]).not.toBe(all[5]);
  expect(ageText(1)).toBe('1 epoch ago');
});
