// Goal: what lies in the folder of guests is what its manifest says, or is made again; the command line offers exactly
// that; the mirror is Debian's own. Method: parts placed in a folder and damaged; lines of package sources.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readBundle } from '../../../core/formats/index.ts';
import { GUESTS, PREPARED_GUESTS } from '../../../core/protocol/guest-library.ts';
import { LAB_GUESTS } from '../../../core/protocol/lab-guests.ts';
import { chooseGuest, chooseLabGuest, choosePrepared, listGuests } from '../guest-choice.ts';
import { pickMirror } from './packages.ts';
import { lostOptions } from './small-linux.ts';
import { findPartReason, placePart, readManifest } from './store.ts';

const folder = mkdtempSync(join(tmpdir(), 'glasshouse-guests-'));
afterAll(() => rmSync(folder, { recursive: true }));

const content = (text: string) => new Uint8Array(Buffer.from(text));
const packages = [{ name: 'busybox-static', version: '1:1.37.0-6' }];

test('a part is made once, and again when its recipe changes or a file is damaged', () => {
  const place = (recipe: string) => placePart(folder, { id: 'one', recipe, packages }, [{ path: 'one/Image', content: content('kernel') }]);
  expect(findPartReason(folder, 'one', 'r1')).toBe('it is not there');
  place('r1');
  expect(findPartReason(folder, 'one', 'r1')).toBeUndefined();
  expect(findPartReason(folder, 'one', 'r2')).toContain('earlier recipe');
  writeFileSync(join(folder, 'one/Image'), 'kernal');
  expect(findPartReason(folder, 'one', 'r1')).toContain('SHA-256 of one/Image');
  writeFileSync(join(folder, 'one/Image'), 'kern');
  expect(findPartReason(folder, 'one', 'r1')).toContain('has 4 bytes, the manifest says 6');
  rmSync(join(folder, 'one/Image'));
  expect(findPartReason(folder, 'one', 'r1')).toContain('one/Image is missing');
  place('r2');
  expect(findPartReason(folder, 'one', 'r2')).toBeUndefined();
  placePart(folder, { id: 'another', recipe: 'r', packages }, [{ path: 'b', content: content('b') }]);
  expect(readManifest(folder).parts.map(({ id }) => id)).toEqual(['another', 'one']);
  writeFileSync(join(folder, 'manifest.json'), readFileSync(join(folder, 'manifest.json')).subarray(1));
  expect(readManifest(folder).parts).toEqual([]);
});

test('a guest is offered when it is there and whole; otherwise one sentence says how to get it', () => {
  const [debian] = GUESTS;
  expect(listGuests(folder)).toEqual({ there: [], absent: [...GUESTS] });
  expect(() => chooseGuest('debian', folder)).toThrow("not on this machine yet; 'npm run guests' gets it.");
  expect(() => chooseGuest('small', folder)).toThrow("'npm run guests -- --small' gets it.");
  expect(() => chooseGuest('debain', folder)).toThrow("did you mean 'debian'?");
  const files = Object.values(debian.files).map((path) => ({ path, content: content(path) }));
  placePart(folder, { id: 'all', recipe: 'r', packages }, files);
  expect(listGuests(folder).there).toEqual([debian]);
  const { entry, paths } = chooseGuest('debian', folder);
  expect(entry).toBe(debian);
  expect(readFileSync(paths.kernel, 'utf8')).toBe(debian.files.kernel);
  writeFileSync(paths.initrd, 'x');
  expect(() => chooseGuest('debian', folder)).toThrow(/not whole: .*'npm run guests' makes it again/);
});

test('a prepared guest is offered when its file is there and whole', () => {
  const [debian] = PREPARED_GUESTS;
  expect(choosePrepared('debian', folder)).toBe(undefined);
  expect(() => choosePrepared(debian!.id, folder)).toThrow("not on this machine yet; 'npm run guests -- --prepare' makes it.");
  placePart(folder, { id: 'prepared-debian', recipe: 'r', packages: [] }, [{ path: debian!.path, content: content('core') }]);
  const path = choosePrepared(debian!.id, folder)!;
  expect(readFileSync(path, 'utf8')).toBe('core');
  writeFileSync(path, 'cora');
  expect(() => choosePrepared(debian!.id, folder)).toThrow(/not whole: the SHA-256 .*--prepare' makes it again/);
  expect(() => chooseGuest(debian!.id, folder)).toThrow('vm --guest debian-prepared');
});

test('a guest of labs is the bundle that its VM boots when all of its files are there and whole', () => {
  const [redis] = LAB_GUESTS;
  expect(chooseLabGuest('program.elf', folder)).toBeUndefined();
  expect(() => chooseLabGuest('redis', folder)).toThrow("not on this machine yet; 'npm run guests -- --small' gets it.");
  placePart(folder, { id: 'labs', recipe: 'r', packages }, Object.values(redis!.files).map((path) => ({ path, content: content(path) })));
  const bundle = readBundle(chooseLabGuest('redis', folder)!);
  expect(bundle).toMatchObject({ ok: true, value: { boot: { kernel: 'Image', initrd: 'initramfs.cpio', disks: ['programs.qcow2'], guest: 'redis' } } });
  expect(bundle.ok && [...bundle.value.files.keys()]).toEqual(['Image', 'initramfs.cpio', 'programs.qcow2']);
  writeFileSync(join(folder, redis!.files.disk), 'x');
  expect(() => chooseLabGuest('redis', folder)).toThrow(/not whole: .*'npm run guests -- --small' makes it again/);
});

test('the mirror is the first Debian archive of the machine’s sources that is no security archive', () => {
  const rows = [
    'https://packages.example/cloud/|cloud-sdk|main|Cloud',
    'http://mirror.example/debian-security/|bookworm-security|main|Debian-Security',
    'http://mirror.example/debian|bookworm|contrib|Debian',
    'http://mirror.example/debian|bookworm|main|Debian',
    'http://other.example/debian/|bookworm|main|Debian',
  ];
  expect(pickMirror(rows)).toBe('http://mirror.example/debian/');
  // Before the first update the archive has told no label.
  expect(pickMirror(['http://fresh.example/debian/|trixie|main|'])).toBe('http://fresh.example/debian/');
  expect(pickMirror(['http://archive.example/ubuntu/|noble|main|Ubuntu', ''])).toBeUndefined();
});

test('options that a kernel did not take are named', () => {
  const fragment = '# the machine\nCONFIG_SMP=y\nCONFIG_NR_CPUS=8\n\nCONFIG_GONE=y\n';
  expect(lostOptions(fragment, 'CONFIG_SMP=y\nCONFIG_NR_CPUS=4\n# CONFIG_GONE is not set\n')).toEqual(['CONFIG_NR_CPUS=8', 'CONFIG_GONE=y']);
});
