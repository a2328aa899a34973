/**
 * A snapshot as an ELF core file, and back: RAM as segments, registers where gdb looks for them, and the
 * whole records (head, vCPUs, devices, what devices are made of, files and written pages of disks) in notes named GLASSHOUSE,
 * from which a VM is restored exactly.
 * A core file of other origin has no such notes and is refused by name.
 */
import { err, ok, PAGE_SIZE, type Result } from '../base/index.ts';
import {
  type CoreError, coreErrorSentence, type CoreNote, type CoreSegment, type CoreThread, isCoreFile, readCore, writeCore,
} from '../formats/elf-core.ts';
import {
  decodeHead, decodeSnapshot, encodeHead, type SnapshotDiskPage, type SnapshotImage, snapshotFileErrorSentence,
} from '../formats/snapshot-file.ts';
import { SNAPSHOT_NOTE_NAME as NOTE_NAME, snapshotNote as NOTE } from '../formats/snapshot-notes.ts';
import { hartFieldOffset } from '../machine/index.ts';
import { GUEST_RAM_ADDRESS } from '../memory/index.ts';

/** A run of fewer pages of zeroes is written out, so that there are fewer segments. */
const ZERO_RUN_PAGES = 16;

const ZERO_PAGE = new Uint8Array(PAGE_SIZE);

function threadOf(record: Uint8Array, index: number): CoreThread {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const x = hartFieldOffset('x');
  return {
    id: index + 1,
    pc: view.getBigUint64(hartFieldOffset('pc'), true),
    ...floatOf(view),
    x: Array.from({ length: 31 }, (_, register) => view.getBigUint64(x + 8 * (register + 1), true)),
  };
}

/** The float registers of a record that has them. */
function floatOf(view: DataView): Pick<CoreThread, 'float'> {
  const f = hartFieldOffset('f');
  if (view.byteLength < f + 256) return {};
  return {
    float: {
      f: Array.from({ length: 32 }, (_, register) => view.getBigUint64(f + 8 * register, true)),
      fcsr: view.getUint32(hartFieldOffset('fcsr'), true),
    },
  };
}

/** Runs of pages: with bytes, or (when long enough) of zeroes only. */
function segmentsOf(pages: readonly (Uint8Array | undefined)[]): CoreSegment[] {
  const segments: CoreSegment[] = [];
  const zeroesFrom = (page: number) => {
    let end = page;
    while (end < pages.length && pages[end] === undefined) end++;
    return end - page;
  };
  for (let page = 0; page < pages.length; ) {
    const first = page;
    const physicalAddress = GUEST_RAM_ADDRESS + first * PAGE_SIZE;
    const zeroes = zeroesFrom(page);
    if (zeroes >= ZERO_RUN_PAGES) {
      page += zeroes;
      segments.push({ physicalAddress, pieces: [], memorySize: zeroes * PAGE_SIZE });
      continue;
    }
    const pieces: Uint8Array[] = [];
    while (page < pages.length && zeroesFrom(page) < ZERO_RUN_PAGES) pieces.push(pages[page++] ?? ZERO_PAGE);
    segments.push({ physicalAddress, pieces, memorySize: pieces.length * PAGE_SIZE });
  }
  return segments;
}

/** Number of the disk, number of the page, its 4,096 bytes. */
function diskNote({ disk, page, bytes }: SnapshotDiskPage): Uint8Array {
  const note = new Uint8Array(8 + bytes.length);
  const view = new DataView(note.buffer);
  view.setUint32(0, disk, true);
  view.setUint32(4, page, true);
  note.set(bytes, 8);
  return note;
}

function readDiskNote(bytes: Uint8Array): SnapshotDiskPage | undefined {
  if (bytes.length !== 8 + PAGE_SIZE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { disk: view.getUint32(0, true), page: view.getUint32(4, true), bytes: bytes.subarray(8) };
}

/** The snapshot as an ELF core file. */
export function encodeCore(image: SnapshotImage): Uint8Array {
  const note = (type: number, bytes: Uint8Array): CoreNote => ({ name: NOTE_NAME, type, bytes });
  return writeCore({
    threads: image.vcpus.map(threadOf),
    notes: [
      note(NOTE.head, encodeHead(image.head)),
      ...image.vcpus.map((record) => note(NOTE.vcpu, record)),
      note(NOTE.device, image.device),
      ...(image.machine === undefined ? [] : [note(NOTE.machine, image.machine.record), ...image.machine.files.map((it) => note(NOTE.file, it))]),
      ...(image.disks ?? []).map((it) => note(NOTE.disk, diskNote(it))),
    ],
    segments: segmentsOf(image.pages),
  });
}

/** Why a core file cannot be restored. */
export type CoreFileError =
  | CoreError
  | { readonly kind: 'not-ours' }
  | { readonly kind: 'bad-content'; readonly sentence: string };

/** One sentence for a {@link CoreFileError}. */
export function coreFileErrorSentence(error: CoreFileError): string {
  switch (error.kind) {
    case 'not-ours':
      return `The core file has no note ${NOTE_NAME}: it was not written here, and a VM cannot be restored from it.`;
    case 'bad-content':
      return error.sentence;
    default:
      return coreErrorSentence(error);
  }
}

/** The snapshot in a core file that {@link encodeCore} made; pages are views into `bytes`. Never throws. */
export function decodeCore(bytes: Uint8Array): Result<SnapshotImage, CoreFileError> {
  const core = readCore(bytes);
  if (!core.ok) return core;
  const notes = core.value.notes.filter(({ name }) => name === NOTE_NAME);
  const headNote = notes.find(({ type }) => type === NOTE.head);
  const device = notes.find(({ type }) => type === NOTE.device)?.bytes;
  if (headNote === undefined || device === undefined) return err({ kind: 'not-ours' });
  const head = decodeHead(headNote.bytes);
  if (!head.ok) return err({ kind: 'bad-content', sentence: snapshotFileErrorSentence(head.error) });
  const vcpus = notes.filter(({ type }) => type === NOTE.vcpu).map((note) => note.bytes);
  const { pageCount, vcpuCount } = head.value;
  if (vcpus.length !== vcpuCount) {
    return err({ kind: 'bad-content', sentence: `The core file has ${vcpus.length} vCPUs where its head says ${vcpuCount}.` });
  }
  const pages = pagesOf(core.value.segments, pageCount);
  if (!pages.ok) return pages;
  const disks: SnapshotDiskPage[] = [];
  for (const note of notes.filter(({ type }) => type === NOTE.disk)) {
    const page = readDiskNote(note.bytes);
    if (page === undefined) return err({ kind: 'bad-content', sentence: `The core file has a page of a disk in ${note.bytes.length} bytes.` });
    disks.push(page);
  }
  const record = notes.find(({ type }) => type === NOTE.machine)?.bytes;
  const machine = record === undefined ? {} : { machine: { record, files: notes.filter(({ type }) => type === NOTE.file).map((it) => it.bytes) } };
  return ok({ head: head.value, vcpus, device, pages: pages.value, ...machine, ...(disks.length === 0 ? {} : { disks }) });
}

function pagesOf(segments: readonly CoreSegment[], pageCount: number): Result<(Uint8Array | undefined)[], CoreFileError> {
  const pages = new Array<Uint8Array | undefined>(pageCount).fill(undefined);
  let covered = 0;
  for (const { physicalAddress, pieces, memorySize } of segments) {
    const first = (physicalAddress - GUEST_RAM_ADDRESS) / PAGE_SIZE;
    const fits = Number.isInteger(first) && first === covered && memorySize % PAGE_SIZE === 0 && first + memorySize / PAGE_SIZE <= pageCount;
    const bytes = pieces[0];
    if (!fits || (bytes !== undefined && bytes.length !== memorySize)) {
      return err({ kind: 'bad-content', sentence: `The core file has a segment of ${memorySize} bytes at 0x${physicalAddress.toString(16)}, where ${pageCount} pages of RAM from 0x${GUEST_RAM_ADDRESS.toString(16)} go on in another way.` });
    }
    covered += memorySize / PAGE_SIZE;
    if (bytes === undefined) continue;
    for (let page = first; page < covered; page++) {
      const at = (page - first) * PAGE_SIZE;
      pages[page] = bytes.subarray(at, at + PAGE_SIZE);
    }
  }
  if (covered === pageCount) return ok(pages);
  return err({ kind: 'bad-content', sentence: `The core file has ${covered} of ${pageCount} pages of RAM.` });
}

/** Whether bytes are a snapshot of either form: an ELF core, or the file that a snapshot is drained into. */
export function isSnapshotBytes(bytes: Uint8Array): boolean {
  return isCoreFile(bytes) || (bytes[0] === 0x53 && bytes[1] === 0x46);
}

/** A snapshot from bytes of either form; the error is one sentence. */
export function readSnapshotBytes(bytes: Uint8Array): Result<SnapshotImage, string> {
  if (isCoreFile(bytes)) {
    const core = decodeCore(bytes);
    return core.ok ? core : err(coreFileErrorSentence(core.error));
  }
  const image = decodeSnapshot(bytes);
  return image.ok ? image : err(snapshotFileErrorSentence(image.error));
}
