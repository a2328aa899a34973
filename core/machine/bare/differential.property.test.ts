// Goal: the bare-metal machine does exactly what its reference step does, in all modes and both stages of translation, with
// traps, interrupts, protection and devices. Method: random machines, compared after nearly every instruction
// (core/testing/compare-machines.ts); broken machines and a broken row as canaries.
// The campaign of eleven million in slices of a few minutes, each with what it reached:
// GLASSHOUSE_TRIALS=1-20 npx vitest run core/machine/bare/differential.property.test.ts -t 'instruction by instruction'
import { expect, test } from 'vitest';
import { getProfile } from '../../isa/table/index.ts';
import { compareMachines } from '../../testing/compare-machines.ts';
import type { BareMachine } from '../index.ts';
import { type BareCsr, findBareCsr } from './csr-table.ts';

const { env } = process;
const VERIFY = env['GLASSHOUSE_VERIFY'] !== undefined;
/** `GLASSHOUSE_TRIALS=from-to` takes a slice of the campaign, trials 1 … 110 of 100,000 instructions each. */
const SLICE = env['GLASSHOUSE_TRIALS'];
const IS_LONG = VERIFY || SLICE !== undefined;
const [FROM, TO] = (SLICE ?? (VERIFY ? '1-110' : '1-4')).split('-').map(Number) as [number, number];
/** From here on trials stay in the modes of users and guests. */
const FIRST_OF_USERS = 101;
const INSTRUCTIONS_A_TRIAL = IS_LONG ? 100_000 : 6_000;
const TIMEOUT_MS = 3_600_000;

/** Profiles in turn: most trials have guests. */
const PROFILES = [
  'rv64gch-sstc', 'rv64gch-sstc-aia', 'rv64gch', 'rv64gch-sstc-aia', 'rv64gch-sstc', 'rv64gc', 'rv64gch-sstc-aia', 'rv64gc-aia', 'rv64gch-sstc', 'rv64ima',
] as const;

/** Exceptions that M, HS and VS each must have been entered for. */
const CAUSES = {
  M: [1, 2, 3, 5, 6, 7, 11, 12, 13, 15],
  HS: [1, 2, 3, 5, 6, 7, 9, 12, 13, 15, 20, 21, 22, 23],
  VS: [1, 2, 12, 13, 15],
} as const;
/** What the long form must have reached besides. */
const RARE = [
  ...[4, 8, 9, 10, 20, 21, 22, 23].map((cause) => `cause ${cause} to M`),
  ...[4, 8, 10].map((cause) => `cause ${cause} to HS`),
  ...[3, 4, 5, 6, 7, 8].map((cause) => `cause ${cause} to VS`),
  // 14 is 13 for the guest, and so on: what hvictl injects.
  ...[1, 2, 6, 10, 14, 48].map((code) => `interrupt ${code}`),
  ...['M', 'HS', 'VS'].flatMap((mode) => [`${mode} trapped`, `${mode} wait`]),
  ...['U trapped', 'VU trapped'],
];

/** What happened how often, as text: modes with retired, trapped and waiting instructions, then causes and interrupts. */
function tally(instructions: number, seen: ReadonlyMap<string, number>): string {
  const told = [...seen].filter(([what]) => /^((M|HS|U|VS|VU) |cause|interrupt|instruction)/.test(what));
  const lines = told.sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })).map(([what, count]) => `${what}: ${count}`);
  return `trials ${FROM}-${TO}: ${instructions} instructions compared\n${lines.join(' · ')}\n`;
}

test(
  'machine and reference agree, instruction by instruction',
  () => {
    const seen = new Map<string, number>();
    let instructions = 0;
    for (let trial = FROM; trial <= TO; trial++) {
      const profile = PROFILES[(trial - 1) % PROFILES.length]!;
      const users = trial >= FIRST_OF_USERS ? { kinds: ['plain'], resumes: true } as const : {};
      const report = compareMachines({ seed: trial, profile, instructions: INSTRUCTIONS_A_TRIAL, ...users });
      expect(report.difference).toBeUndefined();
      instructions += report.instructions;
      for (const [what, count] of report.seen) seen.set(what, (seen.get(what) ?? 0) + count);
    }
    if (IS_LONG) process.stdout.write(tally(instructions, seen));
    const expected = [
      ...Object.entries(CAUSES).flatMap(([to, causes]) => causes.map((cause) => `cause ${cause} to ${to}`)),
      ...['M', 'HS', 'U', 'VS', 'VU'].map((mode) => `${mode} retired`),
      ...[3, 5, 7, 9, 11, 12].map((code) => `interrupt ${code}`),
      `instruction ${0x3000}`,
      ...(IS_LONG && TO - FROM >= PROFILES.length - 1 ? RARE : []),
      ...(IS_LONG && TO - FROM >= 19 ? [`instruction ${0x3020}`] : []), // about two in a million
    ];
    expect(instructions).toBeGreaterThanOrEqual((TO - FROM + 1) * INSTRUCTIONS_A_TRIAL);
    expect(expected.filter((what) => (seen.get(what) ?? 0) === 0)).toEqual([]);
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

test('canary: the guest has another guest interrupt file than VGEIN says', () => {
  const spoil = ({ context: { ports } }: BareMachine) => {
    const { interruptFile } = ports;
    replace(ports, 'interruptFile', (hart, level) => interruptFile!(hart, typeof level === 'number' ? 1 : level));
  };
  const found = [1, 2, 3, 4, 5, 6].some(
    (seed) => compareMachines({ seed, profile: 'rv64gch-sstc-aia', instructions: 12_000, spoil }).difference !== undefined,
  );
  expect(found).toBe(true);
});

test.runIf(VERIFY)('canary: satp changes and the TLB stays', () => {
  const spoil = ({ context }: BareMachine) => replace(context, 'flush', () => undefined);
  const found = Array.from({ length: 20 }, (_, seed) => seed).some(
    (seed) => compareMachines({ seed, instructions: 12_000, spoil }).difference !== undefined,
  );
  expect(found).toBe(true);
}, TIMEOUT_MS);

test('canary: one broken row of the CSR table', () => {
  const { number } = getProfile('rv64gch-sstc');
  // mie.MTIE cannot be set; the long form adds medeleg's load access fault and hstatus.SPVP.
  const broken = [[0x304, 1 << 7], ...(VERIFY ? [[0x302, 1 << 5], [0x600, 1 << 8]] : [])] as const;
  for (const [csr = 0, bit = 0] of broken) {
    const row = findBareCsr(csr, number) as { -readonly [Key in keyof BareCsr]: BareCsr[Key] };
    const { write } = row;
    row.write = [write[0] & ~bit, write[1]];
    const found = [1, 2, 3, 4, 5, 6].some((seed) => compareMachines({ seed, instructions: 12_000, kinds: ['registers'] }).difference !== undefined);
    row.write = write;
    expect(found, row.name).toBe(true);
  }
});
