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
  return { process: 0, kind: 'host', name: 'host', timeNs: 0, host: HOST, links: [], migrations: [], mechanisms: {}, knobs: {}, console: [], events: [], ...change };
}

function rig() {
  const runs: { tell: (update: SessionUpdate) => void; sent: unknown[]; disposed: boolean }[] = [];
  const factory: SessionFactory = (_, tell) => {
    const run = { tell, sent: [] as unknown[], disposed: false };
    runs.push(run);
    const session = {
      baselines: ['one', 'other'],
      command: (command: unknown) => {
        run.sent.push(command);
        return Promise.resolve(null);
      },
      history: () => Promise.resolve({ branches: [{ id: 0, parent: -1, forkNs: 0, endNs: 50, log: [] }], checkpoints: [{ timeNs: 7, hash: '' }] }),
      play: () => run.sent.push('play'),
      pause: () => run.sent.push('pause'),
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
  expect(store.getState().knobHistory).toEqual([{ knob: 'bandwidth', value: 1, atNs: 0 }]);
});

const pace = (paused: boolean): SessionUpdate => ({ kind: 'pace', pace: { paused, pausedBecause: '', ratio: 1, slowed: false } });

test('the page’s own pause keeps its reason through late news of the run that still played', async () => {
  const { controller, runs, store } = rig();
  await controller.start(SPEC);
  runs[0]!.tell(pace(false));
  controller.pauseBecause('the tab is hidden');
  runs[0]!.tell(pace(false)); // told before the pause was heard
  runs[0]!.tell(pace(true));
  expect(store.getState().pace).toMatchObject({ paused: true, pausedBecause: 'the tab is hidden' });
  controller.resumeFrom('the tab is hidden');
  expect(runs[0]!.sent).toEqual(['pause', 'play']);
});

test('somebody who played and paused meanwhile has the last word', async () => {
  const { controller, runs, store } = rig();
  await controller.start(SPEC);
  runs[0]!.tell(pace(false));
  controller.pauseBecause('the tab is hidden');
  for (const paused of [true, false, true]) runs[0]!.tell(pace(paused));
  expect(store.getState().pace).toMatchObject({ paused: true, pausedBecause: '' });
  controller.resumeFrom('the tab is hidden');
  expect(runs[0]!.sent).toEqual(['pause']);
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
});

test('after a rewind nothing of later times is left: lines, open lines, events, requests, knobs to undo, crosshair, brush', async () => {
  const { controller, runs, store } = rig();
  await controller.start(SPEC);
  const event = (timeNs: number) => ({ timeNs, kind: 'round', entity: 'vm:1', text: String(timeNs) });
  runs[0]!.tell({ kind: 'snapshot', timeNs: 15, processes: [snapshot({ timeNs: 15, knobs: { bandwidth: 1 }, console: [{ vm: 1, timeNs: 10, text: 'one\ntw' }], events: [event(5), event(12)] })] });
  controller.requestKnob('bandwidth', 2);
  runs[0]!.tell({ kind: 'baseline', lane: 'one', timeNs: 40, processes: [snapshot({ console: [{ vm: 1, timeNs: 8, text: 'slow' }, { vm: 1, timeNs: 9, text: ' line' }] })] });
  runs[0]!.tell({ kind: 'snapshot', timeNs: 40, processes: [snapshot({ timeNs: 40, knobs: { bandwidth: 1 }, console: [{ vm: 1, timeNs: 30, text: 'o\nthree\n' }], events: [event(20), event(35)] })] });
  controller.requestKnob('latency', 3);
  store.setState({ crosshairNs: 35, brush: { fromNs: 10, toNs: 30 } });
  const { cuts } = controller.console;
  runs[0]!.tell({ kind: 'rewound', timeNs: 20, baselineTimesNs: { one: 9 }, branch: 0 });
  expect(controller.console.lines(1)).toEqual([{ timeNs: 10, text: 'one' }, { timeNs: 10, text: 'tw' }]);
  expect(controller.console.textFrom(1, 0).text).toBe('one\ntw');
  expect(controller.console.cuts).toBe(cuts + 1);
  expect(controller.baselineConsoleOf('one').lines(1)).toEqual([{ timeNs: 8, text: 'slow' }]);
  expect(controller.baselineConsole).toBe(controller.baselineConsoleOf('one'));
  expect(controller.baselineConsoleOf('other').lines(1)).toEqual([]);
  const state = store.getState();
  expect(state.events.map(({ timeNs }) => timeNs)).toEqual([5, 12]);
  expect(state.eventsAhead[0]?.map(({ timeNs }) => timeNs)).toEqual([20, 35]);
  expect(state).toMatchObject({ timeNs: 20, requested: {}, crosshairNs: -1, brush: { fromNs: 10, toNs: 20 }, knobHistory: [{ knob: 'bandwidth' }] });
  // Replay goes on in the middle of the line, and tells the same again.
  runs[0]!.tell({ kind: 'snapshot', timeNs: 32, processes: [snapshot({ timeNs: 32, console: [{ vm: 1, timeNs: 30, text: 'o\nthree\n' }], events: [event(20)] })] });
  expect(controller.console.lines(1).map(({ text }) => text)).toEqual(['one', 'two', 'three']);
  runs[0]!.tell({ kind: 'rewound', timeNs: 20, baselineTimesNs: { one: 9 }, branch: 1 });
  expect(store.getState().eventsAhead[0]?.map(({ timeNs }) => timeNs)).toEqual([20, 35]);
  await Promise.resolve();
  expect(store.getState()).toMatchObject({ branch: 1, checkpointsNs: [7], branches: [{ id: 0, endNs: 50 }] });
});
