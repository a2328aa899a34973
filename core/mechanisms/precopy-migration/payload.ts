/** Payloads of records: a virtual time (8 bytes, little endian, below 2^53), or a sentence (Latin-1). */
import { assert } from '../../base/index.ts';

/** Bytes of `timeNs`. */
export function timeBytes(timeNs: number): Uint8Array {
  assert(Number.isSafeInteger(timeNs) && timeNs >= 0, 'a time on the wire is below 2^53');
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, timeNs % 2 ** 32, true);
  view.setUint32(4, Math.floor(timeNs / 2 ** 32), true);
  return bytes;
}

/** The time in a payload; −1 when the payload is not 8 bytes. */
export function readTime(payload: Uint8Array): number {
  if (payload.length !== 8) return -1;
  const view = new DataView(payload.buffer, payload.byteOffset, 8);
  return view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
}

/** A sentence as bytes, cut at what a refuse record carries. */
export function sentenceBytes(text: string): Uint8Array {
  return Uint8Array.from(text.slice(0, 1000), (character) => character.charCodeAt(0) & 0xff);
}

/** The sentence in a payload. */
export function readSentence(payload: Uint8Array): string {
  let text = '';
  for (const byte of payload) text += String.fromCharCode(byte);
  return text;
}
