// Goal: knobs show what a file's links and guests are. Method: a world by hand.
import { expect, test } from 'vitest';
import type { ScenarioVm } from '../protocol/scenario.ts';
import { knobsOfWorld } from './knobs-of-file.ts';

const vm = (guest: string, bootInput: string) => ({ guest, bootInput }) as ScenarioVm;

test('the first link, and the last word to the first guest that takes any', () => {
  const link = { a: 0, b: 1, bandwidthBitsPerSecond: 2.5e9, latencyNs: 30_000, lossPerMillion: 1_000 };
  const vms = [vm('ticker', 'period 10\n'), vm('dirtier', 'set 128\nrate 1\nrate 2000\nrated 7\n'), vm('dirtier', 'rate 5\n')];
  expect(knobsOfWorld({ links: [link, { ...link, latencyNs: 1 }], vms })).toEqual({
    bandwidth: 2.5e9, latency: 30_000, loss: 0.1, 'working-set': 128, 'dirty-rate': 2_000,
  });
  expect(knobsOfWorld({ links: [], vms: [vm('ticker', 'rate 5\n')] })).toEqual({});
});
