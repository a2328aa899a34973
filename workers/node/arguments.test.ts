// Goal: arguments mean what they say, and a wrong one gets a sentence. Method: tables.
import { expect, test } from 'vitest';
import type { KnobRow } from '../../core/base/contract.ts';
import {
  editDistance,
  readDuration,
  readFault,
  readInteger,
  readKnob,
  readSize,
  suggestion,
} from './arguments.ts';

function knob(id: string, unit: string, maximum: number, scale: KnobRow['scale'] = 'linear'): KnobRow {
  const step = unit === '%' ? 0.1 : 1;
  return { id, title: id, unit, minimum: 0, maximum, step, default: 1, scale, entity: 'link', help: '' };
}
const knobs = [
  knob('bandwidth', 'bit/s', 4e11),
  knob('latency', 'ns', 1e8),
  knob('loss', '%', 10),
  knob('dirty-rate', 'pages/s', 2e5),
  knob('buffer', 'bytes', 1e9),
  knob('throttle', '', 1, 'switch'),
];

test.each([
  ['500ms', 500_000_000],
  ['2s', 2_000_000_000],
  ['10us', 10_000],
  ['10µs', 10_000],
  ['1.5ms', 1_500_000],
  ['7ns', 7],
  ['2min', 120_000_000_000],
])('%s is %d ns', (text, ns) => {
  expect(readDuration('--until', text)).toEqual({ ok: true, value: ns });
});

test.each(['5', '', 's', '-1s', '1h', '1 s 2', '9999999999s', 'NaNs'])('%j is no duration', (text) => {
  const result = readDuration('--until', text);
  expect(result.ok).toBe(false);
  if (!result.ok) expect(result.error).toMatch(/^--until is '.*[.]$/);
});

test.each([
  ['64M', 64 * 1024 ** 2],
  ['1G', 1024 ** 3],
  ['4096', 4096],
  ['1.5K', 1536],
])('%s is %d bytes', (text, bytes) => {
  expect(readSize('--ram', text)).toEqual({ ok: true, value: bytes });
});

test.each([
  ['bandwidth=400G', 4e11],
  ['bandwidth=1Gbit/s', 1e9],
  ['bandwidth=2.5Gb/s', 2.5e9],
  ['latency=30ms', 3e7],
  ['latency=5000', 5000],
  ['loss=0.5%', 0.5],
  ['dirty-rate=20k', 20_000],
  ['buffer=64K', 65_536],
  ['throttle=off', 0],
  ['throttle=1', 1],
])('--set %s', (text, value) => {
  expect(readKnob(text, knobs)).toEqual({ ok: true, value: { id: text.split('=')[0], value } });
});

test.each([
  ['bandwith=1G', "did you mean 'bandwidth'?"],
  ['bandwidth=fast', 'expected a rate such as 10G'],
  ['loss=0.55%', 'takes 0.5 or 0.6 %'],
  ['dirty-rate=0.5', 'takes 0 or 1 pages/s'],
  ['bandwidth=500G', 'between 0 and 400000000000 bit/s'],
  ['latency=-1ms', 'expected a duration'],
  ['throttle=maybe', 'expected on or off'],
  ['throttle=0.5', 'expected on or off'],
  ['bandwidth', 'not of the form knob=value'],
])('--set %s is refused', (text, words) => {
  const result = readKnob(text, knobs);
  expect(result.ok).toBe(false);
  if (!result.ok) expect(result.error).toContain(words);
});

test('faults, integers, suggestions', () => {
  expect(readFault('cut-link@1.2s', ['cut-link'])).toEqual({ ok: true, value: { id: 'cut-link', target: '', atNs: 1.2e9 } });
  expect(readFault('cut-lnk@1s', ['cut-link'])).toMatchObject({ ok: false, error: expect.stringContaining("mean 'cut-link'") });
  expect(readFault('cut-link', ['cut-link'])).toMatchObject({ ok: false });
  expect(readFault('cut-link@soon', ['cut-link'])).toMatchObject({ ok: false });
  expect(readInteger('--seed', '12', { minimum: 0, maximum: 99 })).toEqual({ ok: true, value: 12 });
  expect(readInteger('--seed', '1e1', { minimum: 0, maximum: 99 }).ok).toBe(false);
  expect(suggestion('xyz', ['alpha'])).toBe('. Known: alpha.');
  expect(editDistance('kitten', 'sitting')).toBe(3);
});
