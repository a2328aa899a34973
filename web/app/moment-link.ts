/**
 * The address of a moment: `#/lab/<slug>?v=1&seed=7&t=1200000&knobs=bandwidth:1e8,loss:2`. It holds only what
 * differs from the scenario. Unknown keys are ignored; a malformed part is named in one sentence and
 * the rest counts. Pure text in, plain data out.
 */
import type { Contract, KnobRow } from '../../core/base/contract.ts';
import { findKnobValueError } from '../../core/base/knob-value.ts';

/** What a link says. */
export interface Moment {
  readonly lab: string;
  readonly seed: number;
  readonly knobs: Readonly<Record<string, number>>;
  readonly autoplay: boolean;
  readonly density: '' | 'lab' | 'projector' | 'workbench';
  readonly selection: string;
  /** Where the run is to stand, −1: it begins at its start. Unit: ns. */
  readonly timeNs: number;
  /** What was asked of the run before that, as shared-log.ts writes it; '' for nothing. */
  readonly log: string;
  /** A lecture: knobs locked, answers hidden until they are revealed. */
  readonly lecture: boolean;
  /** The tour is on. */
  readonly tour: boolean;
  /** Language of its narration, '' when the link names none. */
  readonly language: string;
}

/** The seed of a link that names none. */
export const DEFAULT_SEED = 1;
const SEED_MAX = 0xffff_ffff;
/** Latest moment of a link: to run there takes minutes. Unit: ns. */
export const TIME_NS_MAX = 3_600_000_000_000;
const DENSITIES = ['lab', 'projector', 'workbench'] as const;

/** Why a knob's value cannot be taken, as one sentence, or '' when it can. */
export function knobFault(row: KnobRow, value: number): string {
  const error = findKnobValueError(row, value);
  if (error === undefined) return '';
  const unit = row.unit === '' ? '' : ` ${row.unit}`;
  if (error.kind === 'out-of-range') {
    return `${row.title} is ${value}${unit}; it must lie between ${row.minimum} and ${row.maximum}${unit}.`;
  }
  if (error.kind === 'off-step') {
    return `${row.title} is ${value}${unit}; it takes ${error.below} or ${error.above}${unit} there, nothing between.`;
  }
  return `${row.title} must be a number.`;
}

function parseKnobs(text: string, contract: Contract): { knobs: Record<string, number>; faults: string[] } {
  const knobs: Record<string, number> = {};
  const faults: string[] = [];
  for (const part of text.split(',').filter((piece) => piece !== '')) {
    const colon = part.indexOf(':');
    const id = colon < 0 ? part : part.slice(0, colon);
    const row = contract.knobs.find((knob) => knob.id === id);
    if (row === undefined) continue; // a knob of another version: ignored like any unknown key
    const number = colon < 0 || part.slice(colon + 1).trim() === '' ? Number.NaN : Number(part.slice(colon + 1));
    const fault = Number.isNaN(number)
      ? `The link gives ${row.title} as “${colon < 0 ? '' : part.slice(colon + 1)}”, which is not a number.`
      : knobFault(row, number);
    if (fault !== '') faults.push(fault);
    else if (number !== row.default) knobs[id] = number;
  }
  return { knobs, faults };
}

/** The slug of the lab that a hash names, '' when it names none. */
export function labOf(hash: string): string {
  return /^#\/lab\/([a-z0-9-]+)(?:\?|$)/.exec(hash)?.[1] ?? '';
}

/** Reads the hash of an address. `sentence` is '' or says what was not understood; the moment is always usable. */
export function parseMoment(
  hash: string, fallback: Contract, labs: readonly Contract[] = [fallback],
): { readonly moment: Moment; readonly sentence: string } {
  const faults: string[] = [];
  const empty: Moment = {
    lab: fallback.id, seed: DEFAULT_SEED, knobs: {}, autoplay: true, density: '', selection: '', timeNs: -1, log: '', lecture: false, tour: false, language: '',
  };
  if (hash === '' || hash === '#' || hash === '#/') return { moment: empty, sentence: '' };
  const match = /^#\/lab\/([a-z0-9-]+)(?:\?(.*))?$/.exec(hash);
  if (match === null) {
    return { moment: empty, sentence: `The link “${hash.slice(0, 40)}” is not of the form #/lab/name?…, so the default lab was loaded.` };
  }
  const contract = labs.find(({ id }) => id === match[1]);
  if (contract === undefined) {
    return { moment: empty, sentence: `There is no lab “${match[1]}”, so “${fallback.id}” was loaded.` };
  }
  const query = new URLSearchParams(match[2] ?? '');
  const seedText = query.get('seed');
  let seed = DEFAULT_SEED;
  if (seedText !== null) {
    if (/^\d{1,10}$/.test(seedText) && Number(seedText) <= SEED_MAX) seed = Number(seedText);
    else faults.push(`The link’s seed “${seedText.slice(0, 20)}” is not a whole number from 0 to ${SEED_MAX}.`);
  }
  const timeText = query.get('t');
  let timeNs = -1;
  if (timeText !== null) {
    if (/^\d{1,15}$/.test(timeText) && Number(timeText) <= TIME_NS_MAX) timeNs = Number(timeText);
    else faults.push(`The link’s time “${timeText.slice(0, 20)}” is not a whole number of nanoseconds up to ${TIME_NS_MAX}.`);
  }
  const { knobs, faults: knobFaults } = parseKnobs(query.get('knobs') ?? '', contract);
  const density: Moment['density'] = DENSITIES.find((name) => name === query.get('view')) ?? '';
  const moment: Moment = {
    lab: contract.id, seed, knobs, autoplay: query.get('autoplay') !== '0', density,
    selection: (query.get('sel') ?? '').slice(0, 40),
    timeNs, log: query.get('log') ?? '',
    lecture: query.get('lecture') === '1', tour: query.get('tour') === '1', language: /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.exec(query.get('lang') ?? '')?.[0] ?? '',
  };
  return { moment, sentence: [...faults, ...knobFaults].join(' ') };
}

/** The hash of a moment: only what differs. Keys in a fixed order. */
export function formatMoment(moment: Moment, contract: Contract): string {
  const parts: string[] = [];
  if (moment.seed !== DEFAULT_SEED) parts.push(`seed=${moment.seed}`);
  if (moment.timeNs >= 0) parts.push(`t=${moment.timeNs}`);
  const knobs = contract.knobs
    .filter((row) => moment.knobs[row.id] !== undefined && moment.knobs[row.id] !== row.default)
    .map((row) => `${row.id}:${moment.knobs[row.id]}`);
  if (moment.density !== '' && moment.density !== 'lab') parts.push(`view=${moment.density}`);
  if (moment.selection !== '') parts.push(`sel=${encodeURIComponent(moment.selection)}`);
  if (moment.lecture) parts.push('lecture=1');
  if (moment.tour) parts.push('tour=1');
  if (moment.language !== '' && moment.language !== 'en') parts.push(`lang=${moment.language}`);
  if (knobs.length > 0) parts.push(`knobs=${knobs.join(',')}`);
  if (moment.log !== '') parts.push(`log=${moment.log}`);
  return `#/lab/${moment.lab}${parts.length === 0 ? '' : `?v=1&${parts.join('&')}`}`;
}
