/** The stretch of virtual time that the timeline shows, zoomed and panned within what the run knows. Pure. */

/** A stretch of virtual time. Unit: ns. */
export interface TimeSpan {
  readonly fromNs: number;
  readonly toNs: number;
}

/** The shortest stretch that can be shown: fifty instructions of a vCPU. Unit: ns. */
const SPAN_NS_MIN = 50;

/** Everything from the start to `endNs`. */
export function wholeSpan(endNs: number): TimeSpan {
  return { fromNs: 0, toNs: Math.max(SPAN_NS_MIN, endNs) };
}

/** `span` drawn together (`factor` above 1) or apart around `aroundNs`; null when all is shown. */
export function zoomSpan(
  span: TimeSpan, { factor, aroundNs, endNs }: { readonly factor: number; readonly aroundNs: number; readonly endNs: number },
): TimeSpan | null {
  const whole = wholeSpan(endNs);
  const length = Math.max(SPAN_NS_MIN, Math.round((span.toNs - span.fromNs) / factor));
  if (length >= whole.toNs) return null;
  const part = (aroundNs - span.fromNs) / Math.max(1, span.toNs - span.fromNs);
  return within(Math.round(aroundNs - length * Math.min(1, Math.max(0, part))), length, whole.toNs);
}

/** `span` moved by a part of its length, not beyond the start and `endNs`. */
export function panSpan(span: TimeSpan, part: number, endNs: number): TimeSpan {
  const length = span.toNs - span.fromNs;
  return within(Math.round(span.fromNs + length * part), length, Math.max(endNs, span.toNs - length * Math.max(0, part)));
}

/** `span` moved so that `timeNs` lies in it, a tenth from the side it comes from; the same when it does already. */
export function revealTime(span: TimeSpan, timeNs: number, endNs: number): TimeSpan {
  const length = span.toNs - span.fromNs;
  if (timeNs >= span.fromNs && timeNs <= span.toNs) return span;
  const side = timeNs > span.toNs ? 0.1 : 0.9;
  return within(Math.round(timeNs - length * side), length, Math.max(endNs, timeNs + length));
}

function within(fromNs: number, length: number, endNs: number): TimeSpan {
  const from = Math.max(0, Math.min(fromNs, endNs - length));
  return { fromNs: from, toNs: from + length };
}
