/** End-to-end tests in real Chromium against the built page, served with the production headers. */
import { defineConfig } from '@playwright/test';

// The test runner names a free port; 4317 when Playwright is started by hand.
const port = Number(process.env['GLASSHOUSE_E2E_PORT'] ?? 4317);

export default defineConfig({
  testDir: '.',
  outputDir: '../test-results',
  timeout: 180_000,
  workers: 2,
  // Two cores, often shared: what fails is tried once more and named in the summary. Hashes have one try (determinism.spec.ts).
  retries: 1,
  fullyParallel: true,
  // What measures the main thread runs by itself, when all others have ended.
  projects: [
    { name: 'together', testIgnore: '**/frame-work.spec.ts' },
    { name: 'alone', testMatch: '**/frame-work.spec.ts', workers: 1, fullyParallel: false, dependencies: ['together'] },
  ],
  expect: { timeout: 20_000 }, // two cores, often shared
  forbidOnly: true,
  use: {
    baseURL: `http://localhost:${port}/`,
    viewport: { width: 1280, height: 720 },
    launchOptions: {
      executablePath: process.env['GLASSHOUSE_CHROMIUM'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
        '--disable-background-networking', '--disable-component-update', '--disable-sync',
      ],
    },
  },
  webServer: {
    command: `node workers/node/launch.mjs start --port ${port}`,
    cwd: '..',
    url: `http://localhost:${port}/`,
    reuseExistingServer: false,
    timeout: 180_000,
  },
});
