/**
 * The types of a mechanism's contract: tables of knobs, faults and metrics with units. Controls, the
 * address, the command line, reports, docs and tests read the same rows.
 */

/** A quantity that a person may turn while the mechanism runs. Turning it is a logged command. */
export interface KnobRow {
  readonly id: string; //            'bandwidth'
  readonly title: string; //         'Link bandwidth'
  readonly unit: string; //          'bit/s', 'ns', 'pages/s', 'bytes', '%', 'count', '' for a choice or a switch
  readonly minimum: number;
  readonly maximum: number;
  readonly step: number; //          on a linear scale: values are whole steps from the minimum; on a logarithmic one, steps a decade
  readonly default: number; //       switches: 0 or 1
  readonly scale: 'linear' | 'logarithmic' | 'switch';
  readonly entity: string; //        the mark it stands beside: 'link', 'vm', 'migration'
  readonly help: string; //          one sentence
  readonly guest?: string; //        the guest program that it is typed to; other guests have no such knob
}

/** Something that can be made to go wrong by hand, at a moment. */
export interface FaultRow {
  readonly id: string; //            'cut-link'
  readonly title: string;
  readonly entity: string; //        its target: 'link', 'host', 'vm', 'disk' …
  /** When it means something: at any time, or only while the mechanism is at work. */
  readonly moment: 'any' | 'active';
  readonly repeatable: boolean;
  readonly help: string;
}

/** An argument of a request. VMs, hosts, workloads and other processes are given by id. */
export interface ArgumentRow {
  readonly id: string;
  readonly kind: 'vm' | 'host' | 'workload' | 'process' | 'number' | 'text';
  readonly optional: boolean;
}

/** Something that the mechanism can be asked for: a logged command, besides knobs and faults. */
export interface RequestRow {
  readonly id: string; //            'migrate', 'take-snapshot'; unique in the house
  readonly title: string;
  readonly arguments: readonly ArgumentRow[];
  readonly help: string;
}

/** A way of doing the same without the mechanism, from the same seed and commands. */
export interface BaselineRow {
  readonly id: string; //            'stop-and-copy'
  readonly title: string;
  readonly help: string;
}

/** A number that the mechanism measures. */
export interface MetricRow {
  readonly id: string; //            'downtime'
  readonly title: string;
  readonly unit: string;
  readonly kind: 'gauge' | 'counter' | 'result';
  readonly better: 'lower' | 'higher' | 'neither';
  readonly entity: string;
  readonly help: string;
}

/** The words a person needs to read the picture. */
export interface TermRow {
  readonly term: string;
  readonly meaning: string;
}

/** All that the rest of the house knows of a mechanism without running it. */
export interface Contract {
  readonly id: string;
  readonly title: string;
  readonly sentence: string; //      the one sentence of the first screen
  readonly baselines: readonly BaselineRow[]; // at least one; the first is shown when none is named
  readonly terms: readonly TermRow[];
  readonly knobs: readonly KnobRow[];
  readonly faults: readonly FaultRow[];
  readonly requests: readonly RequestRow[];
  readonly metrics: readonly MetricRow[];
  readonly leavesOut: readonly string[];
}

/** Why a knob's value was refused. */
export type KnobError =
  | { readonly kind: 'unknown-knob'; readonly knob: string; readonly known: readonly string[] }
  | { readonly kind: 'not-a-number'; readonly knob: string; readonly found: string }
  | {
      readonly kind: 'out-of-range';
      readonly knob: string;
      readonly found: number;
      readonly minimum: number;
      readonly maximum: number;
      readonly unit: string;
    }
  | {
      /** Between two values that the knob takes. */
      readonly kind: 'off-step';
      readonly knob: string;
      readonly found: number;
      readonly below: number;
      readonly above: number;
      readonly unit: string;
    };
