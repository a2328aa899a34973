// Goal: checkpoints stay within their bound of memory: where pages can lie beside memory none is dropped for it, elsewhere the line is thinned. Method: a lane whose workers answer with sizes by hand.
import { expect, test } from 'vitest';
import type { HostRequest, ProcessReply } from './host-message.ts';
import { LaneHistory } from './lane-history.ts';
import type { LaneRun } from './lane-run.ts';

const MIB = 1 << 20;

/** One process whose checkpoints take 1 MiB of pages and 64 KiB of other things each; `room`: how much lies beside memory at most. */
function rig({ room, bytesMax }: { readonly room: number; readonly bytesMax: number }) {
  const other = 1 << 16;
  let kept: number[] = [];
  let spilled = 0;
  let placeNs = 0;
  const asked: HostRequest['what'][] = [];
  const reply = (): ProcessReply[] => [
    { process: 0, checkpoint: { hash: String(placeNs), state: String(placeNs) }, checkpointBytes: kept.length * (MIB + other) - spilled, spilledBytes: spilled },
  ];
  const lane = {
    isAtLimit: () => true,
    isQuiet: () => true,
    limitNs: () => placeNs,
    works: () => [placeNs],
    ask: (request: HostRequest) => {
      asked.push(request.what);
      if (request.what === 'checkpoint') kept.push(request.id);
      if (request.what === 'drop') {
        kept = kept.filter((id) => !request.ids.includes(id));
        spilled = Math.min(spilled, kept.length * MIB);
      }
      if (request.what === 'spill') spilled = Math.min(room, kept.length * MIB, spilled + Math.ceil(request.byteCount / MIB) * MIB);
      return Promise.resolve(reply());
    },
  };
  const history = new LaneHistory(lane as unknown as LaneRun, {
    policy: { spacing: 1, bytesMax }, onChange: () => undefined, onDivergence: () => undefined,
  });
  const run = async (count: number) => {
    for (let index = 0; index < count; index++) {
      placeNs++;
      expect(history.tend()).toBe(true);
      await history.rest();
      expect(history.byteCount()).toBeLessThanOrEqual(bytesMax);
    }
  };
  return { history, run, asked };
}

test('without a place beside memory the line is thinned to its bound', async () => {
  const { history, run, asked } = rig({ room: 0, bytesMax: 16 * MIB });
  await run(100);
  expect(history.entries().length).toBeLessThan(16);
  expect(history.spilledByteCount()).toBe(0);
  expect(asked).toContain('drop');
});

test('with one, pages go there first: the same memory holds many more checkpoints', async () => {
  const { history, run, asked } = rig({ room: 1000 * MIB, bytesMax: 16 * MIB });
  await run(100);
  expect(history.entries().length).toBe(100);
  expect(history.spilledByteCount()).toBeGreaterThan(80 * MIB);
  expect(asked).not.toContain('drop');
  await run(300); // what stays in memory of each adds up to the bound as well
  expect(asked).toContain('drop');
  expect(history.entries().length).toBeGreaterThan(100);
});

test('a place that is full: the rest is thinned', async () => {
  const { history, run, asked } = rig({ room: 10 * MIB, bytesMax: 16 * MIB });
  await run(60);
  expect(asked).toContain('drop');
  expect(history.entries().length).toBeGreaterThan(16);
});
