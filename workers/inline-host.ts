/**
 * A host worker inside the coordinator's own thread, for places without shared memory: the same loop, in
 * turns between which messages are served. Memories stay here and are never posted.
 */
import { HostLoop } from './host-loop.ts';
import type { PageShelf } from '../core/sim/checkpoint/part.ts';
import type { HostMessage } from './host-message.ts';
import type { HostHandle } from './platform.ts';
import type { HostPlan } from './run-plan.ts';
import type { Builder } from './world-port.ts';

/** Wall time of work before others get their turn. Unit: ms. */
const TURN_MS = 8;

/** Starts it. `post` runs a callback soon, after the messages that wait. */
export function startInlineHost(
  plan: HostPlan,
  ports: {
    readonly builder: Builder;
    readonly shelf?: PageShelf | undefined;
    readonly onMessage: (message: HostMessage) => void;
    readonly nowMs: () => number;
    readonly post: (callback: () => void) => void;
    readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  },
): HostHandle {
  let loop: HostLoop | undefined;
  let stopped = false;
  let scheduled = false;
  let cancelTimer = () => {};

  function schedule(): void {
    if (scheduled || stopped) return;
    scheduled = true;
    cancelTimer();
    ports.post(turn);
  }

  function turn(): void {
    scheduled = false;
    if (stopped) return;
    const { builder, nowMs, shelf } = ports;
    loop ??= new HostLoop(plan, { builder, nowMs, shelf, emit: (message) => stopped || ports.onMessage(message) });
    const endMs = nowMs() + TURN_MS;
    let busy = true;
    while (busy && !stopped && nowMs() < endMs) busy = loop.turn();
    if (busy) schedule();
    else if (!stopped) cancelTimer = ports.setTimer(schedule, loop.idleMs());
  }

  schedule();
  return {
    wake: schedule,
    stop() {
      stopped = true;
      cancelTimer();
    },
  };
}
