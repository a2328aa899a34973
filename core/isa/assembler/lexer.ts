/**
 * Cuts a source text into statements of tokens. Comments: # and // to the end of the line, and the
 * C kind.
 */
import { fail, type Place } from './error.ts';

/**
 * One token. `local` is a reference such as 1f or 2b, `modifier` is %hi and its kin (text without
 * the %).
 */
export interface Token extends Place {
  readonly kind: 'name' | 'number' | 'string' | 'local' | 'modifier' | 'punctuation' | 'end';
  readonly text: string;
  readonly value: bigint; // of numbers and characters, else 0
}

/** A label, directive or instruction with its operands; the last token is always of kind 'end'. */
export type Statement = readonly Token[];

// biome-ignore format: a row a line
const ESCAPES: Readonly<Record<string, number>> = {
  n: 10, t: 9, r: 13, 0: 0, b: 8, f: 12, v: 11, a: 7, e: 27, '\\': 92, '"': 34, "'": 39,
};

const NAME = /^[A-Za-z_.$][A-Za-z0-9_.$]*/;
const NUMBER = /^(0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+)/;
const LOCAL = /^[0-9]+[fb](?![A-Za-z0-9_.$])/;
const MODIFIER = /^%([a-z_]+)(?=\s*\()/;
const PUNCTUATION = /^(<<|>>|[-+*/&|^~(),:=])/;

/** Reads one possibly escaped character of `line` at `index`: its code and the index after it. */
function character(line: string, index: number, place: Place): { code: number; after: number } {
  const first = line[index];
  if (first === undefined) fail('syntax', place, 'the end of the line', 'a character');
  if (first !== '\\')
    return {
      code: line.codePointAt(index)!,
      after: index + (line.codePointAt(index)! > 0xffff ? 2 : 1),
    };
  const hexadecimal = /^\\x([0-9a-fA-F]{1,2})/.exec(line.slice(index));
  if (hexadecimal) {
    return { code: Number.parseInt(hexadecimal[1]!, 16), after: index + hexadecimal[0].length };
  }
  const octal = /^\\([0-7]{1,3})/.exec(line.slice(index));
  if (octal) return { code: Number.parseInt(octal[1]!, 8) & 0xff, after: index + octal[0].length };
  const code = ESCAPES[line[index + 1] ?? ''];
  if (code === undefined) fail('syntax', place, line.slice(index, index + 2), 'a known escape');
  return { code, after: index + 2 };
}

/**
 * Bytes of a string token are kept as characters of codes 0 … 255: escapes as they are, the rest as
 * UTF-8.
 */
function stringToken(line: string, start: number, place: Place): { token: Token; after: number } {
  let text = '';
  let index = start + 1;
  while (line[index] !== '"') {
    if (index >= line.length) fail('syntax', place, 'the end of the line', 'a closing "');
    const isEscape = line[index] === '\\';
    const { code, after } = character(line, index, place);
    text += isEscape ? String.fromCharCode(code) : utf8(code);
    index = after;
  }
  return { token: { kind: 'string', text, value: 0n, ...place }, after: index + 1 };
}

function utf8(code: number): string {
  if (code < 0x80) return String.fromCharCode(code);
  const low = 0x80 | (code & 0x3f);
  if (code < 0x800) return String.fromCharCode(0xc0 | (code >> 6), low);
  const middle = 0x80 | ((code >> 6) & 0x3f);
  if (code < 0x10000) return String.fromCharCode(0xe0 | (code >> 12), middle, low);
  return String.fromCharCode(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 0x3f), middle, low);
}

function nextToken(
  line: string,
  index: number,
  lineNumber: number,
): { token: Token; after: number } {
  const place = { line: lineNumber, column: index + 1 };
  const rest = line.slice(index);
  if (line[index] === '"') return stringToken(line, index, place);
  if (line[index] === "'") {
    const { code, after } = character(line, index + 1, place);
    if (line[after] !== "'") fail('syntax', place, rest.slice(0, 4), "a character between ' and '");
    const text = line.slice(index, after + 1);
    return { token: { kind: 'number', text, value: BigInt(code), ...place }, after: after + 1 };
  }
  const of = (kind: Token['kind'], text: string, value = 0n, length = text.length) => ({
    token: { kind, text, value, ...place },
    after: index + length,
  });
  const local = LOCAL.exec(rest)?.[0];
  if (local !== undefined) return of('local', local);
  const number = NUMBER.exec(rest)?.[0];
  if (number !== undefined) {
    if (/^[A-Za-z0-9_.]/.test(rest.slice(number.length))) {
      fail('syntax', place, `'${/^[A-Za-z0-9_.]+/.exec(rest)![0]}'`, 'a number');
    }
    // As in C a leading 0 would mean octal to some readers and decimal to others: refused.
    if (/^0[0-9]/.test(number))
      fail('syntax', place, `'${number}'`, 'a number without a leading 0');
    return of('number', number, BigInt(number));
  }
  const name = NAME.exec(rest)?.[0];
  if (name !== undefined) return of('name', name);
  const modifier = MODIFIER.exec(rest);
  if (modifier !== null) return of('modifier', modifier[1]!, 0n, modifier[0].length);
  const punctuation = PUNCTUATION.exec(rest)?.[0];
  if (punctuation !== undefined) return of('punctuation', punctuation);
  return fail(
    'syntax',
    place,
    `'${String.fromCodePoint(line.codePointAt(index)!)}'`,
    'a statement',
  );
}

/** The C comments of `source` replaced by blanks, so that places stay; strings are left alone. */
function blankBlockComments(source: string): string {
  return source.replaceAll(
    /'(?:\\.|[^'\\\n])'|"(?:\\.|[^"\\\n])*"|(?:#|\/\/)[^\n]*|\/\*[\s\S]*?\*\//g,
    (match) => (match.startsWith('/*') ? match.replaceAll(/[^\n]/g, ' ') : match),
  );
}

/**
 * The statements of `source` in order; several may stand on a line, separated by ';'. Fails with
 * kind 'syntax'.
 */
export function statementsOf(source: string): readonly Statement[] {
  const statements: Statement[] = [];
  blankBlockComments(source)
    .split('\n')
    .forEach((line, lineIndex) => {
      let tokens: Token[] = [];
      const finish = (column: number) => {
        if (tokens.length > 0) {
          tokens.push({ kind: 'end', text: '', value: 0n, line: lineIndex + 1, column });
          statements.push(tokens);
        }
        tokens = [];
      };
      let index = 0;
      while (index < line.length) {
        const here = line[index]!;
        if (here === '#' || (here === '/' && line[index + 1] === '/')) break;
        if (here === ' ' || here === '\t' || here === '\r') index++;
        else if (here === ';') finish(++index);
        else {
          const { token, after } = nextToken(line, index, lineIndex + 1);
          tokens.push(token);
          index = after;
        }
      }
      finish(index + 1);
    });
  return statements;
}
