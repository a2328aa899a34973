/** The console of a machine on the command line: what is printed, what is waited for, what is typed, and when it goes on. */
import type { Advance, VirtMachine } from '../../core/board/index.ts';
import type { Keyboard } from './keyboard.ts';

/** Virtual time between two looks at the console. Unit: ns. */
const LOOK_NS = 10_000_000;
/** The same while a text is waited for. Unit: ns. */
const LOOK_CLOSELY_NS = 100_000;
/** Characters of the console that are searched; a text to wait for may be as long. */
export const SEEN_MAX = 65_536;

export interface ConsoleOptions {
  readonly out: (bytes: Uint8Array) => void;
  /** Ends the run when the console shows it. */
  readonly expected: string | undefined;
  readonly keyboard: Keyboard | undefined;
  /** What the console shows before it takes what is typed; at once when not given. */
  readonly typeAfter: string | undefined;
  /** A person sits there: virtual time does not run ahead of the clock on the wall. */
  readonly paced: boolean;
}

/** Why a run came to its end: as the machine says, the text was seen, or the person left. */
export type ConsoleAdvance = Advance | 'expected' | 'left';

/** One console over all resets of a machine. */
export class MachineConsole {
  /** Bytes printed so far. */
  byteCount = 0;
  private readonly options: ConsoleOptions;
  private pending: number[] = [];
  private shown = '';
  private typing: boolean;
  private untyped = new Uint8Array(0);

  constructor(options: ConsoleOptions) {
    this.options = options;
    this.typing = options.typeAfter === undefined;
  }

  /** A byte that the machine prints. */
  readonly transmit = (byte: number): void => void this.pending.push(byte);

  /** Runs the machine until it ends, the text is seen, or it has had its instructions. */
  run(machine: VirtMachine, instructionsMax: number): ConsoleAdvance {
    const { expected, paced, keyboard } = this.options;
    const beganAtMs = performance.now();
    const beganAtNs = machine.timeNs();
    const stepNs = expected === undefined ? LOOK_NS : LOOK_CLOSELY_NS;
    for (;;) {
      const advance = machine.advance(machine.timeNs() + stepNs, instructionsMax);
      this.flush();
      if (expected !== undefined && this.shown.includes(expected)) return 'expected';
      const waits = advance === 'asleep' && paced && keyboard !== undefined;
      if (advance !== 'reached' && !waits) return advance;
      if (!this.type(machine)) return 'left';
      if (paced) pause(waits ? LOOK_NS / 1e6 : (machine.timeNs() - beganAtNs) / 1e6 - (performance.now() - beganAtMs));
    }
  }

  /** Hands over what the machine printed. */
  private flush(): void {
    if (this.pending.length === 0) return;
    const bytes = Uint8Array.from(this.pending);
    this.pending = [];
    this.byteCount += bytes.length;
    this.options.out(bytes);
    const { expected, typeAfter } = this.options;
    if (expected === undefined && this.typing) return;
    // What may still be the beginning of a text stays.
    this.shown = (this.shown + Buffer.from(bytes).toString('utf8')).slice(-2 * SEEN_MAX);
    if (typeAfter !== undefined && this.shown.includes(typeAfter)) this.typing = true;
  }

  /** Types what there is; false when the person leaves. */
  private type(machine: VirtMachine): boolean {
    if (!this.typing || this.options.keyboard === undefined) return true;
    const typed = this.options.keyboard.take();
    if (typed === undefined) return false;
    const all = this.untyped.length === 0 ? typed : Buffer.concat([this.untyped, typed]);
    this.untyped = new Uint8Array(all.subarray(machine.type(all)));
    return true;
  }
}

/** Sleeps, the whole program with it. Unit: ms. */
function pause(milliseconds: number): void {
  if (milliseconds > 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.min(milliseconds, 100));
}
