/**
 * The narrations that come with the labs: web/labs/<slug>/narration.<language>.json. English is the walkthrough
 * itself. Files are listed when the page is built and loaded when they are asked for.
 */
import type { Walkthrough } from '../../core/protocol/walkthrough.ts';
import { checkNarration, type NarrationReading } from './narration.ts';

const FILES = import.meta.glob<unknown>('../labs/*/narration.*.json', { import: 'default' });
const PATH = /\/([\w-]+)\/narration\.([\w-]+)\.json$/;

/** The language of the walkthroughs themselves. */
export const FIRST_LANGUAGE = 'en';

/** Every language in which at least one lab is told, English first. */
export const LANGUAGES: readonly string[] = [
  FIRST_LANGUAGE, ...[...new Set(Object.keys(FILES).map((path) => PATH.exec(path)?.[2] ?? ''))].sort(),
];

/** A language's name in itself: 'Deutsch'. */
export function languageName(language: string): string {
  try {
    const name = new Intl.DisplayNames([language], { type: 'language' }).of(language) ?? language;
    return name.charAt(0).toUpperCase() + name.slice(1);
  } catch {
    return language; // no tag that the browser knows
  }
}

/** The narration of a walkthrough in a language; undefined when there is no such file. */
export async function loadNarration(walkthrough: Walkthrough, language: string): Promise<NarrationReading | undefined> {
  const path = `../labs/${walkthrough.lab}/narration.${language}.json`;
  const file = FILES[path];
  return file === undefined ? undefined : checkNarration(await file(), walkthrough, `narration.${language}.json`);
}
