/** How the page is built, served and tested. Headers here must equal those of workers/node/serve.mjs. */
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { isolationHeaders } from './workers/node/headers.mjs';

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [react()],
  server: { headers: isolationHeaders, strictPort: false },
  preview: { headers: isolationHeaders },
  worker: { format: 'es' },
  build: {
    target: 'es2023',
    outDir: 'dist',
    sourcemap: true,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
  },
  test: {
    include: ['{core,workers,web}/**/*.test.{ts,tsx}'],
    environment: 'node',
    pool: 'threads',
    testTimeout: 120_000,
    reporters: process.env['CI'] ? ['default'] : ['default'],
  },
});
