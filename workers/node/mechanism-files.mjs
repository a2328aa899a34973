/**
 * The files of mechanisms as text: the two generated lists, and a new mechanism's folders made from the skeleton.
 * Plain JavaScript, needs nothing but Node.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What new folders are made from. */
const SKELETON = 'skeleton';
const SLUG = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** Folders of mechanisms, in the catalog's order. */
export function slugsIn(root) {
  return readdirSync(join(root, 'core/mechanisms'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** 'precopy-migration' as a name in code. */
function camel(slug) {
  return slug.replace(/-([a-z0-9])/g, (_, letter) => letter.toUpperCase());
}

/** The text of core/mechanisms/catalog.ts. */
export function catalogText(slugs) {
  const imports = slugs.flatMap((slug) => [
    `import { contract as ${camel(slug)} } from './${slug}/contract.ts';`,
    `import { walkthrough as ${camel(slug)}Walkthrough } from './${slug}/walkthrough.ts';`,
  ]);
  return `/**
 * Every mechanism of the house: contract and walkthrough. Written by \`npm run new-mechanism\` from the
 * folders, and held to them by catalog.test.ts; not edited by hand. Light: no model comes with it.
 */
import type { Contract } from '../base/contract.ts';
import type { Walkthrough } from '../protocol/walkthrough.ts';
${imports.join('\n')}

// biome-ignore format: a row a line
export const CATALOG: readonly Contract[] = [
${slugs.map((slug) => `  ${camel(slug)},`).join('\n')}
];

// biome-ignore format: a row a line
export const WALKTHROUGHS: readonly Walkthrough[] = [
${slugs.map((slug) => `  ${camel(slug)}Walkthrough,`).join('\n')}
];

/** The contract of that id, or undefined. */
export function findContract(id: string): Contract | undefined {
  return CATALOG.find((contract) => contract.id === id);
}

/** The walkthrough of that lab, or undefined. */
export function findWalkthrough(lab: string): Walkthrough | undefined {
  return WALKTHROUGHS.find((walkthrough) => walkthrough.lab === lab);
}
`;
}

/** What the library lists of a mechanism: title and sentence as they are written at the head of its contract. */
export function libraryRow(root, slug) {
  const text = readFileSync(join(root, 'core/mechanisms', slug, 'contract.ts'), 'utf8');
  const [title, sentence] = ['title', 'sentence'].map((name) => {
    const literal = new RegExp(`\\n  ${name}:\\s*('(?:[^'\\\\\\n]|\\\\.)*'|"(?:[^"\\\\\\n]|\\\\.)*"),`).exec(text)?.[1];
    if (literal === undefined) throw new Error(`core/mechanisms/${slug}/contract.ts must give its ${name} as one string at its head`);
    return literal;
  });
  return { slug, title, sentence };
}

/** The text of core/mechanisms/library.ts. */
export function libraryText(rows) {
  return `/**
 * Name and sentence of every lab, for lists: so light that the page carries it from the start, where a contract
 * comes when its lab is opened. Written by \`npm run new-mechanism\` from the contracts, and held to them by
 * catalog.test.ts; not edited by hand.
 */

/** One lab as a list shows it. */
export interface LibraryRow {
  readonly id: string;
  readonly title: string;
  readonly sentence: string;
}

// biome-ignore format: a row a line
export const LIBRARY: readonly LibraryRow[] = [
${rows.map(({ slug, title, sentence }) => `  { id: '${slug}', title: ${title}, sentence: ${sentence} },`).join('\n')}
];
`;
}

/** The text of core/mechanisms/labs.ts. */
export function labsText(slugs) {
  return `/**
 * Every mechanism of the house with its model, for core/world. Written by \`npm run new-mechanism\` from the
 * folders, and held to them by catalog.test.ts; not edited by hand.
 */
import type { LabDefinition } from './lab.ts';
${slugs.map((slug) => `import { lab as ${camel(slug)} } from './${slug}/scenario.ts';`).join('\n')}

// biome-ignore format: a row a line
export const LABS: readonly LabDefinition[] = [
${slugs.map((slug) => `  ${camel(slug)},`).join('\n')}
];

/** The lab of that slug, or undefined. */
export function findLab(slug: string): LabDefinition | undefined {
  return LABS.find((lab) => lab.contract.id === slug);
}
`;
}

/** Both lists, by path. */
export function catalogFiles(root) {
  const slugs = slugsIn(root);
  return {
    'core/mechanisms/catalog.ts': catalogText(slugs),
    'core/mechanisms/labs.ts': labsText(slugs),
    'core/mechanisms/library.ts': libraryText(slugs.map((slug) => libraryRow(root, slug))),
  };
}

/** Why no mechanism of that name can be made; '' when it can. */
export function slugFault(root, slug) {
  if (slug === undefined) return 'new-mechanism needs a name, such as memory-ballooning.';
  if (!SLUG.test(slug) || slug.length > 40) {
    return `'${slug}' is no name for a mechanism: lower-case words with hyphens, at most 40 characters.`;
  }
  const taken = ['core/mechanisms', 'web/labs'].find((folder) => existsSync(join(root, folder, slug)));
  return taken === undefined ? '' : `${taken}/${slug} is there already.`;
}

/** The files of a new mechanism, by path: the skeleton's under its own name. */
export function newMechanismFiles(root, slug) {
  const title = slug.replaceAll('-', ' ').replace(/^./, (letter) => letter.toUpperCase());
  const files = {};
  for (const folder of ['core/mechanisms', 'web/labs']) {
    for (const name of readdirSync(join(root, folder, SKELETON))) {
      files[`${folder}/${slug}/${name}`] = readFileSync(join(root, folder, SKELETON, name), 'utf8')
        .replaceAll('A clock that can be paused (skeleton)', title)
        .replaceAll('A clock that can be paused', title)
        .replaceAll('the skeleton lab', `the lab '${slug}'`)
        .replaceAll('pause-briefly', `${slug}-pause`)
        .replaceAll(/'skeleton'/g, `'${slug}'`)
        .replaceAll(/"skeleton"/g, `"${slug}"`)
        .replaceAll(/mechanisms\/skeleton\//g, `mechanisms/${slug}/`);
    }
  }
  return files;
}
