/**
 * The root image: an ext4 file system made by e2fsprogs without being mounted, as a qcow2 image that holds only what is
 * not zero. Owners, times and identifiers are fixed, so that the same files give the same image.
 */
import { closeSync, mkdirSync, openSync, readSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type CpioEntry, createQcow2, MemoryStore, openQcow2, renderImageError, renderQcow2Error } from '../../../core/formats/index.ts';
import { GuestsFailure, needTools, outputOf } from './tools.ts';

const MIB = 1024 * 1024;
/** Size of the disk: room for what a workload writes. */
const DISK_BYTES = 128 * MIB;
/** An allocated image of the disk, and its tables. */
const STORE_BYTES_MAX = 2 * DISK_BYTES;
const CLUSTER_BYTES = 64 * 1024;
const IDENTIFIER = '67686f75-7365-4000-8000-000000000001';
/** Of every inode: 1 January 2025. Unit: s since 1970. */
const TIME = 1_735_689_600;

/** The image of these files. */
export function makeRootImage(entries: readonly CpioEntry[], scratch: string): Uint8Array {
  needTools('The root image', ['mke2fs', 'debugfs'], ['e2fsprogs']);
  const tree = join(scratch, 'root');
  const raw = join(scratch, 'root.raw');
  rmSync(tree, { recursive: true, force: true });
  rmSync(raw, { force: true });
  writeTree(entries, tree);
  // The file systems' programs take their time from here, instead of the clock.
  const env = { ...process.env, LC_ALL: 'C', E2FSPROGS_FAKE_TIME: String(TIME), SOURCE_DATE_EPOCH: String(TIME) };
  const options = `root_owner=0:0,hash_seed=${IDENTIFIER},lazy_itable_init=0,lazy_journal_init=0,nodiscard`;
  outputOf('mke2fs', [
    '-q', '-F', '-t', 'ext4', '-b', '4096', '-m', '0', '-N', '2048', '-J', 'size=4', '-L', 'glasshouse', '-U', IDENTIFIER, '-E', options, '-d', tree, raw, `${DISK_BYTES / 1024}k`,
  ], { env });
  const paths = ['/', '/lost+found', ...entries.map(({ name }) => `/${name}`)];
  const lines = paths.flatMap((path) => [
    `sif ${path} uid 0`, `sif ${path} gid 0`, ...['atime', 'ctime', 'mtime', 'crtime'].flatMap((field) => [`sif ${path} ${field} @${TIME}`, `sif ${path} ${field}_extra 0`]),
  ]);
  const commands = join(scratch, 'root.debugfs');
  writeFileSync(commands, `${lines.join('\n')}\n`);
  outputOf('debugfs', ['-w', '-f', commands, raw], { env });
  rmSync(tree, { recursive: true });
  return packImage(raw);
}

function writeTree(entries: readonly CpioEntry[], tree: string): void {
  for (const entry of entries.toSorted((left, right) => (left.name < right.name ? -1 : 1))) {
    const path = join(tree, entry.name);
    mkdirSync(entry.kind === 'folder' ? path : dirname(path), { recursive: true });
    if (entry.kind === 'file') writeFileSync(path, entry.bytes, { mode: entry.mode });
    if (entry.kind === 'link') symlinkSync(entry.target, path);
    if (entry.kind === 'file') utimesSync(path, TIME, TIME);
  }
}

/** A raw image as qcow2; clusters of zeroes take no room. */
function packImage(raw: string): Uint8Array {
  const store = new MemoryStore({ bytesMax: STORE_BYTES_MAX });
  const created = createQcow2(store, { diskBytes: DISK_BYTES });
  if (!created.ok) throw new GuestsFailure(renderQcow2Error(created.error, 'The root image'));
  const image = openQcow2(store);
  if (!image.ok) throw new GuestsFailure(renderQcow2Error(image.error, 'The root image'));
  const file = openSync(raw, 'r');
  try {
    const cluster = new Uint8Array(CLUSTER_BYTES);
    for (let at = 0; at < DISK_BYTES; at += CLUSTER_BYTES) {
      const count = readSync(file, cluster, 0, CLUSTER_BYTES, at);
      cluster.fill(0, count);
      if (cluster.every((byte) => byte === 0)) continue;
      const written = image.value.write(at, cluster);
      if (!written.ok) throw new GuestsFailure(renderImageError(written.error));
    }
    image.value.flush();
  } finally {
    closeSync(file);
  }
  return store.bytes();
}
