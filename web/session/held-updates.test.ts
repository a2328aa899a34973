// Goal: a frozen picture loses no line and no event, and keeps two updates at most. Method: a stream by hand.
import { expect, test } from 'vitest';
import type { ProcessSnapshot } from '../../core/protocol/snapshot.ts';
import { foldUpdates } from './held-updates.ts';
import type { SessionUpdate } from './session.ts';

const process = (id: number, timeNs: number) => ({
  process: id, timeNs, console: [{ vm: 1, timeNs, text: `${id} at ${timeNs}` }], events: [{ timeNs, kind: 'round', entity: 'vm:1', text: '' }],
}) as unknown as ProcessSnapshot;

test('snapshots fold into the newest with all news', () => {
  let held: SessionUpdate[] = [];
  for (let timeNs = 1; timeNs <= 50; timeNs++) {
    held = foldUpdates(held, { kind: 'snapshot', timeNs, processes: [process(0, timeNs), process(1, timeNs)] });
    held = foldUpdates(held, { kind: 'baseline', timeNs, processes: [process(0, timeNs)] });
  }
  expect(held).toHaveLength(2);
  const main = held[0] as Extract<SessionUpdate, { kind: 'snapshot' }>;
  expect(main.timeNs).toBe(50);
  expect(main.processes[1]!.console.map((chunk) => chunk.timeNs)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  expect(main.processes[0]!.events).toHaveLength(50);
});
