/** What commands set off on this page: calls into the session, files, links, and changes of the view. */
import type { LoggedCommand } from '../../core/protocol/command.ts';
import type { RunController } from '../session/run-controller.ts';
import type { RunSpec } from '../session/session.ts';
import { findCameraCommands } from '../stage/stage-camera.ts';
import type { StageScene } from '../stage/stage-scene.ts';
import { chapterOf } from '../stage/generic-story.tsx';
import { findSide, type StageShape } from '../stage/stage-shape.ts';
import type { PageActions } from './commands.ts';
import { pickFile, saveFile } from './files.ts';
import type { FrameLoop } from './frame-loop.ts';
import { metricsOf } from './glasshouse.ts';
import { formatMoment, knobFault } from './moment-link.ts';
import type { SnapshotActions } from '../exports/snapshot-actions.ts';
import type { TourPlayer } from '../tour/tour-player.ts';

interface ActionOptions {
  readonly controller: RunController;
  readonly scene: StageScene;
  readonly loop: FrameLoop;
}

/** The actions of a page. */
export function makeActions({ controller, scene, loop }: ActionOptions): PageActions {
  const { store } = controller;
  const session = () => controller.session;
  const load = (change: Partial<RunSpec>) => {
    const { log: _, runFile, scenario, ...kept } = store.getState().spec;
    // What a link or a run file repeats belongs to that run; a scenario's world is not another lab's.
    const course = runFile === undefined || Object.keys(change).length > 0 ? {} : { runFile };
    const world = scenario === undefined || change.lab !== undefined ? {} : { scenario };
    return controller.start({ ...kept, ...course, ...world, ...change });
  };
  const camera = () => findCameraCommands(scene);
  let tour: Promise<TourPlayer> | undefined;
  const touring = () => (tour ??= import('../tour/open-tour.ts').then(({ openTour }) => openTour(controller, () => metricsOf(controller, loop))));
  let snapshots: Promise<SnapshotActions> | undefined;
  const snapshotting = () => (snapshots ??= import('../exports/snapshot-actions.ts').then((it) => new it.SnapshotActions(controller)));
  return {
    migrate: (vm, to, atNs) => controller.send({ kind: 'migrate', vm, to }, atNs),
    cancelMigration: (vm, atNs) => controller.send({ kind: 'cancel-migration', vm }, atNs),
    async setKnob(knob, value, atNs) {
      const row = store.getState().lab.contract.knobs.find((it) => it.id === knob);
      const fault = row === undefined ? `There is no knob “${knob}”.` : knobFault(row, value);
      if (fault !== '') {
        store.setState({ notice: fault });
        return fault;
      }
      if (atNs >= 0) return await controller.send({ kind: 'set-knob', knob, value }, atNs);
      controller.requestKnob(knob, value);
      return '';
    },
    async injectFault(fault, target, atNs) {
      const row = store.getState().lab.contract.faults.find((it) => it.id === fault);
      if (row === undefined) {
        const notice = `There is no fault “${fault}”.`;
        store.setState({ notice });
        return notice;
      }
      return await controller.send({ kind: 'inject-fault', fault, ...(target === '' ? {} : { target }) }, atNs);
    },
    ask: (ask, args, atNs) => controller.send({ kind: 'ask', ask, arguments: args }, atNs),
    typeConsole: (vm, text, atNs) => controller.send({ kind: 'console-input', vm, text }, atNs),
    undoKnob() {
      const { knobHistory } = store.getState();
      const last = knobHistory.at(-1);
      if (last === undefined) return Promise.resolve('No knob has been turned.');
      controller.requestKnob(last.knob, last.value);
      store.setState({ knobHistory: knobHistory.slice(0, -1) });
      return Promise.resolve('');
    },
    playPause() {
      if (store.getState().pace.paused) session()?.play();
      else session()?.pause();
    },
    setRatio: (ratio) => session()?.setRatio(ratio),
    stepInstruction: async () => session()?.stepInstruction(),
    stepEvent: async () => session()?.stepEvent(),
    travelTo: (timeNs) => controller.travelTo(timeNs),
    stepBack: async (kind) => session()?.stepBack(kind),
    returnTo: (branch, atNs) => controller.returnTo(branch, atNs),
    load: (options) => load(options),
    reset: () => load({}),
    async openElf() {
      const file = await pickFile('.elf,application/x-executable,application/octet-stream');
      return file === null ? '' : await runElf(controller, file);
    },
    async downloadCapture() {
      const bytes = await session()?.capture();
      if (bytes !== undefined) saveFile('glasshouse.pcapng', bytes, 'application/octet-stream');
      return '';
    },
    async downloadRun() {
      const text = await session()?.exportRun();
      if (text !== undefined) saveFile('glasshouse-run.json', text, 'application/json');
      return '';
    },
    shareLink: () => share(store, false),
    shareMoment: () => shareMoment(controller),
    shareLecture: () => share(store, true),
    saveStage: async (kind) => (await exports()).saveStage(controller, kind),
    downloadTrace: async () => (await exports()).saveTrace(controller),
    async openRun() {
      const file = await pickFile('.json,application/json');
      return file === null ? '' : await (await exports()).openRunFile(controller, file);
    },
    openGuest: async (guest, vcpus) => await (await import('../exports/open-guest.ts')).openGuest(controller, { guest, vcpus }),
    openLabGuest: async (guest, lab) => await (await import('../exports/open-guest.ts')).openLabGuest(controller, { guest, lab: lab === '' ? store.getState().lab.contract.id : lab }),
    bootBoard: async (guest, harts) => await (await import('../exports/open-guest.ts')).openGuest(controller, { guest, vcpus: harts, isBare: true }),
    async openProgram() {
      const file = await pickFile('.elf,application/x-executable,application/octet-stream');
      return file === null ? '' : await (await import('../exports/open-program.ts')).openProgram(controller, file);
    },
    async openScenario() {
      const file = await pickFile('.json,application/json');
      return file === null ? '' : await (await import('../exports/open-file.ts')).openScenarioFile(controller, file);
    },
    snapshots: async (act) => await (await snapshotting()).act(act),
    freeze(frozen) {
      if (frozen) controller.hold();
      else controller.release();
      loop.frozen = frozen;
      store.setState({ teacher: { ...store.getState().teacher, frozen } });
    },
    async takeStep(id, atNs) {
      const { lab, timeNs } = store.getState();
      const step = lab.walkthrough.steps.find((it) => it.id === id);
      if (step?.do === undefined) return `There is no step “${id}” that does something.`;
      const refusal = await controller.send(step.do, atNs);
      if (refusal === '') store.setState({ chapter: chapterOf(id, Math.max(timeNs, atNs)) });
      return refusal;
    },
    openLab(lab) {
      const hash = `#/lab/${lab}`;
      if (location.hash === hash) return load({ lab, knobs: {} });
      location.hash = hash; // the listener of the address opens it; back and forward go the same way
      return Promise.resolve('');
    },
    tour: async (act) => await (await touring()).act(act),
    select: (entity) => store.setState({ selection: entity }),
    zoom: (factor) => camera()?.zoomBy(factor),
    pan: (dx, dy) => camera()?.panBy(dx, dy),
    zoomTo: (entity) => camera()?.zoomTo(targetOf(entity, store.getState(), scene.shape)),
    patch: (change) => store.setState(change),
  };
}

/** Loaded when a file is first asked for. */
const exports = () => import('../exports/export-actions.ts');

/** Puts the link to this moment into the address bar and onto the clipboard. */
async function share(store: RunController['store'], lecture: boolean): Promise<string> {
  const state = store.getState();
  if (state.spec.scenario !== undefined) {
    const notice = 'A link cannot carry a scenario file; download the run report instead.';
    store.setState({ notice });
    return notice;
  }
  const hash = formatMoment(
    { lab: state.spec.lab, seed: state.spec.seed, knobs: { ...state.spec.knobs, ...state.knobs }, autoplay: true, density: state.density, selection: state.selection, timeNs: -1, log: '', lecture, tour: state.tour?.on === true, language: state.language },
    state.lab.contract,
  );
  if (!lecture) history.replaceState(null, '', hash);
  const what = lecture ? 'The link to this lecture' : 'The link to this lab';
  try {
    await navigator.clipboard.writeText(new URL(hash, location.href).href);
    store.setState({ notice: lecture ? `${what} is copied.` : `${what} is copied; it is also in the address bar.` });
  } catch {
    history.replaceState(null, '', hash); // the clipboard is not allowed here
    store.setState({ notice: `${what} is in the address bar.` });
  }
  return '';
}

/** Puts the link to where the run stands, with what was asked of it, into the address bar and onto the clipboard. */
async function shareMoment(controller: RunController): Promise<string> {
  const { store, session } = controller;
  const { spec, density, selection, lab, language } = store.getState();
  const refuse = (notice: string) => {
    store.setState({ notice });
    return notice;
  };
  if (session === null) return refuse('No run is alive; start again first.');
  if (spec.guest !== undefined) return refuse('A link cannot carry a guest file; download the run report and send it with the file.');
  const { encodeLog, LOG_TEXT_MAX } = await import('./shared-log.ts');
  const file = JSON.parse(await session.exportRun()) as { readonly endNs: number; readonly log: readonly LoggedCommand[]; readonly scenario?: string };
  if (file.scenario !== undefined) return refuse('A link cannot carry a scenario file; download the run report instead.');
  const log = await encodeLog(file.log);
  if (log.length > LOG_TEXT_MAX) return refuse(`${file.log.length} commands are too many for a link; download the run report instead.`);
  const hash = formatMoment({ lab: spec.lab, seed: spec.seed, knobs: spec.knobs, autoplay: true, density, selection, timeNs: file.endNs, log, lecture: false, tour: false, language }, lab.contract);
  history.replaceState(null, '', hash);
  try {
    await navigator.clipboard.writeText(new URL(hash, location.href).href);
    store.setState({ notice: 'The link to this moment is copied; it is also in the address bar.' });
  } catch {
    store.setState({ notice: 'The link to this moment is in the address bar.' }); // the clipboard is not allowed here
  }
  return '';
}

/** The camera's name for an entity of the store. */
function targetOf(entity: string, state: ReturnType<RunController['store']['getState']>, shape: StageShape): string {
  const [kind, id] = entity.split(':');
  if (kind === 'host') return `host:${findSide(shape, Number(id)) ?? 0}`;
  if (kind === 'disk') return shape.right === 'nothing' ? 'host:0' : 'host:1';
  if (kind === 'link' || kind === 'snapshot') return 'link:0';
  if (kind !== 'vm') return 'site';
  const host = state.hosts.find((it) => it.vms.some((vm) => vm.id === Number(id) && vm.state !== 'incoming'));
  const home = host === undefined ? undefined : findSide(shape, host.id);
  if (home === undefined) return 'site';
  return state.selectedPage >= 0 ? `page:${home}:${state.selectedPage}` : `map:${home}`;
}

/** Largest file taken as a guest: a host of a lab has less RAM than this. */
const ELF_BYTES_MAX = 256 * 1024 * 1024;

/** Runs a file as the guest of a new run; gives '' or the sentence that says why not. */
export async function runElf(controller: RunController, file: File): Promise<string> {
  if (file.size > ELF_BYTES_MAX) {
    const notice = `${file.name} has ${file.size} bytes; a guest file may have at most ${ELF_BYTES_MAX} bytes.`;
    controller.store.setState({ notice });
    return notice;
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  return await controller.start({ ...controller.store.getState().spec, guest: { name: file.name, bytes } });
}
