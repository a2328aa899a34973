/** Arithmetic of a VM's page map beside the grid of hosts: its shape, what a key does, how many pages of a kind there are. Pure. */
import { HEAT_LEVELS, PROTECTED, pageState } from '../page-states.ts';

// biome-ignore format: a table, a row a line
/** Kinds of pages as the map's colours tell them apart; `always`: shown also when there is none. */
export const PAGE_KINDS = [
  { id: 'written',   title: 'written lately',           always: true },
  { id: 'clean',     title: 'not written lately',       always: true },
  { id: 'missing',   title: 'missing',                  always: true },
  { id: 'dirty',     title: 'written since the last round', always: false },
  { id: 'in-flight', title: 'in flight',                always: false },
  { id: 'shared',    title: 'shared',                   always: false },
  { id: 'protected', title: 'kept for a snapshot',      always: false },
] as const;
export type PageKind = (typeof PAGE_KINDS)[number]['id'];
/** Pages by kind; one that a snapshot protects counts there and nowhere else. */
export type PageKinds = Readonly<Record<PageKind, number>>;

/** Squares of whole px that fill the width: at most 9 px, as large as 32 in a row allow. */
export function mapShape(pageCount: number, width: number): { readonly columns: number; readonly rows: number; readonly cell: number } {
  const columns = pageCount <= 2_048 ? 32 : pageCount <= 8_192 ? 64 : 96;
  return { columns, rows: Math.ceil(pageCount / columns), cell: Math.max(1, Math.floor(width / columns)) };
}

/** The page that a key goes to; undefined for keys that go nowhere. `from` −1: none is chosen yet. */
export function pageAfterKey(key: string, from: number, { columns, pageCount }: { readonly columns: number; readonly pageCount: number }): number | undefined {
  const steps: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  if (key === 'Home') return 0;
  if (key === 'End') return pageCount - 1;
  const step = steps[key];
  if (step === undefined) return undefined;
  return from < 0 ? 0 : Math.min(pageCount - 1, Math.max(0, from + step));
}

/** Kind of a state code. */
export function kindOf(code: number): PageKind {
  if (code >= PROTECTED) return 'protected';
  if (code === pageState.missing || code === pageState.leftOut) return 'missing';
  if (code === pageState.dirty) return 'dirty';
  if (code === pageState.inFlight || code === pageState.inFlightForced) return 'in-flight';
  if (code === pageState.merged) return 'shared';
  return code >= pageState.heat && code < pageState.arrived + HEAT_LEVELS ? 'written' : 'clean';
}

/** What a page is, in words. */
export function pageWords(code: number): string {
  return PAGE_KINDS.find(({ id }) => id === kindOf(code))!.title;
}

/** O(pageCount). */
export function countPages(states: Uint8Array, pageCount: number): PageKinds {
  const counts: Record<PageKind, number> = { written: 0, clean: 0, missing: 0, dirty: 0, 'in-flight': 0, shared: 0, protected: 0 };
  for (let page = 0; page < pageCount; page++) counts[kindOf(states[page]!)]++;
  return counts;
}
