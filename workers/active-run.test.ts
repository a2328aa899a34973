// Goal: workers are shared so that every lane has one, and baselines leave the main run its own where there are enough. Method: all counts.
import { expect, test } from 'vitest';
import { shareWorkers } from './active-run.ts';
import { WORKER_COUNT_MAX } from './run-plan.ts';

test('every lane has a worker; with two or more, none of the main run’s serves a baseline', () => {
  for (let workerCount = 1; workerCount <= WORKER_COUNT_MAX; workerCount++) {
    for (const baselineCount of [0, 1, 2, 3, 4]) {
      const { main, baselines } = shareWorkers(workerCount, baselineCount);
      expect(baselines.length).toBe(baselineCount);
      for (const workers of [main, ...baselines]) expect(workers.length).toBeGreaterThan(0);
      const used = new Set([...main, ...baselines.flat()]);
      expect([...used].every((worker) => worker < workerCount)).toBe(true);
      if (workerCount > 1) expect(main.some((worker) => baselines.flat().includes(worker))).toBe(false);
      if (workerCount > baselineCount) expect(main.length + baselines.flat().length).toBe(workerCount);
    }
  }
  expect(shareWorkers(2, 1)).toEqual({ main: [0], baselines: [[1]] });
  expect(shareWorkers(2, 2)).toEqual({ main: [0], baselines: [[1], [1]] });
  expect(shareWorkers(1, 2)).toEqual({ main: [0], baselines: [[0], [0]] });
  expect(shareWorkers(4, 0)).toEqual({ main: [0, 1, 2, 3], baselines: [] });
});
