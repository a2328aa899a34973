// Goal: a CSV export is read back as the same table. Method: a reader of RFC 4180 written for this test; a property over hostile cells.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tableCsv } from './chart-table.ts';

function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  let field = '';
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const sign = text[index]!;
    if (quoted) {
      if (sign === '"' && text[index + 1] === '"') { field += '"'; index++; }
      else if (sign === '"') quoted = false;
      else field += sign;
    } else if (sign === '"') quoted = true;
    else if (sign === ',') { rows.at(-1)!.push(field); field = ''; }
    else if (sign === '\r' && text[index + 1] === '\n') { rows.at(-1)!.push(field); field = ''; rows.push([]); index++; }
    else field += sign;
  }
  return rows.slice(0, -1);
}

test('every cell comes back', () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }))), (rows) => {
    const read = readCsv(tableCsv({
      title: 't', columns: [{ title: 'Name, or "id"', unit: '', entity: '' }, { title: 'Time', unit: 'ns', entity: 'run' }], rows,
    }, 'seed 1, t = 2 s'));
    expect(read[0]).toEqual(['Name, or "id"', 'Time (ns)']);
    expect(read.slice(1, -1)).toEqual(rows.map(([text, value]) => [text, String(value)]));
    expect(read.at(-1)).toEqual(['# seed 1, t = 2 s']);
  }), { seed: 2, numRuns: 60 });
});

test('what was not measured is an empty cell', () => {
  const text = tableCsv({ title: 't', columns: [{ title: 'x', unit: 'ns', entity: '' }], rows: [[Number.NaN]] }, 'c');
  expect(text).toBe('x (ns)\r\n\r\n# c\r\n');
});
