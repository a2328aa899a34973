/**
 * Fills a 16-byte operation of a decoded page from its instruction word: handler, register offsets,
 * immediate (layout in core/protocol/host-memory-layout.ts). Left out: 16-bit encodings (the C
 * extension).
 */
import { assert } from '../base/assert.ts';
import { decode, hasRounding, operandsOf } from '../isa/decode.ts';
import { INSTRUCTIONS } from '../isa/table/index.ts';
import type { Extension, Row } from '../isa/table/row.ts';
import { DECODED_STRIDE, hartOffset } from '../protocol/host-memory-layout.ts';
import { fixedHandler, makeHandlerTable } from './handler-table.ts';

/** Bytes of an operation. */
export const OPERATION_SIZE = 16;
/** Operations of a page before its sentinel: one for each 2-byte parcel. */
export const OPERATION_COUNT = 2048;

const HANDLERS = makeHandlerTable(INSTRUCTIONS);

/** Which operation to fill, and where its instruction word is. All are addresses in the view. */
export interface OperationPlace {
  readonly page: number; //         of the decoded page
  readonly operation: number; //    of the operation, inside `page`
  readonly frameAddress: number; // of the 4 KiB frame that `page` was decoded from
  /** Extensions of the harts that run the page; rows of others are illegal. */
  readonly extensions: ReadonlySet<Extension>;
}

/**
 * Fills the operation at `place.operation` from the word in the frame. The slot after the last one
 * becomes the sentinel that goes on to the next page. The same frame bytes and extensions always
 * give the same operation.
 */
export function decodeOperation(view: DataView, place: OperationPlace): void {
  const offset = place.operation - place.page;
  assert(
    offset >= 0 && offset <= OPERATION_COUNT * OPERATION_SIZE && offset % OPERATION_SIZE === 0,
    'an operation lies at a slot of its decoded page',
  );
  if (offset === OPERATION_COUNT * OPERATION_SIZE) {
    view.setUint16(place.operation, fixedHandler.nextPage, true);
    return;
  }
  const pageOffset = offset >>> 3; // 16 bytes of operation for 2 bytes of code
  assert(
    pageOffset % 4 === 0,
    'instructions start at multiples of 4 while there is no C extension',
  );
  const word = view.getUint32(place.frameAddress + pageOffset, true);
  const row = decode(word);
  const isKnown = row !== undefined && place.extensions.has(row.extension);
  writeOperation(view, place.operation, { pageOffset, word, row: isKnown ? row : undefined });
}

/** Makes every operation of the decoded page at `page` undecoded. */
export function clearDecodedPage(bytes: Uint8Array, page: number): void {
  bytes.fill(0, page, page + DECODED_STRIDE);
}

function writeOperation(
  view: DataView,
  operation: number,
  { pageOffset, word, row }: { pageOffset: number; word: number; row: Row | undefined },
): void {
  if (row === undefined) {
    writeFields(view, operation, {
      handler: fixedHandler.illegal,
      immediate: word,
      isUnsigned: true,
    });
    return;
  }
  const operands = operandsOf(row, word);
  const register = (place: number, number: number) =>
    (row.registers?.[place] === 'f' ? hartOffset.f : hartOffset.x) + 8 * number;
  const destination = register(0, operands.rd);
  view.setUint16(
    operation + 2,
    destination === hartOffset.x ? hartOffset.sink : destination,
    true,
  );
  view.setUint16(operation + 4, register(1, operands.rs1), true);
  view.setUint16(operation + 6, register(2, operands.rs2), true);
  const inPage = inPageHandler(row, pageOffset, operands.immediate);
  if (inPage !== undefined) {
    writeFields(view, operation, {
      handler: inPage,
      immediate: operands.immediate * 8,
      isUnsigned: false,
    });
    return;
  }
  if (row.effect.kind === 'loadFloat' || row.effect.kind === 'storeFloat') {
    writeFields(view, operation, {
      handler: HANDLERS.general.get(row)!,
      immediate: operands.immediate,
      isUnsigned: false,
    });
    view.setUint32(operation + 12, word, true);
    return;
  }
  if (row.effect.kind === 'float') {
    const isComputed = computesInMode(row, operands.rm);
    const handler = isComputed ? HANDLERS.general.get(row)! : HANDLERS.slowFloat;
    writeFields(view, operation, { handler, immediate: word, isUnsigned: true });
    return;
  }
  const isSystem = row.effect.kind === 'system'; // its slow path reads the word
  writeFields(view, operation, {
    handler: HANDLERS.general.get(row)!,
    immediate: isSystem ? word : operands.immediate,
    isUnsigned: isSystem,
  });
}

/**
 * Whether the handler of a float row computes in the rounding mode of the word: nearest even or the
 * dynamic one, to integers towards zero.
 */
function computesInMode(row: Row, mode: number): boolean {
  if (!hasRounding(row) || row.effect.kind !== 'float') return true;
  const isToInteger = /^to(Ui|I)nt/.test(row.effect.operation);
  return isToInteger ? mode === 1 : mode === 0 || mode === 7;
}

/**
 * The in-page handler of a branch or jump whose target is an aligned instruction of the same page.
 */
function inPageHandler(row: Row, pageOffset: number, immediate: number): number | undefined {
  const target = pageOffset + immediate;
  if (target < 0 || target > 4092 || target % 4 !== 0) return undefined;
  return HANDLERS.inPage.get(row);
}

interface Fields {
  readonly handler: number;
  readonly immediate: number; // any 32 bits
  readonly isUnsigned: boolean; // how they extend to 64
}

function writeFields(view: DataView, operation: number, fields: Fields): void {
  const low = fields.immediate | 0;
  view.setInt32(operation + 8, low, true);
  view.setInt32(operation + 12, fields.isUnsigned ? 0 : low >> 31, true);
  view.setUint16(operation, fields.handler, true);
}
