/** The contract of the skeleton lab: what can be turned, broken and measured, with units. */
import type { Contract } from '../../base/contract.ts';

// biome-ignore format: a table, a row a line
export const contract = {
  id: 'skeleton',
  title: 'A clock that can be paused',
  sentence: 'This VM prints a line each period. Pause it, and see the hole in its time.',
  baselines: [
    { id: 'undisturbed', title: 'Never paused', help: 'The same VM, and whoever asks for a pause is not heard.' },
  ],
  terms: [
    { term: 'tick', meaning: 'a line that the guest prints by its own timer' },
    { term: 'gap', meaning: 'the time between two ticks, as they were printed' },
  ],
  knobs: [
    { id: 'period', title: 'Tick period', unit: 'ns', minimum: 1_000_000, maximum: 1_000_000_000, step: 10, default: 20_000_000, scale: 'logarithmic', entity: 'vm', help: 'Time between two lines of the guest, typed into its console.' },
    { id: 'pause',  title: 'Length of a pause', unit: 'ns', minimum: 1_000_000, maximum: 1_000_000_000, step: 10, default: 60_000_000, scale: 'logarithmic', entity: 'vm', help: 'How long the VM stands when a pause is asked for.' },
  ],
  faults: [
    { id: 'host-crash', title: 'Crash the host', entity: 'host', moment: 'any', repeatable: true, help: 'The host loses power; the VM is gone with its memory.' },
  ],
  requests: [
    { id: 'pause-briefly', title: 'Pause the VM briefly', arguments: [{ id: 'vm', kind: 'vm', optional: false }], help: 'The VM stands for the length of a pause, then goes on.' },
  ],
  metrics: [
    { id: 'ticks',       title: 'Ticks',       unit: 'ticks', kind: 'counter', better: 'neither', entity: 'vm', help: 'Lines that the guest has printed.' },
    { id: 'gap',         title: 'Last gap',    unit: 'ns',    kind: 'gauge',   better: 'lower',   entity: 'vm', help: 'Virtual time between the last two ticks, as they came out of the console.' },
    { id: 'gap-longest', title: 'Longest gap', unit: 'ns',    kind: 'result',  better: 'lower',   entity: 'vm', help: 'The longest gap between two ticks so far.' },
  ],
  leavesOut: ['Everything but the shape of a mechanism: copy this folder, then replace what it does.'],
} as const satisfies Contract;
