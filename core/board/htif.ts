/**
 * The host-target interface of RISC-V simulators: a program stores a command in the doubleword
 * `tohost` and reads the reply in `fromhost` (facts: riscv-software-src/riscv-isa-sim, fesvr).
 *
 *   63…56 device   55…48 command   47…0 payload
 *   device 0, command 0   payload odd: the program ends with payload >> 1, 0 is a pass;
 *                         even: address of a system call, eight doublewords
 *   device 1, command 1   a byte for the console
 *
 * Of the system calls, write to the console (64, descriptors 1 and 2) and exit (93) are served; others
 * answer ENOSYS, other devices nothing. Whoever runs the harts polls: a command is seen at the end
 * of a slice.
 */
import type { VmMemory } from '../memory/index.ts';

/** Addresses of the two doublewords. `fromhost` may be missing when the program needs no reply. */
export interface HtifPlaces {
  readonly tohost: number;
  readonly fromhost: number | undefined;
}

export interface HtifPorts {
  transmit(byte: number): void;
  /** The program ends; `code` 0 is a pass, else the number of the test that failed. */
  onExit(code: number): void;
}

const CALL_WRITE = 64n;
const CALL_EXIT = 93n;
const CALL_SIZE = 64;
const ENOSYS = -38n;
const EFAULT = -14n;
/** Most bytes that one write puts out; the rest is the program's to write again. */
const WRITE_MAX = 65_536;
const PAYLOAD = (1n << 48n) - 1n;

/** Serves what `tohost` holds, if it holds a command. */
export function pollHtif(ram: VmMemory, places: HtifPlaces, ports: HtifPorts): void {
  const bytes = ram.read(places.tohost, 8);
  if (bytes === undefined) return;
  const command = new DataView(bytes.buffer).getBigUint64(0, true);
  if (command === 0n) return;
  ram.write(places.tohost, new Uint8Array(8), 'device');
  const what = command >> 48n;
  const payload = command & PAYLOAD;
  if (what === 0n && (payload & 1n) === 1n) {
    ports.onExit(Number(payload >> 1n));
  } else if (what === 0n) {
    serveCall(ram, Number(payload), ports);
    if (places.fromhost !== undefined) ram.write(places.fromhost, doubleword(1n), 'device');
  } else if (what === 0x101n) {
    ports.transmit(Number(payload & 0xffn));
  }
}

function serveCall(ram: VmMemory, address: number, ports: HtifPorts): void {
  const record = ram.read(address, CALL_SIZE);
  if (record === undefined) return;
  const view = new DataView(record.buffer);
  const argument = (index: number) => view.getBigUint64(8 * index, true);
  if (argument(0) === CALL_EXIT) {
    ports.onExit(Number(BigInt.asUintN(32, argument(1))));
    return;
  }
  const isConsole = argument(0) === CALL_WRITE && (argument(1) === 1n || argument(1) === 2n);
  const result = isConsole ? writeConsole(ram, argument(2), argument(3), ports) : ENOSYS;
  ram.write(address, doubleword(result), 'device');
}

function writeConsole(ram: VmMemory, address: bigint, length: bigint, ports: HtifPorts): bigint {
  const count = length > BigInt(WRITE_MAX) ? WRITE_MAX : Number(length);
  const bytes = address < 2n ** 53n ? ram.read(Number(address), count) : undefined;
  if (bytes === undefined) return EFAULT;
  for (const byte of bytes) ports.transmit(byte);
  return BigInt(count);
}

function doubleword(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt.asIntN(64, value), true);
  return bytes;
}
