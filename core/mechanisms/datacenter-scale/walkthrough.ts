/** The lab's walkthrough: demand drifts, the balancer follows, then a hot spot and a rack without power. */
import type { Walkthrough } from '../../protocol/walkthrough.ts';

const SECOND = 1_000_000_000;

export const walkthrough: Walkthrough = {
  lab: 'datacenter-scale',
  lookNs: SECOND,
  steps: [
    {
      id: 'placed',
      say: 'Every VM stands on the first host that had memory for it. Some hosts are asked for more CPU than they have.',
      show: ['pod:0', 'machine:0'],
      until: { kind: 'time', afterNs: 2 * SECOND },
      expect: { kind: 'metric', metric: 'overloaded', is: 'at-least', value: 100 },
    },
    {
      id: 'balance',
      say: 'Each pod moves VMs from hosts that are asked for too much to those with room, while all demand goes on changing.',
      show: ['pod:0'],
      until: { kind: 'time', afterNs: 16 * SECOND },
      wait: 'sixteen seconds are over',
      expect: { kind: 'metric', metric: 'overloaded', is: 'at-most', value: 150 },
    },
    {
      id: 'hot-spot',
      say: '{moves} have moved, {overloaded} are overloaded. Now every VM of one host asks for all it can.',
      show: ['machine:17'],
      button: 'Make a hot spot',
      ask: { question: 'How many hosts will be overloaded six seconds later?', metric: 'overloaded', range: { minimum: 1, maximum: 10_000 } },
      do: { kind: 'inject-fault', fault: 'hot-spot', target: 'machine:17' },
      until: { kind: 'time', afterNs: 6 * SECOND },
      wait: 'six seconds are over',
      expect: { kind: 'metric', metric: 'overloaded', is: 'at-most', value: 150 },
    },
    {
      id: 'rack',
      say: 'A rack loses its power: its hosts are down, and the migrations that touched them are undone. No VM is lost, and none runs twice.',
      show: ['machine:50'],
      button: 'Cut a rack’s power',
      do: { kind: 'inject-fault', fault: 'rack-power', target: 'machine:50' },
      until: { kind: 'metric', metric: 'hosts-up', is: 'at-most', value: 9_975 },
      wait: 'the rack is dark',
    },
  ],
};
