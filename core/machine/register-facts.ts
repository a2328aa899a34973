/** Registers decoded for inspectors: translation registers, status bits, causes (RISC-V Privileged ISA 20240411 §3.1, §12.1, §18.2). */
import { EXCEPTIONS, INTERRUPTS } from '../isa/table/index.ts';
import { hexadecimal } from '../memory/index.ts';
import type { RegisterField, TranslationRegister } from '../protocol/machine-inspection.ts';

const MODES: Readonly<Record<number, string>> = { 0: 'Bare', 8: 'Sv39', 9: 'Sv48' };
const PPN = (1n << 44n) - 1n;

/** satp, vsatp or, with `isGuestStage`, hgatp. */
export function translationRegister(name: string, value: bigint, isGuestStage: boolean): TranslationRegister {
  const scheme = Number(value >> 60n);
  const mode = MODES[scheme] ?? `mode ${scheme}`;
  const isBare = scheme === 0;
  const id = isGuestStage ? (value >> 44n) & 0x3fffn : (value >> 44n) & 0xffffn;
  const root = (isGuestStage ? value & PPN & ~3n : value & PPN) << 12n;
  return { name, value: hexadecimal(value, 16), mode: isGuestStage && !isBare ? `${mode}x4` : mode, rootAddress: isBare ? '' : hexadecimal(root), id: Number(id) };
}

const FLOAT_STATES = ['off', 'initial', 'clean', 'dirty'] as const;

/** Fields of a supervisor-level status register: sstatus, vsstatus, or what they show of mstatus. */
export function statusFields(value: bigint): RegisterField[] {
  const bit = (place: bigint) => String((value >> place) & 1n);
  const is = (place: bigint) => ((value >> place) & 1n) === 1n;
  const float = Number((value >> 13n) & 3n);
  return [
    { name: 'SIE', value: bit(1n), text: is(1n) ? 'interrupts may be taken' : 'no interrupt is taken while in S mode' },
    { name: 'SPIE', value: bit(5n), text: `SIE was ${bit(5n)} before the last trap` },
    { name: 'SPP', value: bit(8n), text: `the last trap came from ${is(8n) ? 'S' : 'U'} mode` },
    { name: 'FS', value: String(float), text: `floating point is ${FLOAT_STATES[float]}` },
    { name: 'SUM', value: bit(18n), text: is(18n) ? 'S mode may use pages of U mode' : 'pages of U mode are closed to S mode' },
    { name: 'MXR', value: bit(19n), text: is(19n) ? 'loads may read what may be executed' : 'loads need R' },
  ];
}

/** Name of a cause register's value. */
export function causeText(value: bigint): string {
  const code = Number(value & 0xfffn);
  const isInterrupt = value >> 63n === 1n;
  const row = (isInterrupt ? INTERRUPTS : EXCEPTIONS).find((each) => each.code === code);
  return row?.name ?? `${isInterrupt ? 'interrupt' : 'exception'} ${code}`;
}

/** Where traps go and what the last one left. `registers`: the tvec, epc, cause and tval of a level. */
export function trapFields(names: { readonly tvec: string; readonly epc: string; readonly cause: string; readonly tval: string }, read: (name: string) => bigint): RegisterField[] {
  const [tvec, epc, cause, tval] = [names.tvec, names.epc, names.cause, names.tval].map(read) as [bigint, bigint, bigint, bigint];
  return [
    { name: names.tvec, value: hexadecimal(tvec, 16), text: (tvec & 3n) === 1n ? 'traps go here, interrupts 4 bytes apart' : 'traps go here' },
    { name: names.epc, value: hexadecimal(epc, 16), text: 'pc of the last trap' },
    { name: names.cause, value: hexadecimal(cause, 16), text: `last cause: ${causeText(cause)}` },
    { name: names.tval, value: hexadecimal(tval, 16), text: 'its address or instruction' },
  ];
}

/** Name of an interrupt by its bit. */
export function interruptName(code: number): string {
  return INTERRUPTS.find((row) => row.code === code)?.name ?? `interrupt ${code}`;
}
