/**
 * What VMs have printed, by VM, in order of virtual time and across hosts: lines for the stage and the
 * ribbons, raw text for the terminal. Bounded; the newest stays.
 */
import type { ConsoleChunk } from '../../core/protocol/snapshot.ts';

/** Lines kept for a VM: at ten lines a virtual second, several minutes. */
const LINES_MAX = 4_000;
/** Characters of raw text kept for a VM's terminal. */
const TEXT_MAX = 262_144;

/** One line, stamped with the time of its first byte. */
export interface ConsoleLine {
  readonly timeNs: number;
  readonly text: string;
}

interface VmConsole {
  lines: ConsoleLine[];
  open: { timeNs: number; text: string } | null;
  text: string;
  dropped: number; // characters no longer kept
}

/** See the file's head. */
export class ConsoleLog {
  readonly #byVm = new Map<number, VmConsole>();
  /** Grows with every chunk. */
  version = 0;

  append(chunk: ConsoleChunk): void {
    const vm = this.#of(chunk.vm);
    this.version++;
    vm.text += chunk.text;
    if (vm.text.length > TEXT_MAX) {
      vm.dropped += vm.text.length - TEXT_MAX / 2;
      vm.text = vm.text.slice(-TEXT_MAX / 2);
    }
    const pieces = chunk.text.split('\n');
    for (let index = 0; index < pieces.length; index++) {
      const piece = pieces[index]!.replaceAll('\r', '');
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
      found = { lines: [], open: null, text: '', dropped: 0 };
      this.#byVm.set(vm, found);
    }
    return found;
  }
}
