/** Types of offline-list.mjs. */
import type { Plugin } from 'vite';

export function offlineList(folder: string): { readonly version: string; readonly files: readonly string[] };
export function offlinePlugin(): Plugin;
