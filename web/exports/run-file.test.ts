// Goal: a file that is no run file is named in one sentence with the place that does not fit. Method: each field removed, mistyped; bytes of an ELF.
import { expect, test } from 'vitest';
import { looksLikeJson } from './looks-like-json.ts';
import { readRunFileHead } from './run-file.ts';

const good = { format: 'glasshouse-run', version: 1, modelVersion: 'x', lab: 'precopy-migration', seed: 7, knobs: { loss: 1 }, endNs: 5e8, guestName: '', guestDigest: '', log: [] };

test('a good file gives its head', () => {
  const read = readRunFileHead('run.json', JSON.stringify(good));
  expect(read.ok && read.head).toMatchObject({ lab: 'precopy-migration', seed: 7, endNs: 5e8, knobs: { loss: 1 } });
});

test('every field that is missing or mistyped is named', () => {
  for (const field of ['lab', 'seed', 'knobs', 'endNs'] as const) {
    for (const broken of [{ ...good, [field]: undefined }, { ...good, [field]: true }, { ...good, [field]: null }]) {
      const read = readRunFileHead('run.json', JSON.stringify(broken));
      expect(read.ok).toBe(false);
      expect(!read.ok && read.sentence).toContain(`“${field}`);
    }
  }
  const other = readRunFileHead('a.json', '{"format":"x"}');
  expect(!other.ok && other.sentence).toContain('not a run file');
  const text = readRunFileHead('a.json', 'ELF');
  expect(!text.ok && text.sentence).toBe('a.json is not JSON.');
});

test('JSON is told from an ELF by its first byte', () => {
  expect(looksLikeJson(new TextEncoder().encode(' \n{"a":1}'))).toBe(true);
  expect(looksLikeJson(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46))).toBe(false);
  expect(looksLikeJson(new Uint8Array(0))).toBe(false);
});
