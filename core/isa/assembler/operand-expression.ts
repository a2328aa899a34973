/**
 * Expressions over constants and symbols, in 64-bit-and-wider integers. Operators and their
 * precedence are those of GNU as: highest * / << >>, then | & ^, then + - (unlike C); unary - ~ +.
 * Division truncates, >> is arithmetic. A value is absolute or an offset in a section; sections get
 * their addresses only after the first pass.
 */
import { accept, type Cursor, describeToken, isAt, need, peek, take } from './cursor.ts';
import { fail, type Place } from './error.ts';
import type { Token } from './lexer.ts';

/** An expression as written. */
export type OperandExpression =
  | { readonly kind: 'constant'; readonly value: bigint; readonly place: Place }
  | { readonly kind: 'symbol' | 'local'; readonly name: string; readonly place: Place }
  | { readonly kind: 'dot'; readonly place: Place }
  | {
      readonly kind: 'unary';
      readonly operator: string;
      readonly operand: OperandExpression;
      readonly place: Place;
    }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: OperandExpression;
      readonly right: OperandExpression;
      readonly place: Place;
    }
  | {
      readonly kind: 'modifier';
      readonly name: 'hi' | 'lo' | 'pcrel_hi' | 'pcrel_lo';
      readonly operand: OperandExpression;
      readonly place: Place;
    }
  /**
   * Low part of the distance from the auipc `back` bytes before; made by pseudo-instructions only.
   */
  | {
      readonly kind: 'pcrelLoBack';
      readonly back: number;
      readonly operand: OperandExpression;
      readonly place: Place;
    };

/** A value in the address space of `section`; {@link ABSOLUTE} for plain numbers. */
export interface Value {
  readonly section: number;
  readonly value: bigint;
}

/** Section of plain numbers. */
export const ABSOLUTE = -1;

/** What an expression may ask for. */
export interface Scope {
  /** The symbol's value, or undefined when it is not known (yet). */
  symbol(name: string, place: Place): Value;
  local(reference: string, place: Place): Value;
  /** Address of the instruction itself: what distances are measured from. */
  here(place: Place): Value;
  /**
   * What `.` is: address of the first byte of the statement, also in the later instructions of a
   * pseudo-instruction.
   */
  dot(place: Place): Value;
  /**
   * The operand of the %pcrel_hi in the instruction at `label`, and that instruction's own scope.
   */
  pcrelHiAt(label: Value, place: Place): { operand: OperandExpression; scope: Scope };
}

const LEVELS: readonly (readonly string[])[] = [
  ['+', '-'],
  ['|', '&', '^'],
  ['*', '/', '<<', '>>'],
];
const MODIFIERS = ['hi', 'lo', 'pcrel_hi', 'pcrel_lo'] as const;
/**
 * Nesting of parentheses and unary operators; a source deeper than this is a mistake, and the stack
 * is finite.
 */
const DEPTH_MAX = 64;

/** Parses an expression at the cursor. Fails with 'syntax'. */
export function parseExpression(cursor: Cursor, depth = 0, level = 0): OperandExpression {
  if (depth > DEPTH_MAX)
    fail('syntax', peek(cursor), 'deeper nesting', `at most ${DEPTH_MAX} levels`);
  if (level === LEVELS.length) return parseUnary(cursor, depth);
  let left = parseExpression(cursor, depth, level + 1);
  for (;;) {
    const token = peek(cursor);
    if (token.kind !== 'punctuation' || !LEVELS[level]!.includes(token.text)) return left;
    take(cursor);
    const right = parseExpression(cursor, depth, level + 1);
    left = { kind: 'binary', operator: token.text, left, right, place: token };
  }
}

function parseUnary(cursor: Cursor, depth: number): OperandExpression {
  const token = peek(cursor);
  if (depth > DEPTH_MAX) fail('syntax', token, 'deeper nesting', `at most ${DEPTH_MAX} levels`);
  if (token.kind === 'punctuation' && ['-', '~', '+'].includes(token.text)) {
    take(cursor);
    return {
      kind: 'unary',
      operator: token.text,
      operand: parseUnary(cursor, depth + 1),
      place: token,
    };
  }
  if (accept(cursor, '(')) {
    const inner = parseExpression(cursor, depth + 1);
    need(cursor, ')');
    return inner;
  }
  return parsePrimary(cursor, take(cursor), depth);
}

function parsePrimary(cursor: Cursor, token: Token, depth: number): OperandExpression {
  switch (token.kind) {
    case 'number':
      return { kind: 'constant', value: token.value, place: token };
    case 'local':
      return { kind: 'local', name: token.text, place: token };
    case 'name':
      if (token.text === '.') return { kind: 'dot', place: token };
      return { kind: 'symbol', name: token.text, place: token };
    case 'modifier': {
      const name = MODIFIERS.find((known) => known === token.text);
      if (name === undefined)
        return fail('syntax', token, describeToken(token), '%hi, %lo, %pcrel_hi or %pcrel_lo');
      need(cursor, '(');
      const operand = parseExpression(cursor, depth + 1);
      need(cursor, ')');
      return { kind: 'modifier', name, operand, place: token };
    }
    default:
      return fail('bad-operand', token, describeToken(token), 'an expression');
  }
}

/** Whether an expression can start at the cursor other than with a parenthesis. */
export function startsExpression(cursor: Cursor): boolean {
  const { kind } = peek(cursor);
  return (
    kind === 'number' ||
    kind === 'name' ||
    kind === 'local' ||
    kind === 'modifier' ||
    isAt(cursor, '-') ||
    isAt(cursor, '~') ||
    isAt(cursor, '+')
  );
}

/** Low 12 bits, sign-extended: what %lo gives. */
export function low12(value: bigint): bigint {
  return BigInt.asIntN(12, value);
}

/** What must be added to {@link low12} to make `value`, with its low 12 bits clear. */
export function high20(value: bigint): bigint {
  return value - low12(value);
}

/**
 * The value of `expression`. Fails with 'undefined-symbol' from the scope, or 'not-constant' for
 * sums of labels.
 */
export function evaluate(expression: OperandExpression, scope: Scope): Value {
  switch (expression.kind) {
    case 'constant':
      return { section: ABSOLUTE, value: expression.value };
    case 'symbol':
      return scope.symbol(expression.name, expression.place);
    case 'local':
      return scope.local(expression.name, expression.place);
    case 'dot':
      return scope.dot(expression.place);
    case 'unary': {
      const { value } = absolute(expression.operand, scope);
      const operator = expression.operator;
      return plain(operator === '-' ? -value : operator === '~' ? ~value : value);
    }
    case 'binary':
      return evaluateBinary(expression, scope);
    case 'modifier':
      return evaluateModifier(expression, scope);
    case 'pcrelLoBack': {
      const distance = difference(expression.operand, scope) + BigInt(expression.back);
      return plain(low12(distance));
    }
  }
}

const plain = (value: bigint): Value => ({ section: ABSOLUTE, value });

/** The value of an expression that must not depend on where a section lies. */
export function absolute(expression: OperandExpression, scope: Scope): Value {
  const value = evaluate(expression, scope);
  if (value.section !== ABSOLUTE) {
    fail(
      'not-constant',
      expression.place,
      'an address that is not known yet',
      'a constant known here',
    );
  }
  return value;
}

/** `expression` minus the address of the current instruction. */
function difference(expression: OperandExpression, scope: Scope): bigint {
  const here = scope.here(expression.place);
  const target = evaluate(expression, scope);
  if (here.section !== target.section) {
    fail(
      'not-constant',
      expression.place,
      'an address that is not known yet',
      'a distance known here',
    );
  }
  return target.value - here.value;
}

function evaluateBinary(expression: OperandExpression & { kind: 'binary' }, scope: Scope): Value {
  const { operator, place } = expression;
  if (operator === '+' || operator === '-') {
    const left = evaluate(expression.left, scope);
    const right = evaluate(expression.right, scope);
    if (operator === '-') {
      if (right.section === left.section) return plain(left.value - right.value);
      if (right.section === ABSOLUTE)
        return { section: left.section, value: left.value - right.value };
    } else {
      const value = left.value + right.value;
      if (left.section === ABSOLUTE) return { section: right.section, value };
      if (right.section === ABSOLUTE) return { section: left.section, value };
    }
    return fail(
      'not-constant',
      place,
      'two addresses of different sections',
      'a constant or one address',
    );
  }
  const left = absolute(expression.left, scope).value;
  const right = absolute(expression.right, scope).value;
  switch (operator) {
    case '*':
      return plain(left * right);
    case '/':
      if (right === 0n)
        return fail('bad-operand', place, 'a division by 0', 'a divisor other than 0');
      return plain(left / right);
    case '|':
      return plain(left | right);
    case '&':
      return plain(left & right);
    case '^':
      return plain(left ^ right);
    default:
      if (right < 0n || right > 63n)
        return fail('bad-operand', place, `a shift by ${right}`, 'a shift by 0 … 63');
      return plain(operator === '<<' ? left << right : left >> right);
  }
}

function evaluateModifier(
  expression: OperandExpression & { kind: 'modifier' },
  scope: Scope,
): Value {
  const { name, operand, place } = expression;
  switch (name) {
    case 'hi':
      return plain(high20(absolute(operand, scope).value) >> 12n);
    case 'lo':
      return plain(low12(absolute(operand, scope).value));
    case 'pcrel_hi':
      return plain(high20(difference(operand, scope)) >> 12n);
    case 'pcrel_lo': {
      const high = scope.pcrelHiAt(evaluate(operand, scope), place);
      return plain(low12(difference(high.operand, high.scope)));
    }
  }
}
