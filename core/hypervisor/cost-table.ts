/**
 * What leaving the guest costs, in virtual time of the vCPU that leaves: one row a cause. Only model
 * reasons cost; looking at a VM, hashing it and colouring its memory map are free.
 *
 * No published per-exit table of a RISC-V server core with the hypervisor extension exists that could
 * be named here, so rows take measured cycle counts of KVM on other server cores, at their clocks, and say so;
 * rows marked `estimate` are derived from those by the sentence in `source`.
 */

/** One cause of leaving the guest. */
export interface ExitCost {
  readonly cause: string;
  readonly title: string;
  readonly costNs: number; //     virtual time from the exit to the guest's next instruction
  readonly measured: boolean; //  false: an estimate
  readonly source: string;
}

const SVM = 'KVM on AMD, user-space round trip 2,528 cycles, of which VMRUN to exit 1,376 (M. Roth on the Linux kernel mailing list, December 2020, lkml.iu.edu/hypermail/linux/kernel/2012.2/00527.html)';
const ARM = 'Dall et al., "ARM Virtualization: Performance and Architectural Implications", ISCA 2016, table II: hypercall 6,500 cycles at 2.4 GHz (KVM ARM), 1,300 cycles at 2.1 GHz (KVM x86)';

// biome-ignore format: a table, one row a line
export const EXIT_COSTS = [
  { cause: 'sbi-base',     title: 'SBI: questions',        costNs: 600,   measured: true,  source: `${ARM}; x86 figure: 1,300 / 2.1 GHz = 619 ns, rounded` },
  { cause: 'sbi-timer',    title: 'SBI: set timer',        costNs: 600,   measured: false, source: `as a hypercall; ${ARM}` },
  { cause: 'sbi-console',  title: 'SBI: console',          costNs: 2_000, measured: false, source: `a hypercall and a copy of some tens of bytes into a ring in user space; ${SVM}` },
  { cause: 'sbi-ipi',      title: 'SBI: send interrupt',   costNs: 1_000, measured: false, source: `a hypercall and a host IPI; ${ARM}` },
  { cause: 'sbi-fence',    title: 'SBI: remote fence',     costNs: 1_000, measured: false, source: `a hypercall and a host IPI; ${ARM}` },
  { cause: 'sbi-hart',     title: 'SBI: harts',            costNs: 2_000, measured: false, source: `a hypercall that wakes a host thread; ${SVM}` },
  { cause: 'sbi-reset',    title: 'SBI: reset',            costNs: 2_000, measured: false, source: `a hypercall that goes on in user space; ${SVM}` },
  { cause: 'sbi-unknown',  title: 'SBI: not supported',    costNs: 600,   measured: false, source: `as a hypercall; ${ARM}` },
  { cause: 'wait',         title: 'Wait for interrupt',    costNs: 1_200, measured: false, source: `two halves of a hypercall around a scheduling decision; ${ARM}` },
  { cause: 'timer',        title: 'Timer interrupt',       costNs: 600,   measured: false, source: `a host timer interrupt that leaves the guest and injects one; ${ARM}` },
  { cause: 'guest-page-fault', title: 'Access outside RAM', costNs: 700, measured: false, source: `an exit of the G-stage that is answered with an access fault; ${SVM}: 1,376 cycles / 2 GHz` },
  { cause: 'dirty-log',    title: 'First write to a page', costNs: 700,   measured: false, source: `a write-protection fault of the G-stage: an exit, a table entry and a bit; ${SVM}: 1,376 cycles / 2 GHz` },
  { cause: 'snapshot-copy', title: 'First write under a snapshot', costNs: 1_100, measured: false, source: `a write-protection fault as above, and a copy of 4 KiB at 10 GB/s (410 ns); ${SVM}` },
  { cause: 'snapshot-neighbour', title: 'Page kept with its neighbour', costNs: 410, measured: false, source: 'a copy of 4 KiB at 10 GB/s within a fault' },
  { cause: 'snapshot-wait', title: 'Write that a snapshot delays', costNs: 700,   measured: false, source: `a write-protection fault as above; the wait itself is counted apart; ${SVM}` },
  { cause: 'device',       title: 'Device access',         costNs: 1_300, measured: true,  source: `an access of a device's register that user space serves; ${SVM}: 2,528 cycles / 2 GHz = 1,264 ns, rounded` },
  { cause: 'external',     title: 'Device interrupt',      costNs: 600,   measured: false, source: `a host interrupt that leaves the guest and injects one; ${ARM}` },
] as const satisfies readonly ExitCost[];

export type ExitCause = (typeof EXIT_COSTS)[number]['cause'];

/** Position of each cause in {@link EXIT_COSTS}, for counters held in arrays. */
export const EXIT_INDEX = Object.fromEntries(
  EXIT_COSTS.map((row, index) => [row.cause, index]),
) as Readonly<Record<ExitCause, number>>;
