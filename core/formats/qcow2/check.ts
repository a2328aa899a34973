/**
 * Holds an image's reference counts against what refers to its clusters, as `qemu-img check` does:
 * header, tables, blocks, content, compressed content, snapshots. Where a count is too large, clusters
 * are lost (a leak); too small, content may be overwritten (damage). Bounded by the size of the file.
 * Left out: persistent bitmaps (refused by name), overlaps of metadata beyond what counts tell.
 */
import { err, ok, type Result } from '../../base/result.ts';
import type { ByteStore } from '../byte-store.ts';
import { decodeEntry } from './entry.ts';
import { type Qcow2Error, type Qcow2Header, readQcow2Header } from './header.ts';
import { Refcounts } from './refcounts.ts';

/** What a check found. Counts of clusters or entries. */
export interface Qcow2Check {
  /** Clusters counted more often than something refers to them. */
  readonly leaks: number;
  /** Clusters counted less often, references outside the file or out of place. */
  readonly damages: number;
  /** Entries whose COPIED flag is not what the count says. */
  readonly flagFaults: number;
  /** Guest clusters with content of their own. */
  readonly allocated: number;
}

/** Largest file that is checked: its counts are held in memory, two bytes a cluster. */
const CLUSTERS_MAX = 1 << 22;
const COUNT_MAX = 0xffff;

interface Walk {
  readonly store: ByteStore;
  readonly header: Qcow2Header;
  readonly cluster: number;
  readonly counts: Uint16Array;
  damages: number;
  allocated: number;
  /** COPIED flags seen in the active tables: cluster and flag. */
  readonly flags: { readonly cluster: number; readonly copied: boolean }[];
}

/** Counts one reference to each cluster that a byte range meets. */
function refer(walk: Walk, offset: number, byteCount: number): void {
  if (byteCount === 0) return;
  const last = Math.floor((offset + byteCount - 1) / walk.cluster);
  for (let at = Math.floor(offset / walk.cluster); at <= last; at++) {
    if (at >= walk.counts.length) {
      walk.damages++;
      return;
    }
    if (walk.counts[at]! < COUNT_MAX) walk.counts[at]!++;
  }
}

function bytesAt(walk: Walk, offset: number, byteCount: number): Uint8Array {
  const bytes = new Uint8Array(byteCount);
  if (!walk.store.read(offset, bytes)) walk.damages++;
  return bytes;
}

function walkTable(walk: Walk, offset: number, active: boolean): void {
  const table = bytesAt(walk, offset, walk.cluster);
  for (let at = 0; at < walk.cluster; at += 8) {
    const entry = decodeEntry(table, at, walk.header);
    if (entry.kind === 'absent') continue;
    if (entry.kind === 'compressed') {
      refer(walk, entry.offset, entry.byteCount);
      if (active) walk.allocated++;
      continue;
    }
    if (entry.offset === 0) continue;
    if (entry.offset % walk.cluster !== 0) {
      walk.damages++;
      continue;
    }
    refer(walk, entry.offset, walk.cluster);
    if (!active) continue;
    walk.allocated++;
    walk.flags.push({ cluster: entry.offset / walk.cluster, copied: entry.copied });
  }
}

function walkL1(walk: Walk, offset: number, entries: number, active: boolean): void {
  refer(walk, offset, entries * 8);
  const l1 = bytesAt(walk, offset, entries * 8);
  for (let at = 0; at < l1.length; at += 8) {
    const view = new DataView(l1.buffer);
    const table = (view.getUint32(at) & 0x00ff_ffff) * 2 ** 32 + Math.floor(view.getUint32(at + 4) / 512) * 512;
    if (table === 0) continue;
    if (table % walk.cluster !== 0 || table >= walk.counts.length * walk.cluster) {
      walk.damages++;
      continue;
    }
    refer(walk, table, walk.cluster);
    if (active) walk.flags.push({ cluster: table / walk.cluster, copied: view.getUint32(at) >>> 31 === 1 });
    walkTable(walk, table, active);
  }
}

/** Entries of the snapshot table: "Snapshots". Stops at the first one that lies outside the file. */
function walkSnapshots(walk: Walk): void {
  const { snapshotCount, snapshotsOffset } = walk.header;
  const size = walk.store.size();
  let at = snapshotsOffset;
  for (let index = 0; index < snapshotCount; index++) {
    const view = new DataView(bytesAt(walk, at, 40).buffer);
    const l1Offset = view.getUint32(0) * 2 ** 32 + view.getUint32(4);
    const entries = view.getUint32(8);
    const length = 40 + view.getUint32(36) + view.getUint16(12) + view.getUint16(14);
    at += Math.ceil(length / 8) * 8;
    if (at > size || l1Offset + entries * 8 > size || l1Offset % walk.cluster !== 0) {
      walk.damages++;
      return;
    }
    walkL1(walk, l1Offset, entries, false);
  }
  refer(walk, snapshotsOffset, at - snapshotsOffset);
}

function walkRefcountTable(walk: Walk): void {
  const { refcountTableOffset: offset, refcountTableClusters } = walk.header;
  refer(walk, offset, refcountTableClusters * walk.cluster);
  const table = bytesAt(walk, offset, refcountTableClusters * walk.cluster);
  const view = new DataView(table.buffer);
  for (let at = 0; at < table.length; at += 8) {
    const block = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
    if (block === 0) continue;
    if (block % walk.cluster !== 0) walk.damages++;
    else refer(walk, block, walk.cluster);
  }
}

/** Checks an image; its backing files are not looked at. */
export function checkQcow2(store: ByteStore): Result<Qcow2Check, Qcow2Error> {
  const read = readQcow2Header(store);
  if (!read.ok) return read;
  const header = read.value;
  const cluster = 2 ** header.clusterBits;
  if (header.hasBitmaps) return err({ kind: 'unsupported', what: 'checking persistent bitmaps' });
  const clusters = Math.ceil(store.size() / cluster);
  if (clusters > CLUSTERS_MAX) {
    return err({ kind: 'out-of-range', field: 'the number of clusters', found: clusters, expected: `at most ${CLUSTERS_MAX}` });
  }
  const refcounts = Refcounts.open(store, {
    clusterBits: header.clusterBits,
    order: header.refcountOrder,
    tableOffset: header.refcountTableOffset,
    tableClusters: header.refcountTableClusters,
    l1Offset: header.l1Offset,
    l1Bytes: header.l1Entries * 8,
  });
  if (refcounts === undefined) return err({ kind: 'image', error: { kind: 'store-failed', offset: 0, access: 'read' } });
  const walk: Walk = { store, header, cluster, counts: new Uint16Array(clusters), damages: 0, allocated: 0, flags: [] };
  refer(walk, 0, cluster);
  walkRefcountTable(walk);
  walkL1(walk, header.l1Offset, header.l1Entries, true);
  if (header.snapshotCount > 0) walkSnapshots(walk);
  return ok(compare(walk, refcounts));
}

function compare(walk: Walk, refcounts: Refcounts): Qcow2Check {
  let { damages } = walk;
  let leaks = 0;
  const stored = (cluster: number): number => {
    const count = refcounts.get(cluster);
    return count.ok ? count.value : -1;
  };
  for (let at = 0; at < walk.counts.length; at++) {
    const count = stored(at);
    if (count < walk.counts[at]!) damages++;
    else if (count > walk.counts[at]!) leaks++;
  }
  const flagFaults = walk.flags.filter(({ cluster, copied }) => copied !== (stored(cluster) === 1)).length;
  return { leaks, damages, flagFaults, allocated: walk.allocated };
}
