// Goal: the table of guests is whole, and a manifest is believed only when it is one. Method: the rows; manifests with
// fields taken away or mistyped.
import { expect, test } from 'vitest';
import { findGuestEntry, findPreparedGuest, guestBootArguments, GUESTS, type GuestManifest, guestsOf, PREPARED_GUESTS, preparedGuestsOf, readGuestManifest } from './guest-library.ts';

const filesOf = (...paths: string[]) => paths.map((path) => ({ path, bytes: 1, sha256: 'ab'.repeat(32) }));
const manifestOf = (...paths: string[]): GuestManifest => ({
  version: 1, parts: [{ id: 'part', recipe: 'r', packages: [{ name: 'opensbi', version: '1.6-1' }], files: filesOf(...paths) }],
});

test('rows: ids and command lines of their own kind, room for the least RAM', () => {
  expect(new Set(GUESTS.map(({ id }) => id)).size).toBe(GUESTS.length);
  for (const guest of GUESTS) {
    expect(guest.id).toMatch(/^[a-z]+$/);
    expect(guest.ramBytes).toBeGreaterThanOrEqual(guest.ramBytesMin);
    expect(guest.append).not.toMatch(/console=|^\s|\s$|\n/);
    expect(guest.command).toMatch(/^npm run guests/);
    expect(findGuestEntry(guest.id)).toBe(guest);
    expect(readGuestManifest(JSON.stringify(manifestOf(...Object.values(guest.files)))).ok).toBe(true);
  }
  expect(findGuestEntry('nobody')).toBeUndefined();
});

test('what is added to a command line comes last, and may name another console', () => {
  const [debian, small] = GUESTS;
  expect(guestBootArguments(small, '')).toBe('console=ttyS0');
  expect(guestBootArguments(debian, 'a=b')).toBe(`console=ttyS0 ${debian.append} a=b`);
  expect(guestBootArguments(small, 'quiet console=hvc0')).toBe('quiet console=hvc0');
});

test('a guest is there when all of its files are', () => {
  const paths = Object.values(GUESTS[0].files);
  expect(guestsOf(manifestOf(...paths)).map(({ id }) => id)).toEqual(['debian']);
  expect(guestsOf(manifestOf(...paths.slice(1)))).toEqual([]);
  expect(guestsOf({ version: 1, parts: [] })).toEqual([]);
});

test('each guest has a prepared one, which is there when its file is', () => {
  expect(PREPARED_GUESTS.map(({ guest }) => guest)).toEqual([...GUESTS]);
  const [debian, small] = PREPARED_GUESTS;
  expect(preparedGuestsOf(manifestOf(small!.path))).toEqual([small]);
  expect(preparedGuestsOf(manifestOf(...Object.values(debian!.guest.files)))).toEqual([]);
  expect(readGuestManifest(JSON.stringify(manifestOf(debian!.path, small!.path))).ok).toBe(true);
  for (const { id } of PREPARED_GUESTS) {
    expect(findGuestEntry(id)).toBeUndefined();
    expect(findPreparedGuest(id)?.id).toBe(id);
  }
});

const good = JSON.parse(JSON.stringify(manifestOf('debian/Image')));
const part = good.parts[0];
test.each([
  ['no JSON', '{'],
  ['another version', JSON.stringify({ ...good, version: 2 })],
  ['no parts', JSON.stringify({ version: 1 })],
  ['a part without a recipe', JSON.stringify({ version: 1, parts: [{ ...part, recipe: undefined }] })],
  ['a package without a version', JSON.stringify({ version: 1, parts: [{ ...part, packages: [{ name: 'a' }] }] })],
  ['a path that leaves the folder', JSON.stringify({ version: 1, parts: [{ ...part, files: filesOf('../secret') }] })],
  ['a path from the root', JSON.stringify({ version: 1, parts: [{ ...part, files: filesOf('/etc/passwd') }] })],
  ['a negative size', JSON.stringify({ version: 1, parts: [{ ...part, files: [{ ...filesOf('a')[0], bytes: -1 }] }] })],
  ['a short checksum', JSON.stringify({ version: 1, parts: [{ ...part, files: [{ ...filesOf('a')[0], sha256: 'ab' }] }] })],
  ['a file twice', JSON.stringify({ version: 1, parts: [{ ...part, files: filesOf('a', 'a') }] })],
])('refused: %s', (_, text) => {
  expect(readGuestManifest(text)).toMatchObject({ ok: false, error: expect.stringMatching(/^The manifest of guests .*\.$/) });
});
