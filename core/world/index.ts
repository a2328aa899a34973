export type {
  Scenario,
  ScenarioLink,
  ScenarioProcess,
  ScriptedCommand,
} from '../protocol/scenario.ts';
export { buildWorld, MODEL_VERSION, type WorldOptions } from './build-world.ts';
export { type Check, judge, type JudgeOptions, type LabJudgement } from './judge.ts';
export {
  findKnobError,
  type LabDescription,
  listLabs,
  scenarioOf,
  type ScenarioOptions,
  scriptOf,
  snapshotInstant,
  vmScenarioOf,
  type VmScenarioOptions,
} from './scenario.ts';
export { DATACENTER, type FileOptions, parseScenarioFile, readScenarioFile } from './scenario-file.ts';
export { baselineCommand, baselinesOf, validateCommand } from './validate-command.ts';
export { GUEST_PROFILES, type GuestProfileId } from '../isa/table/index.ts';
export { sentenceOf, type WorldError } from './world-error.ts';
