/**
 * A two-pass assembler for our guests: the instructions of the table, in GNU as's syntax, into one
 * flat image. Left out: macros, conditionals, relocation and relaxation (addresses are final);
 * 16-bit instructions only by their own names (c.addi). The first pass parses and lays out;
 * only li needs its constant there. The second evaluates and encodes.
 */
import { err, ok, type Result } from '../base/index.ts';
import { parseCompressed } from './assembler/compressed-instruction.ts';
import { accept, type Cursor, describeToken, isAt, peek, take } from './assembler/cursor.ts';
import { append, defineConstant, runDirective } from './assembler/directive.ts';
import { type AssemblyError, AssemblyFailure, fail, type Place } from './assembler/error.ts';
import { parseInstruction } from './assembler/instruction.ts';
import {
  type Item,
  type Layout,
  makeLayout,
  PROGRAM_SIZE_MAX,
  placeSections,
  positionOf,
  scopeAt,
} from './assembler/layout.ts';
import { type Statement, statementsOf } from './assembler/lexer.ts';
import { ABSOLUTE, evaluate, parseExpression } from './assembler/operand-expression.ts';
import { encodePending, findRow, sizeOf } from './assembler/pending-instruction.ts';
import { parsePseudoInstruction } from './assembler/pseudo-instruction.ts';
import { DEFAULT_PROFILE, getProfile, type HartProfileId } from './table/index.ts';

export {
  type AssemblyError,
  type AssemblyErrorKind,
  renderAssemblyError,
} from './assembler/error.ts';

/** A flat image. */
export interface AssembledProgram {
  readonly origin: number; //      address of bytes[0]
  readonly bytes: Uint8Array; //   all sections, .bss as zeros
  /** Addresses of labels and values of constants; constants beyond ±2^53 are left out. */
  readonly symbols: ReadonlyMap<string, number>;
  /**
   * Where each instruction and datum lies and the source line (from 1) it is from, ascending by
   * address.
   */
  readonly lines: readonly { readonly address: number; readonly line: number }[];
}

/** Where the image starts, what to call the source in messages, and for which harts it is. */
export interface AssembleOptions {
  readonly origin: number; // 0 … 2^53 − 1
  readonly name: string;
  /** Mnemonics of extensions that this profile lacks are unknown. Default rv64ima. */
  readonly profile?: HartProfileId;
}

/** Assembles `source`. The first mistake is the error. */
export function assemble(
  source: string,
  options: AssembleOptions,
): Result<AssembledProgram, AssemblyError> {
  try {
    return ok(assembleOrFail(source, options));
  } catch (failure) {
    if (!(failure instanceof AssemblyFailure)) throw failure;
    return err({ ...failure.detail, name: options.name });
  }
}

function assembleOrFail(source: string, options: AssembleOptions): AssembledProgram {
  const { origin } = options;
  const layout = makeLayout(getProfile(options.profile ?? DEFAULT_PROFILE));
  for (const statement of statementsOf(source)) {
    layout.sequence++;
    readStatement(layout, statement);
  }
  const text = layout.sections[0]!;
  if (origin % text.alignment !== 0) {
    fail(
      'misaligned',
      { line: 1, column: 1 },
      `origin 0x${origin.toString(16)}`,
      `a multiple of ${text.alignment}`,
    );
  }
  const { bases, end } = placeSections(layout, origin);
  if (end - origin > PROGRAM_SIZE_MAX) {
    fail(
      'too-large',
      { line: 1, column: 1 },
      `${end - origin} bytes`,
      `at most ${PROGRAM_SIZE_MAX} bytes`,
    );
  }
  const bytes = new Uint8Array(end - origin);
  const lines: { address: number; line: number }[] = [];
  layout.sections.forEach((section, index) => {
    for (const item of section.items) {
      const address = bases[index]! + item.position.offset;
      lines.push({ address, line: item.place.line });
      writeItem(layout, item, bases, bytes.subarray(address - origin));
    }
  });
  return { origin, bytes, symbols: symbolValues(layout, bases), lines };
}

/** First pass over one statement: labels, then a definition, a directive or an instruction. */
function readStatement(layout: Layout, statement: Statement): void {
  const cursor: Cursor = { tokens: statement, index: 0 };
  while (peek(cursor, 1).text === ':' && peek(cursor, 1).kind === 'punctuation')
    readLabel(layout, cursor);
  const first = peek(cursor);
  if (first.kind === 'end') return;
  if (first.kind !== 'name')
    fail('syntax', first, describeToken(first), 'a label, directive or instruction');
  take(cursor);
  if (isAt(cursor, '=')) {
    accept(cursor, '=');
    defineConstant(layout, first.text, first, parseExpression(cursor));
    if (peek(cursor).kind !== 'end')
      fail('syntax', peek(cursor), describeToken(peek(cursor)), 'the end');
  } else if (first.text.startsWith('.')) runDirective(layout, first.text, cursor, first);
  else readInstruction(layout, first.text, cursor, first);
}

function readLabel(layout: Layout, cursor: Cursor): void {
  const label = take(cursor);
  take(cursor);
  const position = positionOf(layout);
  if (label.kind === 'number' && /^[0-9]+$/.test(label.text)) {
    const earlier = layout.locals.get(label.text) ?? [];
    earlier.push(position);
    layout.locals.set(label.text, earlier);
    return;
  }
  if (label.kind !== 'name') fail('syntax', label, describeToken(label), 'a label');
  const taken = layout.symbols.get(label.text);
  if (taken !== undefined) {
    fail(
      'duplicate-label',
      label,
      `'${label.text}'`,
      `a name not used before (line ${taken.place.line})`,
    );
  }
  layout.symbols.set(label.text, { kind: 'label', position, place: label });
}

function readInstruction(layout: Layout, text: string, cursor: Cursor, place: Place): void {
  const name = text.toLowerCase();
  const position = positionOf(layout);
  const alignment = instructionAlignment(layout);
  if (position.offset % alignment !== 0) {
    fail(
      'misaligned',
      place,
      `an instruction at offset ${position.offset}`,
      `a multiple of ${alignment} (.balign ${alignment})`,
    );
  }
  const start = cursor.index;
  const scope = scopeAt(layout, position, undefined);
  // Zbb has rows for what are pseudo-instructions without it (sext.b, sext.h, zext.h).
  const extension = findRow(name)?.extension;
  const isRow = extension !== undefined && layout.profile.extensions.includes(extension);
  const hidesPseudo = isRow && !getProfile(DEFAULT_PROFILE).extensions.includes(extension);
  let instructions = hidesPseudo ? undefined : parsePseudoInstruction(name, cursor, place, scope);
  if (instructions === undefined) {
    cursor.index = start;
    if (extension === undefined || isRow) instructions = parseInstruction(name, cursor, place);
    if (layout.profile.extensions.includes('C')) instructions ??= parseCompressed(name, cursor, place);
  }
  if (instructions === undefined) {
    fail('unknown-mnemonic', place, `'${text}'`, `an instruction of ${layout.profile.id}`);
  }
  const section = layout.sections[layout.current]!;
  section.alignment = Math.max(section.alignment, alignment);
  const high = instructions[0]?.immediate;
  if (high?.kind === 'modifier' && high.name === 'pcrel_hi') {
    layout.highs.set(`${position.section}:${position.offset}`, { operand: high.operand, position });
  }
  const size = instructions.reduce((bytes, each) => bytes + sizeOf(each), 0);
  append(layout, place, { kind: 'instructions', instructions }, size);
}

/** Instructions lie at multiples of this: 2 with the C extension. */
function instructionAlignment(layout: Layout): 2 | 4 {
  return layout.profile.extensions.includes('C') ? 2 : 4;
}

const NOP = 0x0000_0013;

/** Second pass over one item: its bytes into `into`, which starts at its address. */
function writeItem(layout: Layout, item: Item, bases: readonly number[], into: Uint8Array): void {
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  const { content, position } = item;
  switch (content.kind) {
    case 'instructions':
      content.instructions.reduce((offset, instruction) => {
        const at = { ...position, offset: position.offset + offset, dot: position.offset };
        const word = encodePending(instruction, scopeAt(layout, at, bases));
        if (sizeOf(instruction) === 2) view.setUint16(offset, word, true);
        else view.setUint32(offset, word, true);
        return offset + sizeOf(instruction);
      }, 0);
      break;
    case 'data':
      writeData(layout, item, bases, view);
      break;
    case 'bytes':
      into.set(content.bytes);
      break;
    case 'nops':
      for (let index = 0; index < content.count; index++) view.setUint32(4 * index, NOP, true);
      break;
    case 'fill':
      into.fill(content.byte, 0, content.count);
      break;
  }
}

function writeData(layout: Layout, item: Item, bases: readonly number[], view: DataView): void {
  if (item.content.kind !== 'data') return;
  const { byteCount, values } = item.content;
  const bits = BigInt(8 * byteCount);
  const scope = scopeAt(layout, item.position, bases);
  values.forEach((expression, index) => {
    const { value } = evaluate(expression, scope);
    if (value < -(1n << (bits - 1n)) || value >= 1n << bits) {
      fail('out-of-range', expression.place, String(value), `a value of ${bits} bits`);
    }
    for (let byte = 0; byte < byteCount; byte++) {
      view.setUint8(index * byteCount + byte, Number((value >> BigInt(8 * byte)) & 0xffn));
    }
  });
}

function symbolValues(layout: Layout, bases: readonly number[]): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  const end = { section: ABSOLUTE, offset: 0, sequence: layout.sequence };
  const scope = scopeAt(layout, end, bases);
  for (const [name, entry] of layout.symbols) {
    const value = Number(scope.symbol(name, entry.place).value);
    if (Number.isSafeInteger(value)) values.set(name, value);
  }
  return values;
}
