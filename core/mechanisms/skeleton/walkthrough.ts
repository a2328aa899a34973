/** The lab's walkthrough: a clock, a pause, a hole in its time. */
import type { Walkthrough } from '../../protocol/walkthrough.ts';

export const walkthrough: Walkthrough = {
  lab: 'skeleton',
  steps: [
    {
      id: 'watch',
      say: 'This VM prints a line each period.',
      show: ['vm:1', 'console:1'],
      until: { kind: 'metric', metric: 'ticks', is: 'at-least', value: 5 },
      wait: 'it has printed five lines',
      expect: { kind: 'metric', metric: 'gap', is: 'at-most', value: 21_000_000 },
    },
    {
      id: 'pause',
      say: 'It stands for a moment. Nothing in it notices, except its clock.',
      show: ['vm:1', 'console:1'],
      button: 'Pause it briefly',
      ask: {
        question: 'How many milliseconds will lie between two lines?',
        metric: 'gap-longest',
        drawnOn: 'gap',
        range: { minimum: 1_000_000, maximum: 1_000_000_000 },
      },
      do: { kind: 'ask', ask: 'pause-briefly', arguments: { vm: 1 } },
      until: { kind: 'metric', metric: 'gap-longest', is: 'at-least', value: 60_000_000 },
      wait: 'the next line is printed',
      expect: { kind: 'metric', metric: 'gap-longest', is: 'at-most', value: 90_000_000 },
    },
    {
      id: 'faster',
      say: 'The longest gap was {gap-longest}. A shorter period makes the ticks closer; the gap stays in the record.',
      show: ['vm:1', 'console:1'],
      button: 'Tick faster',
      do: { kind: 'set-knob', knob: 'period', value: 5_000_000 },
      until: { kind: 'time', afterNs: 100_000_000 },
      expect: { kind: 'metric', metric: 'gap', is: 'at-most', value: 11_000_000 },
    },
  ],
};
