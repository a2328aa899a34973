// Goal: the hypervisor's tables hold what they promise. Method: lint of the cost table, round trips of declared records with
// values at their limits, the console's ring and queue at their bounds.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EXIT_COSTS, EXIT_INDEX, type ExitCause } from './cost-table.ts';
import { CONSOLE_INPUT_MAX, CONSOLE_OUTPUT_MAX, consoleBytes, DebugConsole } from './debug-console.ts';
import { type FieldRow, fieldsSize, readFields, writeFields } from '../base/device-record.ts';
import { advanceTime, chargeExit, makeVcpu } from './vcpu.ts';

test('every cost has one row, a plausible figure, a source, and says whether it was measured', () => {
  expect(new Set(EXIT_COSTS.map((row) => row.cause)).size).toBe(EXIT_COSTS.length);
  EXIT_COSTS.forEach((row, index) => {
    expect(EXIT_INDEX[row.cause]).toBe(index);
    expect(row.costNs).toBeGreaterThanOrEqual(100);
    expect(row.costNs).toBeLessThanOrEqual(100_000);
    expect(Number.isInteger(row.costNs)).toBe(true);
    expect(row.source.length).toBeGreaterThan(20);
    expect(row.title).not.toBe('');
  });
});

test('an exit takes its cost from the time of its vCPU and is counted', () => {
  const vcpu = makeVcpu(0, 0);
  for (const { cause, costNs } of EXIT_COSTS) {
    const before = vcpu.timeNs;
    chargeExit(vcpu, cause as ExitCause);
    expect(vcpu.timeNs - before).toBe(costNs);
    expect(vcpu.exitCounts[EXIT_INDEX[cause]]).toBe(1);
    expect(vcpu.exitCostsNs[EXIT_INDEX[cause]]).toBe(costNs);
  }
});

test('time advances in whole nanoseconds with an exact remainder', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 5_000_000 }), { maxLength: 50 }), (steps) => {
      const vcpu = makeVcpu(0, 0);
      for (const step of steps) advanceTime(vcpu, step);
      const total = steps.reduce((sum, step) => sum + step, 0);
      expect(vcpu.timeNs * 1000 + vcpu.timePs).toBe(total);
      expect(vcpu.timePs).toBeLessThan(1000);
    }),
    { seed: 3 },
  );
});

// biome-ignore format: a table
const FIELDS = [
  { name: 'a', width: 'u8',   since: 1 },
  { name: 'b', width: 'u16',  since: 1 },
  { name: 'c', width: 'u32',  since: 1 },
  { name: 'd', width: 'u53',  since: 1 },
  { name: 'e', width: 'time', since: 1 },
] as const satisfies readonly FieldRow[];

test('declared records come back equal, limits and infinity included', () => {
  const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const values = fc.record({
    a: fc.nat({ max: 255 }),
    b: fc.nat({ max: 65_535 }),
    c: fc.nat({ max: 2 ** 32 - 1 }),
    d: fc.oneof(whole, fc.constant(Number.MAX_SAFE_INTEGER)),
    e: fc.oneof(whole, fc.constant(Infinity)),
  });
  fc.assert(
    fc.property(values, (record) => {
      const view = new DataView(new ArrayBuffer(fieldsSize(FIELDS) + 3));
      expect(writeFields(view, 3, FIELDS, record)).toBe(fieldsSize(FIELDS) + 3);
      expect(readFields(view, 3, FIELDS)).toEqual({ ok: true, value: record });
    }),
    { seed: 5 },
  );
  const view = new DataView(new ArrayBuffer(fieldsSize(FIELDS)));
  view.setUint32(7 + 4, 2 ** 21, true);
  expect(readFields(view, 0, FIELDS)).toMatchObject({ ok: false, error: { kind: 'record-value', field: 'd' } });
});

test('console output: chunks keep their times, readers their cursors, the ring its bound', () => {
  const terminal = new DebugConsole();
  terminal.write(5, 'ab');
  terminal.write(5, '');
  terminal.write(9, 'cde');
  expect(terminal.chunksFrom(0)).toEqual([
    { timeNs: 5, text: 'ab', start: 0 },
    { timeNs: 9, text: 'cde', start: 2 },
  ]);
  expect(terminal.chunksFrom(2).map((chunk) => chunk.text)).toEqual(['cde']);
  expect(terminal.chunksFrom(5)).toEqual([]);
  const piece = 'x'.repeat(1000);
  for (let index = 0; index < 3000; index++) terminal.write(10 + index, piece);
  expect(terminal.byteCount).toBe(3_000_005);
  expect(terminal.text().length).toBeLessThanOrEqual(CONSOLE_OUTPUT_MAX);
  expect(terminal.text().length).toBeGreaterThan(CONSOLE_OUTPUT_MAX - 2000);
  expect(terminal.chunksFrom(0)[0]!.start).toBe(3_000_005 - terminal.text().length);
});

test('console input is bounded, in order, UTF-8', () => {
  const terminal = new DebugConsole();
  expect(consoleBytes('aé€😀')).toEqual([...new TextEncoder().encode('aé€😀')]);
  expect(terminal.type([1, 2, 3])).toBe(3);
  expect(terminal.read(2)).toEqual([1, 2]);
  expect(terminal.type(new Array<number>(CONSOLE_INPUT_MAX).fill(7))).toBe(CONSOLE_INPUT_MAX - 1);
  expect(terminal.overflowCount).toBe(1);
  expect(terminal.read(1)).toEqual([3]);
});
