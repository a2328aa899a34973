/** A disk image's bytes in a file of the machine, for Node. */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import {
  type BlockImage,
  type ByteStore,
  createQcow2,
  isQcow2,
  MemoryStore,
  openQcow2,
  openQcow2Chain,
  RawImage,
  renderQcow2Error,
} from '../../core/formats/index.ts';
import { BadInput } from './terminal.ts';

/** See the file's head. Nobody else changes the file's size meanwhile. */
class FileStore implements ByteStore {
  private readonly file: number;
  private length: number;

  constructor(file: number) {
    this.file = file;
    this.length = fstatSync(file).size;
  }

  size(): number {
    return this.length;
  }

  read(offset: number, into: Uint8Array): boolean {
    try {
      let done = 0;
      while (done < into.length) {
        const count = readSync(this.file, into, done, into.length - done, offset + done);
        if (count === 0) break;
        done += count;
      }
      into.fill(0, done);
      return true;
    } catch {
      return false;
    }
  }

  write(offset: number, bytes: Uint8Array): boolean {
    try {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.file, bytes, done, bytes.length - done, offset + done);
      }
      this.length = Math.max(this.length, offset + bytes.length);
      return true;
    } catch {
      return false;
    }
  }

  flush(): boolean {
    try {
      fsyncSync(this.file);
      return true;
    } catch {
      return false;
    }
  }
}

/** A disk over files that stay open until it is closed. */
export interface OpenDisk {
  readonly image: BlockImage;
  readonly close: () => void;
}

function openStore(path: string, writable: boolean, files: number[]): FileStore | undefined {
  try {
    const file = openSync(path, writable ? 'r+' : 'r');
    files.push(file);
    return fstatSync(file).isFile() ? new FileStore(file) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Opens a raw or qcow2 image, told apart by its first bytes; backing files lie where its header says,
 * beside it where that is relative. A file that cannot be written is a disk that is read only.
 */
export function openDisk(option: string, path: string, options: { readonly readOnly?: boolean } = {}): OpenDisk {
  const files: number[] = [];
  const close = () => {
    for (const file of files.splice(0)) closeSync(file);
  };
  const writable = options.readOnly === true ? undefined : openStore(path, true, files);
  const store = writable ?? openStore(path, false, files);
  if (store === undefined) {
    close();
    throw new BadInput(`${option} '${path}' cannot be read as a file.`);
  }
  const readOnly = writable === undefined;
  if (!isQcow2(store)) return { image: new RawImage(store, { readOnly }), close };
  const opened = openQcow2Chain(store, (name) => openStore(resolve(dirname(path), name), false, files), { readOnly });
  if (!opened.ok) {
    close();
    throw new BadInput(`${option} ${renderQcow2Error(opened.error, `'${path}'`)}`);
  }
  return { image: opened.value, close };
}

/** Most bytes that a copy in memory keeps of what was written. */
const COPY_BYTES_MAX = 1024 * 1024 * 1024;

/** As {@link openDisk}, but the file stays as it is: what is written goes to a copy in memory and is gone in the end. */
export function openDiskCopy(option: string, path: string): OpenDisk {
  const below = openDisk(option, path, { readOnly: true });
  const store = new MemoryStore({ bytesMax: COPY_BYTES_MAX });
  const created = createQcow2(store, { diskBytes: below.image.byteCount, backing: { name: 'the file', format: 'raw' } });
  const opened = created.ok ? openQcow2(store, { backing: below.image }) : created;
  if (opened.ok) return { image: opened.value, close: below.close };
  below.close();
  throw new BadInput(`${option} ${renderQcow2Error(opened.error, `'${path}'`)}`);
}
