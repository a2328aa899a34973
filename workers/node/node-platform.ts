/** The coordinator's platform on Node: worker_threads with shared memory, or one worker inside this thread. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { HostMessage } from '../host-message.ts';
import { startInlineHost } from '../inline-host.ts';
import type { PageShelf } from '../../core/sim/checkpoint/part.ts';
import type { Platform } from '../platform.ts';
import type { Builder } from '../world-port.ts';

/** Where the threads' code is: a bundle's URL, or its text (tests). */
export type ThreadSource = { readonly url: URL } | { readonly code: string };

/** Threads that run `source`; the thread's own bundle holds its builder. */
export function makeThreadPlatform(source: ThreadSource): Platform {
  return {
    isolated: true,
    workerCountDefault: availableParallelism(),
    makeBuffer: (byteCount) => new SharedArrayBuffer(byteCount),
    startHost(plan, onMessage) {
      const options = { workerData: plan };
      const worker =
        'url' in source
          ? new Worker(source.url, options)
          : new Worker(source.code, { ...options, eval: true });
      worker.on('message', (message: HostMessage) => onMessage(message));
      worker.on('error', (error) => {
        const lane = plan.lanes[0]?.lane ?? 'main';
        onMessage({ kind: 'failed', lane, process: -1, virtualTimeNs: 0, message: error.message, stack: error.stack ?? '' });
      });
      return { wake: () => {}, stop: () => void worker.terminate() };
    },
    nowMs: () => performance.now(),
    setTimer,
  };
}

/** One worker in this thread, its memory plain: as in a page without cross-origin isolation. */
export function makeInlinePlatform(builder: Builder, shelf?: PageShelf): Platform {
  return {
    isolated: false,
    workerCountDefault: 1,
    makeBuffer: (byteCount) => new ArrayBuffer(byteCount),
    startHost: (plan, onMessage) =>
      startInlineHost(plan, {
        builder,
        shelf,
        onMessage,
        nowMs: () => performance.now(),
        post: (callback) => void setImmediate(callback),
        setTimer,
      }),
    nowMs: () => performance.now(),
    setTimer,
  };
}

function setTimer(callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}
