/**
 * Svinval (Privileged ISA 20240411): fences in parts. On a machine that is always in order, sinval.vma and
 * hinval do at once what sfence.vma and hfence do, and the other two have nothing to do but their
 * permission checks. The two hinval rows are legal on harts with H only.
 */
import { system } from './expression.ts';
import type { Row } from './row.ts';

// biome-ignore format: a row a line
export const SVINVAL = [
  { name: 'sinval.vma',       extension: 'Svinval', format: 'R',     match: 0x16000073, mask: 0xfe007fff, effect: system('sfenceVma'),         section: 'Privileged 20240411, Svinval' },
  { name: 'sfence.w.inval',   extension: 'Svinval', format: 'none',  match: 0x18000073, mask: 0xffffffff, effect: system('fenceInvalidation'), section: 'Privileged 20240411, Svinval' },
  { name: 'sfence.inval.ir',  extension: 'Svinval', format: 'none',  match: 0x18100073, mask: 0xffffffff, effect: system('fenceInvalidation'), section: 'Privileged 20240411, Svinval' },
  { name: 'hinval.vvma',      extension: 'Svinval', format: 'R',     match: 0x26000073, mask: 0xfe007fff, effect: system('hfenceVvma'),        section: 'Privileged 20240411, Svinval' },
  { name: 'hinval.gvma',      extension: 'Svinval', format: 'R',     match: 0x66000073, mask: 0xfe007fff, effect: system('hfenceGvma'),        section: 'Privileged 20240411, Svinval' },
] as const satisfies readonly Row[];
