// Goal: the estimate follows link and speed. Method: by hand.
import { expect, test } from 'vitest';
import type { AppState } from '../session/store.ts';
import { nextDuration, wallSeconds } from './wall-time.ts';

const hosts = [{ id: 0, vms: [{ id: 1, state: 'running', pageCount: 16_384 }] }] as unknown as AppState['hosts'];

test('a move of 64 MiB over 1 Gb/s at 1 : 33 takes some 18 s on the wall', () => {
  const next = nextDuration({ hosts, migrations: [], links: [], knobs: { bandwidth: 1e9 } })!;
  expect(next.what).toBe('a move');
  expect(next.ns).toBeCloseTo(536_870_912, -1);
  expect(wallSeconds(next.ns, 1 / 33)).toBeCloseTo(17.7, 1);
  expect(wallSeconds(next.ns, 0)).toBeNaN();
});

test('while it moves, the rest counts; without a rate there is no estimate', () => {
  const migrations = [{ role: 'source', vm: 1, startedAtNs: 1, endedAtNs: -1, resumedAtNs: -1, bytesLeft: 125_000_000 }] as unknown as AppState['migrations'];
  expect(nextDuration({ hosts, migrations, links: [], knobs: { bandwidth: 1e9 } })).toEqual({ what: 'the rest', ns: 1e9 });
  expect(nextDuration({ hosts, migrations, links: [], knobs: {} })).toBeUndefined();
});
