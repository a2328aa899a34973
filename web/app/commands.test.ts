// Goal: one table of commands that menus, keys, scripts and tests share, and that refuses in one sentence. Method: lint
// of the table; runs against recorded actions.
import { expect, test } from 'vitest';
import { makeStore } from '../session/store.ts';
import { COMMAND_ROWS, makeCommandRegistry, type PageActions, resolveMove } from './commands.ts';
import { keyName } from './hotkeys.ts';

const SPEC = { lab: 'precopy-migration', seed: 1, knobs: {} };
const vm = { id: 1, name: 'web-1', guest: 'dirtier', state: 'running', reason: '', slot: 0, hartSlots: [0], pageCount: 16, instructionsRetired: 0, exits: {}, throttlePercent: 0, consoleLength: 0 } as const;
const host = (id: number, vms: readonly (typeof vm)[]) => ({ id, name: `host-${id}`, state: 'up' as const, frameCount: 64, framesFree: 1, processorCount: 1, vms });

function page() {
  const store = makeStore(SPEC, 'lab');
  store.setState({ status: 'live', hosts: [host(0, [vm]), host(1, [])] });
  const calls: [string, ...unknown[]][] = [];
  const actions = new Proxy({} as PageActions, {
    get: (_, name: string) => (...args: unknown[]) => {
      if (name === 'patch') store.setState(args[0] as object);
      calls.push([name, ...args]);
      return Promise.resolve('');
    },
  });
  return { store, calls, commands: makeCommandRegistry(COMMAND_ROWS, { state: () => store.getState(), actions }) };
}

test('ids and hotkeys are unique, titles are words', () => {
  const ids = COMMAND_ROWS.map((row) => row.id);
  expect(new Set(ids).size).toBe(ids.length);
  const keys = COMMAND_ROWS.flatMap((row) => row.hotkey ?? []);
  expect(new Set(keys).size).toBe(keys.length);
  for (const row of COMMAND_ROWS) expect(row.title).toMatch(/^[A-Z]/);
});

test('every hotkey is a name that a key event can have', () => {
  const event = (key: string, ctrlKey = false) => keyName({ key, ctrlKey, metaKey: false, altKey: false });
  expect(event(' ')).toBe('Space');
  expect(event('k', true)).toBe('Ctrl+K');
  expect(event('M')).toBe('m');
  for (const key of COMMAND_ROWS.flatMap((row) => row.hotkey ?? [])) {
    const plain = key.replace('Ctrl+', '');
    expect(event(plain === 'Space' ? ' ' : plain, key.startsWith('Ctrl+'))).toBe(key);
  }
});

test('a move finds its VM and the other host by itself', async () => {
  const { calls, commands, store } = page();
  expect(resolveMove(store.getState(), 0, -1)).toEqual({ vm: 1, to: 1 });
  expect(await commands.run('migrate')).toBe('');
  expect(await commands.run('migrate', { vm: 1, to: 0 }, { at: 500 })).toBe('');
  expect(calls).toEqual([['migrate', 1, 1, -1], ['migrate', 1, 0, 500]]);
});

test('refusals are one sentence, shown, and change nothing', async () => {
  const { calls, commands, store } = page();
  expect(await commands.run('fly')).toBe('There is no command “fly”.');
  expect(await commands.run('cancel-migration')).toBe('No migration is running.');
  expect(await commands.run('set-knob', { knob: 3 })).toMatch(/^Set a knob: .*knob/);
  expect(store.getState().notice).toMatch(/^Set a knob/);
  store.setState({ status: 'failed' });
  expect(await commands.run('migrate')).toBe('No run is alive; start again first.');
  expect(calls.every(([name]) => name === 'patch')).toBe(true);
});
