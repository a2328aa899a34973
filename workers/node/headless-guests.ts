/** `npm run guests`: fetches Debian's kernel and programs for RISC-V and makes bootable guests of them, in public/guests. */
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { COMMON_PART, DEBIAN_PART, PROGRAMS_PART, type PartMaker, type Workshop } from './guests/fetch-guests.ts';
import { PackageClient } from './guests/packages.ts';
import { prepareGuests } from './guests/prepare.ts';
import { findPartReason, GUEST_FOLDER, placePart, readManifest } from './guests/store.ts';
import { SMALL_PART } from './guests/small-linux.ts';
import { GuestsFailure, megabytes, Progress } from './guests/tools.ts';
import { readOptions } from './options.ts';
import { BadInput } from './terminal.ts';

/** What `guests --help` prints. */
export const guestsHelp = `usage: npm run guests [-- options]

Fetches Debian's kernel, busybox and OpenSBI for riscv64 with this machine's package client (apt),
and makes guests of them in public/guests: kernel, initial RAM disk, firmware, a root image, another
with redis, sqlite and lua, and a manifest with sizes and checksums. Nothing is installed; root is not needed. A second run verifies
what is there and makes what is missing, damaged or older than its recipe.

  --small              also builds the small Linux from Debian's kernel source: 153 MB more to fetch, 2 GB
                       of room meanwhile, about ten minutes; needs a cross compiler, kept afterwards
  --prepare            then boots every guest that is there to its shell and keeps it: 'small-prepared' and
                       'debian-prepared' go on from there at once (vm --guest small-prepared, or on the page)
  --mirror address     a Debian archive, where the machine's own package sources name none

Packages are kept in .cache/guests, or in the folder that GLASSHOUSE_GUESTS_CACHE names.
Exit status: 0 all is there, 1 something failed, 2 bad input, 3 this machine lacks something,
which is then named.
`;

/** Runs it; the result is the exit status. */
export async function runGuests(rest: readonly string[]): Promise<number> {
  const given = readOptions('guests', rest, { mirror: 'value', small: 'switch', prepare: 'switch' });
  const [surplus] = given.operands;
  if (surplus !== undefined) throw new BadInput(`guests takes no '${surplus}'.`);
  const progress = new Progress();
  try {
    await makeParts([COMMON_PART, DEBIAN_PART, PROGRAMS_PART, ...(given.has('small') ? [SMALL_PART] : [])], given.value('mirror'), progress, given.has('prepare'));
    return 0;
  } catch (cause) {
    if (!(cause instanceof GuestsFailure)) throw cause;
    progress.clear();
    process.stderr.write(`${cause.message}\n`);
    return cause.status;
  }
}

async function makeParts(makers: readonly PartMaker[], mirror: string | undefined, progress: Progress, prepares: boolean): Promise<void> {
  const folder = resolve(GUEST_FOLDER);
  const cache = resolve(process.env['GLASSHOUSE_GUESTS_CACHE'] ?? join('.cache', 'guests'));
  const wanted = makers.map((maker) => ({ maker, reason: findPartReason(folder, maker.id, maker.recipe) }));
  let client: PackageClient | undefined;
  for (const { maker, reason } of wanted) {
    if (reason === undefined) continue;
    progress.say(`Making ${maker.title}: ${reason}.`);
    client ??= new PackageClient(cache, progress, mirror);
    const scratch = join(cache, `scratch-${process.pid}`);
    mkdirSync(scratch, { recursive: true });
    const workshop: Workshop = { client, progress, scratch, cache };
    try {
      const { packages, files } = await maker.make(workshop);
      placePart(folder, { id: maker.id, recipe: maker.recipe, packages: packages.map(({ name, version }) => ({ name, version })) }, files);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  const prepared = prepares ? await prepareGuests(folder, progress) : 0;
  for (const { id, files, packages } of readManifest(folder).parts) {
    progress.say(packages.length === 0 ? `${id}:` : `${id}: ${packages.map(({ name, version }) => `${name} ${version}`).join(', ')}`);
    for (const { path, bytes } of files) progress.say(`  ${join(GUEST_FOLDER, path)}, ${megabytes(bytes)}`);
  }
  progress.say(prepared === 0 && wanted.every(({ reason }) => reason === undefined) ? 'All guests are there and verified; nothing was to do.' : 'The guests are there and verified.');
}
