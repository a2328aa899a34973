/** A run file at the door of the page: read far enough to say what it is; the coordinator checks the rest. */
import * as v from 'valibot';

/** What the page needs to know of a run file before it is repeated. */
export interface RunFileHead {
  readonly lab: string;
  readonly seed: number;
  readonly knobs: Readonly<Record<string, number>>;
  readonly endNs: number;
  readonly guestName: string; // '' for the lab's own guest
  readonly scenario?: string | undefined; // text of the scenario file that it was started from
}

/** Largest run file taken: a log of commands is small. Unit: bytes. */
export const RUN_FILE_BYTES_MAX = 16 * 1024 * 1024;

const head = v.object({
  format: v.literal('glasshouse-run'),
  lab: v.string(),
  seed: v.pipe(v.number(), v.integer(), v.minValue(0)),
  knobs: v.record(v.string(), v.number()),
  endNs: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  guestName: v.optional(v.string(), ''),
  scenario: v.optional(v.string()),
});

/** The head of a run file's text, or one sentence that says what does not fit and where. */
export function readRunFileHead(name: string, text: string): { readonly ok: true; readonly head: RunFileHead } | { readonly ok: false; readonly sentence: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, sentence: `${name} is not JSON.` };
  }
  const parsed = v.safeParse(head, value);
  if (parsed.success) return { ok: true, head: parsed.output };
  const issue = parsed.issues[0];
  const path = issue.path?.map((item) => String(item.key)).join('.') ?? '';
  if (path === '' || path === 'format') return { ok: false, sentence: `${name} is not a run file of Glasshouse (format "glasshouse-run").` };
  return { ok: false, sentence: `${name} does not fit at “${path}”: ${issue.message}.` };
}
