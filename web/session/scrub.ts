/**
 * Scrubbing: the latest target wins, and one journey is under way at a time. A target given while a
 * journey is under way waits for its end; targets in between are never travelled to.
 */

/** See the file's head. */
export class Scrub {
  readonly #travel: (timeNs: number) => Promise<string>;
  readonly #onTarget: (timeNs: number) => void;
  #wantedNs = -1;
  #journey: Promise<string> | undefined;

  /** `travel` goes to a time and gives '' or why not; `onTarget` is told where the way leads, −1 at its end. */
  constructor(travel: (timeNs: number) => Promise<string>, onTarget: (timeNs: number) => void) {
    this.#travel = travel;
    this.#onTarget = onTarget;
  }

  /** Resolves when the run stands at the target that was given last, with '' or why it does not. Unit: ns. */
  travelTo(timeNs: number): Promise<string> {
    this.#wantedNs = timeNs;
    this.#onTarget(timeNs);
    this.#journey ??= this.#go();
    return this.#journey;
  }

  /** Whether a journey is under way. */
  isUnderWay(): boolean {
    return this.#journey !== undefined;
  }

  async #go(): Promise<string> {
    let sentence = '';
    try {
      while (this.#wantedNs >= 0) {
        const targetNs = this.#wantedNs;
        sentence = await this.#travel(targetNs);
        if (this.#wantedNs === targetNs) this.#wantedNs = -1;
      }
    } finally {
      this.#wantedNs = -1;
      this.#journey = undefined;
      this.#onTarget(-1);
    }
    return sentence;
  }
}
