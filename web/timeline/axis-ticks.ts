/** Ticks of the timeline's axis: round times, with as many digits as the zoom needs to tell them apart. Pure. */
import type { TimeSpan } from './time-axis.ts';

export interface AxisTick {
  readonly timeNs: number;
  readonly text: string;
}

const UNITS = [['s', 1e9], ['ms', 1e6], ['µs', 1e3], ['ns', 1]] as const;
/** Width of a digit for its size, in the page's sans. */
const DIGIT = 0.6;

/** Ticks of `span` on `width` px, as many as text of `size` px leaves room for. */
export function axisTicks(span: TimeSpan, width: number, size: number): AxisTick[] {
  const length = span.toNs - span.fromNs;
  let stepNs = 1;
  // 1, 2, 5, 10, … until the labels stand apart.
  for (let index = 0; stepNs < length; index++) {
    stepNs = [1, 2, 5][index % 3]! * 10 ** Math.floor(index / 3);
    const label = tickText(span.toNs, stepNs, span.toNs);
    if ((stepNs / length) * width >= (label.length + 2) * size * DIGIT) break;
  }
  const ticks: AxisTick[] = [];
  for (let timeNs = Math.ceil(span.fromNs / stepNs) * stepNs; timeNs <= span.toNs; timeNs += stepNs) {
    ticks.push({ timeNs, text: tickText(timeNs, stepNs, span.toNs) });
  }
  return ticks;
}

function tickText(timeNs: number, stepNs: number, endNs: number): string {
  if (timeNs === 0) return '0';
  const [unit, factor] = UNITS.find((it) => endNs >= it[1]) ?? UNITS[3];
  let digits = 0;
  while (digits < 9 && (stepNs * 10 ** digits) % factor !== 0) digits++;
  const [whole, fraction = ''] = (timeNs / factor).toFixed(digits).split('.');
  const grouped = fraction.replace(/(\d{3})(?=\d)/g, '$1\u202f');
  return `${whole}${grouped === '' ? '' : `.${grouped}`}\u00a0${unit}`;
}
