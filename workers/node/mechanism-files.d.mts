/** Types of mechanism-files.mjs. Texts by path, relative to the root. */
export function slugsIn(root: string): string[];
export function catalogText(slugs: readonly string[]): string;
export function libraryRow(root: string, slug: string): { readonly slug: string; readonly title: string; readonly sentence: string };
export function libraryText(rows: readonly { readonly slug: string; readonly title: string; readonly sentence: string }[]): string;
export function labsText(slugs: readonly string[]): string;
export function catalogFiles(root: string): Readonly<Record<string, string>>;
export function slugFault(root: string, slug: string | undefined): string;
export function newMechanismFiles(root: string, slug: string): Readonly<Record<string, string>>;
