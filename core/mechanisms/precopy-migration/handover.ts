/**
 * The hand-over of the right to run a VM: a fencing token that travels on the wire, and the ledger
 * in which each host keeps what became of it. The rule (decisions/0003):
 *
 *   1. Each stop of a VM has a term, a number larger than all before it for this VM.
 *   2. A destination runs the VM only after it has got GRANT(term) and written `taken` to its ledger.
 *   3. A source that has sent GRANT(term) does not run the VM until it has been told VOID(term).
 *   4. A destination says VOID(term) only after it has written that to its ledger; from then on a GRANT
 *      of this term, or of one before it, is refused, however late it comes.
 *   5. A grant has a deadline by the hosts' common clock; after it, the grant is void.
 *   6. When the way breaks between GRANT and the answer, neither side assumes anything: the source asks
 *      QUERY(term) until it is answered, for ever; the question itself makes an untaken term void.
 *
 * So one copy runs or none, never two. The ledger is non-volatile memory: it survives a loss of
 * power.
 * Left out: a source that loses power (it would read `granted` in its ledger and ask in the same
 * way), hosts whose clocks differ (only rule 5 needs clocks, and only for the downtime, not for
 * safety).
 */

/** What a host knows for certain about one VM. A plain record; terms start at 1, 0 = none. */
export interface LedgerEntry {
  issuedTerm: number; //  the last term under which this host stopped the VM to hand it over
  grantedTerm: number; // the last term that this host gave away
  takenTerm: number; //   the last term under which this host took the VM
  takenAtNs: number; //   when it began to run here under `takenTerm`; −1 = never
  voidTerm: number; //    this term and all before it that were not taken are void
}

/** A host's hand-over ledger: entries by VM id. */
export type Ledger = Record<number, LedgerEntry>;

/** The entry of a VM, made when missing. */
export function entryOf(ledger: Ledger, vm: number): LedgerEntry {
  ledger[vm] ??= { issuedTerm: 0, grantedTerm: 0, takenTerm: 0, takenAtNs: -1, voidTerm: 0 };
  return ledger[vm];
}

/** Rule 1: a term that is larger than all that this host has heard of for the VM; written down. */
export function issueTerm(ledger: Ledger, vm: number): number {
  const entry = entryOf(ledger, vm);
  entry.issuedTerm = Math.max(entry.issuedTerm, entry.takenTerm, entry.voidTerm) + 1;
  return entry.issuedTerm;
}

/** Rule 3's beginning: the source writes down that it gives the VM away. */
export function recordGranted(ledger: Ledger, vm: number, term: number): void {
  entryOf(ledger, vm).grantedTerm = term;
}

/**
 * Rules 2, 4, 5: a grant has come. Writes `taken` and gives true, or writes `void` and gives false.
 * `runsAtNs` is when the VM would run its first instruction here.
 */
export function takeOrVoid(
  ledger: Ledger,
  vm: number,
  grant: { readonly term: number; readonly deadlineNs: number; readonly runsAtNs: number },
): boolean {
  const entry = entryOf(ledger, vm);
  if (grant.term <= entry.voidTerm || grant.term <= entry.takenTerm) return false;
  if (grant.runsAtNs > grant.deadlineNs) {
    entry.voidTerm = grant.term;
    return false;
  }
  entry.takenTerm = grant.term;
  entry.takenAtNs = grant.runsAtNs;
  return true;
}

/** Rule 4 without a question: the destination gives up waiting for a grant of `term`. */
export function recordVoid(ledger: Ledger, vm: number, term: number): void {
  const entry = entryOf(ledger, vm);
  entry.voidTerm = Math.max(entry.voidTerm, term);
}

/** Rules 4 and 6: the source asks what became of `term`. An untaken term is void from now on. */
export function answerQuery(ledger: Ledger, vm: number, term: number): 'taken' | 'void' {
  const entry = entryOf(ledger, vm);
  if (entry.takenTerm >= term) return 'taken';
  recordVoid(ledger, vm, term);
  return 'void';
}
