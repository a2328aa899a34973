/**
 * What the steps of a snapshot cost in virtual time, one row a step. The guest's own faults are in the
 * hypervisor's table (`snapshot-copy`, `snapshot-wait`), the disk's times are its settings.
 */

/** One step; some grow with the VM. */
export interface SnapshotCost {
  readonly step: string;
  readonly title: string;
  readonly costNs: number;
  readonly source: string;
}

// biome-ignore format: a table, one row a line
export const SNAPSHOT_COSTS = [
  { step: 'stop',     title: 'Stop the vCPUs',              costNs: 20_000, source: 'estimate: an interprocessor interrupt and an exit each, and the last one to arrive decides; some 10 µs on KVM' },
  { step: 'vcpu',     title: 'Save one vCPU',               costNs: 20_000, source: 'estimate: some twenty system calls of 1 µs (KVM has one ioctl a register group)' },
  { step: 'device',   title: 'Save the devices',            costNs: 50_000, source: 'estimate: console, timers and hart states are some fifty system calls of 1 µs' },
  { step: 'protect',  title: 'Protect a page',              costNs: 5,      source: 'estimate: an entry of 8 bytes read and written once, in cache lines of 8 entries, some 40 ns a line' },
  { step: 'flush',    title: 'Flush the TLBs',              costNs: 10_000, source: 'estimate: one HFENCE.GVMA on each processor by interprocessor interrupt, some 10 µs' },
  { step: 'zero-test', title: 'Look whether a page is zero', costNs: 410,   source: 'estimate: 4 KiB read once at 10 GB/s' },
  { step: 'deflate',  title: 'Compress a page',             costNs: 40_000, source: 'estimate: 4 KiB at 100 MB/s, the order of zlib level 1 on one server core' },
  { step: 'restore',  title: 'Load vCPU and device records', costNs: 100_000, source: 'estimate: as in a migration, some hundred system calls of 1 µs' },
] as const satisfies readonly SnapshotCost[];

type Step = (typeof SNAPSHOT_COSTS)[number]['step'];

/** Cost of a step in ns. */
export const snapshotCostNs = Object.fromEntries(
  SNAPSHOT_COSTS.map((row) => [row.step, row.costNs]),
) as Readonly<Record<Step, number>>;

/** How long a VM of this size stands while it is frozen. Unit: ns. Nothing in it depends on the disk. */
export function freezeNs(pageCount: number, vcpuCount: number): number {
  const { stop, vcpu, device, protect, flush } = snapshotCostNs;
  return stop + vcpuCount * vcpu + device + pageCount * protect + flush;
}
