/**
 * Compiles and instantiates a host's module, synchronously: a worker compiles once and instantiates
 * for each of its hosts. Left out: caching compiled code between sessions.
 */
import { type Hash64, hashUint32 } from '../base/hash.ts';
import { INSTRUCTIONS } from '../isa/table/index.ts';
import { generateHostModule } from './host-module.ts';
import type { SlowPaths } from './interpreter-abi.ts';

/** What a host's compiled code offers. Addresses are bytes in the host's memory. */
export interface HostModule {
  /**
   * Runs the hart whose block is at `hartAddress` for `budget` instructions (≥ 1) at most; gives
   * the exit reason.
   */
  run(hartAddress: number, budget: number): number;
  /** Mixes the XXH64 digest of `byteCount` bytes at `address` into `into`. */
  hashRange(address: number, byteCount: number, into: Hash64): void;
  /** Whether `byteCount` bytes at `address` are all 0. */
  isZero(address: number, byteCount: number): boolean;
}

/**
 * Compiles the host module for the instruction table; about a millisecond. The result may serve any
 * number of hosts.
 */
export function compileHostModule(): WebAssembly.Module {
  return new WebAssembly.Module(generateHostModule(INSTRUCTIONS));
}

/**
 * Instantiates the host module over `memory` (shared, laid out by host-memory-layout) with these
 * slow paths.
 */
export function instantiateHostModule(
  memory: WebAssembly.Memory,
  slowPaths: SlowPaths,
  module: WebAssembly.Module = compileHostModule(),
): HostModule {
  const slow = {
    fetch: (hart: number) => slowPaths.fetch(hart),
    load: (hart: number, byteCount: number) => slowPaths.load(hart, byteCount),
    store: (hart: number, byteCount: number) => slowPaths.store(hart, byteCount),
    atomic: (hart: number, byteCount: number) => slowPaths.atomic(hart, byteCount),
    loadReserved: (hart: number, byteCount: number) => slowPaths.loadReserved(hart, byteCount),
    storeConditional: (hart: number, byteCount: number) =>
      slowPaths.storeConditional(hart, byteCount),
    system: (hart: number, handler: number) => slowPaths.system(hart, handler),
    misalignedTarget: (hart: number) => slowPaths.misalignedTarget(hart),
    illegal: (hart: number) => slowPaths.illegal(hart),
    float: (hart: number) => slowPaths.float(hart),
    straddle: (hart: number) => slowPaths.straddle(hart),
    decode: (hart: number, page: number, operation: number) =>
      slowPaths.decode(hart, page, operation),
  } satisfies Record<keyof SlowPaths, (...args: number[]) => number>;
  const instance = new WebAssembly.Instance(module, { host: { memory }, slow });
  const { run, hashRange, hashHigh, isZero } = instance.exports as {
    run: (hart: number, budget: number) => number;
    hashRange: (address: number, byteCount: number) => number;
    hashHigh: () => number;
    isZero: (address: number, byteCount: number) => number;
  };
  return {
    run,
    hashRange(address, byteCount, into) {
      hashUint32(into, hashRange(address, byteCount));
      hashUint32(into, hashHigh());
    },
    isZero: (address, byteCount) => isZero(address, byteCount) === 1,
  };
}
