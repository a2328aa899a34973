// Goal: machine and compiled interpreter do exactly what the reference step does, under two-stage
// paging, with traps and interrupts. Method: random guests, compared after nearly every instruction
// (core/testing/compare-with-reference.ts).
import { expect, test } from 'vitest';
import { GUEST_PROFILES } from '../isa/table/index.ts';
import { compareWithReference } from '../testing/compare-with-reference.ts';
import { HART_ADDRESS, hartOffset } from '../protocol/host-memory-layout.ts';
import type { Machine } from './machine.ts';

const VERIFY = process.env['GLASSHOUSE_VERIFY'] !== undefined;
/** The long campaign takes minutes. */
const TIMEOUT_MS = 3_600_000;
const SEEDS = VERIFY ? 100 : 2;
const INSTRUCTIONS_A_SEED = VERIFY ? 100_000 : 45_000;

test(
  'machine and reference step agree, instruction by instruction',
  () => {
    const seen = new Map<string, number>();
    for (let seed = 0; seed < SEEDS; seed++) {
      const { id: profile } = GUEST_PROFILES[(seed + 1) % GUEST_PROFILES.length]!;
      const report = compareWithReference({ seed, profile, instructions: INSTRUCTIONS_A_SEED });
      expect(report.difference).toBeUndefined();
      for (const [what, count] of report.seen) seen.set(what, (seen.get(what) ?? 0) + count);
    }
    const causes = [0, 2, 3, 4, 6, 8, 12, 13, 15].map((cause) => `cause ${cause}`);
    const others = [
      'interrupt 1',
      'interrupt 5',
      'interrupt 9',
      'guest fetch',
      'guest load',
      'guest store',
      'wait',
      'environmentCall',
    ];
    for (const what of [...causes, ...others])
      expect([what, (seen.get(what) ?? 0) > 3]).toEqual([what, true]);
    expect(seen.get('retired')).toBeGreaterThan((SEEDS * INSTRUCTIONS_A_SEED) / 2);
  },
  TIMEOUT_MS,
);

/** Broken machines; each must be told apart. */
const CANARIES: Record<string, (machine: Machine) => void> = {
  'overwritten code is not decoded again': (machine) => {
    machine.context.system.writer.ports.onCodeWrite = () => undefined;
  },
  'SUM is forgotten': (machine) => {
    const walk = machine.context.walk as unknown as { isAllowed(...all: number[]): boolean };
    const { isAllowed } = walk;
    walk.isAllowed = (hart, entry, access) =>
      isAllowed.call(
        walk,
        hart!,
        (entry! & ~16) |
          (machine.context.words[(hart! + hartOffset.privilege) >> 2] === 0 ? entry! & 16 : 0),
        access!,
      );
  },
  'every fiftieth store is not announced to the logs': (machine) => {
    const { observe } = machine.context.system.writer;
    let calls = 0;
    machine.context.system.writer.observe = (...all) => {
      if (all[5] !== 'vcpu' || calls++ % 50 !== 0)
        observe.apply(machine.context.system.writer, all);
    };
  },
  'clearing SUM or MXR leaves the TLB as it is': (machine) => {
    machine.context.system.tlb.flushData = () => undefined;
  },
  'the cycle counter runs ahead': (machine) => {
    const { run } = machine;
    machine.run = (slot, budget) => {
      machine.context.words[(HART_ADDRESS + hartOffset.instructionsAttempted) >> 2]! += 1;
      return run.call(machine, slot, budget);
    };
  },
};

test('canary: an instruction over a page end keeps the word that it had the first time', () => {
  const spoil = (machine: Machine) => {
    const { decoded } = machine.context;
    const { decodeStraddling } = decoded;
    let kept: number | undefined;
    decoded.decodeStraddling = (hart, word, profile) => {
      kept ??= word;
      decodeStraddling.call(decoded, hart, kept, profile);
    };
  };
  const report = compareWithReference({ seed: 1, profile: 'rv64gc', instructions: 40_000, spoil });
  expect(report.difference).toBeDefined();
});

for (const [what, spoil] of Object.entries(CANARIES)) {
  test(`canary: ${what}`, () => {
    const reports = [1, 2, 3].map((seed) => () => compareWithReference({ seed, instructions: 40_000, spoil }));
    expect(reports.some((report) => report().difference !== undefined)).toBe(true);
  });
}
