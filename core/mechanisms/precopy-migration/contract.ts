/** The contract of pre-copy live migration: what can be turned, broken and measured, with units. */
import type { Contract } from '../../base/contract.ts';

export const contract = {
  id: 'precopy-migration',
  title: 'Live migration by pre-copy',
  sentence: 'This VM is running. Move it to the other host without stopping it.',
  baselines: [
    { id: 'stop-and-copy', title: 'Stop-and-copy', help: 'The VM stands still while all of its memory crosses.' },
  ],
  terms: [
    { term: 'dirty page', meaning: 'a page that the guest wrote after it was sent' },
    { term: 'round', meaning: 'one pass over the pages that were dirty when it began' },
    { term: 'downtime', meaning: 'the time in which the VM runs on neither host' },
    { term: 'hand-over', meaning: 'the moment at which the right to run travels, as a token on the wire' },
    { term: 'throttle', meaning: 'the share of time that is taken from the vCPU so that the rounds converge' },
  ],
  knobs: [
    { id: 'bandwidth',     title: 'Link bandwidth',   unit: 'bit/s',   minimum: 1_000_000, maximum: 400_000_000_000, step: 10, default: 1_000_000_000, scale: 'logarithmic', entity: 'link',      help: 'Rate of the link between the two hosts.' },
    { id: 'latency',       title: 'Link latency',     unit: 'ns',      minimum: 5_000,     maximum: 100_000_000,     step: 10, default: 50_000,        scale: 'logarithmic', entity: 'link',      help: 'One-way delay of the link.' },
    { id: 'loss',          title: 'Packet loss',      unit: '%',       minimum: 0,         maximum: 10,              step: 0.1, default: 0,            scale: 'linear',      entity: 'link',      help: 'Share of packets that the link loses, each way.' },
    { id: 'dirty-rate',    title: 'Guest writes',     unit: 'pages/s', minimum: 0,         maximum: 200_000,         step: 100, default: 3_000,        scale: 'linear',      entity: 'vm', guest: 'dirtier', help: 'Pages the guest writes each second, by its own clock.' },
    { id: 'working-set',   title: 'Working set',      unit: 'pages',   minimum: 16,        maximum: 12_288,          step: 16, default: 4_096,         scale: 'linear',      entity: 'vm', guest: 'dirtier', help: 'Pages among which the guest writes.' },
    { id: 'request-rate',  title: 'Requests to redis', unit: 'requests/s', minimum: 0,      maximum: 5_000,           step: 100, default: 1_000,        scale: 'linear',      entity: 'vm', guest: 'redis', help: 'Requests that redis is asked each second, every second one a write.' },
    { id: 'keys',          title: 'Keys written',     unit: 'keys',    minimum: 16,        maximum: 4_096,           step: 16,  default: 4_096,        scale: 'linear',      entity: 'vm', guest: 'redis', help: 'Keys among which redis is asked to write, a kilobyte each.' },
    { id: 'downtime-limit', title: 'Downtime limit',  unit: 'ns',      minimum: 1_000_000, maximum: 10_000_000_000,  step: 10, default: 30_000_000,    scale: 'logarithmic', entity: 'migration', help: 'Longest stop that the hand-over may take.' },
    { id: 'round-limit',   title: 'Round limit',      unit: 'rounds',  minimum: 1,         maximum: 100,             step: 1,  default: 30,            scale: 'linear',      entity: 'migration', help: 'Rounds after which the migration gives up (or throttles, when it may).' },
    { id: 'throttle',      title: 'Throttle the vCPU', unit: '',       minimum: 0,         maximum: 1,               step: 1,  default: 1,             scale: 'switch',      entity: 'migration', help: 'Whether the vCPU may be slowed so that the rounds converge.' },
  ],
  faults: [
    { id: 'cut-link',           title: 'Cut the link',                  entity: 'link',        moment: 'any', repeatable: true,  help: 'The cable is cut; what is on the wire is lost.' },
    { id: 'mend-link',          title: 'Mend the link',                 entity: 'link',        moment: 'any', repeatable: true,  help: 'The cable is joined again.' },
    { id: 'destination-memory', title: 'Destination runs out of memory', entity: 'destination', moment: 'any', repeatable: true, help: 'Every free frame of the destination is taken by another tenant.' },
    { id: 'destination-crash',  title: 'Crash the destination',         entity: 'destination', moment: 'any', repeatable: true,  help: 'The destination loses power: memory and connections are gone, its hand-over ledger is not. It boots again after 2 s.' },
    { id: 'second-migration',   title: 'Migrate it a second time',      entity: 'vm',          moment: 'active', repeatable: true,  help: 'A second migration of the same VM is asked for; it is refused by name.' },
    { id: 'cancel',             title: 'Cancel the migration',          entity: 'migration',   moment: 'active', repeatable: true,  help: 'The migration is called off; the VM stays where it runs.' },
  ],
  requests: [
    { id: 'migrate',          title: 'Move a VM to another host', arguments: [{ id: 'vm', kind: 'vm', optional: false }, { id: 'to', kind: 'host', optional: false }], help: 'Moves a VM over the link to a neighbour while it runs.' },
    { id: 'cancel-migration', title: 'Call a migration off',      arguments: [{ id: 'vm', kind: 'vm', optional: false }], help: 'The VM stays where it runs.' },
  ],
  metrics: [
    { id: 'downtime',           title: 'Downtime',               unit: 'ns',      kind: 'result',  better: 'lower',   entity: 'migration', help: 'Virtual time between the last instruction on the source and the first on the destination.' },
    { id: 'guest-gap',          title: 'Gap seen by the guest',  unit: 'ns',      kind: 'gauge',   better: 'lower',   entity: 'vm',        help: 'Longest step of the guest’s own clock between two samples since the hand-over began, as it prints it.' },
    { id: 'downtime-predicted', title: 'Downtime predicted',     unit: 'ns',      kind: 'gauge',   better: 'lower',   entity: 'migration', help: 'What stopping now would cost at the measured rate.' },
    { id: 'total-time',         title: 'Migration time',         unit: 'ns',      kind: 'result',  better: 'lower',   entity: 'migration', help: 'From the request to the hand-over, or to the failure.' },
    { id: 'rounds',             title: 'Rounds',                 unit: 'rounds',  kind: 'counter', better: 'lower',   entity: 'migration', help: 'Passes over dirty pages, the first full one included.' },
    { id: 'pages-sent',         title: 'Pages sent',             unit: 'pages',   kind: 'counter', better: 'lower',   entity: 'migration', help: 'Pages whose bytes crossed the link.' },
    { id: 'pages-zero',         title: 'Zero pages',             unit: 'pages',   kind: 'counter', better: 'neither', entity: 'migration', help: 'Pages of zeroes, sent as a mark only.' },
    { id: 'bytes-sent',         title: 'Bytes on the wire',      unit: 'bytes',   kind: 'counter', better: 'lower',   entity: 'link',      help: 'Bytes of all frames that the source’s port sent for the migration.' },
    { id: 'bytes-left',         title: 'Bytes left',             unit: 'bytes',   kind: 'gauge',   better: 'lower',   entity: 'migration', help: 'Dirty and not yet sent.' },
    { id: 'dirty-bytes-per-second', title: 'Dirty rate',         unit: 'bytes/s', kind: 'gauge',   better: 'neither', entity: 'vm',        help: 'Rate at which pages became dirty, measured over the last sampling period.' },
    { id: 'link-bytes-per-second',  title: 'Link rate',          unit: 'bytes/s', kind: 'gauge',   better: 'higher',  entity: 'link',      help: 'Rate at which the source’s port put bytes on the wire over the last sampling period.' },
    { id: 'throttle-percent',   title: 'vCPU throttle',          unit: '%',       kind: 'gauge',   better: 'lower',   entity: 'vm',        help: 'Share of time taken from the vCPU.' },
    { id: 'dirty-pages',        title: 'Dirty pages',            unit: 'pages',   kind: 'gauge',   better: 'neither', entity: 'vm',        help: 'Pages in the dirty log now.' },
  ],
  leavesOut: [
    'Disks that hosts share: what a VM wrote to its disks goes along with its pages.',
    'Compression and multiple connections: one TCP connection carries plain pages.',
    'Authentication and encryption of the stream.',
  ],
} as const satisfies Contract;
