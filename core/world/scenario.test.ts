// Goal: bad input gives one sentence that names what was wrong and where; good input gives a
// scenario that can be built. Method: a table of inputs and what the sentence must say.
import { expect, test } from 'vitest';
import { writeElf } from '../formats/index.ts';
import { TICKER_SOURCE } from '../guests/index.ts';
import { assemble } from '../isa/assemble.ts';
import { WorldRun } from '../testing/run-world.ts';
import {
  findKnobError,
  listLabs,
  scenarioOf,
  type ScenarioOptions,
  vmScenarioOf,
} from './scenario.ts';
import { sentenceOf } from './world-error.ts';

const RAM = 0x8000_0000;
const assembled = assemble(TICKER_SOURCE, { origin: RAM, name: 'ticker' });
if (!assembled.ok) throw new Error('the ticker assembles');
const kernel = writeElf({
  entry: RAM,
  segments: [{ physicalAddress: RAM, bytes: assembled.value.bytes }],
});
const other = kernel.slice();
other[18] = 62; // EM_X86_64

const lab = (change: Partial<ScenarioOptions>): string => {
  const made = scenarioOf({
    lab: 'precopy-migration',
    seed: 1,
    knobs: {},
    baseline: '',
    ...change,
  });
  return made.ok ? 'fine' : sentenceOf(made.error);
};

test.each([
  [{ lab: 'postcopy' }, /no lab 'postcopy'; known are .*precopy-migration/],
  [{ knobs: { bandwith: 1e9 } }, /no knob 'bandwith'; known are bandwidth, latency/],
  [
    { knobs: { bandwidth: 5 } },
    /'bandwidth' is 5; it must lie between 1000000 and 400000000000 bit\/s/,
  ],
  [{ knobs: { loss: Number.NaN } }, /'loss' is 'NaN', which is not a number/],
  [{ knobs: { throttle: 0.5 } }, /'throttle' is 0.5/],
  [{ seed: -1 }, /seed is -1; it must be a whole number/],
  [{ seed: 1.5 }, /seed is 1.5/],
  [{ guest: new Uint8Array(10) }, /guest\.elf/],
  [{ guest: kernel.slice(0, 80) }, /guest\.elf/],
  [{ guest: other }, /guest\.elf.*(machine|RISC-V)/i],
  [{ guest: kernel }, /fine/],
  [{}, /fine/],
])('%o', (change, expected) => expect(lab(change)).toMatch(expected));

const vm = (change: { kernel?: Uint8Array; ramBytes?: number; vcpuCount?: number }): string => {
  const made = vmScenarioOf({ seed: 1, kernel, ramBytes: 16 << 20, vcpuCount: 1, ...change });
  return made.ok ? 'fine' : sentenceOf(made.error);
};

test.each([
  [{ ramBytes: 0 }, /RAM of VM vm is 0 bytes/],
  [{ ramBytes: 5000 }, /5000 bytes, which is not a whole number of 4 KiB pages/],
  [{ ramBytes: 2 ** 33 }, /needs \d+ pages and host machine has 240000 pages free/],
  [{ ramBytes: 4096 }, /outside the VM's RAM|needs at least/],
  [{ vcpuCount: 0 }, /asks for 0 vCPUs/],
  [{ vcpuCount: 99 }, /asks for 99 vCPUs/],
  [{ kernel: new Uint8Array(0) }, /guest\.elf/],
  [{}, /fine/],
])('vm %o', (change, expected) => expect(vm(change)).toMatch(expected));

test('every sentence is one sentence', () => {
  for (const text of [
    lab({ lab: '' }),
    lab({ knobs: { bandwidth: -1 } }),
    vm({ ramBytes: -4096 }),
  ]) {
    expect(text).toMatch(/^[^\n]+\.$/);
  }
});

test('a guest from a file runs in the lab and in a VM of its own', () => {
  const made = [
    scenarioOf({ lab: 'precopy-migration', seed: 1, knobs: {}, baseline: '', guest: kernel }),
    vmScenarioOf({ seed: 1, kernel, ramBytes: 16 << 20, vcpuCount: 1 }),
  ];
  for (const scenario of made) {
    if (!scenario.ok) throw new Error(sentenceOf(scenario.error));
    const run = new WorldRun({ scenario: scenario.value, guest: kernel });
    run.runTo(30_000_000);
    const text = run
      .snapshots()
      .flatMap((it) => it.console)
      .map((chunk) => chunk.text)
      .join('');
    expect(text).toContain('tick');
  }
});

test('labs are listed as their contracts say; each default is a value that is taken', () => {
  const labs = listLabs();
  expect(labs.map((it) => it.slug)).toContain('precopy-migration');
  for (const { knobs } of labs)
    for (const knob of knobs) expect(findKnobError(knobs, knob.id, knob.default)).toBeUndefined();
});
