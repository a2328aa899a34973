/** The page's entry: looks at what the browser can do, builds the parts, starts the run that the address names. */
import { StrictMode } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { makeActions } from './app/actions.ts';
import { App } from './app/app.tsx';
import { COMMAND_ROWS, makeCommandRegistry, type PageActions } from './app/commands.ts';
import { unsupportedBecause } from './app/environment.ts';
import { FrameLoop } from './app/frame-loop.ts';
import { makeGlasshouse } from './app/glasshouse.ts';
import { bindGuestDrop } from './app/guest-drop.ts';
import { workOffline } from './app/offline.ts';
import { findKeptRun, isReload, keepRun, type KeptRun, resumeRun } from './app/kept-run.ts';
import { DEFAULT_SEED, labOf, type Moment, parseMoment } from './app/moment-link.ts';
import { openMoment } from './app/open-moment.ts';
import { noSuchLab } from './labs/lab-view.ts';
import { DEFAULT_LAB, LAB_SLUGS, loadLab } from './labs/load-lab.ts';
import { makeCoordinatorFactory } from './session/coordinator-session.ts';
import { type NewsGroup, newsOf } from './session/frame-news.ts';
import { AppContext } from './session/react.ts';
import { RunController } from './session/run-controller.ts';
import { makeStore, TEACHER_OFF } from './session/store.ts';
import { StageScene } from './stage/stage-scene.ts';
import { hasKeptTour } from './tour/kept-tour.ts';
import './styles/tokens.css';
import './styles/base.css';
import './styles/print.css';

/** In which frames who hears of the store. */
const NEWS_TURNS = [['picture', 'news'], ['panels', 'panels'], ['around', 'words']] as const;

/** Said while the page itself has paused the run. */
const HIDDEN = 'Paused while this tab was hidden.';

async function start(root: HTMLElement): Promise<void> {
  const unsupported = unsupportedBecause(globalThis);
  if (unsupported !== '') {
    root.textContent = unsupported;
    return;
  }
  const named = labOf(location.hash);
  const first = LAB_SLUGS.includes(named) ? named : DEFAULT_LAB;
  const store = makeStore({ lab: first, seed: DEFAULT_SEED, knobs: {} }, 'lab');
  const loop = new FrameLoop();
  const controller = new RunController(store, makeCoordinatorFactory(), (work) => loop.account(work), loadLab);
  const scene = new StageScene();
  const actions = makeActions({ controller, scene, loop });
  const commands = makeCommandRegistry(COMMAND_ROWS, { state: () => store.getState(), actions });
  window.glasshouse = makeGlasshouse({ controller, commands, loop });
  // Scripts find their door from the first moment on; its ready() waits for all that follows.
  const lab = await loadLab(first);
  if (lab === undefined) throw new Error('the files of the first lab did not come');
  const { moment, sentence } = parseMoment(location.hash, lab.contract);
  const spec = { lab: moment.lab, seed: moment.seed, knobs: moment.knobs, autoplay: moment.autoplay };
  store.setState({ spec, lab, ...(moment.density === '' ? {} : { density: moment.density }) });
  if (moment.lecture) store.setState({ teacher: { ...TEACHER_OFF, locked: true, answersHidden: true } });
  if (moment.language !== '') store.setState({ language: moment.language });
  loop.add('knobs', 0, () => controller.flushKnobs());
  loop.add('samples', 1, () => controller.session?.drainSamples());
  const news = newsOf(store);
  const tell = (group: NewsGroup) => flushSync(() => news.flush(group));
  controller.onCommand = () => news.expectAnswer();
  loop.add('answers', 2, () => {
    if (news.isAnswering()) tell('picture');
  });
  for (const [group, turn] of NEWS_TURNS) {
    loop.add(`news of ${group}`, 2, () => {
      if (news.isDue(group)) tell(group);
    }, turn);
  }
  loop.start();
  createRoot(root).render(
    <StrictMode>
      <AppContext value={{ store, controller, loop, commands }}>
        <App scene={scene} />
      </AppContext>
    </StrictMode>,
  );
  bindGuestDrop(controller, actions);
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') controller.pauseBecause(HIDDEN);
    else controller.resumeFrom(HIDDEN);
  });
  window.addEventListener('hashchange', () => void follow(controller, actions));
  const kept = isReload() ? findKeptRun(sessionStorage, location.hash) : undefined;
  void begin(controller, moment, kept).then((refusal) => {
    if (controller.session === null) store.setState({ status: 'failed', notice: refusal });
    else if (refusal !== '') store.setState({ notice: refusal });
    else if (kept === undefined) store.setState({ notice: sentence, selection: moment.selection });
    if (controller.session !== null) resumeTour(actions, moment);
    keepRun(controller, sessionStorage);
    requestIdleCallback(() => void workOffline(), { timeout: 5_000 });
  });
}

/** After a reload the run goes on where it stood; else the moment that the address names is opened. Gives '' or why not. */
async function begin(controller: RunController, moment: Moment, kept: KeptRun | undefined): Promise<string> {
  if (kept !== undefined && (await resumeRun(controller, kept)) === '') return '';
  return await openMoment(controller, moment);
}

/** The address has changed: opens the lab that it names. An unknown one is named, and what runs goes on. */
async function follow(controller: RunController, actions: PageActions): Promise<void> {
  const { store } = controller;
  const named = labOf(location.hash);
  if (named !== '' && !LAB_SLUGS.includes(named)) {
    store.setState({ notice: noSuchLab(named) });
    return;
  }
  const lab = await loadLab(named === '' ? DEFAULT_LAB : named);
  if (lab === undefined) return;
  const { moment, sentence } = parseMoment(location.hash, lab.contract);
  const refusal = await openMoment(controller, moment);
  store.setState({ notice: refusal === '' ? sentence : refusal, ...(refusal === '' ? { selection: moment.selection } : {}), ...(moment.language === '' ? {} : { language: moment.language }) });
  if (refusal === '' && moment.tour) await actions.tour({ kind: 'start' });
}

/** A link may begin the lab's tour; one that was on or left in this tab before a reload stands again. */
function resumeTour(actions: PageActions, moment: Moment): void {
  if (moment.tour && !hasKeptTour()) void actions.tour({ kind: 'start' });
  else if (hasKeptTour()) void actions.tour({ kind: 'recall', orStart: moment.tour, resume: isReload() });
}

void start(document.getElementById('root')!);
