/** What is typed to a machine's console: bytes of a file, or keys of the terminal while the machine runs. */
import { closeSync, constants, openSync, readSync } from 'node:fs';

/** Bytes to type, asked for between two advances of the machine. */
export interface Keyboard {
  /** What was typed since it was asked last. Undefined: the person wants to leave. */
  take(): Uint8Array | undefined;
  close(): void;
}

/** A file's bytes, at once. */
export function fileKeyboard(bytes: Uint8Array): Keyboard {
  let left = bytes;
  return {
    take() {
      const taken = left;
      left = left.subarray(left.length);
      return taken;
    },
    close: () => undefined,
  };
}

const CTRL_A = 1;
const KEYS_MAX = 4096;

/**
 * The terminal's keys as they are pressed, Ctrl-C among them; Ctrl-A x leaves, Ctrl-A Ctrl-A is a Ctrl-A. Undefined when
 * there is no terminal.
 */
export function terminalKeyboard(): Keyboard | undefined {
  if (process.stdin.isTTY !== true) return undefined;
  let file: number;
  try {
    file = openSync('/dev/tty', constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  process.stdin.setRawMode(true);
  const keys = new Uint8Array(KEYS_MAX);
  let escaped = false;
  return {
    take() {
      let count = 0;
      try {
        count = readSync(file, keys, 0, KEYS_MAX, null);
      } catch (cause) {
        if (!(cause instanceof Error && 'code' in cause && cause.code === 'EAGAIN')) throw cause;
      }
      const typed: number[] = [];
      for (const key of keys.subarray(0, count)) {
        if (escaped && (key === 0x78 || key === 0x58)) return undefined;
        if (escaped || key !== CTRL_A) typed.push(key);
        escaped = !escaped && key === CTRL_A;
      }
      return Uint8Array.from(typed);
    },
    close() {
      process.stdin.setRawMode(false);
      closeSync(file);
    },
  };
}
