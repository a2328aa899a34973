// Goal: the house stays in order: arrows between layers, folder shapes, banned names, sizes, dead files, open
// FIXMEs. Method: read every source file as text and hold it against the tables below; each checker has a canary.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

/** Layers of core and what each may import besides itself. The house's arrows; decisions/0001 says where they differ. */
const HARDWARE = ['base', 'protocol', 'sim', 'isa', 'wasm', 'memory', 'machine', 'formats', 'network', 'storage', 'pcie', 'metrics'];
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  protocol: ['base'],
  sim: ['base', 'protocol'],
  isa: ['base', 'protocol'],
  metrics: ['base', 'protocol'],
  formats: ['base', 'protocol', 'isa'],
  wasm: ['base', 'protocol', 'isa'],
  memory: ['base', 'protocol', 'sim'],
  machine: ['base', 'protocol', 'isa', 'wasm', 'memory'],
  network: ['base', 'protocol', 'sim', 'formats'],
  storage: ['base', 'protocol', 'sim', 'formats', 'network'],
  pcie: ['base', 'protocol', 'memory', 'machine'],
  devices: ['base', 'protocol', 'memory', 'machine', 'pcie', 'network', 'storage', 'formats'],
  platform: ['base', 'protocol', 'isa', 'formats'],
  board: [...HARDWARE, 'devices', 'platform'],
  guests: ['base'],
  hypervisor: [...HARDWARE, 'devices', 'platform', 'guests'],
  workload: [...HARDWARE, 'devices', 'hypervisor'],
  mechanisms: [...HARDWARE, 'devices', 'hypervisor', 'guests', 'workload'],
  world: [...HARDWARE, 'devices', 'platform', 'board', 'hypervisor', 'guests', 'workload', 'mechanisms'],
  testing: [...HARDWARE, 'devices', 'platform', 'board', 'hypervisor', 'guests', 'workload', 'mechanisms', 'world'],
  workers: ['base', 'protocol', 'sim', 'board', 'world', 'metrics', 'wasm', 'formats', 'mechanisms'],
  web: ['base', 'protocol', 'formats', 'metrics', 'isa', 'mechanisms'],
  e2e: ['base', 'protocol', 'mechanisms', 'testing', 'workers'], // of workers: the tools that benches use, too
};

/** Packages that a part of the tree may import; the folder named owns it. */
const PACKAGES: readonly { readonly folder: string; readonly names: readonly RegExp[] }[] = [
  { folder: 'core', names: [/^valibot$/, /^fflate$/, /^@noble\//] },
  { folder: 'workers', names: [/^comlink$/, /^fflate$/, /^valibot$/] },
  { folder: 'workers/node', names: [/^node:/, /^vite$/] },
  { folder: 'web', names: [/^react(-dom)?(\/|$)/, /^zustand(\/|$)/, /^lucide-react$/, /^@base-ui\/react/] },
  { folder: 'web', names: [/^d3-/, /^uplot/, /^@xterm\//, /^react-resizable-panels$/, /^valibot$/, /^fflate$/] },
  { folder: 'web/session', names: [/^comlink$/] },
  { folder: 'web/tour', names: [/^driver\.js$/] },
  { folder: 'e2e', names: [/^node:/, /^vite$/, /^@playwright\/test$/, /^@axe-core\/playwright$/] },
];

/** Names that core must not use, and what to use instead. */
const BANNED: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  { pattern: /\bDate\b/, instead: 'virtual time, passed in' },
  { pattern: /\bperformance\b/, instead: 'virtual time, passed in' },
  { pattern: /\bMath\.random\b/, instead: 'a Prng of base/prng.ts' },
  { pattern: /\b(setTimeout|setInterval|queueMicrotask|requestAnimationFrame)\b/, instead: 'an event' },
  { pattern: /\b(async|await)\b|\bPromise\b/, instead: 'a synchronous call; adapters wait' },
  { pattern: /\bconsole\./, instead: 'a port or a Result' },
  { pattern: /\bMath\.(sin|cos|tan|exp|log|log2|log10|pow|sqrt|cbrt|hypot|atan2?)\b/, instead: 'integer maths (the last digit differs between engines)' },
  { pattern: /\btoLocale\w*\b/, instead: 'a fixed format' },
  { pattern: /\b(window|document|navigator|process|Buffer)\b\s*[.[]/, instead: 'nothing: core knows no platform' },
  { pattern: /\benum\s+\w+\s*\{/, instead: 'a const table' },
];

const LINES_MAX = 600;

interface Source {
  readonly path: string; // relative to the root, with /
  readonly text: string;
}

function filesUnder(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'guests' && folder === 'public' ? [] : filesUnder(path);
    return [path];
  });
}

const SOURCES: readonly Source[] = ['core', 'workers', 'web', 'e2e']
  .flatMap(filesUnder)
  .filter((path) => /\.(ts|tsx|mjs)$/.test(path) && !path.endsWith('.d.ts'))
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

const isTest = (path: string) => /\.(test|bench)\.tsx?$/.test(path) || path.includes('.property.');

/** The text with comments and the insides of strings blanked, line breaks kept. */
function codeOnly(text: string): string {
  return text.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g,
    (piece) => piece.replace(/[^\n]/g, ' '),
  );
}

interface Import {
  readonly target: string; // resolved path, or the package's name
  readonly local: boolean;
  readonly typeOnly: boolean;
}

function importsOf(source: Source): Import[] {
  const found: Import[] = [];
  const text = source.text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const pattern = /(?:^|\n)\s*(import|export)\s+(type\s)?[^;'"`]*?from\s*['"]([^'"]+)['"]|import\s*\(\s*['"]([^'"]+)['"]|(?:^|\n)\s*import\s*['"]([^'"]+)['"]|new URL\(\s*['"]([^'"]+)['"]\s*,\s*import\.meta\.url/g;
  for (const match of text.matchAll(pattern)) {
    const name = match[3] ?? match[4] ?? match[5] ?? match[6]!;
    const local = name.startsWith('.');
    const target = local ? normalize(join(dirname(source.path), name)).replaceAll('\\', '/') : name;
    found.push({ target, local, typeOnly: match[2] !== undefined });
  }
  return found;
}

function layerOf(path: string): string {
  const [first, second] = path.split('/');
  return first === 'core' ? (second ?? '') : (first ?? '');
}

function arrowFaults(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => !isTest(path))
    .flatMap((source) =>
      importsOf(source)
        .filter((it) => it.local && /^(core|workers|web|e2e)\//.test(it.target))
        .flatMap((it) => {
          const [from, to] = [layerOf(source.path), layerOf(it.target)];
          if (from === to || (it.typeOnly && (from === 'web' || from === 'e2e'))) return [];
          if (from === 'web' && to === 'workers') return source.path.startsWith('web/session/') ? [] : [`${source.path} reaches workers: only web/session may`];
          if (from === 'web' && to === 'mechanisms' && !/\/(contract|walkthrough|catalog|library)\.ts$/.test(it.target)) return [`${source.path} → ${it.target}: web sees a mechanism's contract and walkthrough only`];
          return (ARROWS[from] ?? []).includes(to) ? [] : [`${source.path} → ${it.target}: ${from} may not import ${to}`];
        }),
    );
}

function packageFaults(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => !isTest(path))
    .flatMap((source) =>
      importsOf(source)
        .filter((it) => !it.local)
        .filter((it) => !(source.path.endsWith('.mjs') && /^(node:|vite$|@playwright\/test$)/.test(it.target)))
        .filter((it) => !PACKAGES.some(({ folder, names }) => source.path.startsWith(`${folder}/`) && names.some((name) => name.test(it.target))))
        .map((it) => `${source.path} imports the package ${it.target}`),
    );
}

function bannedFaults(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => path.startsWith('core/') && !isTest(path))
    .flatMap(({ path, text }) =>
      codeOnly(text)
        .split('\n')
        .flatMap((line, index) =>
          BANNED.filter(({ pattern }) => pattern.test(line)).map(({ pattern, instead }) => `${path}:${index + 1} uses ${pattern.exec(line)?.[0]}; use ${instead}`),
        ),
    );
}

/** Layers whose objects are saved by a walk over their fields (decisions/0005): what it cannot see would be missed. */
const STATE_LAYERS = /^core\/(memory|machine|pcie|devices|board|network|storage|hypervisor|workload|mechanisms|world)\//;
function hiddenFaults(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => STATE_LAYERS.test(path) && !isTest(path))
    .flatMap(({ path, text }) =>
      codeOnly(text).split('\n').flatMap((line, index) => (/\bthis\.#\w/.test(line) ? [`${path}:${index + 1} has a #private field; use private, so that checkpoints see it`] : [])),
    );
}

function sizeFaults(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => !/\/(table|vectors)\//.test(path))
    .map(({ path, text }) => ({ path, lines: text.split('\n').length }))
    .filter(({ lines }) => lines > LINES_MAX)
    .map(({ path, lines }) => `${path} has ${lines} lines, more than ${LINES_MAX}`);
}

const OPEN_WORDS = ['FIX' + 'ME', 'TO' + 'DO', 'XX' + 'X', 'HA' + 'CK'];
function openFaults(sources: readonly Source[]): string[] {
  const pattern = new RegExp(`\\b(${OPEN_WORDS.join('|')})\\b`);
  return sources.flatMap(({ path, text }) => text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : [])));
}

/** Files that nothing reaches from an entry. Oracles of tests live in core/testing or are named here. */
const ENTRIES = [/^web\/main\.tsx$/, /^web\/labs\/[\w-]+\/lab\.tsx$/, /^workers\/[\w-]+\.worker\.ts$/, /^workers\/node\/[\w-]+\.(ts|mjs)$/, /^e2e\//, /^core\/testing\//];
const ORACLES = [/^workers\/storage\/memory-region\.ts$/, /^core\/isa\/(reference|random-program)/, /^core\/isa\/vectors\//, /\.d\.ts$/, /\/index\.ts$/];
function deadFaults(sources: readonly Source[]): string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const reached = new Set<string>();
  const queue = sources.filter(({ path }) => !isTest(path) && ENTRIES.some((entry) => entry.test(path))).map(({ path }) => path);
  while (queue.length > 0) {
    const path = queue.pop()!;
    if (reached.has(path)) continue;
    reached.add(path);
    const source = byPath.get(path);
    if (source) for (const it of importsOf(source)) if (it.local && byPath.has(it.target)) queue.push(it.target);
  }
  return sources
    .map(({ path }) => path)
    .filter((path) => !reached.has(path) && !isTest(path) && !ORACLES.some((oracle) => oracle.test(path)))
    .map((path) => `${path} is reached from no entry`);
}

const MECHANISM_FILES = ['contract.ts', 'mechanism.ts', 'scenario.ts', 'walkthrough.ts', 'mechanism.test.ts', 'README.md'];
function shapeFaults(): string[] {
  const folders = readdirSync(join(root, 'core/mechanisms'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const views = folders.filter(({ name }) => !existsSync(join(root, 'web/labs', name, 'lab.tsx'))).map(({ name }) => `web/labs/${name} lacks lab.tsx`);
  return views.concat(folders.flatMap(({ name }) => MECHANISM_FILES.filter((file) => !existsSync(join(root, 'core/mechanisms', name, file))).map((file) => `core/mechanisms/${name} lacks ${file}`)));
}

const TOP_LEVEL_FOLDERS = ['web', 'core', 'workers', 'public', 'e2e'];
function topLevelFaults(): string[] {
  const ignored = /^(\.git|\.ci|\.cache|node_modules|dist|test-results|playwright-report)$/;
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !ignored.test(entry.name) && !TOP_LEVEL_FOLDERS.includes(entry.name))
    .map((entry) => `${entry.name}/ is not one of ${TOP_LEVEL_FOLDERS.join(' ')}`);
}

test('imports follow the arrows', () => expect(arrowFaults(SOURCES)).toEqual([]));
test('packages are imported by their owners only', () => expect(packageFaults(SOURCES)).toEqual([]));
test('state has no field that checkpoints cannot see', () => expect(hiddenFaults(SOURCES)).toEqual([]));
test('core uses no banned name', () => expect(bannedFaults(SOURCES)).toEqual([]));
test(`files have at most ${LINES_MAX} lines`, () => expect(sizeFaults(SOURCES)).toEqual([]));
test('no work is left open in a comment', () => expect(openFaults(SOURCES)).toEqual([]));
test('every file is reached from an entry', () => expect(deadFaults(SOURCES)).toEqual([]));
test('every mechanism has its files', () => expect(shapeFaults()).toEqual([]));
test('the top level holds only the agreed folders', () => expect(topLevelFaults()).toEqual([]));

test('canaries: each checker catches its fault', () => {
  const bad = (path: string, text: string): Source[] => [{ path, text }];
  expect(arrowFaults(bad('core/base/a.ts', "import { x } from '../sim/b.ts';"))).toHaveLength(1);
  expect(arrowFaults(bad('web/stage/a.ts', "import { x } from '../../core/memory/b.ts';"))).toHaveLength(1);
  expect(arrowFaults(bad('web/stage/a.ts', "import type { x } from '../../core/memory/b.ts';"))).toHaveLength(0);
  expect(packageFaults(bad('core/base/a.ts', "import fs from 'node:fs';"))).toHaveLength(1);
  expect(packageFaults(bad('web/stage/a.ts', "import * as Comlink from 'comlink';"))).toHaveLength(1);
  expect(bannedFaults(bad('core/base/a.ts', 'const t = Date.now(); // Date in a comment is fine'))).toHaveLength(1);
  expect(bannedFaults(bad('core/base/a.ts', "const t = 'Date';"))).toHaveLength(0);
  expect(hiddenFaults(bad('core/network/a.ts', 'this.#count++;'))).toHaveLength(1);
  expect(hiddenFaults(bad('core/sim/a.ts', 'this.#count++;'))).toHaveLength(0);
  expect(sizeFaults(bad('core/base/a.ts', '\n'.repeat(601)))).toHaveLength(1);
  expect(openFaults(bad('core/base/a.ts', `// ${OPEN_WORDS[0]} later`))).toHaveLength(1);
  expect(deadFaults(bad('core/base/a.ts', ''))).toHaveLength(1);
});
