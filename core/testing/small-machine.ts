/**
 * Test-only: a bare-metal machine with little RAM, a program of our assembler at its start, a clock that ticks
 * once an instruction, and devices that tests hang on its bus.
 */
import { assert } from '../base/assert.ts';
import { assemble, renderAssemblyError } from '../isa/assemble.ts';
import type { HartProfileId } from '../isa/table/index.ts';
import { BareMachine, type BusValue } from '../machine/index.ts';
import { MemorySystem, type VmMemory } from '../memory/index.ts';

/** A device: gives a value for a load, takes one of a store; undefined or false: an access fault. */
export interface SmallDevice {
  load(hart: number, address: number, byteCount: number): BusValue | undefined;
  store(hart: number, address: number, byteCount: number, value: BusValue): boolean;
}

/** The machine, and what tests look at. */
export interface SmallMachine {
  readonly system: MemorySystem;
  readonly ram: VmMemory;
  readonly machine: BareMachine;
  /** Instructions before the present run, and its budget: together they make the time, a tick an instruction. */
  readonly clock: { start: number; budget: number };
  /** Assigned by tests; answers nothing at first. */
  device: SmallDevice;
  /** Runs hart 0 and moves the clock on. */
  run(budget: number): { readonly exit: number; readonly left: number };
}

/** Makes it; the program starts at 0x8000_0000 in M mode. */
export function makeSmallMachine(options: {
  readonly source: string;
  readonly pageCount?: number;
  readonly hartCount?: number;
  readonly profile?: HartProfileId;
}): SmallMachine {
  const { pageCount = 64, hartCount = 1, profile = 'rv64gch-sstc' } = options;
  const system = new MemorySystem(pageCount + 64);
  const made = system.createVm({ vmId: 1, pageCount, allocated: true });
  assert(made.ok, 'the host has room');
  const program = assemble(options.source, { origin: 0x8000_0000, name: 'test', profile: 'rv64gc' });
  if (!program.ok) throw new Error(renderAssemblyError(program.error));
  assert(made.value.write(0x8000_0000, program.value.bytes, 'restore'), 'the program fits');
  const clock = { start: 0, budget: 0 };
  const small: { device: SmallDevice } = {
    device: { load: () => undefined, store: () => false },
  };
  const machine = new BareMachine(system, made.value, {
    timeTicks: (_hart, left) => clock.start + clock.budget - left - 1,
    load(hart, address, byteCount, into) {
      const value = small.device.load(hart, address, byteCount);
      if (value === undefined) return false;
      into.low = value.low;
      into.high = value.high;
      return true;
    },
    store: (hart, address, byteCount, value) => small.device.store(hart, address, byteCount, value),
  });
  for (let hart = 0; hart < hartCount; hart++) {
    machine.resetHart(hart, { pc: 0x8000_0000, profile, registers: { 10: hart } });
  }
  return Object.assign(small, {
    system,
    ram: made.value,
    machine,
    clock,
    run(budget: number) {
      clock.budget = budget;
      const outcome = machine.run(0, budget);
      clock.start += budget - outcome.left;
      clock.budget = 0;
      return outcome;
    },
  });
}
