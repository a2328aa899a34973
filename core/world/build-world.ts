/** Builds the processes of a scenario, or those of them that one worker runs. */
import type { SampleRing } from '../metrics/index.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { PageShelf } from '../sim/checkpoint/part.ts';
import type { LogicalProcess } from '../sim/logical-process.ts';
import { compileHostModule } from '../wasm/index.ts';
import { BoardProcess } from './board-process.ts';
import { HostProcess, type HostProcessOptions } from './host-process.ts';
import { NodeProcess } from './node-process.ts';
import { BOARD, findProcessKind, HOST, kindOf, rowOf } from './process-kinds.ts';

/** Version of the model, part of run files: raised when a run would come to another hash; histories of two versions are not compared. */
export const MODEL_VERSION = '0.2.0';

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
  /** Where copies of old checkpoints go when memory is short; without it they stay in memory, and fewer are kept. */
  readonly shelf?: PageShelf;
}

/** The processes, ascending by id, at time 0. The scenario was checked when it was made. */
export function buildWorld(options: WorldOptions): LogicalProcess[] {
  const { scenario, processIds, guest, sampleRings, capture, shelf } = options;
  const hasHarts = scenario.processes.some((it) => kindOf(it) === HOST || kindOf(it) === BOARD);
  const compiled = hasHarts ? compileHostModule() : undefined;
  return processIds
    .toSorted((left, right) => left - right)
    .map((id) => {
      return buildProcess({ scenario, id, guest, ring: sampleRings.get(id), capture, compiled, shelf });
    });
}

/** One process of a scenario, of whatever kind. */
export function buildProcess(options: HostProcessOptions): LogicalProcess {
  const { scenario, id, ring, capture } = options;
  const name = kindOf(rowOf(scenario, id));
  if (name === BOARD) return new BoardProcess(options);
  const kind = findProcessKind(scenario, name);
  if (kind === undefined) return new HostProcess(options);
  if ('build' in kind) return kind.build({ scenario, id, ring, capture });
  return new NodeProcess({ scenario, id, kind, ring, capture });
}
