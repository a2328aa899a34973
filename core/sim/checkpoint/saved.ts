/**
 * How one object of a process is saved and put back in place: records (plain objects and class
 * instances), arrays, Maps, Sets, typed arrays. Values are kept by identity; what they refer to is saved on
 * its own. A save that would equal the one before is not made: the old one is shared and counted.
 */
import { assert } from '../../base/assert.ts';
import { type CheckpointRules, ruleOf } from '../../base/checkpoint-rule.ts';

/** What was saved of one object. `uses`: checkpoints that hold it. */
export interface Saved {
  readonly kind: SavedKind;
  /** Field names of a record, in order. */
  readonly keys: readonly string[];
  /** Field values, Set elements, or Map entries as key, value, key, value. */
  readonly values: readonly unknown[];
  /** Elements of an array, bytes of a typed array: {@link PIECE_LENGTH} each. */
  readonly pieces: readonly Piece[];
  /** A record of which no field is 'outside'. */
  readonly whole: boolean;
  uses: number;
}

/** A part of a long array, shared by the saves in which it is the same. */
export interface Piece {
  readonly content: Uint8Array | readonly unknown[];
  /** Memory that it takes, with what it keeps alive. Unit: byte. */
  readonly size: number;
  uses: number;
}

export type SavedKind = 'record' | 'array' | 'map' | 'set' | 'bytes';

/** Elements of a piece: of an array, and bytes of a typed array. */
const PIECE_LENGTH = { array: 256, bytes: 4096 } as const;
const NO_KEYS: readonly string[] = [];
const NO_VALUES: readonly unknown[] = [];
const NO_PIECES: readonly Piece[] = [];
/** Estimate of what an object of the engine takes besides its slots. Unit: byte. */
const OBJECT_SIZE = 64;

/** Takes a save into one more checkpoint; gives the bytes that were not held before. */
export function holdSaved(saved: Saved): number {
  if (saved.uses++ > 0) return 0;
  let bytes = ownSize(saved);
  for (const piece of saved.pieces) if (piece.uses++ === 0) bytes += piece.size;
  return bytes;
}

/** Lets go of a save; gives the bytes that nobody holds any more. */
export function releaseSaved(saved: Saved): number {
  assert(saved.uses > 0, 'a save is released as often as it was held');
  if (--saved.uses > 0) return 0;
  let bytes = ownSize(saved);
  for (const piece of saved.pieces) if (--piece.uses === 0) bytes += piece.size;
  return bytes;
}

function ownSize(saved: Saved): number {
  return OBJECT_SIZE + 8 * (saved.values.length + saved.pieces.length);
}

/** Bytes that an immutable element keeps alive: a frame, or an event that carries one. */
function weightOf(element: unknown, depth: number): number {
  if (typeof element !== 'object' || element === null) return 0;
  if (element instanceof Uint8Array) return element.byteLength;
  if (depth === 0) return OBJECT_SIZE;
  return Object.values(element).reduce<number>((sum, it) => sum + weightOf(it, depth - 1), OBJECT_SIZE);
}

/** A save of a plain object or an instance, without its fields 'outside'; `before` again when nothing changed. */
export function saveRecord(
  target: object,
  before: Saved | undefined,
  rules: CheckpointRules | undefined,
): Saved {
  const all = Object.keys(target);
  const keys = rules === undefined ? all : all.filter((key) => ruleOf(rules, key) !== 'outside');
  const whole = keys.length === all.length;
  const record = target as Readonly<Record<string, unknown>>;
  if (before?.kind === 'record' && sameKeys(before.keys, keys)) {
    let same = true;
    for (let index = 0; index < keys.length; index++) {
      if (!Object.is(record[keys[index]!], before.values[index])) {
        same = false;
        break;
      }
    }
    if (same) return before;
    return made('record', before.keys, keys.map((key) => record[key]), whole);
  }
  return made('record', keys, keys.map((key) => record[key]), whole);
}

/** `weighs`: the elements are kept by the save alone, so their memory counts. */
export function saveArray(
  target: readonly unknown[],
  before: Saved | undefined,
  weighs: boolean,
): Saved {
  const sizeOf = (content: readonly unknown[]) =>
    content.reduce<number>((sum, it) => sum + 8 + (weighs ? weightOf(it, 2) : 0), OBJECT_SIZE);
  return savePieces('array', target, before, sameValues, sizeOf);
}

export function saveMap(target: ReadonlyMap<unknown, unknown>, before: Saved | undefined): Saved {
  if (before?.kind === 'map' && before.values.length === 2 * target.size) {
    let at = 0;
    let same = true;
    for (const [key, value] of target) {
      same = Object.is(before.values[at], key) && Object.is(before.values[at + 1], value);
      if (!same) break;
      at += 2;
    }
    if (same) return before;
  }
  const values: unknown[] = [];
  for (const [key, value] of target) values.push(key, value);
  return made('map', NO_KEYS, values);
}

export function saveSet(target: ReadonlySet<unknown>, before: Saved | undefined): Saved {
  const values = [...target];
  const { length } = values;
  if (before?.kind === 'set' && before.values.length === length && sameValues(before.values, values)) {
    return before;
  }
  return made('set', NO_KEYS, values);
}

/** `target`: the bytes behind a typed array, not shared with another thread. */
export function saveBytes(target: Uint8Array, before: Saved | undefined): Saved {
  return savePieces('bytes', target, before, sameBytes, (content) => OBJECT_SIZE + content.length);
}

function savePieces<Content extends Uint8Array | readonly unknown[]>(
  kind: 'array' | 'bytes',
  target: Content,
  before: Saved | undefined,
  isSame: (left: Content, right: Content, start: number) => boolean,
  sizeOf: (content: Content) => number,
): Saved {
  const length = PIECE_LENGTH[kind];
  const count = Math.ceil(target.length / length);
  const old = before?.kind === kind ? before.pieces : NO_PIECES;
  let same = before?.kind === kind && old.length === count;
  const pieces: Piece[] = [];
  for (let index = 0; index < count; index++) {
    const piece = old[index];
    const start = index * length;
    const size = Math.min(length, target.length - start);
    if (piece?.content.length === size && isSame(piece.content as Content, target, start)) {
      pieces.push(piece);
    } else {
      same = false;
      const content = target.slice(start, start + size) as Content;
      pieces.push({ content, size: sizeOf(content), uses: 0 });
    }
  }
  if (same && before !== undefined) return before;
  return { kind, keys: NO_KEYS, values: NO_VALUES, pieces, whole: true, uses: 0 };
}

/** Puts a save back into its object. Fields and elements that are as saved are not written. */
export function putBack(target: object, saved: Saved): void {
  switch (saved.kind) {
    case 'record':
      putBackRecord(target as Record<string, unknown>, saved);
      break;
    case 'array':
      putBackArray(target as unknown[], saved.pieces);
      break;
    case 'map': {
      const map = target as Map<unknown, unknown>;
      if (saveMap(map, saved) === saved) break;
      map.clear();
      for (let at = 0; at < saved.values.length; at += 2) map.set(saved.values[at], saved.values[at + 1]);
      break;
    }
    case 'set': {
      const set = target as Set<unknown>;
      if (saveSet(set, saved) === saved) break;
      set.clear();
      for (const value of saved.values) set.add(value);
      break;
    }
    case 'bytes': {
      const bytes = bytesBehind(target);
      saved.pieces.forEach(({ content }, index) => {
        bytes.set(content as Uint8Array, index * PIECE_LENGTH.bytes);
      });
      break;
    }
  }
}

/** All bytes that a typed array, DataView or ArrayBuffer shows. */
export function bytesBehind(target: object): Uint8Array {
  if (ArrayBuffer.isView(target)) {
    return new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
  }
  return new Uint8Array(target as ArrayBuffer);
}

function putBackRecord(target: Record<string, unknown>, saved: Saved): void {
  const { keys, values } = saved;
  if (saved.whole && !sameKeys(keys, Object.keys(target))) {
    // A record used as a dictionary: the order of its fields is state, for some are walked in it.
    for (const key of Object.keys(target)) delete target[key];
  }
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!;
    if (!Object.hasOwn(target, key) || !Object.is(target[key], values[index])) target[key] = values[index];
  }
}

function putBackArray(target: unknown[], pieces: readonly Piece[]): void {
  let at = 0;
  for (const { content } of pieces) {
    for (let index = 0; index < content.length; index++, at++) {
      if (at >= target.length) target.push(content[index]);
      else if (!Object.is(target[at], content[index])) target[at] = content[index];
    }
  }
  target.length = at;
}

function made(
  kind: SavedKind,
  keys: readonly string[],
  values: readonly unknown[],
  whole = true,
): Saved {
  return { kind, keys, values, pieces: NO_PIECES, whole, uses: 0 };
}

function sameKeys(left: readonly string[], right: readonly string[]): boolean {
  if (left === right) return true;
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}

function sameValues(left: readonly unknown[], right: readonly unknown[], start = 0): boolean {
  for (let index = 0; index < left.length; index++) {
    if (!Object.is(left[index], right[start + index])) return false;
  }
  return true;
}

function sameBytes(left: Uint8Array, right: Uint8Array, start: number): boolean {
  const from = right.byteOffset + start;
  if (left.length % 4 === 0 && from % 4 === 0) {
    const a = new Int32Array(left.buffer, left.byteOffset, left.length >> 2);
    const b = new Int32Array(right.buffer, from, a.length);
    for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
    return true;
  }
  for (let index = 0; index < left.length; index++) {
    if (left[index] !== right[start + index]) return false;
  }
  return true;
}
