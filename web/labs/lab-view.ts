/**
 * A lab's one UI file: which shared views, bound to which entities and metrics. A lab draws nothing of its
 * own; the page composes what is listed here, from left to right.
 */

/** A shared view and what it shows. Entities as in walkthroughs: 'host:0', 'vm:1', 'link:0-1', 'console:1'. */
export type LabPart =
  | { readonly view: 'stage'; readonly entities: readonly string[] }
  | { readonly view: 'console'; readonly entity: string }
  | { readonly view: 'time-chart'; readonly metrics: readonly string[]; readonly process: number };

/** What `lab.tsx` exports as `view`. */
export interface LabView {
  readonly lab: string;
  readonly parts: readonly LabPart[];
}
