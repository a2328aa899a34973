/**
 * What the agents of pods say to each other: records of numbers in Ethernet frames of the type that IEEE 802 keeps for
 * local experiments. A frame holds the records of one beat.
 *
 *   destination 6 │ source 6 │ 0x88b5 │ 'GP' │ u16 records │ record: 12 × f64, little endian │ …
 */
import { assert } from '../../base/index.ts';
import { localMac } from '../../network/index.ts';

/** IEEE Std 802, Local Experimental EtherType 1. */
export const AGENT_ETHERTYPE = 0x88b5;
const MAGIC = 0x4750;
const HEAD_BYTES = 18;
const FIELD_COUNT = 12;
const RECORD_BYTES = FIELD_COUNT * 8;
/** Records of one frame: jumbo frames of 9,000 bytes. */
export const RECORDS_PER_FRAME = Math.floor((9_014 - HEAD_BYTES) / RECORD_BYTES);

/** Kinds of records. */
export const recordKind = { ask: 1, offer: 2, refuse: 3, grant: 4, taken: 5, void: 6, cancel: 7, traffic: 8, advert: 9 } as const;

/** One record: a kind and up to eleven numbers. */
export type AgentRecord = readonly number[];

/** The records as one frame. */
export function agentFrame(source: number, destination: number, records: readonly AgentRecord[]): Uint8Array {
  assert(records.length >= 1 && records.length <= RECORDS_PER_FRAME, 'a frame holds its records');
  const bytes = new Uint8Array(HEAD_BYTES + records.length * RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  writeMac(view, 0, localMac(destination + 1));
  writeMac(view, 6, localMac(source + 1));
  view.setUint16(12, AGENT_ETHERTYPE);
  view.setUint16(14, MAGIC);
  view.setUint16(16, records.length);
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!;
    assert(record.length <= FIELD_COUNT, 'a record has at most twelve fields');
    for (let field = 0; field < record.length; field++) {
      view.setFloat64(HEAD_BYTES + index * RECORD_BYTES + field * 8, record[field]!, true);
    }
  }
  return bytes;
}

/** The records of a frame; none for a frame of another kind. */
export function readAgentFrame(bytes: Uint8Array): AgentRecord[] {
  if (!isAgentFrame(bytes)) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint16(16);
  if (bytes.length < HEAD_BYTES + count * RECORD_BYTES) return [];
  const records: AgentRecord[] = [];
  for (let at = HEAD_BYTES; records.length < count; at += RECORD_BYTES) {
    const record: number[] = [];
    for (let field = 0; field < FIELD_COUNT; field++) record.push(view.getFloat64(at + field * 8, true));
    records.push(record);
  }
  return records;
}

/** Whether a frame is one of these. */
export function isAgentFrame(bytes: Uint8Array): boolean {
  if (bytes.length < HEAD_BYTES) return false;
  return bytes[12] === AGENT_ETHERTYPE >> 8 && bytes[13] === (AGENT_ETHERTYPE & 0xff) && bytes[14] === MAGIC >> 8 && bytes[15] === (MAGIC & 0xff);
}

function writeMac(view: DataView, at: number, mac: number): void {
  view.setUint16(at, Math.floor(mac / 0x1_0000_0000));
  view.setUint32(at + 2, mac % 0x1_0000_0000);
}
