// Goal: what is kept of a run is used for its address only, and what is damaged is as if it were not there. Method: texts in a Map.
import { expect, test } from 'vitest';
import { findKeptRun, type KeptRun, type TextPlace } from './kept-run.ts';

const KEPT: KeptRun = {
  version: 1, address: '#/lab/skeleton', runFile: '{}', lab: 'skeleton', seed: 1, knobs: {}, timeNs: 5, playing: true, ratio: 0.1,
  panels: { inspector: false, console: true, timeline: true, tables: false, samples: false, snapshots: false }, density: 'lab', theme: 'dark', selection: '', knobsShown: false,
};

function placeOf(text: string): TextPlace {
  return { getItem: () => text, setItem: () => undefined, removeItem: () => undefined };
}

test('a run is found for the address that it was kept for', () => {
  const place = placeOf(JSON.stringify(KEPT));
  expect(findKeptRun(place, '#/lab/skeleton')).toEqual(KEPT);
  expect(findKeptRun(place, '#/lab/skeleton?seed=2')).toBeUndefined();
});

test('what is damaged, of another kind or forbidden is not there', () => {
  for (const change of [{ version: 2 }, { timeNs: -1 }, { timeNs: 1.5 }, { panels: {} }, { density: 'huge' }, { runFile: 3 }]) {
    expect(findKeptRun(placeOf(JSON.stringify({ ...KEPT, ...change })), KEPT.address), JSON.stringify(change)).toBeUndefined();
  }
  expect(findKeptRun(placeOf('{'), KEPT.address)).toBeUndefined();
  const forbidden = { ...placeOf(''), getItem: () => { throw new Error('forbidden'); } };
  expect(findKeptRun(forbidden, KEPT.address)).toBeUndefined();
});
