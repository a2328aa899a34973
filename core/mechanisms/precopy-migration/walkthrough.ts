/**
 * The lab's walkthrough: the first sixty seconds, then three changes that answer a question each.
 */
import type { Walkthrough } from '../../protocol/walkthrough.ts';

export const walkthrough: Walkthrough = {
  lab: 'precopy-migration',
  steps: [
    {
      id: 'watch',
      say: 'This VM is running. Move it to the other host without stopping it.',
      show: ['host:0', 'host:1', 'vm:1', 'console:1'],
    },
    {
      id: 'move',
      say: 'All pages cross the link while the VM goes on writing. What it writes must be sent again.',
      show: ['link:0-1', 'vm:1'],
      button: 'Move it while it runs',
      ask: {
        question: 'For how many milliseconds will it stand still?',
        metric: 'downtime',
        answeredBy: 'hand-over',
        range: { minimum: 100_000, maximum: 1_000_000_000 },
      },
      do: { kind: 'migrate', vm: 1, to: 1 },
      until: { kind: 'event', event: 'stop' },
      wait: 'the VM stops',
      stand: true,
      expect: { kind: 'metric', metric: 'rounds', is: 'at-least', value: 1 },
    },
    {
      id: 'hand-over',
      say: 'What is left fits the downtime limit: the VM stops, the rest crosses, and a token gives the right to run away.',
      show: ['migration:1', 'link:0-1'],
      until: { kind: 'event', event: 'done' },
      wait: 'the VM runs over there',
      expect: { kind: 'metric', metric: 'downtime', is: 'at-most', value: 30_000_000 },
    },
    {
      id: 'stopped',
      say: 'It stopped for {downtime}. The console goes on in the middle of a line of time: nothing is lost.',
      show: ['console:1', 'migration:1'],
      until: { kind: 'time', afterNs: 50_000_000 },
    },
    {
      id: 'slower-link',
      say: 'A slower link: the same pages take longer, and the VM writes more meanwhile.',
      show: ['link:0-1'],
      button: 'Make the link slower',
      do: { kind: 'set-knob', knob: 'bandwidth', value: 200_000_000 },
      until: { kind: 'time', afterNs: 10_000_000 },
    },
    {
      id: 'back',
      say: 'Move it back over the slow link. It takes longer, but the VM stands still no longer than the limit.',
      show: ['link:0-1', 'migration:1'],
      button: 'Move it back',
      do: { kind: 'migrate', vm: 1, to: 0 },
      until: { kind: 'event', event: 'done' },
      wait: 'the VM runs here again',
      expect: { kind: 'metric', metric: 'downtime', is: 'at-most', value: 30_000_000 },
    },
    {
      id: 'refused',
      say: 'Faults are part of the lab: cut the link, crash the destination, ask twice. One copy runs, or none, never two.',
      show: ['link:0-1', 'host:1'],
    },
  ],
};
