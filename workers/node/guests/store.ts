/** The folder of guests and its manifest: what is there, whether it is whole, and how a part takes its place. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GUEST_MANIFEST, type GuestFile, type GuestManifest, type GuestPart, readGuestManifest } from '../../../core/protocol/guest-library.ts';

/** Where guests lie, beside the page's other static files. */
export const GUEST_FOLDER = join('public', 'guests');

/** SHA-256 in hexadecimal digits. */
export function checksum(...pieces: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

/** The manifest; an empty one when there is none, or none that can be read. */
export function readManifest(folder: string): GuestManifest {
  const path = join(folder, GUEST_MANIFEST);
  const found = existsSync(path) ? readGuestManifest(readFileSync(path, 'utf8')) : undefined;
  return found?.ok === true ? found.value : { version: 1, parts: [] };
}

/** What keeps a file from being what the manifest says; undefined when it is. */
export function findFileFault(folder: string, { path, bytes, sha256 }: GuestFile): string | undefined {
  const found = statSync(join(folder, path), { throwIfNoEntry: false });
  if (found === undefined) return `${path} is missing`;
  if (found.size !== bytes) return `${path} has ${found.size} bytes, the manifest says ${bytes}`;
  return checksum(readFileSync(join(folder, path))) === sha256 ? undefined : `the SHA-256 of ${path} is not the manifest’s`;
}

/** Why a part has to be made: it is not there, was made otherwise, or is damaged. Undefined when it is as it should be. */
export function findPartReason(folder: string, id: string, recipe: string): string | undefined {
  const part = readManifest(folder).parts.find((it) => it.id === id);
  if (part === undefined) return 'it is not there';
  if (part.recipe !== recipe) return 'it was made by an earlier recipe';
  return part.files.map((file) => findFileFault(folder, file)).find((it) => it !== undefined);
}

/** A file to put in place. */
export interface NewFile {
  readonly path: string;
  readonly content: Uint8Array;
}

/** Puts a part's files in place, then the manifest that names them: who reads it finds them whole. */
export function placePart(folder: string, part: Omit<GuestPart, 'files'>, files: readonly NewFile[]): void {
  const others = readManifest(folder).parts.filter(({ id }) => id !== part.id);
  writeManifest(folder, others);
  for (const { path, content } of files) writeWhole(join(folder, path), content);
  const rows = files.map(({ path, content }) => ({ path, bytes: content.length, sha256: checksum(content) }));
  const parts = [...others, { ...part, files: rows }].toSorted((left, right) => (left.id < right.id ? -1 : 1));
  writeManifest(folder, parts);
}

function writeManifest(folder: string, parts: readonly GuestPart[]): void {
  const manifest: GuestManifest = { version: 1, parts };
  writeWhole(join(folder, GUEST_MANIFEST), Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
}

function writeWhole(path: string, content: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const beside = `${path}.new`;
  rmSync(beside, { force: true });
  writeFileSync(beside, content);
  renameSync(beside, path);
}
