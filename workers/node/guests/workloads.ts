/** Real programs for the root image: binaries of Debian's packages with the libraries that they name, nothing else of them. */
import { existsSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type CpioEntry, readElfNeeds } from '../../../core/formats/index.ts';
import type { Package } from './packages.ts';
import { unpack } from './packages.ts';
import type { Workshop } from './fetch-guests.ts';
import { GuestsFailure } from './tools.ts';

/** Packages, and the programs that are taken from them. */
const PACKAGES = ['redis-server', 'redis-tools', 'sqlite3', 'lua5.4'];
const PROGRAMS = ['redis-server', 'redis-cli', 'redis-benchmark', 'sqlite3', 'lua5.4'];
/** What a loader of Debian searches. */
const LIBRARY_FOLDER = 'lib/riscv64-linux-gnu';

/** The recipe's words. */
export const WORKLOAD_RECIPE = [...PACKAGES, ...PROGRAMS, LIBRARY_FOLDER];

/** Programs, libraries and loader as entries of the root image, and the packages that they come from. */
export async function workloadEntries(workshop: Workshop): Promise<{ readonly packages: readonly Package[]; readonly entries: readonly CpioEntry[] }> {
  const closure = await workshop.client.closure(PACKAGES);
  const packages = await workshop.client.fetch(closure.filter((name) => PACKAGES.includes(name) || /^z?lib/.test(name)));
  const folder = join(workshop.scratch, 'workloads');
  rmSync(folder, { recursive: true, force: true });
  for (const it of packages) await unpack(it, folder);
  const entries = gather(folder);
  rmSync(folder, { recursive: true });
  return { packages: packages.filter(({ name }) => PACKAGES.includes(name)), entries };
}

/** Files of a folder of unpacked packages that the programs need. */
function gather(folder: string): CpioEntry[] {
  const places = ['usr/lib/riscv64-linux-gnu', 'lib/riscv64-linux-gnu', 'usr/lib', 'lib'].map((it) => join(folder, it)).filter(existsSync);
  const files = new Map<string, Uint8Array>();
  const add = (target: string, source: string) => {
    if (files.has(target)) return;
    const bytes = new Uint8Array(readFileSync(realpathSync(source)));
    files.set(target, bytes);
    const needs = readElfNeeds(target, bytes);
    if (!needs.ok) throw new GuestsFailure(needs.error);
    const { libraries, loader } = needs.value;
    for (const name of libraries) add(`${LIBRARY_FOLDER}/${name}`, find(places, name, target));
    if (loader !== undefined) add(loader.replace(/^\//, ''), find(places, basename(loader), target));
  };
  for (const name of PROGRAMS) add(`usr/bin/${name}`, programOf(folder, name));
  const folders = new Set([...files.keys()].map((path) => dirname(path)).filter((it) => !['usr/bin', 'lib'].includes(it)));
  return [
    ...[...folders].map((name): CpioEntry => ({ kind: 'folder', name, mode: 0o755 })),
    ...[...files].map(([name, bytes]): CpioEntry => ({ kind: 'file', name, bytes, mode: 0o755 })),
  ];
}

/** A program of the packages; redis-server is a link to another of them. */
function programOf(folder: string, name: string): string {
  const path = join(folder, 'usr/bin', name);
  if (!readdirSync(join(folder, 'usr/bin')).includes(name)) throw new GuestsFailure(`The packages hold no program ${name}.`);
  return path;
}

function find(places: readonly string[], name: string, wantedBy: string): string {
  const found = places.map((place) => join(place, name)).find(existsSync);
  if (found === undefined) throw new GuestsFailure(`${wantedBy} needs ${name}, which no package of its dependencies holds.`);
  return found;
}
