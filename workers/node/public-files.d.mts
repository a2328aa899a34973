/** Types of public-files.mjs. */
import type { Plugin } from 'vite';

export const GUESTS: string;
export function publicFilesPlugin(): Plugin;
