/** Drives a {@link HostLoop} in a thread of its own: spins for a moment when nothing moves, then sleeps until something does. */
import { HostLoop } from './host-loop.ts';
import type { HostPorts } from './host-loop.ts';
import type { HostPlan } from './run-plan.ts';

/** Looks at the activity word before sleeping: some 20 µs, about what waking a thread costs. */
const SPIN_COUNT = 2_000;

/** Runs for ever; the platform ends the thread. The plan's memory is shared. */
export function runHostThread(plan: HostPlan, ports: HostPorts): never {
  const activity = new Int32Array(plan.activity);
  const loop = new HostLoop(plan, ports);
  for (;;) {
    const seen = Atomics.load(activity, 0);
    if (loop.turn()) continue;
    let spins = 0;
    while (spins < SPIN_COUNT && Atomics.load(activity, 0) === seen) spins++;
    if (spins === SPIN_COUNT) Atomics.wait(activity, 0, seen, loop.idleMs());
  }
}
