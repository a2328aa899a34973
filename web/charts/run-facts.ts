/** What lanes and traces need to know of the run that a controller keeps. */
import type { RunController } from '../session/run-controller.ts';
import type { RunFacts } from './run-lanes.ts';

export function runFacts(controller: RunController): RunFacts {
  const state = controller.store.getState();
  return {
    hosts: state.hosts, migrations: state.migrations, baseline: state.baseline, nowNs: state.timeNs, baselineNs: state.baselineNs,
    seriesOf: (host) => controller.session?.samplesOf(host),
  };
}
