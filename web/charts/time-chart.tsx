/**
 * A streaming time chart: uPlot on the one frame loop, one cursor and one brushed interval through all
 * charts, and a focusable cursor for the keyboard (arrows move it, Shift with arrows brushes, Escape clears).
 */
import { type KeyboardEvent, useEffect, useMemo, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatQuantity } from '../app/quantity.ts';
import { useApp, useAppState, useContract } from '../session/react.ts';
import type { SampleSeries } from '../session/sample-series.ts';
import type { Guess } from '../tour/tour-state.ts';
import { readColours } from '../styles/colours.ts';
import { differNs } from '../timeline/branch-lanes.ts';
import { ChartFrame } from './chart-frame.tsx';
import { drawGuesses, guessesFor, targetLine, topWithGuesses } from './guess-line.ts';
import { type BesideColumns, comparedColumns } from './compared-columns.ts';
import { samplesAlong, sampleWindow } from './sample-window.ts';
import { pageFont, textSize, watchColours } from '../widgets/surroundings.ts';
import {
  baselineDash, type Columns, type Curve, curveSentence, curveTable, curveWidth, laneCurves, ownValues, readableTop,
  strongCurves, timePicture,
} from './time-picture.ts';

const REDRAW_MS = 200;
const POINTS_MAX = 320;
/** Steps of the keyboard's cursor across the chart. */
const KEY_STEPS = 50;

export interface TimeChartProps {
  readonly id: string;
  readonly title: string;
  readonly help?: string;
  readonly entity: string;
  readonly curves: readonly Curve[]; // of one unit
  /** Host whose samples are shown, of the run and of every baseline beside it. */
  readonly host: () => number;
  /** The knob whose value the curves should stay below. */
  readonly target?: string | undefined;
}

/** Baselines that have told something, in the order of the contract. */
function useBaselines(): readonly { readonly id: string; readonly title: string }[] {
  const contract = useContract();
  const told = useAppState((state) => Object.keys(state.baselines).join(' '));
  return useMemo(() => {
    const ids = told.split(' ');
    return contract.baselines.filter(({ id }) => ids.includes(id));
  }, [contract, told]);
}

export function TimeChart(props: TimeChartProps) {
  const { id, title, entity, host } = props;
  const { controller, loop, store } = useApp();
  const baselines = useBaselines();
  const curves = useMemo(() => laneCurves(props.curves, baselines), [props.curves, baselines]);
  const strong = useMemo(() => strongCurves(props.curves), [props.curves]);
  const series = (lane?: string) => controller.session?.samplesOf(host(), lane);
  /** The branch whose samples stand beside the present one's, −1 for none. */
  const compared = useAppState((state) => (state.branches.length > 1 ? (controller.session?.branchToCompare(state.branch) ?? -1) : -1));
  const theme = useAppState((state) => state.theme);
  const density = useAppState((state) => state.density);
  const box = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLParagraphElement>(null);
  const keys = useRef<HTMLDivElement>(null);
  const read = (pointsMax: number): Columns => {
    const found = series();
    if (found === undefined) return [[], ...curves.map(() => [])];
    const metrics = props.curves.map(({ metric, thinning }) => ({ id: metric, thinning }));
    const own = sampleWindow({ series: found, fromNs: 0, toNs: Number.MAX_SAFE_INTEGER - 1, metrics, pointsMax });
    const others = baselines.flatMap((it) => samplesAlong({ series: series(it.id)!, times: own[0]!, metrics: metrics.slice(0, strong.length) }));
    return [...own, ...others];
  };
  /** The columns with the courses beside: what lies ahead of the present, and the branch that was left. */
  const readBeside = (pointsMax: number): BesideColumns => {
    const found = series();
    const { session } = controller;
    const { branch, branches } = store.getState();
    const tailOf = (id: number) => (found === undefined || id < 0 ? undefined : session?.tailOf(id, found));
    const other = session?.branchToCompare(branch) ?? -1;
    const [ahead, left] = [tailOf(branch), tailOf(other)];
    return comparedColumns(read(pointsMax), {
      ahead: ahead === undefined ? undefined : { tail: ahead, fromNs: session?.timeNs() ?? 0 },
      left: left === undefined ? undefined : { tail: left, fromNs: differNs(branches, branch, other) },
    }, { places: strong.map(({ metric }) => found?.ids.indexOf(metric) ?? -1), pointsMax: pointsMax / 2 });
  };
  /** Lines across the chart: what was guessed, and the target. */
  const linesNow = () => {
    const { tour, knobs } = store.getState();
    return [...guessesFor(tour, strong.map(({ metric }) => metric)), ...targetLine(props.target, knobs)];
  };
  const lines = useRef(linesNow);
  lines.current = linesNow;
  const latest = useRef(readBeside);
  latest.current = readBeside;

  // biome-ignore lint/correctness/useExhaustiveDependencies: colours and sizes follow theme and density
  useEffect(() => {
    let chart = build();
    let columns: BesideColumns = [];
    let version = '';
    let source: SampleSeries | undefined;
    let drawnAt = 0;
    let visible = true;
    let brushKey = '';
    let cursor = -1;
    function build(): uPlot {
      return makePlot(box.current!, curves, strong, readColours(document.documentElement).css, {
        onCursor: (ns) => { if (store.getState().crosshairNs !== ns) store.setState({ crosshairNs: ns }); },
        onBrush: (range) => store.setState({ brush: range }),
        guesses: () => lines.current(),
      });
    }
    const rebuild = () => {
      chart.destroy();
      chart = build();
      version = '';
      brushKey = '';
    };
    const unwatch = watchColours(rebuild);
    const observer = new ResizeObserver(() => {
      chart.setSize(sizeOf(box.current!));
      brushKey = '';
    });
    observer.observe(box.current!);
    const seen = new IntersectionObserver(([entry]) => {
      visible = entry?.isIntersecting ?? true;
    });
    seen.observe(box.current!);
    const remove = loop.add(`chart-${id}`, 50, (now) => {
      const found = series();
      // Out of sight it is drawn once, for its words.
      if ((!visible && version !== '') || found === undefined || now - drawnAt < REDRAW_MS) return;
      const { brush, crosshairNs } = store.getState();
      const { branch, branches } = store.getState();
      const sampled = baselines.reduce((sum, it) => sum + series(it.id)!.version, found.version);
      const newest = `${sampled} ${controller.session?.tailVersion()} ${branch} ${branches.length} ${lines.current().map(({ value }) => value)}`;
      // At once, in this frame's account.
      chart.batch(() => {
        if (found !== source || newest !== version) {
          source = found;
          version = newest;
          drawnAt = now;
          columns = latest.current(POINTS_MAX);
          chart.setData(plotted(columns) as uPlot.AlignedData);
          if (brush !== null) brushKey = '';
        }
        const next = brush === null ? 'none' : `${brush.fromNs} ${brush.toNs}`;
        if (next !== brushKey) {
          brushKey = next;
          const [from, to] = brush === null ? [0, 0] : [chart.valToPos(brush.fromNs / 1e9, 'x'), chart.valToPos(brush.toNs / 1e9, 'x')];
          chart.setSelect({ left: from, top: 0, width: brush === null ? 0 : Math.max(1, to - from), height: brush === null ? 0 : chart.over.clientHeight }, false);
        }
        if (crosshairNs !== cursor) {
          cursor = crosshairNs;
          if (document.activeElement === keys.current) chart.setCursor({ left: crosshairNs < 0 ? -10 : chart.valToPos(crosshairNs / 1e9, 'x'), top: 0 }, false);
        }
      });
      const text = crosshairNs < 0 ? curveSentence(curves, columns as Columns) : valuesAt(curves, columns, crosshairNs);
      if (readout.current !== null && readout.current.textContent !== text) readout.current.textContent = text;
      describe(keys.current, columns, crosshairNs, text);
    }, 'pictures');
    return () => {
      remove();
      unwatch();
      observer.disconnect();
      seen.disconnect();
      chart.destroy();
    };
  }, [loop, store, controller, id, curves, host, theme, density]);

  const onKey = (event: KeyboardEvent) => {
    const times = read(2)[0] ?? [];
    const end = (times.at(-1) ?? 0) * 1e9;
    const { crosshairNs, brush } = store.getState();
    if (event.key === 'Escape' && brush !== null) {
      store.setState({ brush: null });
      event.preventDefault();
      return;
    }
    const now = crosshairNs < 0 ? end : crosshairNs;
    const moved = { ArrowRight: now + end / KEY_STEPS, ArrowLeft: now - end / KEY_STEPS, Home: 0, End: end }[event.key];
    if (moved === undefined) return;
    event.preventDefault();
    const to = Math.round(Math.min(end, Math.max(0, moved)));
    const fixed = brush === null ? now : brush.fromNs === now ? brush.toNs : brush.fromNs;
    store.setState({ crosshairNs: to, ...(event.shiftKey ? { brush: to === fixed ? null : { fromNs: Math.min(fixed, to), toNs: Math.max(fixed, to) } } : {}) });
  };
  return (
    <ChartFrame
      id={id} title={title} {...(props.help === undefined ? {} : { help: props.help })} entity={entity} readout={readout}
      table={() => curveTable(curves, read(Number.MAX_SAFE_INTEGER), title)}
      picture={(size) => timePicture({ curves, columns: read(2000), brush: store.getState().brush, size })}
    >
      {(strong.length > 1 || baselines.length > 0 || compared >= 0) && (
        <ul className="legend">
          {strong.length > 1 && strong.map((curve) => <li key={curve.metric}><span className={`swatch swatch--${curve.token}`} aria-hidden="true" />{curve.title}</li>)}
          {baselines.map((it, position) => <li key={it.id}><ThinLine dash={baselineDash(position)} />{it.title}</li>)}
          {compared >= 0 && <li data-entity="run"><ThinLine dash={[]} />branch {compared}, which was left</li>}
        </ul>
      )}
      <div className="figure__plot" ref={box} />
      <div
        ref={keys} className="figure__keys" role="slider" tabIndex={0} aria-label={`${title}: cursor in virtual time`} aria-valuemin={0} aria-valuemax={0} aria-valuenow={0}
        onKeyDown={onKey} onBlur={() => store.setState({ crosshairNs: -1 })}
      />
    </ChartFrame>
  );
}

/** Columns as uPlot takes them: null where there is no value, undefined where only another course has one. */
function plotted(columns: BesideColumns): (number | null | undefined)[][] {
  return columns.map((column) => column.map((value) => (value !== undefined && Number.isNaN(value) ? null : value)));
}

/** How the curves of a baseline, or of another branch, are drawn. */
function ThinLine({ dash }: { readonly dash: readonly number[] }) {
  return <svg className="legend__line" width="20" height="4" aria-hidden="true"><path d="M0 2H20" strokeDasharray={dash.join(' ')} /></svg>;
}

function describe(element: HTMLElement | null, columns: BesideColumns, crosshairNs: number, text: string): void {
  if (element === null || document.activeElement !== element) return;
  const end = (columns[0]?.at(-1) ?? 0) * 1e9;
  element.setAttribute('aria-valuemax', String(Math.round(end)));
  element.setAttribute('aria-valuenow', String(Math.round(crosshairNs < 0 ? end : crosshairNs)));
  element.setAttribute('aria-valuetext', text);
}

/** The curves' values at a time, with units. */
function valuesAt(curves: readonly Curve[], columns: BesideColumns, timeNs: number): string {
  const times = (columns[0] ?? []) as readonly number[];
  const isOwn = (_: unknown, at: number) => columns[1]?.[at] !== undefined; // other courses are drawn, not told
  let row = times.findIndex((time, at) => time * 1e9 >= timeNs && isOwn(time, at));
  if (row < 0) row = times.findLastIndex(isOwn);
  if (row < 0) return '';
  const values = curves.flatMap((curve, index) => {
    const value = columns[index + 1]![row] ?? Number.NaN;
    return curve.isPart === true || (curve.lane !== undefined && Number.isNaN(value)) ? [] : [`${curve.title} ${formatQuantity(value, curve.unit).text}`];
  });
  return `At ${formatQuantity(Math.round(times[row]! * 1e9), 'ns').text}: ${values.join(', ')}.`;
}

function sizeOf(element: HTMLElement): { width: number; height: number } {
  return { width: Math.max(120, element.clientWidth), height: Math.max(60, element.clientHeight) };
}

function makePlot(
  element: HTMLElement, curves: readonly Curve[], own: readonly Curve[], css: Readonly<Record<string, string>>,
  on: { readonly onCursor: (ns: number) => void; readonly onBrush: (range: { fromNs: number; toNs: number } | null) => void; readonly guesses: () => readonly Guess[] },
): uPlot {
  const text = textSize();
  const unit = curves[0]?.unit ?? '';
  const font = `${text}px ${pageFont()}`;
  const axis = { stroke: css['ink-soft']!, grid: { show: false }, ticks: { stroke: css['rule']!, size: 4 }, font };
  return new uPlot({
    ...sizeOf(element), legend: { show: false }, padding: [6, text, 0, 0],
    cursor: { sync: { key: 'migration', setSeries: false }, drag: { x: true, y: false, setScale: false }, points: { show: false } },
    scales: { x: { time: false }, y: { range: (chart, _, most) => [0, topWithGuesses(Math.max(1, topOf(chart, curves, most)), on.guesses()) * 1.1] } },
    axes: [
      { ...axis, size: text * 1.9, gap: 2, space: text * 7, values: (_, splits) => splits.map((value) => formatQuantity(Math.round(value * 1e9), 'ns').text) },
      { ...axis, size: text * 6, gap: 4, space: text * 2.2, values: (_, splits) => splits.map((value) => formatQuantity(value, unit).text) },
    ],
    series: [
      {},
      ...curves.map((curve): uPlot.Series => ({ stroke: css[curve.token]!, width: curveWidth(curve), spanGaps: curve.lane !== undefined, points: { show: false }, ...(curve.dash === undefined ? {} : { dash: [...curve.dash] }) })),
      // What lies ahead of the present, and the branch that was left: the same curves, thin.
      ...COURSES_BESIDE.flatMap((dash) => own.map((curve): uPlot.Series => ({ stroke: css[curve.token]!, width: 1, spanGaps: true, points: { show: false }, dash: [...dash] }))),
    ],
    hooks: {
      draw: [(chart) => drawGuesses(chart, on.guesses(), { unit, ink: css['ink']!, font })],
      setCursor: [(chart) => {
        const { left, event } = chart.cursor;
        if (event === undefined || event === null) return; // another chart's, or the keyboard's
        on.onCursor(left === undefined || left < 0 ? -1 : Math.round(chart.posToVal(left, 'x') * 1e9));
      }],
      setSelect: [(chart) => {
        const { left, width } = chart.select;
        on.onBrush(width < 2 ? null : { fromNs: Math.round(chart.posToVal(left, 'x') * 1e9), toNs: Math.round(chart.posToVal(left + width, 'x') * 1e9) });
      }],
    },
  }, [[], ...curves.map(() => []), ...COURSES_BESIDE.flatMap(() => own.map(() => []))] as unknown as uPlot.AlignedData, element);
}

/** Dashes of the courses beside: ahead of the present, left. */
const COURSES_BESIDE: readonly (readonly number[])[] = [[2, 2], []];

/** The run's own curves and the courses beside count for the scale; baselines do not. */
function topOf(chart: uPlot, curves: readonly Curve[], most: number): number {
  const columns = chart.data.slice(1) as (number | null)[][];
  return readableTop([...ownValues(curves, columns), ...columns.slice(curves.length)], most);
}
