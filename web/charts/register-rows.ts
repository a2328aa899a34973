/** Registers of an inspection as rows, and which of them differ from the picture before. Pure. */
import type { InspectionReply } from '../../core/protocol/inspection.ts';

export interface RegisterRow {
  readonly name: string;
  readonly value: string; // hexadecimal with 0x
  readonly changed: boolean;
}

/** Names of the integer registers by the psABI (RISC-V ELF psABI, "Integer Register Convention"). */
export const INTEGER_NAMES = [
  'zero', 'ra', 'sp', 'gp', 'tp', 't0', 't1', 't2', 's0', 's1', 'a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7',
  's2', 's3', 's4', 's5', 's6', 's7', 's8', 's9', 's10', 's11', 't3', 't4', 't5', 't6',
] as const;

export function registerRows(reply: Extract<InspectionReply, { view: 'registers' }>): RegisterRow[] {
  return [
    { name: 'pc', value: reply.pc, changed: false },
    ...reply.x.map((value, index) => ({ name: INTEGER_NAMES[index] ?? `x${index}`, value, changed: false })),
    ...reply.f.map((value, index) => ({ name: `f${index}`, value, changed: false })),
    ...reply.csrs.map(({ name, value }) => ({ name, value, changed: false })),
  ];
}

/** `next` with what differs from `before` marked; nothing is marked when there is no picture before. */
export function changedRegisters(before: readonly RegisterRow[], next: readonly RegisterRow[]): RegisterRow[] {
  const old = new Map(before.map((row) => [row.name, row.value]));
  return next.map((row) => ({ ...row, changed: old.has(row.name) && old.get(row.name) !== row.value }));
}
