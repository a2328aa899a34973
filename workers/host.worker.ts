/** A host worker of the page: takes its plan as the one message it ever takes, then runs until it is ended. */
import type { HostMessage } from './host-message.ts';
import { runHostThread } from './host-thread.ts';
import type { HostPlan } from './run-plan.ts';
import { builder } from './world.ts';

declare const self: DedicatedWorkerGlobalScope;

self.onmessage = (event: MessageEvent<HostPlan>) => {
  runHostThread(event.data, {
    builder,
    nowMs: () => performance.now(),
    emit: (message: HostMessage) => self.postMessage(message),
  });
};
