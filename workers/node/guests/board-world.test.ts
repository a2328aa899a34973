// Goal: the fetched guests boot on a bare-metal board that is a process of a world, under OpenSBI, with one and two harts, check themselves as under QEMU,
// leave their disk clean; the run is the same however it is cut and wherever it is rewound to. Method: the page's own scenarios in this thread
// over the files of `npm run guests`. Canary: the hash of a run whose typed text comes a nanosecond later.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../../../core/base/index.ts';
import { checkQcow2, MemoryStore, packBundle } from '../../../core/formats/index.ts';
import { GUEST_CHECK, GUEST_READY, GUESTS, type GuestId } from '../../../core/protocol/guest-library.ts';
import { bareGuestScenario } from '../../../core/protocol/guest-scenario.ts';
import type { VmSnapshot } from '../../../core/protocol/snapshot.ts';
import { checkLines, recordedCheck } from '../../../core/testing/recorded-check.ts';
import { WorldRun } from '../../../core/testing/run-world.ts';
import { TimeMachine } from '../../../core/testing/time-machine.ts';
import { BoardProcess } from '../../../core/world/board-process.ts';
import { parseScenarioFile, sentenceOf } from '../../../core/world/index.ts';
import { chooseGuest, listGuests } from '../guest-choice.ts';

const there = listGuests().there.map(({ id }) => id as string);
const VERIFY = process.env['GLASSHOUSE_VERIFY'] !== undefined;
const MS = 1_000_000;

function why(id: GuestId): string {
  if (!there.includes(id)) return ` (left out: guests not fetched; run ${GUESTS.find((it) => it.id === id)!.command})`;
  return VERIFY ? '' : ' (left out: part of npm run verify)';
}
const runs = (id: GuestId) => VERIFY && there.includes(id);

/** The page's world of a board that boots the guest. */
function worldOf(id: GuestId, harts: number, added = '') {
  const { entry, paths } = chooseGuest(id);
  const names = Object.entries(entry.files).map(([role, path]) => [path.slice(path.lastIndexOf('/') + 1), paths[role as keyof typeof paths]] as const);
  const guest = packBundle(new Map(names.map(([name, path]) => [name, new Uint8Array(readFileSync(path))])));
  const made = parseScenarioFile({ text: bareGuestScenario(entry, harts, added), guest });
  if (!made.ok) throw new Error(sentenceOf(made.error));
  return { scenario: made.value, guest };
}

function boardOf(run: WorldRun): BoardProcess {
  const [board] = run.all;
  if (!(board instanceof BoardProcess)) throw new Error('the world is one board');
  return board;
}

const stateOf = (run: WorldRun): VmSnapshot => boardOf(run).snapshot().host!.vms[0]!;

for (const { id, title } of GUESTS) {
  for (const harts of [1, 2]) {
    test.skipIf(!runs(id))(`${title} on a board of ${harts}: checks itself, prints what it prints under QEMU${why(id)}`, () => {
      const run = new WorldRun(worldOf(id, harts, GUEST_CHECK));
      for (let timeNs = 0; stateOf(run).state === 'running' && timeNs < 60_000 * MS; ) {
        timeNs += 50 * MS;
        run.runTo(timeNs);
      }
      const text = boardOf(run).output.text();
      expect(checkLines(text)).toEqual(recordedCheck());
      expect(text).toContain('OpenSBI v');
      expect(text).not.toMatch(/Oops|BUG:|WARNING:|Call Trace|failed to start/);
      expect(stateOf(run)).toMatchObject({ state: 'stopped', reason: 'The program reported a pass to the test finisher: it is switched off.' });
      const bytes = boardOf(run).snapshotFile('disk:1:0')!;
      expect(checkQcow2(new MemoryStore({ bytesMax: bytes.length, bytes }))).toMatchObject({ value: { leaks: 0, damages: 0, flagFaults: 0 } });
    });
  }
}

test.skipIf(!runs('small'))(`Linux on a board of two harts rewound: random instants are found again; cuts change nothing; it reboots${why('small')}`, () => {
  const typed = { kind: 'console-input', vm: 1, text: 'seq 1 2000 | md5sum; reboot -f\n' } as const;
  const machine = new TimeMachine(worldOf('small', 2));
  machine.command(160 * MS, typed);
  const random = makePrng({ seed: 6, stream: 2 });
  const cuts: { readonly timeNs: number; readonly hash: string }[] = [];
  for (let takenAt = 0; boardOf(machine.run).output.text().split(GUEST_READY).length < 3 && machine.now() < 3_000 * MS; ) {
    machine.goTo(machine.now() + 1 + nextBelow(random, 4 * MS));
    cuts.push({ timeNs: machine.now(), hash: machine.hash() });
    if (machine.work() - takenAt < 10_000_000) continue;
    takenAt = machine.work();
    machine.take();
  }
  expect(boardOf(machine.run).output.text()).toContain('ea4d0a24dabcaa11f9aa979b872d162b');
  expect(machine.run.snapshots()[0]!.host!.board!.resets).toBe(1);
  const end = cuts.at(-1)!;
  for (let count = 0; count < 12; count++) {
    const cut = cuts[nextBelow(random, cuts.length)]!;
    machine.travelTo(cut.timeNs);
    expect(`${cut.timeNs} ${machine.hash()}`).toBe(`${cut.timeNs} ${cut.hash}`);
  }
  const hashOf = (atNs: number, split?: (nowNs: number) => number) => {
    const run = new WorldRun({ ...worldOf('small', 2), ...(split === undefined ? {} : { split }) });
    run.runTo(atNs);
    run.command(atNs, typed);
    run.runTo(end.timeNs);
    return boardOf(run).stateHash();
  };
  expect(hashOf(160 * MS)).toBe(end.hash);
  expect(hashOf(160 * MS, (nowNs) => nowNs + 77_777)).toBe(end.hash);
  expect(hashOf(160 * MS + 1)).not.toBe(end.hash); // canary
});
