/** What can be wrong with a source text, as values with a place, and the sentence about it. */

/** Kinds of {@link AssemblyError}, in the words a reader of assembly uses. */
export type AssemblyErrorKind =
  | 'syntax'
  | 'unknown-mnemonic'
  | 'unknown-directive'
  | 'bad-register'
  | 'bad-csr'
  | 'bad-operand'
  | 'out-of-range'
  | 'misaligned'
  | 'duplicate-label'
  | 'undefined-symbol'
  | 'not-constant'
  | 'too-large';

/** One mistake in a source text. */
export interface AssemblyError {
  readonly kind: AssemblyErrorKind;
  readonly name: string; //      of the source, as given to assemble
  readonly line: number; //      from 1
  readonly column: number; //    from 1
  readonly found: string; //     what stands there
  readonly expected: string; //  what should
}

/** A place in the source, both from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/**
 * Carries an {@link AssemblyError} out of the nested parsers to `assemble`, which turns it into a
 * Result; it never leaves the assembler. `name` of the source is added there.
 */
export class AssemblyFailure extends Error {
  readonly detail: Omit<AssemblyError, 'name'>;
  constructor(detail: Omit<AssemblyError, 'name'>) {
    super(detail.kind);
    this.detail = detail;
  }
}

/** Stops assembling at `place`. */
export function fail(
  kind: AssemblyErrorKind,
  place: Place,
  found: string,
  expected: string,
): never {
  throw new AssemblyFailure({ kind, line: place.line, column: place.column, found, expected });
}

/** One line of text: `name:line:column: kind: found …, expected …`. */
export function renderAssemblyError(error: AssemblyError): string {
  const kind = error.kind.replaceAll('-', ' ');
  const where = `${error.name}:${error.line}:${error.column}`;
  return `${where}: ${kind}: found ${error.found}, expected ${error.expected}`;
}
