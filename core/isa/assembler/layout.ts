/**
 * What the first pass leaves for the second: items with their section and offset, and the symbols.
 * Sections are laid out after the first pass, in the order .text, .rodata, .data, .bss, then the
 * others as they first appear.
 */
import type { HartProfile } from '../table/index.ts';
import { fail, type Place } from './error.ts';
import {
  ABSOLUTE,
  evaluate,
  type OperandExpression,
  type Scope,
  type Value,
} from './operand-expression.ts';
import type { PendingInstruction } from './pending-instruction.ts';

/** Largest program. Unit: byte. A guest's RAM is below it; a typing mistake in .space is not. */
export const PROGRAM_SIZE_MAX = 256 * 1024 * 1024;

/** A section while it grows. */
export interface Section {
  readonly name: string;
  readonly items: Item[];
  size: number; //       bytes so far
  alignment: number; //  largest asked for, a power of two
}

/** A point in the source: where its bytes go and when it was met. */
export interface Position {
  readonly section: number;
  readonly offset: number;
  readonly sequence: number;
  /** Offset of the statement, when this is a later instruction of its expansion. */
  readonly dot?: number;
}

/** Something that makes bytes. */
export interface Item {
  readonly position: Position;
  readonly place: Place;
  readonly content:
    | { readonly kind: 'instructions'; readonly instructions: readonly PendingInstruction[] }
    | {
        readonly kind: 'data';
        readonly byteCount: 1 | 2 | 4 | 8;
        readonly values: readonly OperandExpression[];
      }
    | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
    | { readonly kind: 'nops'; readonly count: number }
    | { readonly kind: 'fill'; readonly count: number; readonly byte: number };
}

/** A label, or the definitions of a name by .equ, .set or =, in order. */
export type SymbolEntry =
  | { readonly kind: 'label'; readonly position: Position; readonly place: Place }
  | {
      readonly kind: 'constant';
      readonly definitions: {
        readonly position: Position;
        readonly expression: OperandExpression;
      }[];
      readonly place: Place;
    };

/** Everything that the first pass builds. */
export interface Layout {
  readonly profile: HartProfile;
  readonly sections: Section[];
  readonly symbols: Map<string, SymbolEntry>;
  /** Positions of numeric labels, in order. */
  readonly locals: Map<string, Position[]>;
  /** Items whose first instruction is an auipc with %pcrel_hi, by 'section:offset'. */
  readonly highs: Map<string, { readonly operand: OperandExpression; readonly position: Position }>;
  current: number; //   section that statements go to
  sequence: number; //  statements met
}

const RANKED = ['.text', '.rodata', '.data', '.bss'];

/** An empty layout with .text as the current section. */
export function makeLayout(profile: HartProfile): Layout {
  const sections = RANKED.map((name): Section => ({ name, items: [], size: 0, alignment: 1 }));
  return {
    profile,
    sections,
    symbols: new Map(),
    locals: new Map(),
    highs: new Map(),
    current: 0,
    sequence: 0,
  };
}

/** Where the next bytes go. */
export function positionOf(layout: Layout): Position {
  return {
    section: layout.current,
    offset: layout.sections[layout.current]!.size,
    sequence: layout.sequence,
  };
}

/** Address of each section, or undefined while the first pass runs. */
export type SectionBases = readonly number[] | undefined;

/** Definitions of a symbol through others; a longer chain is a circle. */
const DEFINITION_DEPTH_MAX = 64;

/**
 * The scope of an expression at `position`; with `bases`, addresses are absolute. In the expression
 * of a definition, names mean what they meant before it: `.set n, n + 1` counts.
 */
export function scopeAt(
  layout: Layout,
  position: Position,
  bases: SectionBases,
  within: { readonly definition?: object; readonly depth: number } = { depth: 0 },
): Scope {
  const place = (at: Position): Value => {
    const base = bases?.[at.section];
    return base === undefined
      ? { section: at.section, value: BigInt(at.offset) }
      : { section: ABSOLUTE, value: BigInt(base + at.offset) };
  };
  return {
    here: () => place(position),
    dot: () => place({ ...position, offset: position.dot ?? position.offset }),
    symbol(name, where) {
      const entry = layout.symbols.get(name);
      if (entry === undefined) {
        const expected = bases
          ? 'a label or a constant defined in this source'
          : 'a constant defined before';
        return fail('undefined-symbol', where, `'${name}'`, expected);
      }
      if (entry.kind === 'label') return place(entry.position);
      if (within.depth > DEFINITION_DEPTH_MAX) {
        return fail(
          'undefined-symbol',
          where,
          `'${name}'`,
          'a definition that does not go in a circle',
        );
      }
      const definition =
        entry.definitions.findLast(
          (each) => each.position.sequence <= position.sequence && each !== within.definition,
        ) ?? entry.definitions[0]!;
      const inside = { definition, depth: within.depth + 1 };
      return evaluate(definition.expression, scopeAt(layout, definition.position, bases, inside));
    },
    local(reference, where) {
      const all = layout.locals.get(reference.slice(0, -1)) ?? [];
      const found = reference.endsWith('f')
        ? all.find((each) => each.sequence > position.sequence)
        : all.findLast((each) => each.sequence <= position.sequence);
      if (found === undefined)
        return fail('undefined-symbol', where, `'${reference}'`, 'a numeric label there');
      return place(found);
    },
    pcrelHiAt(label, where) {
      for (const high of layout.highs.values()) {
        const at = place(high.position);
        if (at.section === label.section && at.value === label.value) {
          return { operand: high.operand, scope: scopeAt(layout, high.position, bases, within) };
        }
      }
      return fail(
        'bad-operand',
        where,
        `address 0x${label.value.toString(16)}`,
        'the label of an auipc with %pcrel_hi',
      );
    },
  };
}

/** Addresses of the sections from `origin`, and the end of the program. */
export function placeSections(
  layout: Layout,
  origin: number,
): { readonly bases: readonly number[]; readonly end: number } {
  let end = origin;
  const bases = layout.sections.map((section) => {
    const base = Math.ceil(end / section.alignment) * section.alignment;
    end = base + section.size;
    return base;
  });
  return { bases, end };
}
