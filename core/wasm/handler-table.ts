/**
 * Numbers the handlers of decoded operations. The interpreter generator gives table slot k the code
 * of handler k, and decode-operation writes k into operations; both read this one list, which
 * follows from the instruction table.
 *
 *   0           undecoded: asks for the operation to be filled, then runs it
 *   1           nextPage: the sentinel after a page's last operation
 *   2           illegal: a word that no row decodes
 *   then        one general handler a row, in the table's order
 *   then        one in-page handler a row whose target is pc + immediate, which then counts bytes of
 *               operations
 *   then        one handler that leaves a float instruction to the float unit, whatever its row
 *   then        with the C extension: branches and jumps of 4 bytes to any even address; handlers of
 *               the rows that 16-bit instructions expand to, general and in-page; the one for an
 *               instruction of 4 bytes that begins in a page's last two
 */
import { COMPRESSED } from '../isa/table/index.ts';
import type { Expression, Row } from '../isa/table/row.ts';

/** What a handler does. `row` is there for the variants that execute one. */
export type Handler =
  | { readonly variant: 'undecoded' | 'nextPage' | 'illegal' | 'slowFloat' | 'straddle' }
  | {
      readonly variant: 'general' | 'inPage';
      readonly row: Row;
      /** Bytes of the instruction. */
      readonly length: 2 | 4;
      /** What a target must be a multiple of: 2 with the C extension. */
      readonly alignment: 2 | 4;
    };

/** The handlers of one instruction table, and how to find a row's. */
export interface HandlerTable {
  readonly handlers: readonly Handler[];
  /** Index of a row's general handler. */
  readonly general: ReadonlyMap<Row, number>;
  /** Index of a row's in-page handler, for rows that have one. */
  readonly inPage: ReadonlyMap<Row, number>;
  /** Index of the handler for float instructions in a mode that compiled code does not compute in. */
  readonly slowFloat: number;
  /** General handlers of branches and jumps of 4 bytes where targets may be any even address. */
  readonly relaxed: ReadonlyMap<Row, number>;
  /** General and in-page handlers of instructions of 2 bytes, by the row that they expand to. */
  readonly short: ReadonlyMap<Row, number>;
  readonly shortInPage: ReadonlyMap<Row, number>;
  readonly straddle: number;
}

/** Indices of the handlers that no row stands behind. */
export const fixedHandler = { undecoded: 0, nextPage: 1, illegal: 2 } as const;

/**
 * Numbers the handlers for `rows`. Two tables with the same kinds of rows in the same order number
 * alike.
 */
export function makeHandlerTable(rows: readonly Row[]): HandlerTable {
  const handlers: Handler[] = [
    { variant: 'undecoded' },
    { variant: 'nextPage' },
    { variant: 'illegal' },
  ];
  const general = new Map<Row, number>();
  const inPage = new Map<Row, number>();
  for (const row of rows) {
    general.set(row, handlers.length);
    handlers.push({ variant: 'general', row, length: 4, alignment: 4 });
  }
  for (const row of rows) {
    if (!goesToImmediate(row)) continue;
    inPage.set(row, handlers.length);
    handlers.push({ variant: 'inPage', row, length: 4, alignment: 4 });
  }
  const slowFloat = handlers.length;
  handlers.push({ variant: 'slowFloat' });
  const relaxed = new Map<Row, number>();
  const short = new Map<Row, number>();
  const shortInPage = new Map<Row, number>();
  const add = (numbers: Map<Row, number>, handler: Handler, row: Row) => {
    numbers.set(row, handlers.length);
    handlers.push(handler);
  };
  for (const row of rows) {
    const { kind } = row.effect;
    if (kind !== 'branch' && kind !== 'jump') continue;
    add(relaxed, { variant: 'general', row, length: 4, alignment: 2 }, row);
  }
  for (const row of rows) {
    if (!COMPRESSED.some(({ expands }) => expands === row.name)) continue;
    add(short, { variant: 'general', row, length: 2, alignment: 2 }, row);
    if (!goesToImmediate(row)) continue;
    add(shortInPage, { variant: 'inPage', row, length: 2, alignment: 2 }, row);
  }
  const straddle = handlers.length;
  handlers.push({ variant: 'straddle' });
  return { handlers, general, inPage, slowFloat, relaxed, short, shortInPage, straddle };
}

/** Whether control goes to pc + immediate, when it goes elsewhere at all. */
function goesToImmediate(row: Row): boolean {
  if (row.effect.kind === 'branch') return true;
  return row.effect.kind === 'jump' && isPcPlusImmediate(row.effect.target);
}

function isPcPlusImmediate(target: Expression): boolean {
  if (target.kind !== 'binary' || target.operator !== 'add') return false;
  const kinds = [target.left.kind, target.right.kind];
  return kinds.includes('pc') && kinds.includes('immediate');
}
