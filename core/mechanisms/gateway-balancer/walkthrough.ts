/** The lab's walkthrough: a gateway falls behind, workloads move, a gateway dies in the middle of it, and nothing is lost. */
import type { Walkthrough } from '../../protocol/walkthrough.ts';

export const walkthrough: Walkthrough = {
  lab: 'gateway-balancer',
  lookNs: 200_000_000,
  steps: [
    {
      id: 'behind',
      say: 'Eleven VMs write; four gateways ship what they write to the other site. P1 gets 40 and manages 24: its backlog grows.',
      show: ['gateway:1', 'site:0'],
      until: { kind: 'metric', metric: 'backlog-bytes', is: 'at-least', value: 200_000 },
    },
    {
      id: 'move',
      say: 'The scores differ by more than the threshold, so a workload of P1 will move to P4. Meanwhile its writes are only marked in a bitmap.',
      show: ['gateway:1', 'gateway:4', 'workload:1'],
      wait: 'the workload streams through P4',
      until: { kind: 'metric', metric: 'moves', is: 'at-least', value: 1 },
    },
    {
      id: 'moved',
      say: '{wan-bytes-per-move} were sent again: blocks written meanwhile, no full copy. The other site is balanced in the same way.',
      show: ['gateway:1', 'gateway:4'],
      until: { kind: 'metric', metric: 'moves', is: 'at-least', value: 2 },
      expect: { kind: 'metric', metric: 'wan-bytes-per-move', is: 'at-most', value: 524_288 },
      stand: true,
    },
    {
      id: 'by-hand',
      say: 'You can move a workload yourself: drag it, or take its menu. Its writes are marked while P4 ships what is left.',
      show: ['workload:11', 'gateway:2'],
      button: 'Move the desk VM to P2',
      do: { kind: 'ask', ask: 're-home', arguments: { workload: 11, gateway: 2 } },
      until: { kind: 'time', afterNs: 1_000_000 },
      stand: true,
    },
    {
      id: 'crash',
      say: 'Now a gateway loses power in the middle of the move. Who owns the workload is written down: one gateway, never two and never none.',
      show: ['gateway:4', 'gateway:2'],
      button: 'Crash it in the middle of the move',
      ask: {
        question: 'How many seconds old will the oldest recovery point be when the move is over?',
        metric: 'worst-recovery-point',
        range: { minimum: 100_000_000, maximum: 60_000_000_000 },
      },
      do: { kind: 'inject-fault', fault: 'crash-mid-move' },
      wait: 'the workload streams through one of the two again',
      until: { kind: 'event', event: 'moved' },
    },
    {
      id: 'nothing-lost',
      say: 'Nothing is lost: every consistency point had the digest that the production volume had at its seal. The oldest is {worst-recovery-point} old.',
      show: ['recovery-site:11'],
      until: { kind: 'metric', metric: 'worst-recovery-point', is: 'at-most', value: 4_000_000_000 },
      expect: { kind: 'metric', metric: 'moves', is: 'at-least', value: 3 },
    },
    {
      id: 'fail-over',
      say: 'And the other site takes over: stop, ship the rest, start from exactly there.',
      show: ['workload:8', 'volume:8'],
      button: 'Fail the search VM over',
      do: { kind: 'ask', ask: 'fail-over-planned', arguments: { workload: 8 } },
      wait: 'the workload runs at the recovery site',
      until: { kind: 'event', event: 'failed-over' },
    },
  ],
};
