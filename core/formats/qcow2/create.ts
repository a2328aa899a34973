/**
 * A new, empty image, and chains of images over their backing files.
 * Standard: QEMU, docs/interop/qcow2.txt.
 */
import { assert } from '../../base/assert.ts';
import { err, ok, type Result } from '../../base/result.ts';
import { type BlockImage, type ByteStore, RawImage } from '../byte-store.ts';
import { L1_BYTES_MAX, type NewHeader, QCOW2_MAGIC, type Qcow2Error, readQcow2Header, writeQcow2Header } from './header.ts';
import { openQcow2, type Qcow2Image } from './image.ts';
import { writeRefcount } from './refcounts.ts';

/** What a new image is like. Defaults as qemu-img's: version 3, clusters of 64 KiB, counts of 16 bits. */
export interface NewImage {
  readonly diskBytes: number;
  readonly version?: 2 | 3;
  readonly clusterBits?: number;
  readonly refcountOrder?: number;
  readonly backing?: { readonly name: string; readonly format: 'raw' | 'qcow2' };
}

/**
 * Writes a new image into an empty store: header, refcount table, one block, L1 table. Refused: a disk
 * whose L1 table would be too large for these clusters, a name that the first cluster does not hold.
 */
export function createQcow2(store: ByteStore, options: NewImage): Result<true, Qcow2Error> {
  const { diskBytes, version = 3, clusterBits = 16, refcountOrder = 4, backing } = options;
  assert(store.size() === 0, 'a new image is written into an empty store');
  assert(version === 3 || refcountOrder === 4, 'version 2 counts with 16 bits');
  const cluster = 2 ** clusterBits;
  const l1Entries = Math.ceil(diskBytes / (cluster * (cluster / 8)));
  if (!Number.isSafeInteger(diskBytes) || diskBytes < 0 || l1Entries * 8 > L1_BYTES_MAX) {
    const expected = `0 to ${(L1_BYTES_MAX / 8) * cluster * (cluster / 8)} with these clusters`;
    return err({ kind: 'out-of-range', field: 'the disk size', found: diskBytes, expected });
  }
  const nameRoom = Math.min(1023, cluster - 128);
  if (backing !== undefined && backing.name.length > nameRoom) {
    const found = backing.name.length;
    return err({ kind: 'out-of-range', field: 'the length of the backing file name', found, expected: `at most ${nameRoom}` });
  }
  // Header, table, block and L1 follow each other; with the smallest clusters a large L1 needs blocks of its own.
  const perBlock = (cluster * 8) / 2 ** refcountOrder;
  const l1Clusters = Math.ceil((l1Entries * 8) / cluster);
  let tables = 1;
  let blocks = 1;
  while (1 + tables + blocks + l1Clusters > blocks * perBlock || blocks * 8 > tables * cluster) {
    if (blocks * 8 >= tables * cluster) tables++;
    else blocks++;
  }
  const header: NewHeader = {
    version, clusterBits, diskBytes, refcountOrder, l1Entries,
    refcountTableOffset: cluster,
    refcountTableClusters: tables,
    l1Offset: (1 + tables + blocks) * cluster,
    ...(backing === undefined ? {} : { backing }),
  };
  const used = 1 + tables + blocks + l1Clusters;
  const table = new Uint8Array(tables * cluster);
  const tableView = new DataView(table.buffer);
  let written = store.write(0, writeQcow2Header(header));
  for (let index = 0; index < blocks; index++) {
    const block = new Uint8Array(cluster);
    const count = Math.min(perBlock, used - index * perBlock);
    for (let at = 0; at < count; at++) writeRefcount(block, refcountOrder, at, 1);
    const offset = (1 + tables + index) * cluster;
    tableView.setUint32(index * 8, Math.floor(offset / 2 ** 32));
    tableView.setUint32(index * 8 + 4, offset % 2 ** 32);
    written = written && store.write(offset, block);
  }
  written = written && store.write(cluster, table) && store.write(header.l1Offset, new Uint8Array(l1Clusters * cluster));
  return written ? ok(true) : err({ kind: 'image', error: { kind: 'store-failed', offset: 0, access: 'write' } });
}

/** Images in a chain at most; a longer one is taken for one that bites its tail. */
export const CHAIN_MAX = 32;

/** Whether a store holds a qcow2 image, by its first four bytes. */
export function isQcow2(store: ByteStore): boolean {
  const magic = new Uint8Array(4);
  return store.read(0, magic) && new DataView(magic.buffer).getUint32(0) === QCOW2_MAGIC;
}

/**
 * Opens an image with the backing files under it, each read only. `find` gives the store of a name as
 * the image says it; undefined: it was not given. A backing file whose format is not told is taken for
 * what its first bytes say: only stores that `find` gives are ever reached.
 */
export function openQcow2Chain(
  store: ByteStore,
  find: (name: string) => ByteStore | undefined,
  options: { readonly readOnly?: boolean } = {},
): Result<Qcow2Image, Qcow2Error> {
  const stores = [store];
  let bottom: BlockImage | undefined;
  for (let at = 0; at < stores.length && bottom === undefined; at++) {
    if (at >= CHAIN_MAX) return err({ kind: 'chain-too-long', maximum: CHAIN_MAX });
    const header = readQcow2Header(stores[at]!);
    if (!header.ok) return header;
    const { backingName: name, backingFormat: format } = header.value;
    if (name === undefined) break;
    const below = find(name);
    if (below === undefined) return err({ kind: 'no-backing', name });
    if (format !== undefined && format !== 'raw' && format !== 'qcow2') {
      return err({ kind: 'unsupported', what: `a backing file of format '${format}'` });
    }
    if (format === 'qcow2' || (format === undefined && isQcow2(below))) stores.push(below);
    else bottom = new RawImage(below, { readOnly: true });
  }
  for (let at = stores.length - 1; at > 0; at--) {
    const opened = openQcow2(stores[at]!, { readOnly: true, ...(bottom === undefined ? {} : { backing: bottom }) });
    if (!opened.ok) return opened;
    bottom = opened.value;
  }
  return openQcow2(store, { ...options, ...(bottom === undefined ? {} : { backing: bottom }) });
}
