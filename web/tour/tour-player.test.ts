// Goal: the page's tour does what the pure player says, at the moment it says, and survives leaving, reloading, going back
// and a run that somebody else moves. Method: a made-up walkthrough, a session whose calls are recorded and whose news the test tells.
import { expect, test } from 'vitest';
import type { ProcessSnapshot, TimelineEvent } from '../../core/protocol/snapshot.ts';
import type { Walkthrough } from '../../core/protocol/walkthrough.ts';
import { RunController } from '../session/run-controller.ts';
import type { Session, SessionFactory, SessionUpdate } from '../session/session.ts';
import { makeStore } from '../session/store.ts';
import { NARRATION_FORMAT } from './narration-format.ts';
import { readNarration } from './narration.ts';
import { TourPlayer } from './tour-player.ts';
import type { MetricValues, TourAct } from './tour-state.ts';

const walkthrough: Walkthrough = {
  lab: 'toy',
  steps: [
    { id: 'look', say: 'Look.', show: ['vm:1'] },
    {
      id: 'act', say: 'Act.', show: ['vm:1'], button: 'Go', do: { kind: 'migrate', vm: 1, to: 1 },
      ask: { question: 'How long?', metric: 'downtime', range: { minimum: 1, maximum: 100 } },
      until: { kind: 'event', event: 'done' }, wait: 'it is done', stand: true,
      expect: { kind: 'metric', metric: 'downtime', is: 'at-most', value: 10 },
    },
    { id: 'wait', say: 'It took {downtime}.', show: [], until: { kind: 'time', afterNs: 1_000 } },
    { id: 'again', say: 'Again.', show: [], button: 'Again', do: { kind: 'migrate', vm: 1, to: 0 }, until: { kind: 'event', event: 'done' }, wait: 'it is done' },
  ],
};
const german = {
  format: NARRATION_FORMAT, version: 1, lab: 'toy', language: 'de',
  steps: { look: { say: 'Sieh.' }, act: { say: 'Tu.', button: 'Los', question: 'Wie lange?', wait: 'es getan ist' }, wait: { say: 'Es dauerte {downtime}.' }, again: { say: 'Noch einmal.', button: 'Los', wait: 'es getan ist' } },
};
const SPEC = { lab: 'toy', seed: 1, knobs: {} };
const HOST = { id: 0, name: 'host-a', state: 'up', frameCount: 1, framesFree: 1, processorCount: 1, vms: [] } as const;
const BOOTED_NS = 100_000_000;

/** A tab: what session storage keeps outlives the page. */
function page(shelf = new Map<string, string>(), refusal = '') {
  const calls: string[] = [];
  let tell: (update: SessionUpdate) => void = () => undefined;
  let metrics: MetricValues = {};
  let timeNs = 0;
  const logged: number[] = [];
  const factory: SessionFactory = (spec, listener) => {
    tell = listener;
    timeNs = 0;
    calls.push(spec.runFile === undefined ? 'start' : `repeat ${JSON.parse(spec.runFile).run}`);
    const move = (name: string) => (toNs: number) => {
      calls.push(`${name} ${toNs}`);
      if (name === 'travel') tell({ kind: 'rewound', timeNs: toNs, baselineTimesNs: {}, branch: 0 });
      at(toNs);
      return Promise.resolve('');
    };
    const session: Partial<Session> = {
      baselines: [],
      timeNs: () => timeNs,
      play: () => { calls.push('play'); pace(false); },
      pause: () => { calls.push('pause'); pace(true); },
      setRatio: (ratio) => { calls.push(`ratio ${ratio}`); },
      advanceTo: move('advance'),
      rewindTo: move('travel'),
      history: () => Promise.resolve(undefined),
      command: (command) => {
        calls.push(`${command.kind} ${'to' in command ? command.to : ''}`);
        logged.push(timeNs + 3); // at the next barrier
        return Promise.resolve(refusal === '' ? null : { kind: 'no', sentence: refusal });
      },
      exportRun: () => Promise.resolve(JSON.stringify({ run: true, log: logged.map((atNs) => ({ atNs })) })),
      dispose: () => undefined,
    };
    return Promise.resolve({ ok: true, session: session as Session });
  };
  const pace = (paused: boolean, ratio = 0.01) => tell({ kind: 'pace', pace: { paused, pausedBecause: '', ratio, slowed: false } });
  /** The run tells how it stands at a time. */
  const at = (ns: number, events: readonly TimelineEvent[] = []) => {
    timeNs = ns;
    const process: ProcessSnapshot = { process: 0, kind: 'host', name: 'host-a', timeNs: ns, host: HOST, links: [], migrations: [], mechanisms: {}, knobs: {}, console: [], events };
    tell({ kind: 'snapshot', timeNs: ns, processes: [process] });
  };
  const store = makeStore(SPEC, 'lab');
  const controller = new RunController(store, factory);
  const player = new TourPlayer({
    controller, metrics: () => metrics,
    walkthroughOf: (lab) => Promise.resolve(lab === 'toy' ? walkthrough : undefined),
    narrationOf: (it, language) => Promise.resolve(language === 'de' ? readNarration(JSON.stringify(german), it, 'de') : undefined),
    pickFile: () => Promise.resolve(null),
    shelf: { getItem: (key) => shelf.get(key) ?? null, setItem: (key, text) => { shelf.set(key, text); }, removeItem: (key) => { shelf.delete(key); } },
  });
  const act = (kind: 'start' | 'next' | 'previous' | 'leave' | 'resume' | TourAct) => player.act(typeof kind === 'string' ? { kind } : kind);
  const open = async (paused = false) => {
    await controller.start(SPEC);
    pace(paused);
  };
  return {
    store, calls, shelf, act, at, open, controller,
    speed: (ratio: number) => pace(false, ratio),
    measure: (downtime: number) => { metrics = { downtime: { value: downtime, unit: 'ns' } }; },
    done: (ns: number) => at(ns, [{ timeNs: ns, kind: 'done', entity: 'vm:1', text: '' }]),
    tour: () => store.getState().tour,
    step: () => { const { step, phase } = store.getState().tour!.player; return `${step} ${phase}`; },
  };
}

/** At the step that asks. */
async function atAct() {
  const it = page();
  await it.open();
  await it.act('start');
  await it.act('next');
  return it;
}

test('a press while a step’s command is on its way is not lost: the step hurries', async () => {
  const it = await atAct();
  const begun = it.act('next');
  await Promise.resolve();
  await Promise.resolve();
  expect(it.step()).toBe('1 running');
  await it.act('next'); // the command has not been answered yet
  await begun;
  expect(it.tour()!.hurrying).toBe(true);
  it.measure(9);
  it.done(BOOTED_NS + 20);
  expect(it.step()).toBe('1 over');
  // Another step does not hurry for it.
  await it.act('next');
  expect([it.step(), it.tour()!.hurrying]).toEqual(['2 running', false]);
});

test('the tour waits for the guests to boot, begins what only watches, and asks before it acts', async () => {
  const it = page();
  await it.open();
  expect(await it.act('start')).toBe('');
  expect(it.calls).toEqual(['start', `advance ${BOOTED_NS}`, 'play']);
  expect(it.step()).toBe('0 over');
  await it.act('next');
  expect(it.step()).toBe('1 waiting');
  expect(it.calls).not.toContain('migrate 1');
  expect(await it.act({ kind: 'answer', value: 7 })).toBe('');
  await it.act('next');
  expect(it.step()).toBe('1 running');
  expect(it.calls.at(-1)).toBe('migrate 1');
  expect(await it.act({ kind: 'answer', value: 8 })).toBe('Nothing is asked now.');
});

test('a run that plays fast boots by playing', async () => {
  const it = page();
  await it.open();
  it.speed(4);
  const started = it.act('start');
  await new Promise((resolve) => setTimeout(resolve));
  expect(it.step()).toBe('0 waiting');
  it.at(BOOTED_NS + 7);
  expect(await started).toBe('');
  expect(it.step()).toBe('0 over');
  expect(it.calls).toEqual(['start']);
});

test('a step is over when its condition has come true; the guess stands beside the answer; the run stands where the step says so', async () => {
  const it = await atAct();
  await it.act({ kind: 'answer', value: 7 });
  await it.act('next');
  it.at(BOOTED_NS + 10);
  expect(it.step()).toBe('1 running');
  it.measure(9);
  it.done(BOOTED_NS + 20);
  expect(it.step()).toBe('1 over');
  expect(it.tour()!.player.results.at(-1)).toMatchObject({ holds: true, answer: { guess: 7, value: 9 } });
  expect(it.calls.at(-1)).toBe('pause');
  // The next one only watches: the run plays again, and what it speaks of is there.
  await it.act('next');
  expect(it.calls.at(-1)).toBe('play');
  expect(it.step()).toBe('2 running');
  expect(it.tour()!.values).toEqual({ downtime: { value: 9, unit: 'ns' } });
  it.at(BOOTED_NS + 1_100);
  expect(it.step()).toBe('2 over');
  expect(it.calls.at(-1)).toBe('play'); // between steps the picture goes on moving
});

test('going on while a step runs hurries it, and the speed comes back at its end', async () => {
  const it = await atAct();
  await it.act('next');
  await it.act('next');
  expect(it.tour()!.hurrying).toBe(true);
  expect(it.calls.at(-1)).toBe('ratio 0');
  it.measure(9);
  it.done(BOOTED_NS + 20);
  expect(it.calls.slice(-2)).toEqual(['ratio 0.01', 'pause']);
  expect(it.tour()!.hurrying).toBe(false);
});

test('a refused command is the step’s result, in words', async () => {
  const it = page(new Map(), 'There is no VM 1.');
  await it.open();
  await it.act('start');
  await it.act('next');
  await it.act('next');
  expect(it.step()).toBe('1 over');
  expect(it.tour()!.player.results.at(-1)).toMatchObject({ holds: false, found: expect.stringContaining('There is no VM 1.') });
  expect(it.store.getState().notice).toBe('');
});

test('going back travels to where the step began, and the run stands there until it is begun again', async () => {
  const it = await atAct();
  await it.act({ kind: 'answer', value: 7 });
  it.at(BOOTED_NS + 5);
  await it.act('next');
  it.measure(9);
  it.done(BOOTED_NS + 20);
  await it.act('next');
  expect(it.step()).toBe('2 running');
  await it.act('previous');
  expect(it.calls.at(-1)).toBe(`travel ${BOOTED_NS + 20}`);
  expect(it.step()).toBe('2 waiting');
  await it.act('previous');
  expect(it.calls.at(-1)).toBe(`travel ${BOOTED_NS + 8}`); // where the command was logged
  expect(it.step()).toBe('1 waiting');
  expect(it.tour()!.player.guesses).toEqual({});
  const given = it.calls.filter((call) => call === 'migrate 1').length;
  await it.act('next');
  expect(it.calls.filter((call) => call === 'migrate 1')).toHaveLength(given + 1);
  await it.act('previous');
  await it.act('previous');
  expect(it.step()).toBe('0 waiting');
  expect(await it.act('previous')).toBe('This is the first step.');
});

test('while old commands are still to come the run stands between steps, so that they do not repeat themselves', async () => {
  const it = await atAct();
  await it.act('next');
  it.measure(9);
  it.done(BOOTED_NS + 20);
  await it.act('next');
  it.at(BOOTED_NS + 1_100);
  await it.act('next');
  expect(it.step()).toBe('3 waiting');
  it.at(BOOTED_NS + 2_000);
  await it.act('next'); // 'again' is given here
  await it.act({ kind: 'go-to', step: 'wait' });
  expect(it.step()).toBe('2 waiting');
  await it.act('next');
  it.at(BOOTED_NS + 1_030);
  expect(it.step()).toBe('2 over');
  expect(it.calls.at(-1)).toBe('pause');
});

test('a step that lies ahead is played to, as fast as possible', async () => {
  const it = await atAct();
  it.measure(9);
  await it.act({ kind: 'go-to', step: 4 });
  expect(it.step()).toBe('1 running');
  it.done(BOOTED_NS + 20);
  await Promise.resolve();
  await new Promise((resolve) => setTimeout(resolve));
  expect(it.step()).toBe('2 running');
  it.at(BOOTED_NS + 2_000);
  await new Promise((resolve) => setTimeout(resolve));
  expect(it.step()).toBe('3 waiting');
  expect(it.calls.filter((call) => call.startsWith('ratio')).at(-1)).toBe('ratio 0.01');
  expect(await it.act({ kind: 'go-to', step: 9 })).toContain('there are 4: look, act, wait, again');
});

test('a tour is left and resumed where it was', async () => {
  const it = await atAct();
  expect(await it.act('leave')).toBe('');
  expect(it.tour()).toMatchObject({ on: false, player: { step: 1 } });
  await it.act('next'); // the presenter's key
  expect(it.tour()).toMatchObject({ on: true });
  expect(it.step()).toBe('1 waiting');
});

test('after a reload the run’s own commands bring it to where the tour stood; a tour of another seed is not taken', async () => {
  const it = await atAct();
  await it.act('next');
  it.at(BOOTED_NS + 50);
  await it.act('leave');
  await new Promise((resolve) => setTimeout(resolve));
  const next = page(it.shelf);
  await next.open();
  await next.act({ kind: 'recall', orStart: false, resume: true });
  expect(next.tour()).toMatchObject({ on: false, player: { step: 1, phase: 'running' } });
  await next.act('resume');
  expect(next.calls).toEqual(['start', 'repeat true', `advance ${BOOTED_NS + 50}`, 'play']);
  expect(next.step()).toBe('1 running');
  next.measure(9);
  next.done(BOOTED_NS + 60);
  expect(next.step()).toBe('1 over');

  const other = page(it.shelf);
  await other.controller.start({ ...SPEC, seed: 2 });
  await other.act({ kind: 'recall', orStart: false, resume: true });
  expect(other.tour()).toBeNull();
  const spoiled = page(new Map([['glasshouse.tour', '{"version":1,"on":']]));
  await spoiled.open();
  expect(await spoiled.act({ kind: 'recall', orStart: true, resume: true })).toBe('');
  expect(spoiled.step()).toBe('0 over');
});

test('the tour goes along when somebody takes the run back or starts it again, and ends with its lab', async () => {
  const it = await atAct();
  await it.act('next');
  it.measure(9);
  it.done(BOOTED_NS + 20);
  await it.act('next');
  expect(it.step()).toBe('2 running');
  await it.controller.travelTo(BOOTED_NS + 10);
  expect(it.step()).toBe('1 running');
  await it.controller.start(SPEC);
  await new Promise((resolve) => setTimeout(resolve));
  expect(it.step()).toBe('0 over');
  await it.controller.start({ ...SPEC, lab: 'other' });
  expect(it.tour()).toBeNull();
});

test('a tour of a run that has gone on for long starts the run again', async () => {
  const it = page();
  await it.open();
  it.at(2_000_000_000);
  await it.act('start');
  expect(it.calls.filter((call) => call === 'start')).toHaveLength(2);
});

test('a tour of a run that was touched starts the run again', async () => {
  const it = page();
  await it.open();
  it.at(5, [{ timeNs: 5, kind: 'command', entity: 'vm:1', text: '' }]);
  await it.act('start');
  expect(it.calls.filter((call) => call === 'start')).toHaveLength(2);
});

test('it speaks another language from one moment to the next, and says so when it cannot', async () => {
  const it = await atAct();
  expect(await it.act({ kind: 'language', language: 'de' })).toBe('');
  expect(it.tour()).toMatchObject({ language: 'de', player: { step: 1 } });
  expect(it.tour()!.steps[1]).toMatchObject({ say: 'Tu.', button: 'Los', wait: 'es getan ist', ask: { question: 'Wie lange?' } });
  expect(await it.act({ kind: 'language', language: 'fr' })).toContain('This lab is not told in Français');
  expect(it.tour()).toMatchObject({ language: 'en' });
  const file = (text: string) => ({ kind: 'narration', file: new File([text], 'mine.json') } as const);
  expect(await it.act(file(JSON.stringify({ ...german, language: 'gsw' })))).toBe('');
  expect(it.tour()).toMatchObject({ language: 'gsw' });
  expect(await it.act(file('{"format":1}'))).toBe('The narration “mine.json”: format must be “glasshouse-narration”.');
  expect(it.store.getState().notice).toContain('format must be');
  expect(it.tour()).toMatchObject({ language: 'gsw' });
});

test('at its end the tour is closed by the same key', async () => {
  const it = await atAct();
  it.measure(9);
  await it.act('next');
  it.done(BOOTED_NS + 20);
  await it.act('next');
  it.at(BOOTED_NS + 2_000);
  await it.act('next');
  await it.act('next');
  it.done(BOOTED_NS + 3_000);
  await it.act('next');
  expect(it.tour()!.player.step).toBe(4);
  await it.act('next');
  expect(it.tour()).toBeNull();
  expect(it.shelf.size).toBe(0);
});
