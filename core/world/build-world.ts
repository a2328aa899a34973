/** Builds the processes of a scenario, or those of them that one worker runs. */
import { assert } from '../base/index.ts';
import type { SampleRing } from '../metrics/index.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { LogicalProcess } from '../sim/logical-process.ts';
import { compileHostModule } from '../wasm/index.ts';
import { HostProcess } from './host-process.ts';

/** Version of the model, part of run files: histories of two versions are not compared. */
export const MODEL_VERSION = '0.1.0';

/** What is built, and what it writes to. */
export interface WorldOptions {
  readonly scenario: Scenario;
  /** Only these processes are built. */
  readonly processIds: readonly number[];
  /** ELF bytes for the VMs of the scenario whose image is a file. */
  readonly guest?: Uint8Array;
  /** By process id; a process without one keeps no samples. */
  readonly sampleRings: ReadonlyMap<number, SampleRing>;
  /** Keep all frames of every port for a pcapng file. */
  readonly capture: boolean;
}

/** The processes, ascending by id, at time 0. The scenario was checked when it was made. */
export function buildWorld(options: WorldOptions): LogicalProcess[] {
  const { scenario, processIds, guest, sampleRings, capture } = options;
  const compiled = compileHostModule();
  return processIds
    .toSorted((left, right) => left - right)
    .map((id) => {
      assert(
        scenario.processes.some((it) => it.id === id),
        `the scenario has a process ${id}`,
      );
      return new HostProcess({ scenario, id, guest, ring: sampleRings.get(id), capture, compiled });
    });
}
