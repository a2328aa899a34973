// Goal: the store follows the run: consoles in order, requests confirmed, failures told once, runs replaced. Method: a
// session of recorded calls whose listener the test holds.
import { expect, test } from 'vitest';
import type { ProcessSnapshot } from '../../core/protocol/snapshot.ts';
import { RunController } from './run-controller.ts';
import type { Session, SessionFactory, SessionUpdate } from './session.ts';
import { findMigration, makeStore } from './store.ts';

const SPEC = { lab: 'precopy-migration', seed: 1, knobs: {} };
const HOST = { id: 0, name: 'host-a', state: 'up', frameCount: 1, framesFree: 1, processorCount: 1, vms: [] } as const;

function snapshot(change: Partial<ProcessSnapshot>): ProcessSnapshot {
  return { process: 0, timeNs: 0, host: HOST, links: [], migrations: [], mechanisms: {}, knobs: {}, console: [], events: [], ...change };
}

function rig() {
  const runs: { tell: (update: SessionUpdate) => void; sent: unknown[]; disposed: boolean }[] = [];
  const factory: SessionFactory = (_, tell) => {
    const run = { tell, sent: [] as unknown[], disposed: false };
    runs.push(run);
    const session = {
      command: (command: unknown) => {
        run.sent.push(command);
        return Promise.resolve(null);
      },
      dispose: () => {
        run.disposed = true;
      },
    };
    return Promise.resolve({ ok: true, session: session as unknown as Session });
  };
  const store = makeStore(SPEC, 'lab');
  return { store, runs, controller: new RunController(store, factory) };
}
const told = (...processes: ProcessSnapshot[]): SessionUpdate => ({ kind: 'snapshot', timeNs: 0, processes });

test('console chunks of both hosts join in order of virtual time, also in the middle of a line', async () => {
  const { controller, runs } = rig();
  await controller.start(SPEC);
  runs[0]!.tell(told(
    snapshot({ console: [{ vm: 1, timeNs: 30, text: 'three\nfo' }] }),
    snapshot({ process: 1, console: [{ vm: 1, timeNs: 10, text: 'one\r\n' }, { vm: 1, timeNs: 20, text: 'two\n' }] }),
  ));
  runs[0]!.tell(told(snapshot({ console: [{ vm: 1, timeNs: 40, text: 'ur\n' }] })));
  expect(controller.console.lines(1)).toEqual([
    { timeNs: 10, text: 'one' }, { timeNs: 20, text: 'two' }, { timeNs: 30, text: 'three' }, { timeNs: 30, text: 'four' },
  ]);
  expect(controller.console.textFrom(1, 5).text).toBe('two\nthree\nfour\n');
});

test('a knob stays requested until the run confirms it; the last value of a frame is sent', async () => {
  const { controller, runs, store } = rig();
  await controller.start(SPEC);
  runs[0]!.tell(told(snapshot({ knobs: { bandwidth: 1 } })));
  controller.requestKnob('bandwidth', 2);
  controller.requestKnob('bandwidth', 3);
  controller.flushKnobs();
  expect(runs[0]!.sent).toEqual([{ kind: 'set-knob', knob: 'bandwidth', value: 3 }]);
  expect(store.getState().requested).toEqual({ bandwidth: 3 });
  runs[0]!.tell(told(snapshot({ knobs: { bandwidth: 2 } })));
  expect(store.getState().requested).toEqual({ bandwidth: 3 });
  runs[0]!.tell(told(snapshot({ knobs: { bandwidth: 3 } })));
  expect(store.getState().requested).toEqual({});
  expect(store.getState().knobHistory).toEqual([{ knob: 'bandwidth', value: 1 }]);
});

test('a failure is told once, and a new start clears it', async () => {
  const { controller, runs, store } = rig();
  await controller.start(SPEC);
  runs[0]!.tell({ kind: 'failed', failure: { sentence: 'first', report: 'report' } });
  runs[0]!.tell({ kind: 'failed', failure: { sentence: 'second', report: '' } });
  expect(store.getState()).toMatchObject({ status: 'failed', dialog: 'failure', failure: { sentence: 'first' } });
  expect(await controller.failed).toBe('report');
  expect(runs[0]!.disposed).toBe(true);
  await controller.start(SPEC);
  expect(store.getState()).toMatchObject({ status: 'live', dialog: '', failure: null });
  runs[0]!.tell({ kind: 'failed', failure: { sentence: 'of the old run', report: '' } });
  expect(store.getState().status).toBe('live');
});

test('the source tells a migration, the destination adds its resume', async () => {
  const { controller, runs, store } = rig();
  await controller.start(SPEC);
  const base = {
    vm: 1, from: 0, to: 1, mode: 'pre-copy', reason: '', startedAtNs: 5, endedAtNs: -1, throttlePercent: 0,
    downtimePredictedNs: -1, bytesLeft: 0, pagesSent: 0, pagesZero: 0, bytesSent: 0, rounds: [],
  } as const;
  runs[0]!.tell(told(
    snapshot({ migrations: [{ ...base, role: 'source', phase: 'handing-over', stoppedAtNs: 8, resumedAtNs: -1 }] }),
    snapshot({ process: 1, migrations: [{ ...base, role: 'destination', phase: 'done', stoppedAtNs: -1, resumedAtNs: 11 }] }),
  ));
  expect(findMigration(store.getState())).toMatchObject({ role: 'source', stoppedAtNs: 8, resumedAtNs: 11 });
  expect(store.getState().chapter).toBe('migrating');
});
