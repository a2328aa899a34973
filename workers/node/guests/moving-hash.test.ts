// Goal: a Linux that moves over four hosts while it works is one run, whatever the workers: one hash inline, with 1 and with 4 workers (in Chromium: e2e/moving-linux.spec.ts), and the
// guest says what it would say standing still. Method: the scenario of core/testing/moving-linux.ts here and through the bundled command line. Canary: a move a microsecond later.
// Only in the long form (npm run verify).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { packBundle } from '../../../core/formats/index.ts';
import { GUESTS } from '../../../core/protocol/guest-library.ts';
import { runFileWorld } from '../../../core/testing/file-world.ts';
import { MOVING_LINUX_NS, MOVING_LINUX_SAYS, movingLinux } from '../../../core/testing/moving-linux.ts';
import { chooseGuest, listGuests } from '../guest-choice.ts';

const small = GUESTS.find(({ id }) => id === 'small')!;
const isThere = listGuests().there.includes(small);
const runs = isThere && process.env['GLASSHOUSE_VERIFY'] !== undefined;
const why = isThere ? 'part of npm run verify' : `guests not fetched; run ${small.command}`;

test.skipIf(!runs)(`a moving Linux: one hash inline, with 1 and with 4 workers${runs ? '' : ` (left out: ${why})`}`, { timeout: 600_000 }, () => {
  const { kernel, initrd, disk } = chooseGuest('small').paths;
  const files = new Map([kernel, initrd, disk].map((path) => [basename(path), new Uint8Array(readFileSync(path))]));
  const run = runFileWorld(movingLinux(small), files, MOVING_LINUX_NS);
  const said = run.snapshots().flatMap((it) => it.console.filter(({ vm }) => vm === 1)).toSorted((left, right) => left.timeNs - right.timeNs).map(({ text }) => text).join('');
  for (const words of [...MOVING_LINUX_SAYS, '\nover 42']) expect(said).toContain(words);
  const moves = run.snapshots().flatMap((it) => it.migrations).filter(({ role }) => role === 'source');
  expect(moves.map(({ phase }) => phase)).toEqual(['done', 'done', 'done', 'done']);
  expect(runFileWorld(movingLinux(small, 190_001_000), files, MOVING_LINUX_NS).hash()).not.toBe(run.hash()); // canary
  const folder = mkdtempSync(join(tmpdir(), 'glasshouse-moving-linux-'));
  try {
    const [scenario, guest, report] = ['scenario.json', 'guest.bundle', 'report.json'].map((name) => join(folder, name)) as [string, string, string];
    writeFileSync(scenario, movingLinux(small));
    writeFileSync(guest, packBundle(files));
    const launch = join(import.meta.dirname, '../launch.mjs');
    for (const workers of ['1', '4']) {
      const { stderr } = spawnSync(process.execPath, [launch, 'headless', 'lab', '--scenario', scenario, '--guest', guest, '--workers', workers, '--report', report], { encoding: 'utf8' });
      expect(stderr).toBe('');
      expect(JSON.parse(readFileSync(report, 'utf8'))).toMatchObject({ runHash: run.hash(), workers: Number(workers) });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
