/** A host worker of the page: takes its plan as the one message it ever takes, then runs until it is ended. */
import { openCheckpointShelf } from './checkpoint-shelf.ts';
import type { HostMessage } from './host-message.ts';
import { runHostThread } from './host-thread.ts';
import type { HostPlan } from './run-plan.ts';
import { builder } from './world.ts';

declare const self: DedicatedWorkerGlobalScope;

self.onmessage = async (event: MessageEvent<HostPlan>) => {
  // Before the loop, which never returns to the worker's events.
  const shelf = await openCheckpointShelf();
  runHostThread(event.data, {
    builder,
    shelf,
    nowMs: () => performance.now(),
    emit: (message: HostMessage) => self.postMessage(message),
  });
};
