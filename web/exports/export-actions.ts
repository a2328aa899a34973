/** Files out of the page and back in: the stage, the trace, run files. Loaded when first asked for. */
import { captionOf } from '../app/caption.ts';
import { saveFile } from '../app/files.ts';
import { runFacts } from '../charts/run-facts.ts';
import type { RunController } from '../session/run-controller.ts';
import { readRunFileHead, RUN_FILE_BYTES_MAX } from './run-file.ts';
import { runTrace } from './run-trace.ts';
import { elementPng, elementSvg } from './stage-picture.ts';

/** Saves what stands in the middle of the page (stage and graph) as a picture; gives '' or why not. */
export async function saveStage(controller: RunController, kind: 'svg' | 'png'): Promise<string> {
  const element = document.querySelector<HTMLElement>('.main__picture');
  if (element === null) return 'There is no stage to save.';
  const state = controller.store.getState();
  const { contract } = state.lab;
  const caption = captionOf(state, contract.title);
  const name = `${state.spec.lab}-seed${state.spec.seed}-${state.timeNs}ns`;
  if (kind === 'svg') {
    saveFile(`${name}.svg`, elementSvg(element, contract.title, caption).svg, 'image/svg+xml');
    return '';
  }
  const bytes = await elementPng(element, contract.title, caption);
  if (bytes.length === 0) return 'This browser could not draw the stage as PNG; save it as SVG.';
  saveFile(`${name}.png`, bytes, 'image/png');
  return '';
}

/** Saves the run so far as a Perfetto trace. */
export function saveTrace(controller: RunController): string {
  const { events, lab } = controller.store.getState();
  const bytes = runTrace(runFacts(controller), events, lab.contract.metrics);
  saveFile(`${controller.store.getState().spec.lab}.perfetto-trace`, bytes, 'application/octet-stream');
  return '';
}

/** Repeats a run file to where it was saved; gives '' or one sentence that says why not. */
export async function openRunFile(controller: RunController, file: File): Promise<string> {
  const { store } = controller;
  const refuse = (notice: string) => {
    store.setState({ notice });
    return notice;
  };
  if (file.size > RUN_FILE_BYTES_MAX) return refuse(`${file.name} has ${file.size} bytes; a run file may have at most ${RUN_FILE_BYTES_MAX} bytes.`);
  const text = await file.text();
  const read = readRunFileHead(file.name, text);
  if (!read.ok) return refuse(read.sentence);
  const { lab, seed, knobs, endNs, guestName, scenario } = read.head;
  const { guest } = store.getState().spec;
  const sentence = await controller.start({
    lab, seed, knobs, autoplay: false, runFile: text, ...(scenario === undefined ? {} : { scenario }), ...(guestName !== '' && guest !== undefined ? { guest } : {}),
  });
  if (sentence !== '') return sentence;
  const late = endNs > 0 ? ((await controller.session?.advanceTo(endNs)) ?? '') : '';
  return late === '' ? '' : refuse(late);
}
