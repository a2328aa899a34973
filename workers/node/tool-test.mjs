/**
 * What `npm test` does, in order: types, lint, unit and property tests (the tidy test among them), end-to-end
 * tests. Counts come from the runners' own reports; the last line says how many passed and failed.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { execute, findChromium, installJudges, root } from './tool-install.mjs';

const projects = ['core', 'workers', 'workers/node', 'web', 'tsconfig.tests.json'];

function step(title, action) {
  const start = Date.now();
  process.stdout.write(`\n── ${title}\n`);
  const counts = action();
  process.stdout.write(`── ${title}: ${counts.passed} passed, ${counts.failed} failed, ${((Date.now() - start) / 1000).toFixed(0)} s\n`);
  return counts;
}

function typeCheck() {
  let failed = 0;
  for (const project of projects) {
    const path = project.endsWith('.json') ? project : join(project, 'tsconfig.json');
    if (execute('npx', ['--no-install', 'tsc', '-p', path]) !== 0) failed += 1;
  }
  return { passed: projects.length - failed, failed };
}

function lint() {
  const failed = execute('npx', ['--no-install', 'biome', 'lint', '--error-on-warnings', '--log-level=error', '.']) === 0 ? 0 : 1;
  return { passed: 1 - failed, failed };
}

/** Counts of a report that a runner was to write; a missing or empty report is one failure. */
function countsOf(file, read) {
  if (!existsSync(file)) return { passed: 0, failed: 1 };
  const counts = read(JSON.parse(readFileSync(file, 'utf8')));
  return counts.passed + counts.failed === 0 ? { passed: 0, failed: 1 } : counts;
}

/** Why tests were left out, as their titles say it: `… (left out: reason)`; how many for each reason. */
function leftOutOf(report) {
  const reasons = new Map();
  for (const { title, status } of (report.testResults ?? []).flatMap((file) => file.assertionResults ?? [])) {
    const reason = status === 'passed' || status === 'failed' ? undefined : /\(left out: (.*)\)$/.exec(title)?.[1];
    if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  return [...reasons];
}

/** Fetches the guests that tests boot, as anybody would: for `.ci/run`, which asks for it by GLASSHOUSE_GUESTS. */
function guests() {
  const failed = execute(process.execPath, [join(root, 'workers/node/launch.mjs'), 'guests', '--prepare']) === 0 ? 0 : 1;
  return { passed: 1 - failed, failed };
}

function unit(verify, only) {
  const report = join(root, '.cache/vitest.json');
  rmSync(report, { force: true });
  const status = execute(
    'npx',
    ['--no-install', 'vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...only],
    { env: { ...process.env, ...(verify ? { GLASSHOUSE_VERIFY: '1' } : {}) } },
  );
  const counts = countsOf(report, (it) => ({ passed: it.numPassedTests, failed: it.numFailedTests, leftOut: leftOutOf(it) }));
  // A file that cannot even load, or an error outside a test, fails the run though no test says so.
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

/** A port of this machine that nobody listens on now. */
function findFreePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Tests of a report that passed at their second try only. */
function flakyOf(suites) {
  return (suites ?? []).flatMap((suite) => [
    ...(suite.specs ?? []).filter((spec) => spec.tests.some((it) => it.status === 'flaky')).map((spec) => `${spec.file}: ${spec.title}`),
    ...flakyOf(suite.suites),
  ]);
}

function endToEnd(verify, chromium, port, only) {
  const report = join(root, '.cache/playwright.json');
  rmSync(report, { force: true });
  const status = execute('npx', ['--no-install', 'playwright', 'test', '--config=e2e/playwright.config.ts', '--reporter=list,json', ...only], {
    env: { ...process.env, ...(verify ? { GLASSHOUSE_VERIFY: '1' } : {}), GLASSHOUSE_CHROMIUM: chromium, GLASSHOUSE_E2E_PORT: String(port), PLAYWRIGHT_JSON_OUTPUT_NAME: report },
  });
  const counts = countsOf(report, (it) => {
    for (const title of flakyOf(it.suites)) process.stdout.write(`needed a second try: ${title}\n`);
    return { passed: it.stats.expected + it.stats.flaky, failed: it.stats.unexpected };
  });
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

/** Runs everything; gives the exit status. `only`: a runner's name (types, lint, unit, e2e) and its arguments. */
export async function runTests({ verify, only }) {
  mkdirSync(join(root, '.cache'), { recursive: true });
  const [runner, ...rest] = only;
  const wants = (name) => runner === undefined || runner === name;
  installJudges();
  const all = [];
  if (runner === undefined && process.env.GLASSHOUSE_GUESTS) all.push(step('guests', guests));
  if (wants('types')) all.push(step('types', typeCheck));
  if (wants('lint')) all.push(step('lint', lint));
  if (wants('unit')) all.push(step(verify ? 'unit and property, long' : 'unit and property', () => unit(verify, rest)));
  if (wants('e2e')) {
    const chromium = await findChromium();
    const port = await findFreePort();
    all.push(step('end to end', () => (chromium ? endToEnd(verify, chromium, port, rest) : { passed: 0, failed: 1 })));
  }
  const passed = all.reduce((sum, it) => sum + it.passed, 0);
  const failed = all.reduce((sum, it) => sum + it.failed, 0) + (all.length === 0 ? 1 : 0);
  for (const [reason, count] of all.flatMap(({ leftOut }) => leftOut ?? [])) process.stdout.write(`\nskipped: ${count} (${reason})`);
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}
