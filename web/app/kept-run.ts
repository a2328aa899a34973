/**
 * A reload resumes: the run file, where the run stood, and how the page looked are kept for this tab; after a
 * reload the run is repeated up to there and goes on. What was kept of an address is used for that address only.
 */
import * as v from 'valibot';
import type { RunController } from '../session/run-controller.ts';
import type { AppState } from '../session/store.ts';

const KEY = 'glasshouse-run';
/** Wall time between two looks whether something is to be kept. Unit: ms. */
const KEEP_MS = 1000;
/** Longest text that is kept: browsers give a tab about five million characters. */
const TEXT_MAX = 4_000_000;

const panels = v.object({ inspector: v.boolean(), console: v.boolean(), timeline: v.boolean(), tables: v.boolean(), samples: v.boolean(), snapshots: v.optional(v.boolean(), false) });

/** What is kept. */
const keptRun = v.object({
  version: v.literal(1),
  address: v.string(), // the part after # when it was kept
  runFile: v.string(),
  lab: v.string(),
  seed: v.number(),
  knobs: v.record(v.string(), v.number()),
  timeNs: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  playing: v.boolean(),
  ratio: v.number(),
  panels,
  density: v.picklist(['lab', 'projector', 'workbench']),
  theme: v.picklist(['system', 'light', 'dark']),
  selection: v.string(),
  knobsShown: v.boolean(),
});

export type KeptRun = v.InferOutput<typeof keptRun>;

/** A place for one text, as sessionStorage is; it may be full or forbidden. */
export interface TextPlace {
  getItem(key: string): string | null;
  setItem(key: string, text: string): void;
  removeItem(key: string): void;
}

/** What was kept for an address; undefined when there is nothing, or it is of another kind. */
export function findKeptRun(place: TextPlace, address: string): KeptRun | undefined {
  try {
    const parsed = v.safeParse(keptRun, JSON.parse(place.getItem(KEY) ?? 'null'));
    return parsed.success && parsed.output.address === address ? parsed.output : undefined;
  } catch {
    return undefined; // damaged or forbidden: the run starts anew
  }
}

/** Repeats what was kept to where it stood, and goes on when it was playing. Gives '' or why not. */
export async function resumeRun(controller: RunController, kept: KeptRun): Promise<string> {
  const { store } = controller;
  const { lab, seed, knobs } = kept;
  const scenario = scenarioIn(kept.runFile);
  const spec = { lab, seed, knobs, ...(scenario === undefined ? {} : { scenario }) };
  const refusal = await controller.start({ ...spec, runFile: kept.runFile, autoplay: false });
  if (refusal !== '') return refusal;
  const { density, theme, selection, knobsShown } = kept;
  // From here on it is a run like any other: a reset starts it without what was repeated.
  store.setState({ spec, panels: kept.panels, density, theme, selection, knobsShown });
  const { session } = controller;
  session?.setRatio(kept.ratio);
  const late = (await session?.advanceTo(kept.timeNs)) ?? '';
  if (late === '' && kept.playing) session?.play();
  return late;
}

/** The scenario file that a run file carries, if it was started from one. */
function scenarioIn(runFile: string): string | undefined {
  try {
    const value = JSON.parse(runFile) as { readonly scenario?: unknown };
    return typeof value.scenario === 'string' ? value.scenario : undefined;
  } catch {
    return undefined; // no run file: the start says so
  }
}

/** Keeps the run up to date in `place` until the page goes; gives the function that ends it. */
export function keepRun(controller: RunController, place: TextPlace): () => void {
  const { store } = controller;
  let runFile = '';
  let keptFor = '';
  const write = () => {
    const state = store.getState();
    const timeNs = controller.session?.timeNs() ?? state.timeNs;
    if (runFile === '' || state.status !== 'live' || state.spec.guest !== undefined) return;
    put(place, JSON.stringify(keptOf(state, { address: location.hash, runFile, timeNs })));
  };
  const look = async () => {
    const { session } = controller;
    const state = store.getState();
    if (session === null || state.status !== 'live') {
      if (state.status === 'failed') place.removeItem(KEY); // it would fail again
      return;
    }
    const now = `${state.spec.lab} ${state.timeNs} ${state.branch} ${location.hash}`;
    if (now === keptFor || state.travelNs >= 0) return;
    keptFor = now;
    const text = await session.exportRun();
    if (session !== controller.session) return;
    runFile = text;
    write();
  };
  const timer = window.setInterval(() => void look(), KEEP_MS);
  // A command is kept at once; where the run stands, when the page goes.
  let events = store.getState().events;
  const unsubscribe = store.subscribe((state) => {
    if (state.events === events) return;
    const isCommand = state.events.at(-1)?.kind === 'command' && state.events.at(-1) !== events.at(-1);
    events = state.events;
    if (isCommand) void look();
  });
  window.addEventListener('pagehide', write);
  return () => {
    window.clearInterval(timer);
    unsubscribe();
    window.removeEventListener('pagehide', write);
  };
}

function keptOf(state: AppState, { address, runFile, timeNs }: { readonly address: string; readonly runFile: string; readonly timeNs: number }): KeptRun {
  const { spec, pace, density, theme, selection, knobsShown } = state;
  return {
    version: 1, address, runFile, timeNs, lab: spec.lab, seed: spec.seed, knobs: spec.knobs,
    playing: !pace.paused || pace.pausedBecause !== '', ratio: pace.ratio, panels: state.panels, density, theme, selection, knobsShown,
  };
}

function put(place: TextPlace, text: string): void {
  try {
    if (text.length <= TEXT_MAX) place.setItem(KEY, text);
    else place.removeItem(KEY);
  } catch {
    // No room, or not allowed: a reload then starts anew.
  }
}

/** Whether the page is here by a reload. */
export function isReload(): boolean {
  const [entry] = performance.getEntriesByType('navigation');
  return (entry as PerformanceNavigationTiming | undefined)?.type === 'reload';
}
