/** The contract of the ten-thousand-hosts lab: what can be turned, broken and measured, with units. */
import type { Contract } from '../../base/contract.ts';

// biome-ignore format: a table, a row a line
export const contract = {
  id: 'datacenter-scale',
  title: 'Ten thousand hosts',
  sentence: 'A hundred thousand VMs change their minds. Who moves them before a host has too little CPU?',
  baselines: [
    { id: 'first-fit', title: 'No balancing', help: 'VMs stay on the first host that had memory for them.' },
  ],
  terms: [
    { term: 'pod',        meaning: 'a few hundred hosts that share power, switches and one balancer' },
    { term: 'machine',    meaning: 'a host of a pod, by its number in the datacenter' },
    { term: 'overloaded', meaning: 'a host whose VMs ask for more CPU than it has' },
    { term: 'stolen CPU', meaning: 'CPU time that VMs asked for and did not get' },
    { term: 'aggregate',  meaning: 'a VM that is rates and counts; its bytes are generated where somebody looks' },
  ],
  knobs: [
    { id: 'hosts',         title: 'Hosts',            unit: 'hosts', minimum: 20, maximum: 30_000, step: 10, default: 10_000, scale: 'logarithmic', entity: 'machine', help: 'Hosts with modelled VMs. Counts at the start of a run.' },
    { id: 'vms-per-host',  title: 'VMs per host',     unit: 'VMs', minimum: 1, maximum: 14, step: 1, default: 10, scale: 'linear', entity: 'machine', help: 'VMs for each host on average. Counts at the start of a run.' },
    { id: 'paged-vms',     title: 'VMs with real pages', unit: 'VMs', minimum: 0, maximum: 120, step: 1, default: 100, scale: 'linear', entity: 'vm', help: 'VMs on hosts with real memory beside the pods. Counts at the start of a run.' },
    { id: 'churn',         title: 'Pace of the VMs',  unit: '%', minimum: 10, maximum: 1_000, step: 10, default: 100, scale: 'logarithmic', entity: 'vm', help: 'How fast VMs change what they ask for; 100 is the pace of their profiles. From the next phase of each VM on.' },
    { id: 'turnover',      title: 'VMs replaced',     unit: '‰/min', minimum: 0, maximum: 100, step: 1, default: 2, scale: 'linear', entity: 'vm', help: 'VMs that end while another one begins, of a thousand in a minute.' },
    { id: 'crash-rate',    title: 'Hosts that crash', unit: '‰/h', minimum: 0, maximum: 1_000, step: 1, default: 20, scale: 'linear', entity: 'machine', help: 'Hosts that lose power by themselves, of a thousand in an hour.' },
    { id: 'threshold',     title: 'Balance above',    unit: '%', minimum: 50, maximum: 100, step: 1, default: 85, scale: 'linear', entity: 'migration', help: 'A host that is asked for more of its CPU gives VMs away.' },
    { id: 'port-rate',     title: 'Rate of a port',   unit: 'bit/s', minimum: 1_000_000_000, maximum: 400_000_000_000, step: 10, default: 25_000_000_000, scale: 'logarithmic', entity: 'link', help: 'Rate at which a host sends, in steps of 8 Mb/s; migrations and other flows share it.' },
  ],
  faults: [
    { id: 'host-crash', title: 'Crash a host',        entity: 'machine', moment: 'any', repeatable: true, help: 'A host loses power for 30 seconds; its VMs with it.' },
    { id: 'rack-power', title: 'Cut a rack’s power',  entity: 'machine', moment: 'any', repeatable: true, help: 'The 25 hosts of a rack lose power for 30 seconds.' },
    { id: 'hot-spot',   title: 'Make a hot spot',     entity: 'machine', moment: 'any', repeatable: true, help: 'All VMs of a host ask for the most CPU that they ever do.' },
    { id: 'cut-uplink', title: 'Cut a pod’s cable',   entity: 'link', moment: 'any', repeatable: true, help: 'The cable between two pods is cut for 10 seconds.' },
  ],
  requests: [
    { id: 'move-vm', title: 'Move a VM', arguments: [{ id: 'id', kind: 'number', optional: false }, { id: 'to', kind: 'number', optional: false }], help: 'A VM goes to a host of its pod, or to a pod that its own has a cable to.' },
    { id: 'promote', title: 'Give a VM real memory', arguments: [{ id: 'id', kind: 'number', optional: false }, { id: 'to', kind: 'process', optional: false }, { id: 'fidelity', kind: 'text', optional: true }], help: 'An aggregate VM goes to a host with real memory: paged, or emulated where its workload is a guest program.' },
  ],
  metrics: [
    { id: 'overloaded',    title: 'Overloaded hosts',  unit: 'hosts',   kind: 'gauge',   better: 'lower',   entity: 'machine', help: 'Hosts whose VMs ask for more CPU than there is.' },
    { id: 'cpu-stolen',    title: 'Stolen CPU',        unit: 'core-s',  kind: 'counter', better: 'lower',   entity: 'machine', help: 'CPU time that VMs asked for and did not get, in whole core-seconds of each host.' },
    { id: 'hosts-up',      title: 'Hosts with power',  unit: 'hosts',   kind: 'gauge',   better: 'higher',  entity: 'machine', help: 'Hosts that have power.' },
    { id: 'vms-running',   title: 'VMs that run',      unit: 'VMs',     kind: 'gauge',   better: 'higher',  entity: 'vm', help: 'Aggregate VMs that run now.' },
    { id: 'moving',        title: 'Migrations now',    unit: 'VMs',     kind: 'gauge',   better: 'neither', entity: 'migration', help: 'Migrations under way.' },
    { id: 'moves',         title: 'Migrations',        unit: 'VMs',     kind: 'counter', better: 'neither', entity: 'migration', help: 'Migrations that have ended well.' },
    { id: 'moves-failed',  title: 'Migrations undone', unit: 'VMs',     kind: 'counter', better: 'lower',   entity: 'migration', help: 'Migrations that came to nothing; the VM stayed where it was.' },
    { id: 'downtime-mean', title: 'Mean downtime',     unit: 'ns',      kind: 'result',  better: 'lower',   entity: 'migration', help: 'From the stop to the resume, over all migrations.' },
    { id: 'downtime-most', title: 'Longest downtime',  unit: 'ns',      kind: 'result',  better: 'lower',   entity: 'migration', help: 'The longest of them.' },
    { id: 'bytes-moved',   title: 'Bytes of migrations', unit: 'bytes', kind: 'counter', better: 'lower',   entity: 'link', help: 'Memory sent by migrations, rounds that repeat pages included.' },
    { id: 'bytes-network', title: 'Bytes of VMs',      unit: 'bytes',   kind: 'counter', better: 'neither', entity: 'link', help: 'What the VMs themselves have sent.' },
    { id: 'events',        title: 'Events',            unit: 'events',  kind: 'counter', better: 'neither', entity: 'machine', help: 'Events that the pods have handled.' },
  ],
  leavesOut: [
    'Switches between the ports of one pod: a flow is held back by its sender’s port, or by the uplink, not by both.',
    'What a lack of CPU does to the VMs: stolen time is counted, and slows neither their writes nor their flows down.',
    'Contents of aggregate VMs beyond their generated bytes; what they write is a count.',
    'Restarting VMs of a crashed host elsewhere: they wait for their host.',
  ],
} as const satisfies Contract;
