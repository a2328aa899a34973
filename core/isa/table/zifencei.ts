/**
 * Instruction-fetch fence, Zifencei (Unprivileged ISA 20240411, chapter 6). Decoded instructions
 * are dropped when their bytes change, so the fence has nothing to do. Its reserved fields are
 * ignored, as the chapter demands.
 */
import { nothing } from './expression.ts';
import type { Row } from './row.ts';

// biome-ignore format: a row a line
export const ZIFENCEI = [
  { name: 'fence.i', extension: 'Zifencei', format: 'none', match: 0x0000100f, mask: 0x0000707f, effect: nothing, section: 'Unprivileged 20240411 §6' },
] as const satisfies readonly Row[];
