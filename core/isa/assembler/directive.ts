/**
 * Directives: those of GNU as that our guests use, and those that change nothing in a flat image,
 * which are skipped.
 */
import { accept, type Cursor, need, needEnd, needName, needString, peek, take } from './cursor.ts';
import { fail, type Place } from './error.ts';
import { type Item, type Layout, PROGRAM_SIZE_MAX, positionOf, scopeAt } from './layout.ts';
import {
  absolute,
  evaluate,
  type OperandExpression,
  parseExpression,
} from './operand-expression.ts';

// biome-ignore format: a row a line
const DATA: Readonly<Record<string, 1 | 2 | 4 | 8>> = {
  '.byte': 1,  '.half': 2,  '.short': 2, '.2byte': 2, '.hword': 2,
  '.word': 4,  '.long': 4,  '.4byte': 4, '.int': 4,
  '.dword': 8, '.quad': 8,  '.8byte': 8,
};

/** Linkage, debugging and code-model directives: without an effect here. */
const SKIPPED = new Set([
  '.globl',
  '.global',
  '.local',
  '.weak',
  '.option',
  '.type',
  '.size',
  '.file',
  '.ident',
  '.attribute',
  '.hidden',
]);

const SECTIONS = new Set(['.text', '.data', '.rodata', '.bss']);

/** Adds `content` of `byteCount` bytes to the current section. */
export function append(
  layout: Layout,
  place: Place,
  content: Item['content'],
  byteCount: number,
): void {
  const section = layout.sections[layout.current]!;
  if (section.size + byteCount > PROGRAM_SIZE_MAX) {
    fail(
      'too-large',
      place,
      `${section.size + byteCount} bytes`,
      `at most ${PROGRAM_SIZE_MAX} bytes`,
    );
  }
  section.items.push({ position: positionOf(layout), place, content });
  section.size += byteCount;
}

/** Makes `name` the current section, new if need be. */
function enterSection(layout: Layout, name: string): void {
  const found = layout.sections.findIndex((section) => section.name === name);
  if (found < 0) layout.sections.push({ name, items: [], size: 0, alignment: 1 });
  layout.current = found < 0 ? layout.sections.length - 1 : found;
}

/** An absolute constant in 0 … `maximum`, known now. */
function needCount(layout: Layout, cursor: Cursor, maximum: number): number {
  const expression = parseExpression(cursor);
  const { value } = absolute(expression, scopeAt(layout, positionOf(layout), undefined));
  if (value < 0n || value > BigInt(maximum)) {
    fail('out-of-range', expression.place, String(value), `0 … ${maximum}`);
  }
  return Number(value);
}

/**
 * Pads to a multiple of `alignment`: with nops in .text where whole words fit, else with `byte`.
 */
function align(layout: Layout, place: Place, alignment: number, byte: number | undefined): void {
  const section = layout.sections[layout.current]!;
  section.alignment = Math.max(section.alignment, alignment);
  const count = (alignment - (section.size % alignment)) % alignment;
  if (count === 0) return;
  const isCode = byte === undefined && section.name === '.text';
  if (isCode && count % 4 === 2 && layout.profile.extensions.includes('C')) {
    append(layout, place, { kind: 'bytes', bytes: Uint8Array.of(0x01, 0x00) }, 2); // c.nop
    append(layout, place, { kind: 'nops', count: (count - 2) / 4 }, count - 2);
  } else if (isCode && count % 4 === 0) {
    append(layout, place, { kind: 'nops', count: count / 4 }, count);
  } else {
    append(layout, place, { kind: 'fill', count, byte: byte ?? 0 }, count);
  }
}

function alignDirective(layout: Layout, cursor: Cursor, place: Place, isPower: boolean): void {
  const at = peek(cursor);
  const number = needCount(layout, cursor, isPower ? 24 : 1 << 24);
  const alignment = isPower ? 2 ** number : Math.max(number, 1);
  if ((alignment & (alignment - 1)) !== 0)
    fail('bad-operand', at, String(number), 'a power of two');
  align(layout, place, alignment, accept(cursor, ',') ? needCount(layout, cursor, 255) : undefined);
}

/**
 * .org: to an offset in the current section, or to an address expression in it; never backwards, as
 * in GNU as.
 */
function orgDirective(layout: Layout, cursor: Cursor, place: Place): void {
  const expression = parseExpression(cursor);
  const section = layout.sections[layout.current]!;
  const { value, section: of } = evaluate(
    expression,
    scopeAt(layout, positionOf(layout), undefined),
  );
  if (of !== -1 && of !== layout.current) {
    fail('bad-operand', expression.place, 'an address in another section', 'one in this section');
  }
  if (value < BigInt(section.size) || value > BigInt(PROGRAM_SIZE_MAX)) {
    const bounds = `${section.size} … ${PROGRAM_SIZE_MAX}`;
    const expected = `${bounds}, an offset from the start of the section`;
    fail('out-of-range', expression.place, String(value), expected);
  }
  const byte = accept(cursor, ',') ? needCount(layout, cursor, 255) : 0;
  const count = Number(value) - section.size;
  if (count > 0) append(layout, place, { kind: 'fill', count, byte }, count);
}

function stringDirective(
  layout: Layout,
  cursor: Cursor,
  place: Place,
  isTerminated: boolean,
): void {
  do {
    const text = needString(cursor).text;
    const bytes = Uint8Array.from(
      [...text].map((unit) => unit.charCodeAt(0)).concat(isTerminated ? [0] : []),
    );
    append(layout, place, { kind: 'bytes', bytes }, bytes.length);
  } while (accept(cursor, ','));
}

function dataDirective(
  layout: Layout,
  cursor: Cursor,
  place: Place,
  byteCount: 1 | 2 | 4 | 8,
): void {
  const values: OperandExpression[] = [];
  if (peek(cursor).kind !== 'end') {
    do values.push(parseExpression(cursor));
    while (accept(cursor, ','));
  }
  append(layout, place, { kind: 'data', byteCount, values }, values.length * byteCount);
}

/** .equ, .set and `=`: defines `name` anew from here on. A label's name is refused. */
export function defineConstant(
  layout: Layout,
  name: string,
  place: Place,
  expression: OperandExpression,
): void {
  const entry = layout.symbols.get(name);
  const definition = { position: positionOf(layout), expression };
  if (entry === undefined) {
    layout.symbols.set(name, { kind: 'constant', definitions: [definition], place });
  } else if (entry.kind === 'constant') entry.definitions.push(definition);
  else
    fail(
      'duplicate-label',
      place,
      `'${name}'`,
      `a name not used before (line ${entry.place.line})`,
    );
}

function fillDirective(layout: Layout, cursor: Cursor, place: Place): void {
  const repeat = needCount(layout, cursor, PROGRAM_SIZE_MAX);
  const at = peek(cursor);
  const size = accept(cursor, ',') ? needCount(layout, cursor, 8) : 1;
  const width = ([1, 2, 4, 8] as const).find((each) => each === size);
  if (width === undefined) fail('bad-operand', at, String(size), 'a size of 1, 2, 4 or 8');
  if (accept(cursor, ',')) {
    const value = parseExpression(cursor);
    for (let index = 0; index < repeat; index++) {
      append(layout, place, { kind: 'data', byteCount: width, values: [value] }, width);
    }
  } else append(layout, place, { kind: 'fill', count: repeat * width, byte: 0 }, repeat * width);
}

/**
 * Carries out directive `name` with the operands at the cursor. Fails with 'unknown-directive' and
 * others.
 */
export function runDirective(layout: Layout, name: string, cursor: Cursor, place: Place): void {
  if (SKIPPED.has(name)) return;
  const byteCount = Object.hasOwn(DATA, name) ? DATA[name] : undefined;
  if (byteCount !== undefined) dataDirective(layout, cursor, place, byteCount);
  else if (SECTIONS.has(name)) enterSection(layout, name);
  else {
    switch (name) {
      case '.section': {
        enterSection(layout, needName(cursor, 'the name of a section').text);
        while (peek(cursor).kind !== 'end') take(cursor);
        return;
      }
      case '.align':
      case '.p2align':
        alignDirective(layout, cursor, place, true);
        break;
      case '.balign':
        alignDirective(layout, cursor, place, false);
        break;
      case '.org':
        orgDirective(layout, cursor, place);
        break;
      case '.zero':
      case '.space':
      case '.skip': {
        const count = needCount(layout, cursor, PROGRAM_SIZE_MAX);
        const byte = accept(cursor, ',') ? needCount(layout, cursor, 255) : 0;
        append(layout, place, { kind: 'fill', count, byte }, count);
        break;
      }
      case '.fill':
        fillDirective(layout, cursor, place);
        break;
      case '.ascii':
        stringDirective(layout, cursor, place, false);
        break;
      case '.asciz':
      case '.string':
        stringDirective(layout, cursor, place, true);
        break;
      case '.equ':
      case '.set': {
        const symbol = needName(cursor, 'a name');
        need(cursor, ',');
        defineConstant(layout, symbol.text, symbol, parseExpression(cursor));
        break;
      }
      default:
        fail('unknown-directive', place, `'${name}'`, 'a directive of this assembler');
    }
  }
  needEnd(cursor);
}
