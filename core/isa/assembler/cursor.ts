/** A reading position in a statement's tokens, and the smallest parsers. */
import { findFloatRegister, findRegister } from '../registers.ts';
import { fail } from './error.ts';
import type { Statement, Token } from './lexer.ts';

/** Moves over `tokens`; `index` never passes the end token. */
export interface Cursor {
  readonly tokens: Statement;
  index: number;
}

/** The token at the cursor, or `ahead` after it. */
export function peek(cursor: Cursor, ahead = 0): Token {
  return cursor.tokens[Math.min(cursor.index + ahead, cursor.tokens.length - 1)]!;
}

/** The token at the cursor, which moves on. */
export function take(cursor: Cursor): Token {
  const token = peek(cursor);
  if (token.kind !== 'end') cursor.index++;
  return token;
}

/** Whether the token at the cursor is the punctuation `text`. */
export function isAt(cursor: Cursor, text: string): boolean {
  const token = peek(cursor);
  return token.kind === 'punctuation' && token.text === text;
}

/** Takes the punctuation `text` if it is there. */
export function accept(cursor: Cursor, text: string): boolean {
  if (!isAt(cursor, text)) return false;
  cursor.index++;
  return true;
}

/** A token in words, for messages. */
export function describeToken(token: Token): string {
  if (token.kind === 'end') return 'the end of the statement';
  if (token.kind === 'string') return `"${token.text}"`;
  return `'${token.kind === 'modifier' ? '%' : ''}${token.text}'`;
}

/** Takes the punctuation `text` or fails. */
export function need(cursor: Cursor, text: string): void {
  if (!accept(cursor, text)) fail('syntax', peek(cursor), describeToken(peek(cursor)), `'${text}'`);
}

/** Fails unless all tokens are taken. */
export function needEnd(cursor: Cursor): void {
  const token = peek(cursor);
  if (token.kind !== 'end') fail('syntax', token, describeToken(token), 'the end of the statement');
}

/** Whether the token at the cursor names an integer register. */
export function isRegister(cursor: Cursor): boolean {
  const token = peek(cursor);
  return token.kind === 'name' && findRegister(token.text) !== undefined;
}

/** Takes a register name. Gives 0 … 31. */
export function needRegister(cursor: Cursor): number {
  const token = take(cursor);
  const number = token.kind === 'name' ? findRegister(token.text) : undefined;
  if (number === undefined)
    return fail('bad-register', token, describeToken(token), 'an integer register');
  return number;
}

/** Takes a float register name. Gives 0 … 31. */
export function needFloatRegister(cursor: Cursor): number {
  const token = take(cursor);
  const number = token.kind === 'name' ? findFloatRegister(token.text) : undefined;
  if (number === undefined)
    return fail('bad-register', token, describeToken(token), 'a floating-point register');
  return number;
}

/** Takes a name. */
export function needName(cursor: Cursor, what: string): Token {
  const token = take(cursor);
  if (token.kind !== 'name') fail('syntax', token, describeToken(token), what);
  return token;
}

/** Takes a string. */
export function needString(cursor: Cursor): Token {
  const token = take(cursor);
  if (token.kind !== 'string') fail('syntax', token, describeToken(token), 'a string in "');
  return token;
}
