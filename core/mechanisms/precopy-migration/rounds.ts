/**
 * The rounds of one migration as they are told to the screen, and the sum of what became dirty in
 * them.
 */
import type { RoundSnapshot } from '../../protocol/snapshot.ts';

type MutableRound = { -readonly [Key in keyof RoundSnapshot]: RoundSnapshot[Key] };

export class RoundBook {
  /** Pages taken out of the dirty log at the ends of rounds; a page counts once a round. */
  pagesTaken = 0;
  private readonly rounds: MutableRound[] = [];

  /** Rounds begun so far; also the number of the present one. */
  get count(): number {
    return this.rounds.length;
  }

  /** Pages that the present round has sent; 0 before the first. */
  get pagesSent(): number {
    return this.rounds.at(-1)?.pagesSent ?? 0;
  }

  begin(nowNs: number, pagesToSend: number): void {
    this.rounds.push({ startNs: nowNs, endNs: -1, pagesToSend, pagesSent: 0, pagesDirtied: 0 });
  }

  /** The present round has sent `count` pages more. */
  onSent(count: number): void {
    const round = this.rounds.at(-1);
    if (round !== undefined) round.pagesSent += count;
  }

  /**
   * The present round is over; `pagesDirtied` are dirty by now. Nothing when it was over before.
   */
  end(nowNs: number, pagesDirtied: number): void {
    const round = this.rounds.at(-1);
    if (round === undefined || round.endNs >= 0) return;
    round.endNs = nowNs;
    round.pagesDirtied = pagesDirtied;
  }

  snapshot(): RoundSnapshot[] {
    return this.rounds.map((round) => ({ ...round }));
  }
}
