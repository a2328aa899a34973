/**
 * A blob store that several tabs share: it is opened for one piece of work at a time, under a lock that the
 * tabs have in common, and closed again. What is kept outlives runs, reloads and the tab.
 */
import type { Result } from '../../core/base/result.ts';
import { err, ok } from '../../core/base/result.ts';
import { type BlobEntry, BlobStore, type BlobUsage } from './blob-store.ts';
import type { Region, StorageRefusal } from './region.ts';

/** What is kept, and how much room it takes of what is allowed. */
export interface KeptListing {
  readonly entries: readonly BlobEntry[];
  readonly usage: BlobUsage;
}

/** What the page asks of the storage worker (Comlink). Nothing is thrown; bytes are copied or moved. */
export interface StorageApi {
  /** All blobs together, from now on. Unit: byte. What is there already stays. */
  allow(boundBytes: number): Promise<void>;
  list(): Promise<Result<KeptListing, StorageRefusal>>;
  /** Refused when the name is taken. `about` is plain JSON. */
  keep(name: string, bytes: Uint8Array, about: unknown): Promise<Result<KeptListing, StorageRefusal>>;
  read(name: string): Promise<Result<Uint8Array, StorageRefusal>>;
  delete(name: string): Promise<Result<KeptListing, StorageRefusal>>;
}

/** How the store is reached: its region, and a lock that lets one piece of work after the other pass. */
export interface KeptPorts {
  readonly open: () => Promise<Result<Region, StorageRefusal>>;
  readonly exclusive: <T>(work: () => Promise<T>) => Promise<T>;
}

/** See the file's head. */
export class KeptBlobs implements StorageApi {
  readonly #ports: KeptPorts;
  #boundBytes: number;

  constructor(ports: KeptPorts, boundBytes: number) {
    this.#ports = ports;
    this.#boundBytes = boundBytes;
  }

  async allow(boundBytes: number): Promise<void> {
    this.#boundBytes = boundBytes;
  }

  list(): Promise<Result<KeptListing, StorageRefusal>> {
    return this.#with((store) => ok(listingOf(store)));
  }

  keep(name: string, bytes: Uint8Array, about: unknown): Promise<Result<KeptListing, StorageRefusal>> {
    return this.#with((store) => {
      if (store.list().some((entry) => entry.name === name)) {
        return err({ kind: 'bad-name', sentence: `“${name}” is kept already; delete it, or choose another name.` });
      }
      const put = store.put(name, bytes, about);
      return put.ok ? ok(listingOf(store)) : put;
    });
  }

  read(name: string): Promise<Result<Uint8Array, StorageRefusal>> {
    return this.#with((store) => store.get(name));
  }

  delete(name: string): Promise<Result<KeptListing, StorageRefusal>> {
    return this.#with((store) => {
      const deleted = store.delete(name);
      return deleted.ok ? ok(listingOf(store)) : deleted;
    });
  }

  #with<T>(work: (store: BlobStore) => Result<T, StorageRefusal>): Promise<Result<T, StorageRefusal>> {
    return this.#ports.exclusive(async () => {
      const region = await this.#ports.open();
      if (!region.ok) return region;
      try {
        const store = BlobStore.open(region.value, this.#boundBytes);
        return store.ok ? work(store.value) : store;
      } finally {
        region.value.close();
      }
    });
  }
}

function listingOf(store: BlobStore): KeptListing {
  return { entries: store.list(), usage: store.usage() };
}
