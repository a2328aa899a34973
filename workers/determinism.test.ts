// Goal: a lab's history depends on nothing but seed, knobs and commands. Method: random knobs and commands at random times, run
// in one go, then again with random pauses, steps, paces and looks from outside, then replayed from its exported file; one hash.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Command } from '../core/protocol/command.ts';
import { Coordinator } from './coordinator.ts';
import { makeInlinePlatform } from './node/node-platform.ts';
import type { StartOptions } from './session-api.ts';
import { builder, planner } from './world.ts';

const RUN_COUNT = process.env['GLASSHOUSE_VERIFY'] === undefined ? 3 : 60;
const UNTIL_NS = 160_000_000;

const commands: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    kind: fc.constant('set-knob' as const),
    knob: fc.constantFrom('latency'),
    value: fc.constantFrom(5_000, 20_000, 300_000),
  }),
  fc.record({
    kind: fc.constant('set-knob' as const),
    knob: fc.constantFrom('bandwidth'),
    value: fc.constantFrom(1e9, 1e10, 4e11),
  }),
  fc.record({
    kind: fc.constant('set-knob' as const),
    knob: fc.constantFrom('dirty-rate'),
    value: fc.constantFrom(0, 3_000, 50_000),
  }),
  fc.record({
    kind: fc.constant('inject-fault' as const),
    fault: fc.constantFrom('cut-link', 'mend-link', 'cancel', 'destination-crash', 'second-migration'),
  }),
  fc.constant({ kind: 'console-input' as const, vm: 1, text: 'rate 9000\n' }),
);

interface Plan {
  readonly options: StartOptions;
  readonly commands: readonly (readonly [number, Command])[];
}

async function begin(options: StartOptions) {
  const coordinator = new Coordinator(makeInlinePlatform(builder), planner);
  const failures: string[] = [];
  await coordinator.subscribe((event) => {
    if (event.kind === 'failed') failures.push(`${event.report.virtualTimeNs}: ${event.report.message}`);
  });
  const started = await coordinator.start(options);
  expect(started.ok).toBe(true);
  return { coordinator, failures };
}

async function hashAtEnd({ coordinator, failures }: Awaited<ReturnType<typeof begin>>): Promise<string> {
  await coordinator.advanceTo(UNTIL_NS);
  const { hash, timeNs } = await coordinator.runHash();
  expect(failures).toEqual([]);
  expect(timeNs).toBe(UNTIL_NS);
  await coordinator.stop();
  return hash;
}

async function beginPlanned(plan: Plan) {
  const begun = await begin(plan.options);
  for (const [atNs, command] of plan.commands) {
    expect((await begun.coordinator.command(command, atNs)).ok).toBe(true);
  }
  return begun;
}

/** Disturbs a run from outside until `timeNs` or so: nothing of it may be seen in the hash. */
async function disturb(coordinator: Coordinator<never>, acts: readonly number[]): Promise<void> {
  for (const act of acts) {
    if (act % 6 === 0) await coordinator.step('event');
    else if (act % 6 === 1) await coordinator.step('instruction', 1);
    else if (act % 6 === 2) await coordinator.inspect({ view: 'registers', vm: 1, vcpu: 0 });
    else if (act % 6 === 3) await coordinator.runHash();
    else if (act % 6 === 4) {
      await coordinator.setSpeed(act % 5 === 0 ? Number.POSITIVE_INFINITY : 0.5);
      await coordinator.play();
      await coordinator.inspect({ view: 'exits', vm: 1 });
      await coordinator.pause();
    } else {
      const { timeNs } = (await coordinator.state())!;
      await coordinator.advanceTo(Math.min(UNTIL_NS - 1, timeNs + (act % 20_000_000)));
    }
    if ((await coordinator.state())!.timeNs > UNTIL_NS - 40_000_000) return;
  }
}

test('one hash in one go, disturbed, and replayed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(0xffff),
      fc.constantFrom(1e9, 4e11),
      fc.array(fc.tuple(fc.integer({ min: 20_000_000, max: UNTIL_NS }), commands), { maxLength: 6 }),
      fc.array(fc.nat(), { minLength: 5, maxLength: 12 }),
      async (seed, bandwidth, list, acts) => {
        const plan: Plan = {
          options: { lab: 'precopy-migration', seed, knobs: { bandwidth }, playing: false },
          commands: [[20_000_000, { kind: 'migrate', vm: 1, to: 1 }], ...list.toSorted((a, b) => a[0] - b[0])],
        };
        const straight = await hashAtEnd(await beginPlanned(plan));
        const disturbed = await beginPlanned(plan);
        await disturb(disturbed.coordinator as unknown as Coordinator<never>, acts);
        await disturbed.coordinator.advanceTo(UNTIL_NS);
        const file = await disturbed.coordinator.exportRun();
        expect(await hashAtEnd(disturbed)).toBe(straight);
        const replayed = await begin({ ...plan.options, log: file!.log });
        expect(await hashAtEnd(replayed)).toBe(straight);
      },
    ),
    { numRuns: RUN_COUNT, seed: 20_260_102 },
  );
}, 1_200_000);
