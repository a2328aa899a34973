/** What this browser keeps of snapshots: a worker with the browser's own file system, started when it is first asked. */
import * as Comlink from 'comlink';
import type { KeptListing, StorageApi } from '../../workers/storage/kept-blobs.ts';

/** What is remembered of a kept snapshot besides its bytes. */
export interface KeptAbout {
  readonly lab: string; //        in which it was taken: a new run of it takes the VM
  readonly seed: number;
  readonly vmName: string;
  readonly parent: string;
  readonly takenAtNs: number;
  readonly pageCount: number;
}

export interface KeptSnapshot extends KeptAbout {
  readonly name: string;
  readonly byteCount: number;
}

/** What the page knows of what is kept. */
export interface KeptState {
  readonly entries: readonly KeptSnapshot[];
  readonly usedBytes: number;
  readonly boundBytes: number;
  /** Why nothing can be kept here, one sentence; '' when it can. */
  readonly sentence: string;
}

/** A result of the store, as a sentence for the person ('' = done) beside what is kept then. */
interface Outcome {
  readonly sentence: string;
  readonly kept?: KeptState;
}

/** See the file's head. */
export class KeptSnapshots {
  readonly #store: Comlink.Remote<StorageApi>;

  constructor() {
    const worker = new Worker(new URL('../../workers/storage.worker.ts', import.meta.url), { type: 'module' });
    this.#store = Comlink.wrap<StorageApi>(worker);
  }

  async list(): Promise<KeptState> {
    const listed = await this.#store.list();
    return listed.ok ? stateOf(listed.value) : { entries: [], usedBytes: 0, boundBytes: 0, sentence: listed.error.sentence };
  }

  /** Bytes that all kept snapshots together may take; what is there stays. */
  async allow(boundBytes: number): Promise<KeptState> {
    await this.#store.allow(boundBytes);
    return await this.list();
  }

  async keep(name: string, bytes: Uint8Array, about: KeptAbout): Promise<Outcome> {
    return outcomeOf(await this.#store.keep(name, bytes, about));
  }

  async delete(name: string): Promise<Outcome> {
    return outcomeOf(await this.#store.delete(name));
  }

  async read(name: string): Promise<{ readonly sentence: string; readonly bytes?: Uint8Array }> {
    const read = await this.#store.read(name);
    return read.ok ? { sentence: '', bytes: read.value } : { sentence: read.error.sentence };
  }
}

function outcomeOf(result: { readonly ok: true; readonly value: KeptListing } | { readonly ok: false; readonly error: { readonly sentence: string } }): Outcome {
  return result.ok ? { sentence: '', kept: stateOf(result.value) } : { sentence: result.error.sentence };
}

function stateOf({ entries, usage }: KeptListing): KeptState {
  return {
    entries: entries.map(({ name, byteCount, about }) => ({ ...(about as KeptAbout), name, byteCount })),
    usedBytes: usage.usedBytes,
    boundBytes: usage.boundBytes,
    sentence: '',
  };
}
