/** The guest programs of the house, by name. Sources only: who runs them assembles them at load. */
import { DIRTIER_SOURCE } from './dirtier.ts';
import { TICKER_SOURCE } from './ticker.ts';

export * from './dirtier.ts';
export { KERNEL_ADDRESS } from './kernel-parts.ts';
export * from './ticker.ts';

/** A guest program. `ramBytesMin`: what it needs to start. */
export interface GuestProgram {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly ramBytesMin: number;
}

export const GUEST_PROGRAMS: readonly GuestProgram[] = [
  { name: 'dirtier', title: 'writes pages at a rate and checks its memory', source: DIRTIER_SOURCE, ramBytesMin: 2 << 20 },
  { name: 'ticker', title: 'prints a line every tick', source: TICKER_SOURCE, ramBytesMin: 1 << 20 },
];

/** The program of that name, or undefined. */
export function findGuestProgram(name: string): GuestProgram | undefined {
  return GUEST_PROGRAMS.find((program) => program.name === name);
}
