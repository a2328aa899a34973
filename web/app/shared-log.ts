/**
 * A command log as part of a link: the entries as JSON, compressed, in the letters that an address may hold. Read
 * with bounds, for a link may come from anywhere; what the commands mean is for the run to judge.
 */
import type { LoggedCommand } from '../../core/protocol/command.ts';

/** Longest text of a log in a link: addresses of a few thousand characters pass everywhere. */
export const LOG_TEXT_MAX = 6_000;
/** Most bytes that such a text may grow to: a small text of repetitions must not fill the memory. */
const LOG_BYTES_MAX = 1 << 20;

/** The log as text of letters, digits, - and _; '' for an empty one. */
export async function encodeLog(log: readonly LoggedCommand[]): Promise<string> {
  if (log.length === 0) return '';
  const entries = log.map(({ atNs, command }) => [atNs, command]);
  const stream = new Blob([JSON.stringify(entries)]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** The log in a link's text; undefined when it is none. */
export async function decodeLog(text: string): Promise<readonly LoggedCommand[] | undefined> {
  if (text === '') return [];
  if (text.length > LOG_TEXT_MAX || !/^[\w-]+$/.test(text)) return undefined;
  try {
    const packed = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
    const bytes = await unpacked(packed);
    if (bytes === undefined) return undefined;
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (!Array.isArray(value)) return undefined;
    const pairs: unknown[] = value;
    if (!pairs.every((pair) => Array.isArray(pair) && pair.length === 2)) return undefined;
    return (pairs as readonly (readonly [number, LoggedCommand['command']])[]).map(([atNs, command], sequence) => ({ atNs, sequence, command }));
  } catch {
    return undefined; // damaged on its way: not base64, not deflate, not JSON
  }
}

async function unpacked(packed: Uint8Array<ArrayBuffer>): Promise<Uint8Array | undefined> {
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const pieces: Uint8Array[] = [];
  let byteCount = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    byteCount += value.length;
    if (byteCount > LOG_BYTES_MAX) {
      await reader.cancel();
      return undefined;
    }
    pieces.push(value);
  }
  const bytes = new Uint8Array(byteCount);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
