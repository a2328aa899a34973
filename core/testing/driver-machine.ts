/**
 * Test-only: runs one of the drivers that QEMU runs for the golden vectors (core/isa/vectors) on a bare-metal machine, with
 * no more of a board than they use: a serial port that is always ready, and the test finisher.
 */
import { assert } from '../base/assert.ts';
import type { HartProfileId } from '../isa/table/index.ts';
import { BareMachine } from '../machine/index.ts';
import { MemorySystem } from '../memory/index.ts';

const ORIGIN = 0x8000_0000;
const SERIAL = 0x1000_0000;
const LINE_STATUS = SERIAL + 5;
const READY = 0x20;
const FINISHER = 0x10_0000;

export interface DriverOptions {
  /** More than the whole program takes. */
  readonly instructions: number;
  readonly profile?: HartProfileId;
  /** Pages of RAM; 4 MiB when not given. */
  readonly pageCount?: number;
  /** May break the machine first (a canary). */
  readonly spoil?: (machine: BareMachine) => void;
}

/** What the program prints; when it does not end, where it is, too. */
export function runDriver(image: Uint8Array, options: DriverOptions): string {
  const { profile = 'rv64gch-sstc', pageCount = 0x400 } = options;
  const system = new MemorySystem(pageCount + 64);
  const made = system.createVm({ vmId: 1, pageCount, allocated: true });
  assert(made.ok, 'a new host has room');
  assert(made.value.write(ORIGIN, image, 'restore'), 'the image fits');
  let printed = '';
  let isDone = false;
  const machine: BareMachine = new BareMachine(system, made.value, {
    timeTicks: () => 1000,
    load(_hart, address, _byteCount, into) {
      into.low = READY;
      into.high = 0;
      return address === LINE_STATUS;
    },
    store(_hart, address, _byteCount, { low }) {
      if (address === SERIAL) printed += String.fromCharCode(low & 0xff);
      else if (address !== FINISHER) return false;
      else {
        isDone = true;
        machine.requestExit(0);
      }
      return true;
    },
  });
  options.spoil?.(machine);
  machine.resetHart(0, { pc: ORIGIN, profile });
  // A write of menvcfg or a comparator ends a run.
  for (let left = options.instructions; left > 0 && !isDone; ) left = machine.run(0, left).left;
  if (isDone) return printed;
  const shown = (number: number) => machine.readCsr(0, number)?.toString(16);
  return `${printed} goes on at ${machine.readPc(0).toString(16)}, mcause ${shown(0x342)}, mepc ${shown(0x341)}, mtval ${shown(0x343)}`;
}
