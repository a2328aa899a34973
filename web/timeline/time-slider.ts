/**
 * The present as a slider in virtual time, over any picture with a time axis: pressing and dragging travels,
 * arrows, Page keys, Home and End travel by keyboard, W A S D zoom and move the axis, Shift chooses an interval.
 * One journey is under way at a time and the latest target wins (session/scrub.ts).
 */
import { formatClock } from '../app/quantity.ts';
import type { AppState } from '../session/store.ts';
import type { AppParts } from '../session/react.ts';
import { differNs, type BranchLanes } from './branch-lanes.ts';
import type { TimeSpan } from './time-axis.ts';

/** What a picture tells its slider. */
export interface SliderPicture {
  readonly span: () => TimeSpan;
  /** The branch on whose row a point lies, −1 for none. `y` in px from the top. */
  readonly branchAt: (y: number) => number;
  readonly lanes: () => BranchLanes | undefined;
}

/** Steps of the arrow keys, and of the Page keys, across what is shown. */
const STEPS = 100;
const PAGES = 10;

/** Binds `element` (role slider, focusable); gives the function that unbinds. */
export function bindTimeSlider(element: HTMLElement, { store, controller, commands }: AppParts, picture: SliderPicture): () => void {
  const clamp = (ns: number) => Math.round(Math.min(store.getState().furthestNs, Math.max(0, ns)));
  const here = () => {
    const { travelNs } = store.getState();
    return travelNs >= 0 ? travelNs : (controller.session?.timeNs() ?? store.getState().timeNs);
  };
  const travel = (ns: number) => void commands.run('travel-to', { timeNs: clamp(ns) });
  const timeAt = (event: MouseEvent) => {
    const bounds = element.getBoundingClientRect();
    const { fromNs, toNs } = picture.span();
    return Math.round(fromNs + ((event.clientX - bounds.left) / Math.max(1, bounds.width)) * (toNs - fromNs));
  };
  const brushTo = (anchor: number, ns: number) =>
    store.setState({ crosshairNs: ns, brush: ns === anchor ? null : { fromNs: Math.min(anchor, ns), toNs: Math.max(anchor, ns) } });
  let drag: { readonly kind: 'scrub' | 'brush'; readonly anchorNs: number } | undefined;

  const onDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const ns = timeAt(event);
    const state = store.getState();
    const branch = picture.branchAt(event.clientY - element.getBoundingClientRect().top);
    if (!event.shiftKey && isLeft(state, picture.lanes(), branch, ns)) {
      void commands.run('return-to-branch', { branch, timeNs: ns });
      return;
    }
    element.setPointerCapture(event.pointerId);
    drag = { kind: event.shiftKey ? 'brush' : 'scrub', anchorNs: clamp(ns) };
    if (!event.shiftKey) travel(ns);
  };
  const onMove = (event: PointerEvent) => {
    const ns = timeAt(event);
    if (drag?.kind === 'scrub') travel(ns);
    else if (drag?.kind === 'brush') brushTo(drag.anchorNs, clamp(ns));
    else if (store.getState().crosshairNs !== ns) store.setState({ crosshairNs: Math.max(0, ns) });
  };
  const onUp = () => {
    drag = undefined;
  };
  const onLeave = () => {
    if (drag === undefined) store.setState({ crosshairNs: -1 });
  };
  const onWheel = (event: WheelEvent) => {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      void commands.run('timeline-zoom', { factor: event.deltaY < 0 ? 1.25 : 0.8, aroundNs: Math.max(0, timeAt(event)) });
    } else if (event.deltaX !== 0 && store.getState().timelineView !== null) {
      event.preventDefault();
      void commands.run('timeline-pan', { part: Math.max(-1, Math.min(1, event.deltaX / element.clientWidth)) });
    }
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { fromNs, toNs } = picture.span();
    const length = toNs - fromNs;
    const state = store.getState();
    const by = { ArrowLeft: -1 / STEPS, ArrowDown: -1 / STEPS, ArrowRight: 1 / STEPS, ArrowUp: 1 / STEPS, PageDown: -1 / PAGES, PageUp: 1 / PAGES }[event.key];
    const command = { w: ['timeline-zoom', { factor: 2 }], s: ['timeline-zoom', { factor: 0.5 }], a: ['timeline-pan', { part: -0.25 }], d: ['timeline-pan', { part: 0.25 }] }[event.key.toLowerCase()];
    if (by !== undefined && event.shiftKey) {
      const from = state.crosshairNs >= 0 && state.brush !== null ? state.crosshairNs : here();
      const anchor = state.brush === null ? from : from === state.brush.fromNs ? state.brush.toNs : state.brush.fromNs;
      brushTo(anchor, clamp(from + Math.sign(by) * Math.max(1, Math.round(Math.abs(by) * length))));
    } else if (by !== undefined) travel(here() + Math.sign(by) * Math.max(1, Math.round(Math.abs(by) * length)));
    else if (event.key === 'Home') travel(0);
    else if (event.key === 'End') travel(state.furthestNs);
    else if (event.key === 'Escape' && state.brush !== null) store.setState({ brush: null });
    else if (command !== undefined) void commands.run(command[0] as string, command[1]);
    else return;
    event.preventDefault();
  };

  element.addEventListener('pointerdown', onDown);
  element.addEventListener('pointermove', onMove);
  element.addEventListener('pointerup', onUp);
  element.addEventListener('pointercancel', onUp);
  element.addEventListener('pointerleave', onLeave);
  element.addEventListener('wheel', onWheel, { passive: false });
  element.addEventListener('keydown', onKey);
  return () => {
    element.removeEventListener('pointerdown', onDown);
    element.removeEventListener('pointermove', onMove);
    element.removeEventListener('pointerup', onUp);
    element.removeEventListener('pointercancel', onUp);
    element.removeEventListener('pointerleave', onLeave);
    element.removeEventListener('wheel', onWheel);
    element.removeEventListener('keydown', onKey);
  };
}

/** Whether a point on a branch's row belongs to a course that was left. */
function isLeft(state: AppState, lanes: BranchLanes | undefined, branch: number, ns: number): boolean {
  const mark = state.branches.find((it) => it.id === branch);
  if (lanes === undefined || mark === undefined || branch === state.branch) return false;
  if (ns < mark.forkNs || ns > mark.endNs) return false;
  return ns >= differNs(state.branches, branch, state.branch);
}

/** Writes where the present is, for who does not see it; only what has changed. */
export function describeTimeSlider(element: HTMLElement, state: Pick<AppState, 'furthestNs' | 'travelNs'>, nowNs: number): void {
  const endNs = Math.max(nowNs, state.furthestNs);
  put(element, 'aria-valuemax', String(endNs));
  put(element, 'aria-valuenow', String(nowNs));
  put(element, 'aria-valuetext', nowNs === endNs ? `${formatClock(nowNs).text}` : `${formatClock(nowNs).text} of ${formatClock(endNs).text}`);
  put(element, 'aria-busy', String(state.travelNs >= 0));
}

function put(element: HTMLElement, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
