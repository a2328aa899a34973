/** The lab's walkthrough: a snapshot that nobody feels, a slow disk, a full one, and back to the instant. */
import type { Walkthrough } from '../../protocol/walkthrough.ts';

export const walkthrough: Walkthrough = {
  lab: 'live-snapshot',
  steps: [
    {
      id: 'watch',
      say: 'Somebody is typing in this VM; each line comes back as an echo. The ribbon is how long that takes.',
      show: ['vm:1', 'console:1', 'host:0'],
      until: { kind: 'time', afterNs: 50_000_000 },
    },
    {
      id: 'take',
      say: 'One instant is frozen: vCPUs and devices are saved, every page is protected, and the VM goes on.',
      show: ['vm:1', 'host:0'],
      button: 'Take a snapshot while it runs',
      ask: { question: 'For how many milliseconds will it stand still?', metric: 'pause' },
      do: { kind: 'ask', ask: 'take-snapshot', arguments: { vm: 1, name: 'first' } },
      until: { kind: 'event', event: 'drain' },
      expect: { kind: 'metric', metric: 'faults', is: 'at-least', value: 1 },
    },
    {
      id: 'drain',
      say: 'It stood for {pause}. Pages that the guest was about to write were copied first; now the queue drains to the disk.',
      show: ['vm:1', 'host:0'],
      until: { kind: 'event', event: 'committed' },
      expect: { kind: 'metric', metric: 'pause', is: 'at-most', value: 1_000_000 },
    },
    {
      id: 'slow',
      say: 'A disk ten times slower. The pause stays what it was: nothing in it waits for the disk.',
      show: ['host:0', 'vm:1'],
      button: 'Slow the disk down and take another',
      do: { kind: 'inject-fault', fault: 'disk-slow' },
      until: { kind: 'time', afterNs: 1_000_000 },
    },
    {
      id: 'second',
      say: 'The sweep leaves the reserve of the queue to the guest’s own writes, so that they seldom wait.',
      show: ['vm:1', 'host:0'],
      button: 'Take the second snapshot',
      do: { kind: 'ask', ask: 'take-snapshot', arguments: { vm: 1, name: 'second' } },
      until: { kind: 'event', event: 'committed' },
      expect: { kind: 'metric', metric: 'pause', is: 'at-most', value: 1_000_000 },
    },
    {
      id: 'full',
      say: 'The disk is full. This snapshot is given up by name, its half of a file is gone, and the VM goes on.',
      show: ['host:0', 'vm:1'],
      button: 'Fill the disk',
      do: { kind: 'inject-fault', fault: 'disk-full' },
      until: { kind: 'time', afterNs: 1_000_000 },
    },
    {
      id: 'given-up',
      say: 'Ask for a third: it cannot be completed.',
      show: ['host:0', 'vm:1'],
      button: 'Take a third snapshot',
      do: { kind: 'ask', ask: 'take-snapshot', arguments: { vm: 1, name: 'third' } },
      until: { kind: 'event', event: 'aborted' },
      expect: { kind: 'metric', metric: 'pages-protected', is: 'at-most', value: 0 },
    },
    {
      id: 'back',
      say: 'And back to the exact instant of the first one: memory, registers and devices are byte for byte what they were.',
      show: ['vm:1', 'console:1'],
      button: 'Restore the first',
      do: { kind: 'ask', ask: 'restore-snapshot', arguments: { vm: 1, name: 'first' } },
      until: { kind: 'event', event: 'restored' },
    },
  ],
};
