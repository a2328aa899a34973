// Goal: the bare-metal machine does exactly what its reference step does, in all modes and both stages of translation, with
// traps, interrupts, protection and devices. Method: random machines, compared after nearly every instruction
// (core/testing/compare-machines.ts); broken machines and a broken row as canaries.
import { expect, test } from 'vitest';
import { HART_PROFILES } from '../../isa/table/index.ts';
import { compareMachines } from '../../testing/compare-machines.ts';
import type { BareMachine } from '../index.ts';
import { type BareCsr, findBareCsr } from './csr-table.ts';

const VERIFY = process.env['GLASSHOUSE_VERIFY'] !== undefined;
/** The long campaign takes minutes. */
const TIMEOUT_MS = 3_600_000;
const SEEDS = VERIFY ? 100 : 4;
const INSTRUCTIONS_A_SEED = VERIFY ? 100_000 : 6_000;

/** Exceptions that M, HS and VS each must have been entered for. */
const CAUSES = {
  M: [1, 2, 3, 5, 6, 7, 11, 12, 13, 15],
  HS: [1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 15, 20, 21, 22, 23],
  VS: [1, 2, 12, 13, 15],
} as const;

test(
  'machine and reference agree, instruction by instruction',
  () => {
    const seen = new Map<string, number>();
    for (let seed = 0; seed < SEEDS; seed++) {
      // Half of the runs have all extensions.
      const { id: profile } = HART_PROFILES[seed % 2 === 0 ? 3 : [2, 1, 2, 0][(seed >> 1) % 4]!]!;
      const report = compareMachines({ seed, profile, instructions: INSTRUCTIONS_A_SEED });
      expect(report.difference).toBeUndefined();
      for (const [what, count] of report.seen) seen.set(what, (seen.get(what) ?? 0) + count);
    }
    const expected = [
      ...Object.entries(CAUSES).flatMap(([to, causes]) => causes.map((cause) => `cause ${cause} to ${to}`)),
      ...['M', 'HS', 'U', 'VS', 'VU'].map((mode) => `${mode} retired`),
      ...[3, 5, 7, 9, 11].map((code) => `interrupt ${code}`),
      `instruction ${0x3000}`,
    ];
    expect(expected.filter((what) => (seen.get(what) ?? 0) === 0)).toEqual([]);
    if (VERIFY) expect(seen.get(`instruction ${0x3020}`)).toBeGreaterThan(3);
  },
  TIMEOUT_MS,
);

/** Replaces what an object's own class gives it. */
function replace<T extends object, K extends keyof T>(target: T, name: K, value: T[K]): void {
  target[name] = value;
}

/** Broken machines; each must be told apart. */
const CANARIES: Record<string, (machine: BareMachine) => void> = {
  'mstatus.MPRV is forgotten': ({ memory, context }) =>
    replace(memory, 'modeOf', (hart) => ({
      privilege: context.privilege(hart),
      isVirtual: context.isVirtual(hart),
      executes: false,
    })),
  'the implicit access of a walk is not told': ({ memory }) => {
    const { raise } = memory;
    replace(memory, 'raise', (...all) => {
      memory.walk.implicit = 0;
      raise.apply(memory, all);
    });
  },
  'floats stay as clean as they were': ({ context }) => replace(context, 'markFloatDirty', () => undefined),
  'an interrupt line counts for every hart mode alike': (machine) => {
    const { setInterrupt } = machine;
    replace(machine, 'setInterrupt', (index, code, level) => setInterrupt.call(machine, index, code, !level));
  },
};

for (const [what, spoil] of Object.entries(CANARIES)) {
  test(`canary: ${what}`, () => {
    const found = [1, 2, 3, 4, 5, 6].some(
      (seed) => compareMachines({ seed, instructions: 12_000, spoil }).difference !== undefined,
    );
    expect(found).toBe(true);
  });
}

test.runIf(VERIFY)('canary: satp changes and the TLB stays', () => {
  const spoil = ({ context }: BareMachine) => replace(context, 'flush', () => undefined);
  const found = Array.from({ length: 20 }, (_, seed) => seed).some(
    (seed) => compareMachines({ seed, instructions: 12_000, spoil }).difference !== undefined,
  );
  expect(found).toBe(true);
}, TIMEOUT_MS);

test('canary: one broken row of the CSR table', () => {
  const { number } = HART_PROFILES[3];
  // mie.MTIE cannot be set; the long form adds medeleg's load access fault and hstatus.SPVP.
  const broken = [[0x304, 1 << 7], ...(VERIFY ? [[0x302, 1 << 5], [0x600, 1 << 8]] : [])] as const;
  for (const [csr = 0, bit = 0] of broken) {
    const row = findBareCsr(csr, number) as { -readonly [Key in keyof BareCsr]: BareCsr[Key] };
    const { write } = row;
    row.write = [write[0] & ~bit, write[1]];
    const found = [1, 2, 3, 4, 5, 6].some((seed) => compareMachines({ seed, instructions: 12_000 }).difference !== undefined);
    row.write = write;
    expect(found, row.name).toBe(true);
  }
});
