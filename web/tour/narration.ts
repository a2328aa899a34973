/**
 * A narration: the words of one walkthrough in one language, as a JSON file. What the steps do, show and wait for
 * stays the walkthrough's; a narration says it. Read at the door with valibot and held against the walkthrough: every
 * step, the same {metric} placeholders, words for every button and question. Pure.
 */
import * as v from 'valibot';
import type { Walkthrough, WalkthroughStep } from '../../core/protocol/walkthrough.ts';
import { metricsNamed } from '../../core/protocol/walkthrough-player.ts';
import { NARRATION_FORMAT } from './narration-format.ts';
import type { TourStep } from './tour-state.ts';

/** Longest text of a step, so that a card holds it. Unit: characters. */
const TEXT_MAX = 600;

const words = v.pipe(
  v.string('must be text'), v.trim(), v.nonEmpty('must not be empty'), v.maxLength(TEXT_MAX, `must have at most ${TEXT_MAX} characters`),
);
const stepSchema = v.strictObject({
  say: words,
  button: v.optional(words),
  question: v.optional(words),
  wait: v.optional(words),
  note: v.optional(words),
});
const schema = v.strictObject({
  format: v.literal(NARRATION_FORMAT, `must be “${NARRATION_FORMAT}”`),
  version: v.literal(1, 'must be 1'),
  lab: words,
  language: v.pipe(v.string('must be text'), v.regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, 'must be a language tag such as “de” or “pt-BR”')),
  steps: v.record(v.string(), stepSchema),
});

/** The words of a walkthrough in one language; `note` is for the presenter only. */
export type Narration = v.InferOutput<typeof schema>;

/** A narration, or one sentence that names the path in the file and the problem. */
export type NarrationReading =
  | { readonly ok: true; readonly narration: Narration }
  | { readonly ok: false; readonly sentence: string };

/** Reads a file's text and holds it against the walkthrough. `name` is the file's, for the sentence. */
export function readNarration(text: string, walkthrough: Walkthrough, name: string): NarrationReading {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch (cause) {
    return wrong(name, '', `is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  return checkNarration(found, walkthrough, name);
}

/** As {@link readNarration}, of what was parsed. */
export function checkNarration(found: unknown, walkthrough: Walkthrough, name: string): NarrationReading {
  const parsed = v.safeParse(schema, found);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    const path = (issue.path ?? []).map((item) => String(item.key)).join('.');
    return wrong(name, path, problemOf(issue));
  }
  const narration = parsed.output;
  if (narration.lab !== walkthrough.lab) {
    return wrong(name, 'lab', `is “${narration.lab}”, but the lab that is open is “${walkthrough.lab}”`);
  }
  for (const step of walkthrough.steps) {
    const told = narration.steps[step.id];
    const path = `steps.${step.id}`;
    if (told === undefined) return wrong(name, path, 'is missing');
    const fault = stepFault(step, told);
    if (fault !== undefined) return wrong(name, `${path}.${fault.field}`, fault.problem);
  }
  const known = walkthrough.steps.map(({ id }) => id);
  const strange = Object.keys(narration.steps).find((id) => !known.includes(id));
  if (strange !== undefined) return wrong(name, `steps.${strange}`, `is no step of the walkthrough; its steps are ${known.join(', ')}`);
  return { ok: true, narration };
}

/** The steps as a narration tells them. */
export function tellIn(walkthrough: Walkthrough, narration: Narration | undefined): readonly TourStep[] {
  if (narration === undefined) return walkthrough.steps;
  return walkthrough.steps.map((step) => {
    const told = narration.steps[step.id];
    if (told === undefined) return step;
    return {
      ...step, say: told.say,
      ...(told.button === undefined ? {} : { button: told.button }),
      ...(told.wait === undefined ? {} : { wait: told.wait }),
      ...(told.note === undefined ? {} : { note: told.note }),
      ...(step.ask === undefined || told.question === undefined ? {} : { ask: { ...step.ask, question: told.question } }),
    };
  });
}

type ToldStep = Narration['steps'][string];

function stepFault(step: WalkthroughStep, told: ToldStep): { readonly field: string; readonly problem: string } | undefined {
  const expected = metricsNamed(step.say);
  const found = metricsNamed(told.say);
  const missing = expected.find((id) => !found.includes(id));
  if (missing !== undefined) return { field: 'say', problem: `lacks the placeholder {${missing}}` };
  const strange = found.find((id) => !expected.includes(id));
  if (strange !== undefined) return { field: 'say', problem: `has the placeholder {${strange}}, which the step does not have` };
  const open = told.say.replace(/\{[a-z0-9-]+\}/g, '');
  if (/[{}]/.test(open)) return { field: 'say', problem: 'has a brace that belongs to no placeholder' };
  const pairs = [['button', step.button], ['question', step.ask?.question], ['wait', step.wait]] as const;
  for (const [field, original] of pairs) {
    if (original !== undefined && told[field] === undefined) return { field, problem: `is missing; in English it is “${original}”` };
    if (original === undefined && told[field] !== undefined) return { field, problem: 'has no place: the step has none' };
  }
  return undefined;
}

function wrong(name: string, path: string, problem: string): NarrationReading {
  return { ok: false, sentence: path === '' ? `The narration “${name}” ${problem}.` : `The narration “${name}”: ${path} ${problem}.` };
}

/** valibot's issue in words that go on after the path. */
function problemOf(issue: v.BaseIssue<unknown>): string {
  if (issue.type === 'strict_object' && issue.expected === 'never') return 'is not known here';
  if (issue.received === 'undefined') return 'is missing';
  if (issue.type === 'strict_object' || issue.type === 'record') return `must be an object; it is ${issue.received}`;
  return issue.message;
}
