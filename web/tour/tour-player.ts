/**
 * Plays a lab's walkthrough on the page: the pure player of core/protocol/walkthrough-player.ts says what is to be
 * done, this gives it what is to be seen of the run, and does it. Looks whenever the run has told something; never
 * waits for wall time. Its state is plain data in the store.
 */
import * as v from 'valibot';
import type { Walkthrough } from '../../core/protocol/walkthrough.ts';
import {
  beginStep, FIRST_STEP_NS, findQuestion, findStep, followBack, goToStep, guess, hasEnded, loggedStep, metricsNamed, nextStep, type PlayerState, refuseStep,
  startPlayer, type WalkthroughView, watch,
} from '../../core/protocol/walkthrough-player.ts';
import type { RunController } from '../session/run-controller.ts';
import type { AppState, AppStore } from '../session/store.ts';
import { type Narration, type NarrationReading, readNarration, tellIn } from './narration.ts';
import { FIRST_LANGUAGE, languageName } from './narration-files.ts';
import { forgetTour, keepTour, type KeptTour, recallTour, type Shelf } from './tour-memory.ts';
import type { MetricValues, TourAct, TourState } from './tour-state.ts';

/** What the player is given. */
export interface TourParts {
  readonly controller: RunController;
  /** The lab's metrics now. */
  readonly metrics: () => MetricValues;
  readonly walkthroughOf: (lab: string) => Promise<Walkthrough | undefined>;
  readonly narrationOf: (walkthrough: Walkthrough, language: string) => Promise<NarrationReading | undefined>;
  /** Lets a person choose a file; null when none was chosen. */
  readonly pickFile: () => Promise<File | null>;
  readonly shelf: Shelf;
}

const NO_TOUR = 'No tour is on; “Start the tour” begins one.';

/** From this speed on the guests have booted within a second while the run simply plays. Unit: virtual s a wall s. */
const QUICK_RATIO = 1;

/** What is read of a run file. */
const LOGGED = v.object({ log: v.array(v.object({ atNs: v.number() })) });
const looksLikeObject = (text: string) => text.startsWith('{');

/** See the file's head. */
export class TourPlayer {
  readonly #parts: TourParts;
  readonly #store: AppStore;
  #walkthrough: Walkthrough = { lab: '', steps: [] };
  #kept: KeptTour | undefined;
  /** While a command is on its way, or the run on its way to another time, nothing that is seen counts. */
  #away = false;
  /** Step to play up to without stopping, −1: none. */
  #goal = -1;
  /** Speed before the tour hurried, −1: it does not. */
  #ratioBefore = -1;
  /** How far the run had come before it was taken back: until there, its old commands would repeat themselves. Unit: ns. */
  #aheadNs = 0;
  /** The tour has made the run stand between two steps. */
  #stands = false;
  /** Somebody has gone on while a step's command was on its way: the step then hurries. */
  #wentOnEarly = false;

  constructor(parts: TourParts) {
    this.#parts = parts;
    this.#store = parts.controller.store;
    this.#store.subscribe((state, before) => this.#onState(state, before));
  }

  /** Does what a command asks; '' or one sentence that says why not. */
  async act(act: TourAct): Promise<string> {
    switch (act.kind) {
      case 'start': return await this.#start();
      case 'next': return await this.#onNext();
      case 'previous': return await this.#onPrevious();
      case 'leave': return this.#leave();
      case 'resume': return await this.#resume();
      case 'recall': return (await this.#recall(act.resume)) || !act.orStart ? '' : await this.#start();
      case 'go-to': return await this.#onGoTo(act.step);
      case 'answer': return this.#answer(act.value);
      case 'language': return await this.#speak(act.language);
      case 'open-narration': {
        const file = await this.#parts.pickFile();
        return file === null ? '' : await this.#openNarration(file);
      }
      case 'narration': return await this.#openNarration(act.file);
    }
  }

  get #tour(): TourState | null {
    return this.#store.getState().tour;
  }

  #patch(change: Partial<TourState>): void {
    const tour = this.#tour;
    if (tour !== null) this.#store.setState({ tour: { ...tour, ...change } });
  }

  // ── begin, leave, resume ────────────────────────────────────────────────────────────────────────

  async #start(): Promise<string> {
    const { spec, language } = this.#store.getState();
    const told = await this.#tell(spec.lab, language);
    if (told === undefined) return `The lab “${spec.lab}” has no walkthrough.`;
    this.#store.setState({ tour: null });
    if (!isUntouched(this.#store.getState())) {
      const refusal = await this.#parts.controller.start({ ...spec, autoplay: true });
      if (refusal !== '') return refusal;
    }
    this.#goal = -1;
    this.#open(startPlayer(this.#walkthrough), told);
    await this.#arrive();
    return '';
  }

  #open(player: PlayerState, told: Pick<TourState, 'steps' | 'language'>, on = true): void {
    this.#store.setState({ tour: { on, player, ...told, hurrying: false, busy: false, values: {} }, notice: '' });
  }

  /** The walkthrough's steps in a language; in English when there is no such narration, which is then said. */
  async #tell(lab: string, language: string): Promise<Pick<TourState, 'steps' | 'language'> | undefined> {
    const walkthrough = await this.#parts.walkthroughOf(lab);
    if (walkthrough === undefined) return undefined;
    this.#walkthrough = walkthrough;
    if (language === FIRST_LANGUAGE) return { steps: walkthrough.steps, language };
    const reading = await this.#parts.narrationOf(walkthrough, language);
    if (reading?.ok === true) return { steps: tellIn(walkthrough, reading.narration), language };
    this.#store.setState({ notice: reading?.sentence ?? `This lab is not told in ${languageName(language)}; it is told in English.` });
    return { steps: walkthrough.steps, language: FIRST_LANGUAGE };
  }

  #leave(): string {
    if (this.#tour?.on !== true) return NO_TOUR;
    this.#goal = -1;
    this.#endHurry();
    this.#patch({ on: false });
    void this.#keep();
    return '';
  }

  async #resume(): Promise<string> {
    const tour = this.#tour;
    if (tour === null) return NO_TOUR;
    this.#patch({ on: true });
    const refusal = await this.#bringRunBack();
    this.#look();
    return refusal;
  }

  /** After a reload: what was kept of this lab's tour stands again; on, if it was on and `resume`. False when nothing was. */
  async #recall(resume: boolean): Promise<boolean> {
    const { spec } = this.#store.getState();
    const kept = recallTour(this.#parts.shelf, spec.lab, spec.seed);
    const told = kept === undefined ? undefined : await this.#tell(spec.lab, kept.language);
    if (kept === undefined || told === undefined || kept.player.step > told.steps.length) return false;
    this.#kept = kept;
    this.#open(kept.player, told, false);
    if (kept.on && resume) await this.#resume();
    return true;
  }

  /** After a reload the run stands at its start: its commands are repeated up to where the tour stood. */
  async #bringRunBack(): Promise<string> {
    const kept = this.#kept;
    this.#kept = undefined;
    const state = this.#store.getState();
    if (kept === undefined || kept.run === '' || state.timeNs >= kept.timeNs) return '';
    const playing = !state.pace.paused;
    this.#away = true;
    this.#patch({ busy: true });
    const { controller } = this.#parts;
    const refusal = await controller.start({ ...state.spec, runFile: kept.run, autoplay: false });
    const sentence = refusal === '' ? ((await controller.session?.advanceTo(kept.timeNs)) ?? '') : refusal;
    this.#away = false;
    this.#store.setState({ spec: state.spec }); // started again, it is the lab's own run
    this.#patch({ busy: false });
    if (sentence === '' && playing && !this.#standsNow()) controller.session?.play();
    return sentence;
  }

  async #keep(): Promise<void> {
    const tour = this.#tour;
    if (tour === null) return;
    const run = (await this.#parts.controller.session?.exportRun()) ?? '';
    const { spec, timeNs } = this.#store.getState();
    const now = this.#tour;
    if (now === null) return;
    keepTour(this.#parts.shelf, { on: now.on, seed: spec.seed, language: now.language, timeNs, run, player: now.player });
  }

  // ── on and back ─────────────────────────────────────────────────────────────────────────────────

  async #onNext(): Promise<string> {
    const tour = this.#tour;
    if (tour === null) return await this.#start();
    if (!tour.on) return await this.#resume();
    if (tour.busy || this.#away) {
      this.#wentOnEarly = !tour.busy;
      return '';
    }
    if (hasEnded(this.#walkthrough, tour.player)) return this.#end();
    if (tour.player.phase === 'waiting') await this.#begin();
    else if (tour.player.phase === 'running') this.#hurry();
    else {
      this.#patch({ player: nextStep(tour.player) });
      await this.#arrive();
    }
    return '';
  }

  #end(): string {
    this.#store.setState({ tour: null });
    forgetTour(this.#parts.shelf);
    return '';
  }

  /** A step has come up. One that only watches begins by itself. */
  async #arrive(): Promise<void> {
    const tour = this.#tour;
    const step = tour === null ? undefined : findStep(this.#walkthrough, tour.player);
    this.#look();
    void this.#keep();
    if (step !== undefined && step.do === undefined && step.ask === undefined) await this.#begin();
  }

  /** Begins the present step: gives its command, and lets the run play when the step waits for something. */
  async #begin(): Promise<void> {
    const { controller } = this.#parts;
    await this.#boot();
    const before = this.#tour;
    const step = before === null ? undefined : findStep(this.#walkthrough, before.player);
    if (before === null || step === undefined || before.player.phase !== 'waiting') return;
    const begun = beginStep(this.#walkthrough, before.player, this.#view());
    this.#patch({ player: begun.state });
    if (begun.command !== undefined) {
      this.#aheadNs = 0; // a command given in the past forks the run
      this.#away = true;
      this.#wentOnEarly = false;
      const refusal = await controller.send(begun.command);
      const atNs = refusal === '' ? await this.#lastCommandNs() : -1;
      this.#away = false;
      if (refusal !== '') {
        // The card says it as the step's result.
        this.#store.setState({ notice: '' });
        this.#patch({ player: refuseStep(this.#walkthrough, begun.state, this.#view(), refusal) });
        this.#onOver();
        return;
      }
      // Whoever goes back comes to this very moment, and the step comes to the same again.
      if (atNs >= begun.state.beganAtNs) this.#patch({ player: loggedStep(begun.state, atNs) });
    }
    if (this.#store.getState().pace.paused && (step.until !== undefined || this.#stands)) controller.session?.play();
    this.#stands = false;
    if (this.#wentOnEarly && this.#tour?.player.phase === 'running') this.#hurry();
    this.#wentOnEarly = false;
    void this.#keep();
    this.#look();
  }

  /** When the newest command was logged, −1 when that cannot be known. Unit: ns. */
  async #lastCommandNs(): Promise<number> {
    const text = (await this.#parts.controller.session?.exportRun()) ?? '';
    const parsed = v.safeParse(LOGGED, looksLikeObject(text) ? JSON.parse(text) : undefined);
    return parsed.success ? (parsed.output.log.at(-1)?.atNs ?? -1) : -1;
  }

  /** The first step begins when the guests have booted, as it does on the command line. */
  async #boot(): Promise<void> {
    const { session } = this.#parts.controller;
    const boots = this.#store.getState().booting !== '';
    if (this.#tour?.player.step !== 0 || session === null || (session.timeNs() >= FIRST_STEP_NS && !boots)) return;
    const { paused, ratio } = this.#store.getState().pace;
    this.#away = true;
    this.#patch({ busy: true });
    if (boots) {
      if (paused) session.play();
      await this.#parts.controller.waitFor((state) => state.booting === '');
      if (paused) session.pause();
    } else if (ratio > 0 && ratio < QUICK_RATIO) {
      await session.advanceTo(FIRST_STEP_NS);
      if (!paused) session.play();
    } else {
      if (paused) session.play();
      await this.#parts.controller.waitFor((state) => state.timeNs >= FIRST_STEP_NS);
    }
    this.#away = false;
    this.#patch({ busy: false });
  }

  /** Somebody went on while the step runs: as fast as possible to its end. */
  #hurry(): void {
    const { session } = this.#parts.controller;
    const { pace } = this.#store.getState();
    if (this.#ratioBefore < 0) this.#ratioBefore = pace.ratio;
    this.#patch({ hurrying: true });
    session?.setRatio(0);
    if (pace.paused) session?.play();
  }

  #endHurry(): void {
    if (this.#ratioBefore < 0) return;
    this.#parts.controller.session?.setRatio(this.#ratioBefore);
    this.#ratioBefore = -1;
    this.#patch({ hurrying: false });
  }

  #onOver(): void {
    const tour = this.#tour;
    if (tour === null) return;
    const goesOn = this.#goal > tour.player.step;
    if (!goesOn) this.#endHurry();
    if (!goesOn && this.#standsNow()) {
      this.#stands = true;
      this.#parts.controller.session?.pause();
    }
    void this.#keep();
    if (goesOn) void this.#playOn();
  }

  /** Between steps the picture goes on moving, unless the step says otherwise, or commands are still to come that would repeat themselves. */
  #standsNow(): boolean {
    const { tour, timeNs } = this.#store.getState();
    if (tour === null || tour.player.phase !== 'over') return false;
    return findStep(this.#walkthrough, tour.player)?.stand === true || this.#aheadNs > timeNs;
  }

  async #onPrevious(): Promise<string> {
    const tour = this.#tour;
    if (tour === null || !tour.on) return NO_TOUR;
    const { step, phase } = tour.player;
    const to = phase === 'waiting' ? step - 1 : step;
    return to < 0 ? 'This is the first step.' : await this.#goBack(to);
  }

  async #onGoTo(wanted: number | string): Promise<string> {
    const tour = this.#tour;
    if (tour === null || !tour.on) return NO_TOUR;
    const { steps } = this.#walkthrough;
    const to = typeof wanted === 'number' ? wanted - 1 : steps.findIndex(({ id }) => id === wanted);
    if (to < 0 || to >= steps.length) return `There is no step “${wanted}”; there are ${steps.length}: ${steps.map(({ id }) => id).join(', ')}.`;
    if (to < tour.player.step || (to === tour.player.step && tour.player.phase !== 'waiting')) return await this.#goBack(to);
    this.#goal = to;
    await this.#playOn();
    return '';
  }

  /** Plays as fast as possible until the goal's step waits. */
  async #playOn(): Promise<void> {
    for (let tour = this.#tour; tour?.on === true && tour.player.step < this.#goal; tour = this.#tour) {
      if (tour.player.phase === 'waiting') await this.#begin();
      else if (tour.player.phase === 'over') this.#patch({ player: nextStep(tour.player) });
      else {
        this.#hurry();
        return; // goes on when the step is over
      }
    }
    this.#goal = -1;
    this.#endHurry();
    await this.#arrive();
  }

  /** The run travels to where the step began and stands there; the step waits. */
  async #goBack(to: number): Promise<string> {
    const { player } = this.#tour!;
    const began = to === player.step && player.phase === 'running' ? player.beganAtNs : player.results[to]?.beganAtNs;
    if (began === undefined) return 'This step has not begun yet.';
    this.#goal = -1;
    this.#endHurry();
    const { timeNs, furthestNs } = this.#store.getState();
    this.#aheadNs = Math.max(timeNs, furthestNs);
    this.#away = true;
    this.#patch({ busy: true });
    const sentence = await this.#parts.controller.travelTo(began);
    this.#away = false;
    if (sentence === '') this.#patch({ busy: false, player: goToStep(this.#walkthrough, this.#tour?.player ?? player, to) });
    else this.#patch({ busy: false });
    this.#stands = true;
    this.#look();
    void this.#keep();
    return sentence;
  }

  #answer(value: number): string {
    const tour = this.#tour;
    if (tour === null || !tour.on) return NO_TOUR;
    const ask = findStep(this.#walkthrough, tour.player)?.ask;
    if (ask === undefined || tour.player.phase !== 'waiting') return 'Nothing is asked now.';
    this.#patch({ player: guess(this.#walkthrough, tour.player, value) });
    return '';
  }

  // ── words ───────────────────────────────────────────────────────────────────────────────────────

  async #speak(language: string): Promise<string> {
    this.#store.setState({ language, notice: '' });
    if (this.#tour === null) return '';
    const told = await this.#tell(this.#walkthrough.lab, language);
    if (told !== undefined) this.#patch(told);
    return this.#store.getState().notice;
  }

  async #openNarration(file: File): Promise<string> {
    const { lab } = this.#store.getState().spec;
    const walkthrough = await this.#parts.walkthroughOf(lab);
    if (walkthrough === undefined) return `The lab “${lab}” has no walkthrough.`;
    this.#walkthrough = walkthrough;
    const reading = readNarration(await file.text(), walkthrough, file.name);
    if (!reading.ok) {
      this.#store.setState({ notice: reading.sentence });
      return reading.sentence;
    }
    return await this.#tellAs(reading.narration);
  }

  async #tellAs(narration: Narration): Promise<string> {
    const { language } = narration;
    this.#store.setState({ language });
    if (this.#tour === null) {
      const refusal = await this.#start();
      if (refusal !== '') return refusal;
    }
    this.#store.setState({ notice: '' });
    this.#patch({ steps: tellIn(this.#walkthrough, narration), language, on: true });
    return '';
  }

  // ── what is seen ────────────────────────────────────────────────────────────────────────────────

  #view(): WalkthroughView {
    const { timeNs, events } = this.#store.getState();
    return { timeNs, events, metrics: this.#parts.metrics() };
  }

  #onState(state: AppState, before: AppState): void {
    const { tour } = state;
    if (tour === null) return;
    if (state.spec.lab !== tour.player.lab) {
      this.#goal = -1;
      this.#ratioBefore = -1;
      this.#store.setState({ tour: null });
      return;
    }
    if (this.#away || state.status !== 'live') return;
    if (state.timeNs < before.timeNs) this.#follow(state.timeNs, Math.max(before.timeNs, state.furthestNs));
    else if (tour.on && (state.timeNs !== before.timeNs || state.events !== before.events)) this.#look();
  }

  /** Somebody took the run back, or started it again: the tour goes along. */
  #follow(timeNs: number, aheadNs: number): void {
    const { player } = this.#tour!;
    const followed = followBack(this.#walkthrough, player, timeNs);
    this.#goal = -1;
    this.#aheadNs = timeNs === 0 ? 0 : aheadNs; // a run that was started again has no commands to come
    this.#endHurry();
    this.#patch({ player: followed });
    if (this.#tour?.on === true && followed.phase === 'waiting') void this.#arrive();
  }

  /** Looks at the run: is the step over, and what does the card show? */
  #look(): void {
    const tour = this.#tour;
    if (tour === null || !tour.on) return;
    const view = this.#view();
    const player = this.#away ? tour.player : watch(this.#walkthrough, tour.player, view);
    const values = this.#valuesOf(tour, view);
    if (player === tour.player && sameValues(values, tour.values)) return;
    this.#patch({ player, values });
    if (player.phase === 'over' && tour.player.phase === 'running') this.#onOver();
  }

  /** The metrics that the present step speaks of. */
  #valuesOf(tour: TourState, view: WalkthroughView): MetricValues {
    const step = findStep(this.#walkthrough, tour.player);
    if (step === undefined) return {};
    const asked = findQuestion(this.#walkthrough, step)?.ask?.metric;
    const names = [...metricsNamed(step.say), ...(step.until?.kind === 'metric' ? [step.until.metric] : []), ...(asked === undefined ? [] : [asked])];
    const out: Record<string, { value: number; unit: string }> = {};
    for (const name of names) {
      const found = view.metrics[name];
      if (found !== undefined) out[name] = found;
    }
    return out;
  }
}

function sameValues(a: MetricValues, b: MetricValues): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name]?.value === b[name]?.value && b[name] !== undefined);
}

/** A tour is told from the run's start: one that has gone on for longer begins again. Unit: ns. */
const START_NS_MAX = 1_000_000_000;

/** A run near its start that nobody has given a command yet. */
function isUntouched(state: AppState): boolean {
  return state.timeNs <= START_NS_MAX && state.migrations.length === 0 && state.knobHistory.length === 0
    && state.branches.length <= 1 && state.furthestNs <= state.timeNs && state.events.every(({ kind }) => kind !== 'command' && kind !== 'fault');
}
