/**
 * What a snapshot's ELF core says of itself besides memory and registers: notes named GLASSHOUSE. Their names
 * and types, and the head alone, for whoever only lists snapshots.
 */
import { err, ok, type Result } from '../base/index.ts';
import { coreErrorSentence, readCore } from './elf-core.ts';
import { decodeHead, type SnapshotHead, snapshotFileErrorSentence } from './snapshot-file.ts';

export const SNAPSHOT_NOTE_NAME = 'GLASSHOUSE';
/** Far from the types that debuggers know: those they would take for registers, whatever the name says. */
export const snapshotNote = { head: 0x4753_0001, vcpu: 0x4753_0002, device: 0x4753_0003, disk: 0x4753_0004 } as const;

/** The head of the snapshot in a core file; the error is one sentence. Never throws. */
export function readSnapshotHead(bytes: Uint8Array): Result<SnapshotHead, string> {
  const core = readCore(bytes);
  if (!core.ok) return err(coreErrorSentence(core.error));
  const note = core.value.notes.find(({ name, type }) => name === SNAPSHOT_NOTE_NAME && type === snapshotNote.head);
  if (note === undefined) return err(`The core file has no note ${SNAPSHOT_NOTE_NAME}: it was not written here, and a VM cannot be restored from it.`);
  const head = decodeHead(note.bytes);
  return head.ok ? ok(head.value) : err(snapshotFileErrorSentence(head.error));
}
