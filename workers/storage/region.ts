/**
 * A region of bytes that survives: what the blob store stands on. In a browser one file of the origin private
 * file system, open for one worker alone (opfs-region.ts); in Node a file; in tests memory that can lose power.
 * Synchronous, so that also a worker that never returns to its event loop can use it.
 */

/** Why something was not kept or found; `sentence` says it to a person, with what to do. */
export interface StorageRefusal {
  readonly kind:
    | 'no-storage' //     the browser offers none
    | 'busy' //           somebody else has the region open
    | 'quota' //          the browser gives no more room
    | 'bound' //          the store's own bound is reached
    | 'too-many' //       the directory is full
    | 'bad-name'
    | 'no-such-blob'
    | 'damaged' //        bytes are not what was written
    | 'failed'; //        anything else that the platform says
  readonly sentence: string;
}

/** See the file's head. `at` and sizes in bytes. What fails says so; nothing is thrown. */
export interface Region {
  size(): number;
  /** Fills `into` from `at` on; bytes beyond the end read as zeroes. */
  read(at: number, into: Uint8Array): StorageRefusal | undefined;
  /** Writes all of `bytes`, growing the region; on failure some of them may be there. */
  write(at: number, bytes: Uint8Array): StorageRefusal | undefined;
  /** All that was written before survives from here on. */
  flush(): StorageRefusal | undefined;
  truncate(byteCount: number): StorageRefusal | undefined;
  close(): void;
}
