/**
 * Test-only: a host with one VM of a few pages and one or more harts, running a program given as
 * assembly.
 */
import { assert } from '../base/assert.ts';
import { assemble, renderAssemblyError } from '../isa/assemble.ts';
import { Machine } from '../machine/index.ts';
import { GUEST_RAM_ADDRESS, MemorySystem, type VmMemory } from '../memory/index.ts';

/** What {@link makeSmallGuest} gives. */
export interface SmallGuest {
  readonly system: MemorySystem;
  readonly machine: Machine;
  readonly vm: VmMemory;
  readonly symbols: ReadonlyMap<string, number>;
}

/**
 * Assembles `source` at the start of RAM and resets harts 0 … hartCount − 1 there. Time stands at
 * 1,000 ns.
 */
export function makeSmallGuest(options: {
  readonly source: string;
  readonly pageCount?: number;
  readonly hartCount?: number;
}): SmallGuest {
  const pageCount = options.pageCount ?? 64;
  const system = new MemorySystem(pageCount + 64);
  const machine = new Machine(system, { timeNs: () => 1_000 });
  const made = system.createVm({ vmId: 1, pageCount, allocated: true });
  assert(made.ok, 'the host has room for the VM');
  const program = assemble(options.source, { origin: GUEST_RAM_ADDRESS, name: 'test' });
  if (!program.ok) assert(false, renderAssemblyError(program.error));
  assert(
    made.value.write(GUEST_RAM_ADDRESS, program.value.bytes, 'hypervisor'),
    'the program fits',
  );
  for (let slot = 0; slot < (options.hartCount ?? 1); slot++) {
    machine.resetHart(slot, { vm: made.value, pc: GUEST_RAM_ADDRESS, a0: slot, a1: 0 });
  }
  return { system, machine, vm: made.value, symbols: program.value.symbols };
}
