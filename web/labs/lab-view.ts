/**
 * A lab's one UI file as data: which shared views, bound to which entities and metrics. A lab draws nothing of
 * its own; the page composes what is listed here. The types of what `lab.tsx` exports.
 */
import type { ReactNode } from 'react';
import type { Contract } from '../../core/base/contract.ts';
import type { Walkthrough } from '../../core/protocol/walkthrough.ts';
import type { CommandRow } from '../app/commands.ts';
import type { AppState } from '../session/store.ts';
import type { FlowFacts } from '../stage/flow/flow-facts.ts';
import type { ColourToken } from '../styles/colours.ts';

/** What `lab.tsx` exports as `view`. */
export interface LabView {
  readonly lab: string;
  /** The one large picture. */
  readonly stage: StageView;
  /** What stands below it, on one time axis, from top to bottom. */
  readonly strip: readonly StripView[];
  /** What the charts panel shows. */
  readonly charts: readonly ChartView[];
  /** How its machines are modelled, as a badge, in a figure's caption and in one sentence; missing: they are emulated. */
  readonly fidelity?: { readonly badge: string; readonly caption: string; readonly help: string };
}

/** What most labs show: guests that run. */
export const EMULATED: NonNullable<LabView['fidelity']> = {
  badge: 'emulated', caption: 'emulated, instruction by instruction', help: 'Guests run instruction by instruction',
};

export type StageView =
  | {
      readonly picture: 'memories';
      readonly left: StageSide;
      readonly between: 'link' | 'queue' | 'nothing';
      readonly right: StageSide | 'nothing';
    }
  | { readonly picture: 'flow' }
  | { readonly picture: 'site' };

/** A map of pages: of the VM on a host, or of the file that the host writes. */
export interface StageSide {
  readonly map: 'vm' | 'file';
  readonly host: number;
}

/** Curves of one unit over virtual time. `tokens`: the curves' colours in the same order; ink when missing. */
export interface TimeChartView {
  readonly view: 'time-chart';
  readonly title: string;
  readonly metrics: readonly string[];
  readonly tokens?: readonly ColourToken[];
  /** Sampled columns of the same unit that are drawn thin below the metrics' curves: of each part what the metric is of all. */
  readonly parts?: readonly { readonly column: string; readonly title: string; readonly entity: string }[];
  /** A knob of the same unit that says what the curves should stay below: drawn as a line. */
  readonly target?: string;
  /** Whose samples: the shown VM's host when missing; 'all': the sum over all processes that sample alike. */
  readonly process?: number | 'all';
}

export type StripView =
  | { readonly view: 'migration-graph' } //                              from the first migration on
  | { readonly view: 'latency-ribbons'; readonly metric: string } //     one for the mechanism and one for each baseline
  | (TimeChartView & { readonly process: number | 'all' }) //             'all': the sum over all that sample alike;

export type ChartView =
  | TimeChartView
  | { readonly view: 'lanes' } //            who ran, what moved
  | { readonly view: 'migration-flow' } //   from the guest's writes to the other host
  | { readonly view: 'page-heat' }
  | { readonly view: 'memory-map' }
  | { readonly view: 'console-gaps' }
  | { readonly view: 'registers' }
  | { readonly view: 'sample-ring' };

/** A command of the page, as a button names it. */
export interface StoryButton {
  readonly id: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly title: string;
  readonly primary: boolean;
}

/** The sentence and the button while no tour is on. */
export interface StoryTold {
  readonly sentence: ReactNode;
  readonly button: StoryButton;
}

/** A story of a lab's own, where contract and walkthrough do not tell it. `lab.tsx` exports it as `story`. */
export interface LabStory {
  /** Where the story goes by what the run did; '' at the start. The store keeps it as `chapter`. */
  readonly chapterAfter: (chapter: string, state: Pick<AppState, 'migrations'>) => string;
  /** Knobs come with this chapter, whatever is selected. */
  readonly knobsAreShown: (chapter: string, state: Pick<AppState, 'migrations' | 'events'>) => boolean;
  readonly tell: (state: AppState) => StoryTold;
  /** Where the run is, in one sentence for who does not see the picture; '' when there is nothing to add. */
  readonly summary: (state: AppState) => string;
}

/** What `lab.tsx` may export. */
export interface LabModule {
  readonly view: LabView;
  readonly story?: LabStory;
  /** Commands that only this lab has. They have no hotkeys. */
  readonly commands?: readonly CommandRow[];
  /** What the picture 'flow' draws, from what the processes tell; undefined until they do. */
  readonly flow?: (state: AppState) => FlowFacts | undefined;
}

/** All that the page knows of the lab that it shows. */
export interface LoadedLab {
  readonly contract: Contract;
  readonly walkthrough: Walkthrough;
  readonly view: LabView;
  readonly story: LabStory | undefined;
  readonly commands: readonly CommandRow[];
  readonly flow: LabModule['flow'];
}

/** No lab: before one is loaded, and in tests that need none. */
export const NO_LAB: LoadedLab = {
  contract: {
    id: '', title: 'Glasshouse', sentence: '', baselines: [], terms: [], knobs: [], faults: [], requests: [], metrics: [], leavesOut: [],
  },
  walkthrough: { lab: '', steps: [] },
  view: { lab: '', stage: { picture: 'memories', left: { map: 'vm', host: 0 }, between: 'nothing', right: 'nothing' }, strip: [], charts: [] },
  story: undefined,
  commands: [],
  flow: undefined,
};

/** How a world from a scenario file is shown that belongs to no lab: two hosts and what is between them, no knobs. */
export const DATACENTER_LAB: LoadedLab = {
  ...NO_LAB,
  contract: { ...NO_LAB.contract, id: 'datacenter', title: 'Datacenter', sentence: 'These machines come from a scenario file.' },
  walkthrough: { lab: 'datacenter', steps: [] },
  view: {
    lab: 'datacenter',
    stage: { picture: 'memories', left: { map: 'vm', host: 0 }, between: 'link', right: { map: 'vm', host: 1 } },
    strip: [],
    charts: [{ view: 'lanes' }, { view: 'page-heat' }, { view: 'memory-map' }, { view: 'console-gaps' }, { view: 'registers' }],
  },
};

/** Why a lab cannot be opened, in one sentence. */
export function noSuchLab(slug: string): string {
  return `There is no lab “${slug.slice(0, 40)}”; “Open a lab” lists those there are.`;
}
