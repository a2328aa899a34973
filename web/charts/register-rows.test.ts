// Goal: only what changed is marked, and the first picture marks nothing. Method: two small replies by hand.
import { expect, test } from 'vitest';
import { changedRegisters, INTEGER_NAMES, registerRows } from './register-rows.ts';

const reply = (pc: string, a0: string) => ({
  view: 'registers' as const, host: 0, pc, privilege: 'VS', x: INTEGER_NAMES.map((name) => (name === 'a0' ? a0 : '0x0')), f: [], csrs: [{ name: 'satp', value: '0x8' }],
});

test('changes are marked by name', () => {
  const first = changedRegisters([], registerRows(reply('0x80', '0x1')));
  expect(first.some((row) => row.changed)).toBe(false);
  expect(first).toHaveLength(34);
  const second = changedRegisters(first, registerRows(reply('0x84', '0x1')));
  expect(second.filter((row) => row.changed).map((row) => row.name)).toEqual(['pc']);
});
