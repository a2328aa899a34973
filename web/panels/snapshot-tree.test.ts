// Goal: the tree shows what was taken after what, loses nothing, and arrow keys walk it as trees are walked. Method:
// hosts' tellings made by hand; a property over random parents, also missing and circular ones.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { FileTold, JobTold, LiveSnapshotTold } from '../../core/mechanisms/live-snapshot/told.ts';
import { lineAfterKey, snapshotTree } from './snapshot-tree.ts';

const file = (name: string, parent: string, takenAtNs: number): FileTold =>
  ({ name, parent, vm: 1, vmName: 'desk-1', takenAtNs, pageCount: 4, byteCount: 100 });

function toldOf(files: readonly FileTold[], options: { jobs?: readonly Partial<JobTold>[]; here?: string } = {}): LiveSnapshotTold {
  const present = options.here === undefined ? [] : [{ vm: 1, parent: options.here }];
  return { files, jobs: options.jobs ?? [], present } as unknown as LiveSnapshotTold;
}

test('each stands below the one it was taken after; one that is being taken is a leaf; the present is marked', () => {
  const told = toldOf(
    [file('b', 'a', 2), file('a', '', 1), file('c', 'a', 3), file('d', 'c', 4)],
    { jobs: [{ name: 'e', parent: 'c', vm: 1, takenAtNs: 5, endedAtNs: -1, state: 'capturing' }, { name: 'a', parent: '', vm: 1, takenAtNs: 1, endedAtNs: 9, state: 'committed' }], here: 'c' },
  );
  const lines = snapshotTree([told], () => 'desk-1');
  expect(lines.map(({ name, depth }) => `${'-'.repeat(depth)}${name}`)).toEqual(['a', '-b', '-c', '--d', '--e']);
  expect(lines.filter(({ here }) => here).map(({ name }) => name)).toEqual(['c']);
  expect(lines.find(({ name }) => name === 'e')).toMatchObject({ state: 'capturing', byteCount: -1, vmName: 'desk-1' });
  expect(lines.find(({ name }) => name === 'c')).toMatchObject({ position: 2, siblings: 2, hasChildren: true });
});

test('no snapshot is lost, whatever its parent says', () => {
  fc.assert(fc.property(fc.array(fc.constantFrom('', 's0', 's1', 's2', 's3', 'gone'), { maxLength: 5 }), (parents) => {
    // Parents are older than their children, as the mechanism makes them; some are not there any more.
    const files = parents.map((parent, index) => file(`s${index}`, /^s\d$/.test(parent) && Number(parent[1]) >= index ? '' : parent, index));
    const names = snapshotTree([toldOf(files)], () => '').map(({ name }) => name);
    expect(names.toSorted()).toEqual(files.map(({ name }) => name).toSorted());
  }));
});

test('arrow keys', () => {
  const lines = snapshotTree([toldOf([file('a', '', 1), file('b', 'a', 2), file('c', 'b', 3), file('d', '', 4)])], () => '');
  const go = (from: string, key: string) => lines[lineAfterKey(lines, lines.findIndex(({ name }) => name === from), key)]!.name;
  expect(go('a', 'ArrowDown')).toBe('b');
  expect(go('d', 'ArrowDown')).toBe('d');
  expect(go('c', 'ArrowLeft')).toBe('b');
  expect(go('a', 'ArrowLeft')).toBe('a');
  expect(go('b', 'ArrowRight')).toBe('c');
  expect(go('c', 'ArrowRight')).toBe('c');
  expect(go('b', 'End')).toBe('d');
  expect(go('d', 'Home')).toBe('a');
});
