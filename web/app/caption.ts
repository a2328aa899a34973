/** The caption of every exported figure: what it shows, lab, seed, virtual time, fidelity. Pure. */
import { EMULATED } from '../labs/lab-view.ts';
import type { AppState } from '../session/store.ts';
import { formatClock } from './quantity.ts';

/** One line: title · lab · seed · t = … · fidelity, and the knobs that are not at their default. */
export function captionOf(state: Pick<AppState, 'spec' | 'timeNs' | 'lab'>, title: string): string {
  const { lab, seed, guest } = state.spec;
  return [
    title, `lab ${lab}`, `seed ${seed}`, ...(guest === undefined ? [] : [`guest ${guest.name}`]),
    `t = ${formatClock(state.timeNs).text} (virtual)`, (state.lab.view.fidelity ?? EMULATED).caption, 'Glasshouse',
  ].join(' · ');
}
