/** How the page is built, served and tested. Headers here must equal those of workers/node/serve.mjs. */
import { join } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { isolationHeaders } from './workers/node/headers.mjs';
import { offlinePlugin } from './workers/node/offline-list.mjs';
import { publicFilesPlugin } from './workers/node/public-files.mjs';

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [react(), publicFilesPlugin(), offlinePlugin()],
  server: { headers: isolationHeaders, strictPort: false },
  preview: { headers: isolationHeaders },
  worker: { format: 'es' },
  build: {
    target: 'es2023',
    outDir: 'dist',
    sourcemap: true,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    rollupOptions: {
      input: { page: join(import.meta.dirname, 'index.html'), 'service-worker': join(import.meta.dirname, 'workers/offline.worker.ts') },
      output: { entryFileNames: (chunk) => (chunk.name === 'service-worker' ? 'service-worker.js' : 'assets/[name]-[hash].js') },
    },
  },
  test: {
    include: ['{core,workers,web}/**/*.test.{ts,tsx}'],
    environment: 'node',
    pool: 'threads',
    testTimeout: 120_000,
    reporters: process.env['CI'] ? ['default'] : ['default'],
  },
});
