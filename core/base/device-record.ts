/**
 * Declared records: a device's state is a table of fields from which saving, loading and hashing are
 * derived. Little endian; a record starts with its version and its size, and is refused when either
 * is not what the table says.
 */
import { assert } from './assert.ts';
import { err, ok, type Result } from './result.ts';

/** A field: how wide, and since which version of the record it exists. `time` is ns or Infinity, 8 bytes. */
export interface FieldRow {
  readonly name: string;
  readonly width: 'u8' | 'u16' | 'u32' | 'u53' | 'time';
  readonly since: number;
}

export type RecordError =
  | { readonly kind: 'record-size'; readonly found: number; readonly expected: number }
  | { readonly kind: 'record-version'; readonly found: number; readonly expected: number }
  | { readonly kind: 'record-value'; readonly field: string; readonly found: number };

/** One sentence for a {@link RecordError}. */
export function recordErrorSentence(error: RecordError): string {
  switch (error.kind) {
    case 'record-size':
      return `A device record has ${error.found} bytes; ${error.expected} were expected.`;
    case 'record-version':
      return `A device record has version ${error.found}; version ${error.expected} was expected.`;
    case 'record-value':
      return `Field ${error.field} of a device record holds ${error.found}, which is out of its range.`;
  }
}

/** Bytes of a field. */
export const FIELD_BYTES = { u8: 1, u16: 2, u32: 4, u53: 8, time: 8 } as const;

/** Bytes of all `fields`. */
export function fieldsSize(fields: readonly FieldRow[]): number {
  return fields.reduce((sum, field) => sum + FIELD_BYTES[field.width], 0);
}

const TIME_NONE = 0xffff_ffff;

/** Writes `values` at `at` as `fields` declare; gives the offset after them. */
export function writeFields<Name extends string>(
  view: DataView,
  at: number,
  fields: readonly (FieldRow & { readonly name: Name })[],
  values: Readonly<Record<Name, number>>,
): number {
  let offset = at;
  for (const field of fields) {
    const value = values[field.name];
    switch (field.width) {
      case 'u8':
        view.setUint8(offset, value);
        break;
      case 'u16':
        view.setUint16(offset, value, true);
        break;
      case 'u32':
        view.setUint32(offset, value, true);
        break;
      case 'u53':
        assert(Number.isSafeInteger(value) && value >= 0, `field ${field.name} is below 2^53`);
        view.setUint32(offset, value % 2 ** 32, true);
        view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
        break;
      case 'time':
        if (value === Infinity) {
          view.setUint32(offset, TIME_NONE, true);
          view.setUint32(offset + 4, TIME_NONE, true);
        } else {
          assert(Number.isSafeInteger(value) && value >= 0, `time ${field.name} is below 2^53`);
          view.setUint32(offset, value % 2 ** 32, true);
          view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
        }
        break;
    }
    offset += FIELD_BYTES[field.width];
  }
  return offset;
}

/** Reads `fields` at `at`; the caller has checked that they lie within the view. */
export function readFields<Name extends string>(
  view: DataView,
  at: number,
  fields: readonly (FieldRow & { readonly name: Name })[],
): Result<Record<Name, number>, RecordError> {
  const values = {} as Record<Name, number>;
  let offset = at;
  for (const field of fields) {
    const low = field.width === 'u8' || field.width === 'u16' ? 0 : view.getUint32(offset, true);
    switch (field.width) {
      case 'u8':
        values[field.name] = view.getUint8(offset);
        break;
      case 'u16':
        values[field.name] = view.getUint16(offset, true);
        break;
      case 'u32':
        values[field.name] = low;
        break;
      case 'u53':
      case 'time': {
        const high = view.getUint32(offset + 4, true);
        const value = high * 2 ** 32 + low;
        if (field.width === 'time' && high === TIME_NONE && low === TIME_NONE) {
          values[field.name] = Infinity;
        } else if (high >= 2 ** 21) {
          return err({ kind: 'record-value', field: field.name, found: value });
        } else values[field.name] = value;
        break;
      }
    }
    offset += FIELD_BYTES[field.width];
  }
  return ok(values);
}
