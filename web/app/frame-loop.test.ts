// Goal: no frame lays out words and paints large pictures; a slow picture holds none of the others up; a frozen picture stands, but what feeds it
// runs; painted() waits for everything's turn. Method: frames by hand, a clock by hand.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FrameLoop, type FrameTurn } from './frame-loop.ts';

let frames: FrameRequestCallback[] = [];
let clock = 0;

beforeEach(() => {
  frames = [];
  clock = 0;
  vi.stubGlobal('requestAnimationFrame', (callback: FrameRequestCallback) => frames.push(callback));
  vi.stubGlobal('cancelAnimationFrame', () => undefined);
  vi.stubGlobal('scheduler', { postTask: (task: () => void) => Promise.resolve().then(task) });
  vi.stubGlobal('performance', { now: () => clock });
});
afterEach(() => vi.unstubAllGlobals());

/** One frame, and what comes after its paint. */
async function frame(): Promise<void> {
  clock += 16;
  for (const callback of frames.splice(0)) callback(clock);
  await Promise.resolve();
  await Promise.resolve();
}

/** A loop with tasks that note their names, frame by frame. */
function looked(tasks: readonly (readonly [name: string, order: number, turn?: FrameTurn | undefined, ms?: number])[]) {
  const loop = new FrameLoop();
  const seen: string[][] = [];
  for (const [name, order, turn, ms = 0] of tasks) {
    loop.add(name, order, () => {
      seen.at(-1)!.push(name);
      clock += ms;
    }, turn);
  }
  loop.start();
  return { loop, seen, run: async (count: number) => {
    for (let left = count; left > 0; left--) {
      seen.push([]);
      await frame();
    }
  } };
}

test('words, parts and pictures take turns; what has no turn runs every frame', async () => {
  const { seen, run } = looked([['stage', 11], ['news', 2, 'news'], ['clock', 10, 'words'], ['chart', 50, 'pictures'], ['ribbons', 95, 'parts']]);
  await run(10);
  expect(seen.every((it) => it.includes('stage'))).toBe(true);
  for (const [one, other] of [['news', 'clock'], ['news', 'chart'], ['clock', 'chart']]) expect(seen.some((it) => it.includes(one!) && it.includes(other!))).toBe(false);
  const count = (name: string) => seen.filter((it) => it.includes(name)).length;
  expect([count('news'), count('ribbons'), count('chart')]).toEqual([2, 4, 2]);
});

test('pictures that are slow are painted one a turn, each in its own', async () => {
  const { seen, run } = looked([['a', 50, 'pictures', 5], ['b', 51, 'pictures', 5], ['c', 52, 'pictures', 5], ['ribbons', 95, 'parts']]);
  await run(15);
  expect(seen.map((it) => it.filter((name) => name !== 'ribbons').join()).filter((it) => it !== '')).toEqual(['a', 'b', 'c']);
});

test('pictures that are quick are all painted in one turn', async () => {
  const { seen, run } = looked([['a', 50, 'pictures'], ['b', 51, 'pictures']]);
  await run(5);
  // Nothing has parts to lay out: those turns are the pictures', too.
  expect(seen.map((it) => it.join())).toEqual(['a,b', '', 'a,b', 'a,b', '']);
});

test('after long news, what draws waits a frame, and no longer', async () => {
  const { seen, run } = looked([['news', 2, undefined, 5], ['stage', 11]]);
  await run(4);
  expect(seen.map((it) => it.join())).toEqual(['news', 'news,stage', 'news', 'news,stage']);
});

test('while frames are long, what is drawn every frame takes turns, too', async () => {
  const { seen, run } = looked([['samples', 1, undefined, 20], ['news', 2, 'news'], ['a', 11, undefined, 1], ['b', 12, undefined, 1]]);
  await run(32);
  const later = seen.slice(12);
  expect(later.every((it) => it.includes('samples') && !(it.includes('a') && it.includes('b')))).toBe(true);
  for (const name of ['a', 'b']) expect(later.filter((it) => it.includes(name)).length).toBeGreaterThanOrEqual(4);
});

test('a frozen picture stands; what does not draw goes on', async () => {
  const { loop, seen, run } = looked([['samples', 1], ['stage', 11], ['chart', 50, 'pictures'], ['clock', 10, 'words']]);
  loop.frozen = true;
  await run(4);
  expect(new Set(seen.flat())).toEqual(new Set(['samples']));
});

test('painted() waits until everything has had its turn', async () => {
  const { loop, run } = looked([['news', 2, 'words']]);
  let done = false;
  void loop.painted().then(() => { done = true; });
  await run(4);
  expect(done).toBe(false);
  await run(1);
  await Promise.resolve();
  expect(done).toBe(true);
});
