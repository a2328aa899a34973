// Goal: each group hears of a change in its own frame and never beside another, a person's doing is heard at once by all, and without
// frames all hear within a quarter of a second. Method: a store by hand, a clock by hand.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { NEWS_GROUPS, type NewsGroup, newsOf } from './frame-news.ts';
import type { AppStore } from './store.ts';

let event: unknown;

beforeEach(() => {
  vi.useFakeTimers();
  event = undefined;
  vi.stubGlobal('window', { get event() { return event; }, setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout });
  vi.stubGlobal('MessageEvent', class {});
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function listened() {
  const listeners = new Set<() => void>();
  const state = { travelNs: -1 };
  const store = { getState: () => state, subscribe: (listener: () => void) => listeners.add(listener) } as unknown as AppStore;
  const news = newsOf(store);
  const heard: NewsGroup[] = [];
  for (const group of NEWS_GROUPS) news.subscriptionOf(group)(() => heard.push(group));
  return { news, heard, scrub: (isOn: boolean) => { state.travelNs = isOn ? 7 : -1; }, change: () => { for (const listener of listeners) listener(); } };
}

test('while frames come, each group hears in its own turn, however often the run tells something', () => {
  const { news, heard, change } = listened();
  const byFrame: number[] = [];
  for (let frame = 0; frame < 60; frame++) {
    change();
    vi.advanceTimersByTime(8);
    change();
    const before = heard.length;
    const group = NEWS_GROUPS[frame % 5]; // some frames are nobody's
    if (group !== undefined) news.flush(group);
    vi.advanceTimersByTime(8);
    byFrame.push(heard.length - before);
  }
  expect(byFrame).toEqual(byFrame.map((_, frame) => (frame % 5 < NEWS_GROUPS.length ? 1 : 0)));
});

test('turns of a single group keep the others waiting no longer than a frame is late', () => {
  const { news, heard, change } = listened();
  change();
  news.flush('picture');
  expect(heard).toEqual(['picture']);
  vi.advanceTimersByTime(249);
  expect(heard).toEqual(['picture']);
  vi.advanceTimersByTime(2);
  expect(heard).toEqual(['picture', 'panels', 'around']);
});

test('without frames all hear after a quarter of a second, once', () => {
  const { heard, change } = listened();
  change();
  vi.advanceTimersByTime(50);
  change();
  expect(heard).toEqual([]);
  vi.advanceTimersByTime(210);
  expect(heard).toEqual([...NEWS_GROUPS]);
  vi.advanceTimersByTime(500);
  expect(heard).toHaveLength(NEWS_GROUPS.length);
});

test('what a person does is heard at once', () => {
  const { heard, change } = listened();
  event = { type: 'click' };
  change();
  expect(heard).toEqual([...NEWS_GROUPS]);
});

test('for a while after a command an answer is expected', () => {
  const { news } = listened();
  expect(news.isAnswering()).toBe(false);
  news.expectAnswer();
  expect(news.isAnswering()).toBe(true);
  vi.advanceTimersByTime(400);
  expect(news.isAnswering()).toBe(false);
});

test('a turn is taken when there is news; while somebody scrubs, every other one beside the picture', () => {
  const { news, heard, scrub, change } = listened();
  expect(news.isDue('panels')).toBe(false);
  const turns = () => {
    heard.length = 0;
    for (let turn = 0; turn < 8; turn++) {
      change();
      for (const group of NEWS_GROUPS) if (news.isDue(group)) news.flush(group);
    }
    return NEWS_GROUPS.map((group) => heard.filter((it) => it === group).length);
  };
  expect(turns()).toEqual([8, 8, 8]);
  scrub(true);
  expect(turns()).toEqual([8, 4, 4]);
  scrub(false);
  expect(turns()).toEqual([8, 8, 8]);
});
