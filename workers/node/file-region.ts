/** A region in a file of the machine, for Node. See workers/storage/region.ts. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import type { Result } from '../../core/base/result.ts';
import { err, ok } from '../../core/base/result.ts';
import type { Region, StorageRefusal } from '../storage/region.ts';

/** Opens (and makes) the file at `path`. */
export function openFileRegion(path: string): Result<Region, StorageRefusal> {
  try {
    let file: number;
    try {
      file = openSync(path, 'r+');
    } catch {
      file = openSync(path, 'w+');
    }
    return ok(new FileRegion(file));
  } catch (cause) {
    return err(refusalOf(cause));
  }
}

class FileRegion implements Region {
  readonly #file: number;

  constructor(file: number) {
    this.#file = file;
  }

  size(): number {
    return fstatSync(this.#file).size;
  }

  read(at: number, into: Uint8Array): StorageRefusal | undefined {
    return tried(() => into.fill(0, readSync(this.#file, into, 0, into.length, at)));
  }

  write(at: number, bytes: Uint8Array): StorageRefusal | undefined {
    return tried(() => {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.#file, bytes, done, bytes.length - done, at + done);
      }
    });
  }

  flush(): StorageRefusal | undefined {
    return tried(() => fsyncSync(this.#file));
  }

  truncate(byteCount: number): StorageRefusal | undefined {
    return tried(() => ftruncateSync(this.#file, byteCount));
  }

  close(): void {
    closeSync(this.#file);
  }
}

function tried(work: () => unknown): StorageRefusal | undefined {
  try {
    work();
    return undefined;
  } catch (cause) {
    return refusalOf(cause);
  }
}

function refusalOf(cause: unknown): StorageRefusal {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (/^(ENOSPC|EDQUOT|EFBIG)/.test(message)) {
    return { kind: 'quota', sentence: 'The disk is full; free room on it, or delete something that is kept.' };
  }
  return { kind: 'failed', sentence: `The file could not be used: ${message}` };
}
