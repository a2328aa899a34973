/**
 * Fills a 16-byte operation of a decoded page from its instruction word: handler, register offsets,
 * immediate (layout in core/protocol/host-memory-layout.ts). With the C extension every even
 * address may begin an instruction, of 2 or 4 bytes; one over the page's end is decoded anew each
 * time, as its second page is another frame for every mapping.
 */
import { assert } from '../base/assert.ts';
import { decodeCompressed, isCompressed } from '../isa/compressed.ts';
import { decode, hasRounding, type Operands, operandsOf } from '../isa/decode.ts';
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
  const hasShort = place.extensions.has('C');
  assert(hasShort || pageOffset % 4 === 0, 'without C, instructions start at multiples of 4');
  const halfword = view.getUint16(place.frameAddress + pageOffset, true);
  if (hasShort && isCompressed(halfword)) {
    const found = decodeCompressed(halfword);
    writeOperation(view, place.operation, { pageOffset, word: halfword, length: 2, ...found });
    return;
  }
  if (pageOffset === 4094) {
    view.setUint16(place.operation, HANDLERS.straddle, true);
    return;
  }
  const word = view.getUint32(place.frameAddress + pageOffset, true);
  writeOperation(view, place.operation, decodedWord(word, pageOffset, place.extensions));
}

/**
 * Fills the hart's own operation at `operation` with `word`, an instruction over a page's end, and
 * the sentinel behind it.
 */
export function decodeStraddling(
  view: DataView,
  operation: number,
  word: number,
  extensions: ReadonlySet<Extension>,
): void {
  writeOperation(view, operation, decodedWord(word, NOT_IN_PAGE, extensions));
  view.setUint16(operation + 2 * OPERATION_SIZE, fixedHandler.nextPage, true);
}

/** An offset from which nothing is in the page. */
const NOT_IN_PAGE = -0x8000_0000;

/** An instruction as far as it is decoded; without a row it is illegal. */
interface Decoded {
  readonly pageOffset: number;
  readonly word: number;
  readonly length: 2 | 4;
  readonly row?: Row;
  readonly operands?: Operands;
  /** Whether branches and jumps may go to any even address. */
  readonly isRelaxed?: boolean;
}

function decodedWord(
  word: number,
  pageOffset: number,
  extensions: ReadonlySet<Extension>,
): Decoded {
  const row = decode(word);
  if (row === undefined || !extensions.has(row.extension)) return { pageOffset, word, length: 4 };
  const operands = operandsOf(row, word);
  return { pageOffset, word, length: 4, row, operands, isRelaxed: extensions.has('C') };
}

/** Makes every operation of the decoded page at `page` undecoded. */
export function clearDecodedPage(bytes: Uint8Array, page: number): void {
  bytes.fill(0, page, page + DECODED_STRIDE);
}

/** The handler of an instruction that is not in-page. */
function generalHandler({ row, length, isRelaxed }: Decoded & { readonly row: Row }): number {
  if (length === 2) return HANDLERS.short.get(row)!;
  return (isRelaxed ? HANDLERS.relaxed.get(row) : undefined) ?? HANDLERS.general.get(row)!;
}

function writeOperation(view: DataView, operation: number, decoded: Decoded): void {
  const { word, row, operands } = decoded;
  if (row === undefined || operands === undefined) {
    writeFields(view, operation, {
      handler: fixedHandler.illegal,
      immediate: word,
      isUnsigned: true,
    });
    return;
  }
  const handler = generalHandler({ ...decoded, row });
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
  const inPage = inPageHandler({ ...decoded, row }, operands.immediate);
  if (inPage !== undefined) {
    writeFields(view, operation, {
      handler: inPage,
      immediate: operands.immediate * 8,
      isUnsigned: false,
    });
    return;
  }
  if (row.effect.kind === 'loadFloat' || row.effect.kind === 'storeFloat') {
    writeFields(view, operation, { handler, immediate: operands.immediate, isUnsigned: false });
    view.setUint32(operation + 12, word, true);
    return;
  }
  if (row.effect.kind === 'float') {
    const isComputed = computesInMode(row, operands.rm);
    const chosen = isComputed ? handler : HANDLERS.slowFloat;
    writeFields(view, operation, { handler: chosen, immediate: word, isUnsigned: true });
    return;
  }
  const isSystem = row.effect.kind === 'system'; // its slow path reads the word
  writeFields(view, operation, {
    handler,
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
function inPageHandler(
  { row, pageOffset, length, isRelaxed }: Decoded & { readonly row: Row },
  immediate: number,
): number | undefined {
  const target = pageOffset + immediate;
  const alignment = length === 2 || isRelaxed ? 2 : 4;
  if (target < 0 || target > 4094 || target % alignment !== 0) return undefined;
  return (length === 2 ? HANDLERS.shortInPage : HANDLERS.inPage).get(row);
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
