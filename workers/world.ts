/** The real world behind the adapters' ports. */
import { err } from '../core/base/result.ts';
import type { Scenario } from '../core/protocol/scenario.ts';
import {
  MODEL_VERSION,
  baselineCommand,
  baselinesOf,
  buildWorld,
  parseScenarioFile,
  scenarioOf,
  scriptOf,
  sentenceOf,
  validateCommand,
  GUEST_PROFILES,
  type GuestProfileId,
  vmScenarioOf,
} from '../core/world/index.ts';
export { snapshotInstant } from '../core/world/index.ts';
import type { Builder, Planner } from './world-port.ts';

/** The lab's name of a bare VM, made from a kernel file: `headless vm`. Its knobs are ram (bytes) and vcpus. */
export const VM_LAB = 'vm';

/** The guest profile of a number, as the knob `profile` of a VM holds it. */
function profileOf(number: number | undefined): { readonly profile?: GuestProfileId } {
  const profile = GUEST_PROFILES.find((each) => each.number === number);
  return profile === undefined ? {} : { profile: profile.id };
}

/** The coordinator's side of core/world. */
export const planner: Planner<Scenario> = {
  modelVersion: MODEL_VERSION,
  scenarioOf(request) {
    const { file, ...rest } = request;
    if (file !== undefined) {
      const read = parseScenarioFile({ text: file, ...rest });
      return read.ok ? read : err({ kind: read.error.kind, sentence: sentenceOf(read.error) });
    }
    const made =
      request.lab === VM_LAB && request.guest !== undefined
        ? vmScenarioOf({
            seed: request.seed,
            kernel: request.guest,
            ...(request.guestName === undefined ? {} : { kernelName: request.guestName }),
            ramBytes: request.knobs['ram'] ?? 64 * 1024 * 1024,
            vcpuCount: request.knobs['vcpus'] ?? 1,
            ...profileOf(request.knobs['profile']),
          })
        : scenarioOf(request);
    return made.ok ? made : err({ kind: made.error.kind, sentence: sentenceOf(made.error) });
  },
  scriptOf,
  baselinesOf,
  validateCommand,
  baselineCommand,
};

/** The host worker's side of core/world. */
export const builder: Builder = {
  buildWorld: ({ scenario, ...options }) => buildWorld({ ...options, scenario: scenario as Scenario }),
};
