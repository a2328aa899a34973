/**
 * What the steps of a hand-over cost in virtual time, one row a step. The exits that the dirty log
 * causes are in the hypervisor's table. Copies of pages into the stream cost nothing of their own:
 * the port reads them by DMA while it sends.
 */

/** One step. */
export interface MigrationCost {
  readonly step: string;
  readonly title: string;
  readonly costNs: number;
  readonly source: string;
}

// biome-ignore format: a table, one row a line
export const MIGRATION_COSTS = [
  { step: 'reserve', title: 'Reserve memory at the destination', costNs: 100_000, source: 'estimate: a system call that reserves address space and counts pages; no page is touched' },
  { step: 'round',   title: 'Take and re-arm the dirty log',     costNs: 50_000,  source: 'estimate: 16,384 entries of 8 bytes read and written once, 128 KiB at 10 GB/s, and one TLB shootdown of some 10 µs' },
  { step: 'restore', title: 'Load vCPU and device records',      costNs: 100_000, source: 'estimate: some hundred system calls of 1 µs (KVM has one ioctl a register group)' },
  { step: 'ledger',  title: 'Write the hand-over ledger',        costNs: 10_000,  source: 'Intel Optane SSD DC P4800X product brief (2017): typical latency below 10 µs for a 4 KiB write' },
] as const satisfies readonly MigrationCost[];

type Step = (typeof MIGRATION_COSTS)[number]['step'];

/** Cost of a step in ns. */
export const migrationCostNs = Object.fromEntries(
  MIGRATION_COSTS.map((row) => [row.step, row.costNs]),
) as Readonly<Record<Step, number>>;
