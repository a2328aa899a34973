/**
 * What VMs print, for stdout: of one VM as it comes; of several a line at a time behind the VM's name, in order
 * of virtual time, so that the output does not depend on how hosts are spread over workers.
 */
import type { ConsoleChunk, ProcessSnapshot } from '../../core/protocol/snapshot.ts';

/** See the file's head. `names` by VM; `write` takes Latin-1 code units. */
export class Consoles {
  readonly #names: ReadonlyMap<number, string>;
  readonly #write: (text: string) => void;
  readonly #waiting: ConsoleChunk[] = [];
  readonly #open = new Map<number, string>();
  #text = '';

  constructor(names: ReadonlyMap<number, string>, write: (text: string) => void) {
    this.#names = names;
    this.#write = write;
  }

  /** Everything printed so far. */
  text(): string {
    return this.#text;
  }

  /** Takes what a process tells. */
  take(snapshot: ProcessSnapshot): void {
    if (this.#names.size > 1) this.#waiting.push(...snapshot.console);
    else for (const { text } of snapshot.console) this.#put(text);
  }

  /** All processes stand at one time: what they told up to there is printed. */
  settle(): void {
    const chunks = this.#waiting.splice(0).toSorted((left, right) => left.timeNs - right.timeNs || left.vm - right.vm);
    for (const { vm, text } of chunks) {
      const lines = `${this.#open.get(vm) ?? ''}${text}`.split('\n');
      this.#open.set(vm, lines.pop() ?? '');
      for (const line of lines) this.#put(`${this.#names.get(vm) ?? vm} | ${line.replaceAll('\r', '')}\n`);
    }
  }

  /** Lines that were not finished. */
  end(): void {
    this.settle();
    for (const [vm, text] of this.#open) {
      if (text !== '') this.#put(`${this.#names.get(vm) ?? vm} | ${text}\n`);
    }
    this.#open.clear();
  }

  #put(text: string): void {
    this.#text += text;
    this.#write(text);
  }
}
