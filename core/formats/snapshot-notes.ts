/**
 * What a snapshot's ELF core says of itself besides memory and registers: notes named GLASSHOUSE. Their names
 * and types, and the head alone, for whoever only lists snapshots.
 */
import { err, ok, type Result } from '../base/index.ts';
import { coreErrorSentence, readCore } from './elf-core.ts';
import { decodeHead, type SnapshotHead, snapshotFileErrorSentence } from './snapshot-file.ts';

export const SNAPSHOT_NOTE_NAME = 'GLASSHOUSE';
/** Far from the types that debuggers know: those they would take for registers, whatever the name says. */
export const snapshotNote = {
  head: 0x4753_0001, vcpu: 0x4753_0002, device: 0x4753_0003, disk: 0x4753_0004, machine: 0x4753_0005, file: 0x4753_0006,
} as const;

/** What a list of snapshots tells of one. */
export interface SnapshotAbout {
  readonly head: SnapshotHead;
  /** Whether it brings devices and disks of its VM. */
  readonly hasMachine: boolean;
}

/** The head of the snapshot in a core file; the error is one sentence. Never throws. */
export function readSnapshotHead(bytes: Uint8Array): Result<SnapshotHead, string> {
  const about = readSnapshotAbout(bytes);
  return about.ok ? ok(about.value.head) : about;
}

/** The same, and what else it brings. */
export function readSnapshotAbout(bytes: Uint8Array): Result<SnapshotAbout, string> {
  const core = readCore(bytes);
  if (!core.ok) return err(coreErrorSentence(core.error));
  const notes = core.value.notes.filter(({ name }) => name === SNAPSHOT_NOTE_NAME);
  const note = notes.find(({ type }) => type === snapshotNote.head);
  if (note === undefined) return err(`The core file has no note ${SNAPSHOT_NOTE_NAME}: it was not written here, and a VM cannot be restored from it.`);
  const head = decodeHead(note.bytes);
  if (!head.ok) return err(snapshotFileErrorSentence(head.error));
  return ok({ head: head.value, hasMachine: notes.some(({ type }) => type === snapshotNote.machine) });
}
