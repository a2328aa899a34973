/**
 * The coordinator's platform in a page: host workers that share memory with it when the page is
 * cross-origin isolated, else one worker inside the coordinator's.
 */
import type { HostMessage } from './host-message.ts';
import { startInlineHost } from './inline-host.ts';
import type { HostHandle, Platform } from './platform.ts';
import type { HostPlan } from './run-plan.ts';
import type { Builder } from './world-port.ts';

/** Host workers that are of use beside the page and the coordinator. */
const WORKER_COUNT_USEFUL_MAX = 8;

/** See the file's head. `builder` serves the worker inside; host workers bring their own. */
export function makeBrowserPlatform(builder: Builder): Platform {
  const isolated = globalThis.crossOriginIsolated === true && 'SharedArrayBuffer' in globalThis;
  const nowMs = () => performance.now();
  const inline = { builder, nowMs, post: makePost(), setTimer };
  return {
    isolated,
    workerCountDefault: Math.max(1, Math.min(WORKER_COUNT_USEFUL_MAX, navigator.hardwareConcurrency)),
    makeBuffer: (byteCount) =>
      isolated ? new SharedArrayBuffer(byteCount) : new ArrayBuffer(byteCount),
    startHost: (plan, onMessage) =>
      isolated ? startHostWorker(plan, onMessage) : startInlineHost(plan, { ...inline, onMessage }),
    nowMs,
    setTimer,
  };
}

function startHostWorker(plan: HostPlan, onMessage: (message: HostMessage) => void): HostHandle {
  const worker = new Worker(new URL('./host.worker.ts', import.meta.url), { type: 'module' });
  worker.onmessage = (event: MessageEvent<HostMessage>) => onMessage(event.data);
  worker.onerror = (event) => {
    event.preventDefault();
    const lane = plan.lanes[0]?.lane ?? 'main';
    const message = event.message || 'A worker could not be loaded.';
    onMessage({ kind: 'failed', lane, process: -1, virtualTimeNs: 0, message, stack: '' });
  };
  worker.postMessage(plan);
  return { wake: () => {}, stop: () => worker.terminate() };
}

/** A way to run something after the messages that wait; timers would wait 4 ms. */
function makePost(): (callback: () => void) => void {
  const channel = new MessageChannel();
  const waiting: (() => void)[] = [];
  channel.port1.onmessage = () => waiting.shift()?.();
  return (callback) => {
    waiting.push(callback);
    channel.port2.postMessage(undefined);
  };
}

function setTimer(callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}
