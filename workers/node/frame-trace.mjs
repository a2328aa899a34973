/**
 * What the main thread works between two frames, by Chromium's own trace: processor time of its tasks (so that other
 * work on the machine does not count). The end-to-end gate and `npm run bench -- page` read the same figure.
 */

/** Callbacks this close belong to one frame. Unit: µs. */
const SAME_FRAME_US = 4_000;

/** Processor time of each frame's main-thread tasks. Unit: ms, ascending. */
function frameWork(events) {
  const frames = events.filter((it) => it.name === 'FireAnimationFrame').sort((left, right) => left.ts - right.ts);
  const main = frames[0];
  if (main === undefined) return [];
  const isMain = (it) => it.tid === main.tid && it.pid === main.pid;
  // Several callbacks may belong to one frame: a frame's first one begins it.
  const starts = frames.filter(isMain).map((it) => it.ts).filter((ts, index, all) => index === 0 || ts - all[index - 1] > SAME_FRAME_US);
  const work = new Array(starts.length).fill(0);
  const tasks = events.filter((it) => it.name === 'RunTask' && it.ph === 'X' && isMain(it)).sort((left, right) => left.ts + (left.dur ?? 0) - right.ts - (right.dur ?? 0));
  let frame = 0;
  for (const task of tasks) {
    while (frame < starts.length - 1 && starts[frame] <= task.ts + (task.dur ?? 0)) frame++;
    work[frame] += (task.tdur ?? task.dur ?? 0) / 1000; // ts, dur, tdur: µs
  }
  return work.sort((left, right) => left - right);
}

/** Traces the page while `meanwhile` lasts. Gives the work of each frame in ms, ascending. */
export async function traceFrameWork(page, meanwhile) {
  const browser = page.context().browser();
  if (browser === null) throw new Error('the page has no browser to trace');
  await browser.startTracing(page, { categories: ['devtools.timeline', 'disabled-by-default-devtools.timeline'] });
  await meanwhile();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  return frameWork(traceEvents);
}

/** The value below which `part` (0 … 1) of an ascending list lies; NaN of an empty list. */
export function percentileOf(sorted, part) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
