// Goal: a frozen picture loses no line and no event, tells nothing that was taken back, and keeps one update a kind and lane. Method: a stream by hand.
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
    for (const lane of ['one', 'other']) held = foldUpdates(held, { kind: 'baseline', lane, timeNs, processes: [process(0, timeNs)] });
  }
  expect(held.map((it) => (it.kind === 'baseline' ? it.lane : it.kind))).toEqual(['snapshot', 'one', 'other']);
  const main = held[0] as Extract<SessionUpdate, { kind: 'snapshot' }>;
  expect(main.timeNs).toBe(50);
  expect(main.processes[1]!.console.map((chunk) => chunk.timeNs)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  expect(main.processes[0]!.events).toHaveLength(50);
});

test('a rewind voids the news that are held, and comes before them; two fold into the earlier', () => {
  let held: SessionUpdate[] = [];
  const tell = (timeNs: number) => {
    held = foldUpdates(held, { kind: 'snapshot', timeNs, processes: [process(0, timeNs)] });
  };
  for (const timeNs of [10, 20, 30]) tell(timeNs);
  held = foldUpdates(held, { kind: 'rewound', timeNs: 20, baselineTimesNs: { one: 5 }, branch: 0 });
  tell(25);
  held = foldUpdates(held, { kind: 'rewound', timeNs: 24, baselineTimesNs: { one: 4 }, branch: 1 });
  tell(26);
  expect(held.map(({ kind }) => kind)).toEqual(['rewound', 'snapshot']);
  expect(held[0]).toEqual({ kind: 'rewound', timeNs: 20, baselineTimesNs: { one: 4 }, branch: 1 });
  const { processes } = held[1] as Extract<SessionUpdate, { kind: 'snapshot' }>;
  expect(processes[0]!.console.map((chunk) => chunk.timeNs)).toEqual([10, 26]);
  expect(processes[0]!.events.map((event) => event.timeNs)).toEqual([10, 26]);
});
