/** Reads a run file's text (house, decision 17): checks every field, explains a mismatch, never ignores it. */
import type { Result } from '../core/base/result.ts';
import { err, ok } from '../core/base/result.ts';
import type { Refusal } from '../core/protocol/command.ts';
import { readCommandLog, sentenceOfCommandLogError } from '../core/sim/command-log.ts';
import type { RunFile } from './session-api.ts';

/** What the file must fit: this model, and the guest file at hand ('' for none). */
export interface RunFileSetting {
  readonly modelVersion: string;
  readonly guestDigest: string;
}

/** The run file in `text`, or one sentence that says what does not fit. Knobs' values are for the world to check. */
export function readRunFile(text: string, setting: RunFileSetting): Result<RunFile, Refusal> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse('The run file is not JSON.');
  }
  const record = recordOf(value);
  if (record?.['format'] !== 'glasshouse-run' || record['version'] !== 1) {
    return refuse('This is not a run file of version 1 (format "glasshouse-run").');
  }
  const { modelVersion, lab, seed, guestDigest, guestName, endNs, scenario } = record;
  if (modelVersion !== setting.modelVersion) {
    return refuse(`The run file was made with model ${String(modelVersion)}; this is ${setting.modelVersion}, which would run differently.`);
  }
  if (typeof lab !== 'string' || typeof guestDigest !== 'string' || typeof guestName !== 'string') {
    return refuse('The run file lacks lab, guestDigest or guestName.');
  }
  if (!isTime(seed) || !isTime(endNs)) return refuse('The run file’s seed or endNs is not a whole number.');
  const knobs = recordOf(record['knobs']);
  if (knobs === undefined || !Object.values(knobs).every(Number.isFinite)) {
    return refuse('The run file’s knobs are not a table of numbers.');
  }
  if (guestDigest !== setting.guestDigest) {
    return refuse(
      guestDigest === ''
        ? 'The run file was made with the lab’s own guest; leave the guest file out.'
        : `The run file needs the guest "${guestName}" with digest ${guestDigest}; found ${setting.guestDigest || 'none'}.`,
    );
  }
  if (scenario !== undefined && typeof scenario !== 'string') {
    return refuse('The run file’s scenario is not the text of a scenario file.');
  }
  const log = readCommandLog(record['log']);
  if (!log.ok) return refuse(sentenceOfCommandLogError(log.error));
  return ok({
    format: 'glasshouse-run',
    version: 1,
    modelVersion: setting.modelVersion,
    lab,
    seed,
    knobs: knobs as Record<string, number>,
    guestDigest,
    guestName,
    endNs,
    log: log.value.entries,
    ...(scenario === undefined ? {} : { scenario }),
  });
}

function refuse(sentence: string): Result<RunFile, Refusal> {
  return err({ kind: 'bad-run-file', sentence });
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}
