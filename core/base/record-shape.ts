/**
 * Records with texts, lists and ranges: what a device model saves and takes over on another host. A shape
 * is a table of fields and of lists of rows; saving, loading and refusing are derived from it. All little
 * endian:
 *
 *   0 u16 version   2 u16 reserved, 0   4 u32 bytes of the whole record   8 fields, then lists
 *   a list is a u32 count and its rows; 'bytes' are a u32 count and the bytes
 *
 * A record is checked wholly before anything of it is used. A row that is newer than the record is 0, empty
 * or false.
 */
import { assert } from './assert.ts';
import type { RecordError } from './device-record.ts';
import { err, ok, type Result } from './result.ts';

export type { RecordError };

/** Widths and what they are in TypeScript. `address`: a whole number up to 2^64 as a double holds it. */
interface Widths {
  readonly flag: boolean;
  readonly u8: number;
  readonly u16: number;
  readonly u32: number;
  readonly u53: number;
  readonly time: number; // ns, or Infinity
  readonly address: number;
  readonly u64: bigint;
  readonly bytes: Uint8Array;
}

/** A field. `max`: its greatest value, or the greatest number of bytes; as wide as it is where missing. */
export interface RecordRow {
  readonly name: string;
  readonly width: keyof Widths;
  readonly since: number;
  readonly max?: number;
}

/** A list of rows, at most `max`. */
export interface RecordList {
  readonly name: string;
  readonly since: number;
  readonly max: number;
  readonly rows: readonly RecordRow[];
}

/** What a record holds. `name` goes before the name of a field in errors. */
export interface RecordShape {
  readonly name: string;
  readonly version: number;
  readonly fields: readonly RecordRow[];
  readonly lists?: readonly RecordList[];
}

type RowValues<Rows extends readonly RecordRow[]> = {
  readonly [Row in Rows[number] as Row['name']]: Widths[Row['width']];
};
type ListValues<Lists> = Lists extends readonly RecordList[]
  ? { readonly [List in Lists[number] as List['name']]: readonly RowValues<List['rows']>[] }
  : unknown;
/** Fields and lists of a shape by name. */
export type RecordValues<Shape extends RecordShape> = RowValues<Shape['fields']> & ListValues<Shape['lists']>;

/** Something whose state travels as a record. */
export interface Recorded {
  /** The whole state, for a model that was made alike. */
  saveRecord(): Uint8Array;
  /** Checks a record and changes nothing; gives what takes it over and sets the wires that follow from it. */
  openRecord(bytes: Uint8Array): Result<() => void, RecordError>;
}

/** Takes a record over, or changes nothing. */
export function loadRecord(device: Recorded, bytes: Uint8Array): Result<undefined, RecordError> {
  const opened = device.openRecord(bytes);
  if (!opened.ok) return opened;
  opened.value();
  return ok(undefined);
}

/** The error for a field that a device itself refuses. */
export function wrongField(shape: RecordShape, field: string, found: number): { readonly ok: false; readonly error: RecordError } {
  return err({ kind: 'record-value', field: `${shape.name}.${field}`, found });
}

const HEADER_BYTES = 8;
const TIME_NONE = 0xffff_ffff;
type Value = boolean | number | bigint | Uint8Array;
type Row = Readonly<Record<string, Value>>;

/** Bytes of a value besides those of 'bytes' themselves. */
const WIDTH_BYTES: Readonly<Record<keyof Widths, number>> = {
  flag: 1, u8: 1, u16: 2, u32: 4, u53: 8, time: 8, address: 8, u64: 8, bytes: 4,
};

// ── Writing ─────────────────────────────────────────────────────────────────────────────────────

function rowBytes(rows: readonly RecordRow[], values: Row): number {
  let sum = 0;
  for (const { name, width } of rows) {
    sum += WIDTH_BYTES[width] + (width === 'bytes' ? (values[name] as Uint8Array).length : 0);
  }
  return sum;
}

function writeValue(view: DataView, at: number, { name, width, max }: RecordRow, value: Value): number {
  if (width === 'bytes') {
    const bytes = value as Uint8Array;
    assert(bytes.length <= (max ?? Infinity), `field ${name} holds what it may`);
    view.setUint32(at, bytes.length, true);
    new Uint8Array(view.buffer, at + 4, bytes.length).set(bytes);
    return at + 4 + bytes.length;
  }
  if (width === 'u64') {
    view.setBigUint64(at, value as bigint, true);
    return at + 8;
  }
  const number = Number(value);
  const isNever = width === 'time' && number === Infinity;
  assert(isNever || (Number.isInteger(number) && number >= 0 && number <= (max ?? 2 ** 64)), `field ${name} holds what it may`);
  if (width === 'flag' || width === 'u8') view.setUint8(at, number);
  else if (width === 'u16') view.setUint16(at, number, true);
  else if (width === 'u32') view.setUint32(at, number, true);
  else if (width === 'address') view.setFloat64(at, number, true);
  else {
    assert(isNever || Number.isSafeInteger(number), `field ${name} is below 2^53`);
    view.setUint32(at, isNever ? TIME_NONE : number % 2 ** 32, true);
    view.setUint32(at + 4, isNever ? TIME_NONE : Math.floor(number / 2 ** 32), true);
  }
  return at + WIDTH_BYTES[width];
}

function writeRow(view: DataView, at: number, rows: readonly RecordRow[], values: Row): number {
  let next = at;
  for (const row of rows) next = writeValue(view, next, row, values[row.name]!);
  return next;
}

/** A record of the newest version. */
export function encodeRecord<Shape extends RecordShape>(shape: Shape, values: RecordValues<Shape>): Uint8Array {
  const fields = values as unknown as Row;
  const rowsOf = (list: RecordList) => (values as unknown as Readonly<Record<string, readonly Row[]>>)[list.name]!;
  const lists = shape.lists ?? [];
  let size = HEADER_BYTES + rowBytes(shape.fields, fields);
  for (const list of lists) size += 4 + rowsOf(list).reduce((sum, row) => sum + rowBytes(list.rows, row), 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, shape.version, true);
  view.setUint32(4, size, true);
  let at = writeRow(view, HEADER_BYTES, shape.fields, fields);
  for (const list of lists) {
    const rows = rowsOf(list);
    assert(rows.length <= list.max, `list ${list.name} holds what it may`);
    view.setUint32(at, rows.length, true);
    at += 4;
    for (const row of rows) at = writeRow(view, at, list.rows, row);
  }
  return bytes;
}

// ── Reading ─────────────────────────────────────────────────────────────────────────────────────

interface Reader {
  readonly shape: RecordShape;
  readonly view: DataView;
  readonly version: number;
  at: number;
}

/** Passes `byteCount` bytes; gives where they begin. */
function pass(reader: Reader, byteCount: number): Result<number, RecordError> {
  const { at, view } = reader;
  if (at + byteCount > view.byteLength) {
    return err({ kind: 'record-size', found: view.byteLength, expected: at + byteCount });
  }
  reader.at += byteCount;
  return ok(at);
}

const NOTHING: Readonly<Record<keyof Widths, Value>> = {
  flag: false, u8: 0, u16: 0, u32: 0, u53: 0, time: 0, address: 0, u64: 0n, bytes: new Uint8Array(0),
};

function readValue(reader: Reader, row: RecordRow): Result<Value, RecordError> {
  const { view, shape } = reader;
  const { name, width } = row;
  if (row.since > reader.version) return ok(NOTHING[width]);
  const place = pass(reader, WIDTH_BYTES[width]);
  if (!place.ok) return place;
  const at = place.value;
  if (width === 'u64') return ok(view.getBigUint64(at, true));
  if (width === 'bytes') {
    const count = view.getUint32(at, true);
    if (count > (row.max ?? Infinity)) return wrongField(shape, name, count);
    const start = pass(reader, count);
    if (!start.ok) return start;
    return ok(new Uint8Array(view.buffer, view.byteOffset + start.value, count).slice());
  }
  const found = readNumber(view, at, width);
  const most = row.max ?? (width === 'flag' ? 1 : width === 'address' ? 2 ** 64 : Number.MAX_SAFE_INTEGER);
  const isSound = (width === 'time' && found === Infinity) || (Number.isInteger(found) && found >= 0 && found <= most);
  if (!isSound) return wrongField(shape, name, found);
  // Minus zero, which only bytes of a double can hold, is zero.
  return ok(width === 'flag' ? found === 1 : found + 0);
}

function readNumber(view: DataView, at: number, width: keyof Widths): number {
  if (width === 'flag' || width === 'u8') return view.getUint8(at);
  if (width === 'u16') return view.getUint16(at, true);
  if (width === 'u32') return view.getUint32(at, true);
  if (width === 'address') return view.getFloat64(at, true);
  const low = view.getUint32(at, true);
  const high = view.getUint32(at + 4, true);
  return width === 'time' && low === TIME_NONE && high === TIME_NONE ? Infinity : high * 2 ** 32 + low;
}

function readRow(reader: Reader, rows: readonly RecordRow[]): Result<Record<string, Value>, RecordError> {
  const values: Record<string, Value> = {};
  for (const row of rows) {
    const value = readValue(reader, row);
    if (!value.ok) return value;
    values[row.name] = value.value;
  }
  return ok(values);
}

/** The values of a record of a known version, each in its range; never throws. */
export function decodeRecord<Shape extends RecordShape>(shape: Shape, bytes: Uint8Array): Result<RecordValues<Shape>, RecordError> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES) return err({ kind: 'record-size', found: bytes.length, expected: HEADER_BYTES });
  const version = view.getUint16(0, true);
  if (version < 1 || version > shape.version) return err({ kind: 'record-version', found: version, expected: shape.version });
  if (view.getUint16(2, true) !== 0) return wrongField(shape, 'reserved', view.getUint16(2, true));
  const said = view.getUint32(4, true);
  if (said !== bytes.length) return err({ kind: 'record-size', found: bytes.length, expected: said });
  const reader: Reader = { shape, view, version, at: HEADER_BYTES };
  const read = readRow(reader, shape.fields);
  if (!read.ok) return read;
  const values: Record<string, unknown> = read.value;
  for (const list of shape.lists ?? []) {
    const rows = readList(reader, list);
    if (!rows.ok) return rows;
    values[list.name] = rows.value;
  }
  if (reader.at !== bytes.length) return err({ kind: 'record-size', found: bytes.length, expected: reader.at });
  return ok(values as RecordValues<Shape>);
}

function readList(reader: Reader, list: RecordList): Result<Row[], RecordError> {
  if (list.since > reader.version) return ok([]);
  const place = pass(reader, 4);
  if (!place.ok) return place;
  const count = reader.view.getUint32(place.value, true);
  if (count > list.max) return wrongField(reader.shape, list.name, count);
  const rows: Row[] = [];
  for (let index = 0; index < count; index++) {
    const row = readRow(reader, list.rows);
    if (!row.ok) return row;
    rows.push(row.value);
  }
  return ok(rows);
}
