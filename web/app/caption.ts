/** The caption of every exported figure: what it shows, lab, seed, virtual time, fidelity. Pure. */
import type { AppState } from '../session/store.ts';
import { formatClock } from './quantity.ts';

/** How true the machines of this product are, in a word. */
export const FIDELITY = 'emulated, instruction by instruction';

/** One line: title · lab · seed · t = … · fidelity, and the knobs that are not at their default. */
export function captionOf(state: Pick<AppState, 'spec' | 'timeNs'>, title: string): string {
  const { lab, seed, guest } = state.spec;
  return [
    title, `lab ${lab}`, `seed ${seed}`, ...(guest === undefined ? [] : [`guest ${guest.name}`]),
    `t = ${formatClock(state.timeNs).text} (virtual)`, FIDELITY, 'Glasshouse',
  ].join(' · ');
}
