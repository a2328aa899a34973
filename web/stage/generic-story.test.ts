// Goal: the story goes on by what the run did: it stays at a step until that has come true, then tells what follows.
// Method: walkthroughs of the house, made-up events and metrics.
import { expect, test } from 'vitest';
import { CATALOG, findWalkthrough, WALKTHROUGHS } from '../../core/mechanisms/catalog.ts';
import { COMMAND_ROWS } from '../app/commands.ts';
import { chapterOf, pageCommand, placeOf } from './generic-story.tsx';

const event = (timeNs: number, kind: string) => ({ timeNs, kind, entity: 'vm:1', text: '' });
const snapshot = findWalkthrough('live-snapshot')!;
const at = (id: string) => snapshot.steps.findIndex((step) => step.id === id);

test('before the first step there is none, and a chapter of another lab is none', () => {
  const view = { timeNs: 0, events: [], metrics: {} };
  expect(placeOf(snapshot, '', view)).toBeUndefined();
  expect(placeOf(snapshot, chapterOf('no-such-step', 5), view)).toBeUndefined();
});

test('a step stays until its event has come, later than the step; then what follows is told', () => {
  const chapter = chapterOf('take', 100);
  const place = (...events: ReturnType<typeof event>[]) => placeOf(snapshot, chapter, { timeNs: 200, events, metrics: {} });
  expect(place()).toEqual({ at: at('take'), open: true });
  expect(place(event(90, 'drain'))).toEqual({ at: at('take'), open: true });
  expect(place(event(150, 'drain'))).toEqual({ at: at('drain'), open: false });
  expect(place(event(150, 'drain'), event(160, 'committed'))).toEqual({ at: at('slow'), open: false });
});

test('every command of every walkthrough is one of the page', () => {
  const ids = COMMAND_ROWS.map((row) => row.id);
  for (const { steps } of WALKTHROUGHS) {
    for (const step of steps) if (step.do !== undefined) expect(ids).toContain(pageCommand(step.do).id);
  }
  expect(ids).toContain('take-step');
  expect(CATALOG.every(({ sentence }) => sentence.length > 0)).toBe(true);
});
