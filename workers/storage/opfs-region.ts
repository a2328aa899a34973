/**
 * A region in the browser's origin private file system: one file in the folder `glasshouse`, open for this
 * worker alone through a synchronous access handle. Only workers have such handles. What is kept there
 * stays on this machine, in this browser, until it is deleted or the site's data is cleared.
 */
import type { Result } from '../../core/base/result.ts';
import { err, ok } from '../../core/base/result.ts';
import type { Region, StorageRefusal } from './region.ts';

const FOLDER = 'glasshouse';

/** The part of FileSystemSyncAccessHandle that is used; only a worker's types know the name. */
interface SyncHandle {
  getSize(): number;
  read(into: Uint8Array, options: { readonly at: number }): number;
  write(bytes: Uint8Array, options: { readonly at: number }): number;
  flush(): void;
  truncate(byteCount: number): void;
  close(): void;
}

/** Opens (and makes) the file; refused when there is no such file system, or somebody else has it open. */
export async function openOpfsRegion(name: string): Promise<Result<Region, StorageRefusal>> {
  // Older browsers and private windows lack parts of it.
  const storage = (globalThis as { navigator?: { storage?: { getDirectory?: () => Promise<FileSystemDirectoryHandle> } } }).navigator?.storage;
  if (storage?.getDirectory === undefined || !('FileSystemFileHandle' in globalThis) || !('createSyncAccessHandle' in FileSystemFileHandle.prototype)) {
    return err(NO_STORAGE);
  }
  try {
    const root = await storage.getDirectory();
    const folder = await root.getDirectoryHandle(FOLDER, { create: true });
    const file = await folder.getFileHandle(`${encodeURIComponent(name)}.blobs`, { create: true });
    return ok(new OpfsRegion(await (file as unknown as { createSyncAccessHandle(): Promise<SyncHandle> }).createSyncAccessHandle()));
  } catch (cause) {
    return err(refusalOf(cause));
  }
}

/** Removes the file with all that is in it; nothing when there is none. */
export async function removeOpfsRegion(name: string): Promise<StorageRefusal | undefined> {
  try {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle(FOLDER, { create: true });
    await folder.removeEntry(`${encodeURIComponent(name)}.blobs`);
    return undefined;
  } catch (cause) {
    return cause instanceof DOMException && cause.name === 'NotFoundError' ? undefined : refusalOf(cause);
  }
}

class OpfsRegion implements Region {
  readonly #handle: SyncHandle;

  constructor(handle: SyncHandle) {
    this.#handle = handle;
  }

  size(): number {
    return this.#handle.getSize();
  }

  read(at: number, into: Uint8Array): StorageRefusal | undefined {
    return tried(() => into.fill(0, this.#handle.read(into, { at })));
  }

  write(at: number, bytes: Uint8Array): StorageRefusal | undefined {
    let written = 0;
    const refusal = tried(() => {
      written = this.#handle.write(bytes, { at });
    });
    if (refusal !== undefined || written === bytes.length) return refusal;
    return QUOTA; // a short write is how some browsers say so
  }

  flush(): StorageRefusal | undefined {
    return tried(() => this.#handle.flush());
  }

  truncate(byteCount: number): StorageRefusal | undefined {
    return tried(() => this.#handle.truncate(byteCount));
  }

  close(): void {
    this.#handle.close();
  }
}

const NO_STORAGE: StorageRefusal = {
  kind: 'no-storage',
  sentence: 'This browser keeps no files for pages (a private window, or too old); download what you want to keep.',
};

const QUOTA: StorageRefusal = {
  kind: 'quota',
  sentence: 'The browser gives this page no more room on the disk; delete something that is kept, or free room on the disk.',
};

function tried(work: () => unknown): StorageRefusal | undefined {
  try {
    work();
    return undefined;
  } catch (cause) {
    return refusalOf(cause);
  }
}

function refusalOf(cause: unknown): StorageRefusal {
  const name = cause instanceof DOMException ? cause.name : '';
  if (name === 'QuotaExceededError') return QUOTA;
  if (name === 'NoModificationAllowedError') {
    return { kind: 'busy', sentence: 'Another tab is using what is kept; try again when it is done.' };
  }
  if (name === 'SecurityError' || name === 'NotAllowedError') return NO_STORAGE;
  const message = cause instanceof Error ? cause.message : String(cause);
  return { kind: 'failed', sentence: `The browser could not use its storage: ${message}` };
}
