/**
 * What VMs have printed, by VM, in order of virtual time and across hosts: lines for the stage and the
 * ribbons, raw text for the terminal. Bounded; the newest stays.
 */
import type { ConsoleChunk } from '../../core/protocol/snapshot.ts';

/** Lines kept for a VM: at ten lines a virtual second, several minutes. */
const LINES_MAX = 4_000;
/** Characters of raw text kept for a VM's terminal. */
const TEXT_MAX = 262_144;

/** Control sequences, and control characters but for the tab. */
const ESCAPE = String.fromCharCode(27);
const CONTROLS = new RegExp(`${ESCAPE}\\[[0-?]*[ -/]*[@-~]|[\\u0000-\\u0008\\u000b-\\u001f]`, 'g');

/** One line, stamped with the time of its first byte. */
export interface ConsoleLine {
  readonly timeNs: number;
  readonly text: string;
}

interface VmConsole {
  lines: ConsoleLine[];
  open: { timeNs: number; text: string } | null;
  text: string;
  chunks: { readonly timeNs: number; readonly length: number }[]; // of `text`, the first one perhaps in part
  dropped: number; // characters no longer kept
}

/** A line as plain text: what moves a terminal's cursor, changes its colours or asks it for something is left out (ECMA-48 §5.4). */
function withoutControls(text: string): string {
  return text.replaceAll(CONTROLS, '');
}

/** See the file's head. */
export class ConsoleLog {
  readonly #byVm = new Map<number, VmConsole>();
  /** Grows with every change. */
  version = 0;
  /** Counts how often something was taken back: who has read ahead begins anew. */
  cuts = 0;

  append(chunk: ConsoleChunk): void {
    const vm = this.#of(chunk.vm);
    this.version++;
    vm.text += chunk.text;
    vm.chunks.push({ timeNs: chunk.timeNs, length: chunk.text.length });
    if (vm.text.length > TEXT_MAX) {
      vm.dropped += vm.text.length - TEXT_MAX / 2;
      vm.text = vm.text.slice(-TEXT_MAX / 2);
      let kept = vm.chunks.length;
      for (let length = 0; kept > 0 && length < vm.text.length; kept--) length += vm.chunks[kept - 1]!.length;
      vm.chunks.splice(0, kept);
    }
    const pieces = chunk.text.split('\n');
    for (let index = 0; index < pieces.length; index++) {
      const piece = withoutControls(pieces[index]!);
      if (vm.open === null && (piece !== '' || index < pieces.length - 1)) {
        vm.open = { timeNs: chunk.timeNs, text: '' };
      }
      if (vm.open !== null) vm.open.text += piece;
      if (index < pieces.length - 1 && vm.open !== null) {
        vm.lines.push(vm.open);
        vm.open = null;
      }
    }
    if (vm.lines.length > LINES_MAX) vm.lines.splice(0, vm.lines.length - LINES_MAX / 2);
  }

  /** Takes back what was printed at `timeNs` and later: the run was rewound. */
  dropFrom(timeNs: number): void {
    for (const vm of this.#byVm.values()) {
      if (!vm.chunks.some((chunk) => chunk.timeNs >= timeNs)) continue;
      let kept = '';
      let end = vm.text.length;
      for (const chunk of vm.chunks.toReversed()) {
        const start = Math.max(0, end - chunk.length);
        if (chunk.timeNs < timeNs) kept = vm.text.slice(start, end) + kept;
        end = start;
      }
      vm.text = kept;
      vm.chunks = vm.chunks.filter((chunk) => chunk.timeNs < timeNs);
      const all = vm.open === null ? vm.lines : [...vm.lines, vm.open];
      vm.lines = all.filter((line) => line.timeNs < timeNs);
      // The last line may have been ended by what is taken back.
      const rest = withoutControls(kept.slice(kept.lastIndexOf('\n') + 1));
      const last = rest === '' ? undefined : vm.lines.pop();
      vm.open = last === undefined ? null : { timeNs: last.timeNs, text: rest };
    }
    this.version++;
    this.cuts++;
  }

  /** Finished lines and the open one, oldest first. */
  lines(vm: number): readonly ConsoleLine[] {
    const found = this.#byVm.get(vm);
    if (found === undefined) return [];
    return found.open === null || found.open.text === '' ? found.lines : [...found.lines, found.open];
  }

  /** Text from character `from` of everything ever printed, and where it ends. */
  textFrom(vm: number, from: number): { readonly text: string; readonly end: number } {
    const found = this.#byVm.get(vm);
    if (found === undefined) return { text: '', end: 0 };
    const end = found.dropped + found.text.length;
    return { text: found.text.slice(Math.max(0, from - found.dropped)), end };
  }

  #of(vm: number): VmConsole {
    let found = this.#byVm.get(vm);
    if (found === undefined) {
      found = { lines: [], open: null, text: '', chunks: [], dropped: 0 };
      this.#byVm.set(vm, found);
    }
    return found;
  }
}
