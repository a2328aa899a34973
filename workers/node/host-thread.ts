/** A host worker as a Node thread: its plan comes with it, what it tells goes to the coordinator's thread. */
import { parentPort, workerData } from 'node:worker_threads';
import type { HostMessage } from '../host-message.ts';
import { runHostThread } from '../host-thread.ts';
import type { HostPlan } from '../run-plan.ts';
import { builder } from '../world.ts';

runHostThread(workerData as HostPlan, {
  builder,
  nowMs: () => performance.now(),
  emit: (message: HostMessage) => parentPort?.postMessage(message),
});
