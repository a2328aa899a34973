/** The drawing behind migration-graph.tsx: two uPlot charts and a ribbon canvas that share one time axis. */
import uPlot from 'uplot';
import type { MigrationSnapshot } from '../../core/protocol/snapshot.ts';
import { formatQuantity } from '../app/quantity.ts';
import type { RunController } from '../session/run-controller.ts';
import { downtimeNs, findMigration, isMigrating } from '../session/store.ts';
import { roundTo } from '../stage/stage-layout.ts';
import type { Colours } from '../styles/colours.ts';
import { rootSplits, spanOf, type TimeSpan } from './chart-axes.ts';
import { guessesFor } from './guess-line.ts';
import { paintRibbons } from './ribbon-painter.ts';
import { sampleWindow } from './sample-window.ts';
import { pageFont, WatchedSize } from '../widgets/surroundings.ts';

const METRICS = [
  { id: 'dirty-bytes-per-second', thinning: 'mean' },
  { id: 'link-bytes-per-second', thinning: 'mean' },
  { id: 'bytes-left', thinning: 'last' },
] as const;
/** Points a chart shows at most: about two a pixel column would add nothing. */
const POINTS_MAX = 400;
/** Charts are drawn again at most this often; a rate cannot be read faster. Unit: ms. */
const REDRAW_MS = 66;
/** Room around the plots and size of their text, in px, by density. */
const SIZES = {
  lab: { axis: 72, legend: 168, font: 12, time: 22 },
  projector: { axis: 124, legend: 264, font: 20, time: 30 },
} as const;
interface Limits {
  min: number;
  max: number;
}

/** See the file's head. */
export class MigrationCharts {
  readonly #root: HTMLElement;
  readonly #controller: RunController;
  #colours: Colours;
  readonly #sizes: (typeof SIZES)[keyof typeof SIZES];
  readonly #ribbons: WatchedSize;
  #rates: uPlot;
  #left: uPlot;
  #drawnAt = 0;
  #key = '';
  #turn = false;
  #migration: MigrationSnapshot | undefined;
  #limitBytes = 0;
  #rate = 0;
  #dragging = false;

  constructor(root: HTMLElement, controller: RunController, colours: Colours) {
    this.#root = root;
    this.#controller = controller;
    this.#colours = colours;
    this.#sizes = controller.store.getState().density === 'projector' ? SIZES.projector : SIZES.lab;
    this.#ribbons = new WatchedSize(this.#canvas());
    [this.#rates, this.#left] = this.#build();
    this.#bindHandle();
  }

  setColours(colours: Colours): void {
    this.#colours = colours;
    this.#rates.destroy();
    this.#left.destroy();
    [this.#rates, this.#left] = this.#build();
    this.#key = '';
  }

  resize(): void {
    for (const chart of [this.#rates, this.#left]) chart.setSize(this.#sizeOf(chart.root.parentElement!));
    this.#key = '';
  }

  destroy(): void {
    this.#ribbons.stop();
    this.#rates.destroy();
    this.#left.destroy();
  }

  readonly draw = (now: number): void => {
    const { store, session } = this.#controller;
    const state = store.getState();
    const migration = findMigration(state);
    if (migration === undefined || session === null || now - this.#drawnAt < REDRAW_MS) return;
    const series = session.samplesOf(migration.from);
    const baseline = findMigration({ migrations: state.baseline });
    const key = `${series.version} ${migration.startedAtNs} ${migration.rounds.length} ${migration.phase} ${state.knobs['downtime-limit']} ${baseline?.resumedAtNs} ${isMigrating(migration) ? session.timeNs() : ''} ${this.#guessNs()}`;
    if (key === this.#key) return;
    // The two charts take turns, so that one frame never pays for both.
    this.#turn = !this.#turn;
    this.#migration = migration;
    const span = spanOf(migration, baseline, session.timeNs());
    const [times, dirty, link, left] = sampleWindow({ series, ...span, metrics: METRICS, pointsMax: POINTS_MAX }) as [number[], number[], number[], number[]];
    this.#rate = migration.bytesSent > 0 ? this.#measuredRate(link, state.knobs['bandwidth'] ?? 1e9) : (state.knobs['bandwidth'] ?? 1e9) / 8;
    this.#limitBytes = ((state.knobs['downtime-limit'] ?? 0) / 1e9) * this.#rate;
    const begin = times.findIndex((time) => time * 1e9 > migration.startedAtNs);
    const x = { min: span.fromNs / 1e9, max: span.toNs / 1e9 };
    if (this.#turn) {
      // The scale is that of the migration: what the guest wrote while it booted would flatten it.
      const most = Math.max(1, ...dirty.slice(Math.max(0, begin)), ...link) * 1.3;
      this.#apply(this.#rates, [times, dirty.map(toMega), link.map(toMega)], x, { min: 0, max: toMega(most) });
    } else {
      const first = left.findIndex((value, index) => begin >= 0 && index >= begin && value > 0); // nothing is counted while it connects
      const shown = left.map((value, index) => (first < 0 || index < first || Number.isNaN(value) ? null : value));
      this.#apply(this.#left, [times, shown], x, { min: 0, max: Math.max(1e6, ...left.filter((value) => !Number.isNaN(value))) * 1.1 });
      this.#paintRibbons(span, migration, baseline);
      this.#write(migration, baseline, { dirty: dirty.at(-1) ?? 0, link: link.at(-1) ?? 0, left: left.at(-1) || 0 });
      this.#key = key;
      this.#drawnAt = now;
    }
  };

  #measuredRate(link: readonly number[], bandwidth: number): number {
    const recent = link.slice(-20).filter((value) => value > 0);
    if (recent.length === 0) return bandwidth / 8;
    return recent.reduce((sum, value) => sum + value, 0) / recent.length;
  }

  #apply(chart: uPlot, data: (number | null)[][], x: Limits, y: Limits): void {
    chart.batch(() => {
      chart.setData(data as unknown as uPlot.AlignedData, false);
      chart.setScale('x', x);
      chart.setScale('y', y);
    });
  }

  #sizeOf(element: HTMLElement): { width: number; height: number } {
    return { width: Math.max(200, element.clientWidth - this.#sizes.legend), height: Math.max(40, element.clientHeight) };
  }

  #build(): [uPlot, uPlot] {
    const find = (name: string) => this.#root.querySelector<HTMLElement>(`[data-plot=${name}]`)!;
    const { css } = this.#colours;
    const font = `${this.#sizes.font}px ${pageFont()}`;
    const axis = (label: (value: number) => string, space: number): uPlot.Axis => ({
      size: this.#sizes.axis, gap: 4, font, stroke: css['ink-soft'], space, grid: { show: false }, ticks: { show: true, stroke: css.rule, size: 4 },
      values: (_: uPlot, splits: number[]) => splits.map((value) => (value === null ? '' : label(value))),
    });
    const time = (height: number): uPlot.Axis => ({
      size: height, gap: 2, font, stroke: css['ink-soft'], space: this.#sizes.font * 7, grid: { show: false }, ticks: { show: height > 0, stroke: css.rule, size: 4 },
      values: (_: uPlot, splits: number[]) => splits.map((value) => (height === 0 ? '' : formatQuantity(Math.round(value * 1e9), 'ns').text)),
    });
    const common = {
      legend: { show: false }, padding: [6, 0, 6, 0] as uPlot.Padding,
      cursor: { sync: { key: 'migration', setSeries: false }, drag: { x: false, y: false }, points: { show: false } },
    };
    const hooks = { drawClear: [(chart: uPlot) => this.#paintRounds(chart)] };
    const crosshair = [(chart: uPlot) => this.#onCursor(chart)];
    const rates = new uPlot({
      ...common, ...this.#sizeOf(find('rates')),
      scales: { x: { time: false, auto: false }, y: { auto: false } },
      axes: [time(0), axis((value) => formatQuantity(value * 1e6, 'bytes/s').text, this.#sizes.font + 16)],
      series: [{}, { stroke: css.dirty, width: 2, points: { show: false } }, { stroke: css['in-flight'], width: 2, points: { show: false } }],
      hooks: { ...hooks, draw: [(chart) => this.#shade(chart)], setCursor: crosshair },
    }, [[], [], []], find('rates'));
    const left = new uPlot({
      ...common, ...this.#sizeOf(find('left')),
      scales: { x: { time: false, auto: false }, y: { auto: false, distr: 100, fwd: (value: number) => Math.sqrt(Math.max(0, value)), bwd: (value: number) => value * value } },
      axes: [time(this.#sizes.time), {
        ...axis((value) => formatQuantity(value, 'bytes').text, this.#sizes.font + 10),
        splits: (_: uPlot, __: number, ___: number, high: number) => rootSplits(high),
        filter: (_: uPlot, splits: number[]) => splits, // the default keeps powers of ten only
      }],
      series: [{}, { stroke: css.ink, width: 2, points: { show: false } }],
      hooks: { ...hooks, draw: [(chart) => this.#paintLimit(chart)], setCursor: crosshair },
    }, [[], []], find('left'));
    return [rates, left];
  }

  /** Rounds as ruled bands: every second one a shade darker, a rule at each beginning; the stop as a gap. */
  #paintRounds(chart: uPlot): void {
    const migration = this.#migration;
    if (migration === undefined) return;
    const { ctx, bbox } = chart;
    const ratio = uPlot.pxRatio;
    const at = (ns: number) => Math.round(chart.valToPos(ns / 1e9, 'x', true));
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    migration.rounds.forEach((round, index) => {
      const from = at(round.startNs);
      const to = round.endNs < 0 ? at(this.#controller.session?.timeNs() ?? round.startNs) : at(round.endNs);
      if (index % 2 === 0) {
        ctx.fillStyle = this.#colours.css.panel;
        ctx.fillRect(from, bbox.top, to - from, bbox.height);
      }
      ctx.fillStyle = this.#colours.css.rule;
      ctx.fillRect(from, bbox.top, ratio, bbox.height);
      if (to - from > 2 * this.#sizes.font * ratio && chart === this.#rates) {
        ctx.fillStyle = this.#colours.css['ink-soft'];
        ctx.font = `${this.#sizes.font * ratio}px sans-serif`;
        ctx.textBaseline = 'top';
        ctx.textAlign = 'left';
        ctx.fillText(to - from > 6 * this.#sizes.font * ratio ? `round ${index + 1}` : String(index + 1), from + 5 * ratio, bbox.top + 3 * ratio);
      }
    });
    ctx.restore();
  }

  /** The area between the curves wherever more is written than is sent. */
  #shade(chart: uPlot): void {
    const [times, dirty, link] = chart.data as unknown as [number[], number[], number[]];
    if (times.length < 2) return;
    const { ctx, bbox } = chart;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.fillStyle = this.#colours.css.dirty;
    ctx.globalAlpha = 0.3;
    ctx.beginPath();
    for (let index = 0; index < times.length; index++) {
      ctx.lineTo(chart.valToPos(times[index]!, 'x', true), chart.valToPos(Math.max(dirty[index]!, link[index]!), 'y', true));
    }
    for (let index = times.length - 1; index >= 0; index--) {
      ctx.lineTo(chart.valToPos(times[index]!, 'x', true), chart.valToPos(link[index]!, 'y', true));
    }
    ctx.fill();
    ctx.restore();
  }

  /** The downtime line: what the link moves within the limit at the measured rate. */
  #paintLimit(chart: uPlot): void {
    if (this.#limitBytes === 0) return;
    const { ctx, bbox } = chart;
    const ratio = uPlot.pxRatio;
    // A limit above all that there is to send stays at the upper edge, so that it can be pulled down.
    const y = Math.round(chart.valToPos(Math.min(this.#limitBytes, chart.scales['y']?.max ?? 0), 'y', true));
    ctx.save();
    ctx.strokeStyle = this.#colours.css.ink;
    ctx.lineWidth = ratio;
    ctx.setLineDash([6 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
    const handle = this.#root.querySelector<HTMLElement>('.plot__handle');
    if (handle !== null) {
      handle.style.top = `${y / ratio}px`;
      handle.style.left = `${bbox.left / ratio}px`;
      handle.style.width = `${bbox.width / ratio}px`;
    }
  }

  /** Pulling the line sets the limit; the slider beside it is its keyboard twin. */
  #bindHandle(): void {
    const handle = this.#root.querySelector<HTMLElement>('.plot__handle')!;
    handle.onpointerdown = (event) => {
      this.#dragging = true;
      handle.setPointerCapture(event.pointerId);
    };
    handle.onpointermove = (event) => {
      if (!this.#dragging) return;
      const top = this.#left.over.getBoundingClientRect().top;
      const bytes = this.#left.posToVal(event.clientY - top, 'y');
      const limit = Math.min(1e10, Math.max(1e6, roundTo((bytes / this.#rate) * 1e9, 2)));
      this.#controller.requestKnob('downtime-limit', Math.round(limit));
    };
    handle.onpointerup = () => {
      this.#dragging = false;
    };
    handle.onpointercancel = handle.onpointerup;
  }

  #onCursor(chart: uPlot): void {
    const { left } = chart.cursor;
    const { store } = this.#controller;
    const time = left === undefined || left < 0 ? -1 : Math.round(chart.posToVal(left, 'x') * 1e9);
    if (store.getState().crosshairNs !== time) store.setState({ crosshairNs: time });
  }

  #canvas(): HTMLCanvasElement {
    return this.#root.querySelector<HTMLCanvasElement>('.ribbons__canvas')!;
  }

  #paintRibbons(span: TimeSpan, migration: MigrationSnapshot, baseline: MigrationSnapshot | undefined): void {
    const canvas = this.#canvas();
    const state = this.#controller.store.getState();
    paintRibbons(canvas, {
      span, colours: this.#colours, size: this.#ribbons, left: this.#sizes.axis, right: this.#sizes.legend,
      guessNs: this.#guessNs(), font: `${this.#sizes.font}px ${pageFont()}`,
      ribbons: [
        { lines: this.#controller.console.lines(migration.vm), migration, nowNs: this.#controller.session?.timeNs() ?? 0 },
        { lines: this.#controller.baselineConsole.lines(migration.vm), migration: baseline, nowNs: state.baselineNs },
      ],
    });
  }

  /** What the tour was told that the downtime will be. */
  #guessNs(): number | undefined {
    return guessesFor(this.#controller.store.getState().tour, ['downtime']).at(-1)?.value;
  }

  #write(migration: MigrationSnapshot, baseline: MigrationSnapshot | undefined, latest: { dirty: number; link: number; left: number }): void {
    const put = (name: string, value: number, unit: string) => {
      const element = this.#root.querySelector<HTMLElement>(`[data-value=${name}]`);
      const text = value < 0 ? '' : formatQuantity(value, unit).text;
      if (element !== null && element.textContent !== text) element.textContent = text;
    };
    const live = isMigrating(migration);
    const state = this.#controller.store.getState();
    put('dirty', live ? latest.dirty : -1, 'bytes/s');
    put('link', live ? latest.link : -1, 'bytes/s');
    put('left', live ? latest.left : 0, 'bytes');
    put('predicted', migration.downtimePredictedNs, 'ns');
    put('limit', state.knobs['downtime-limit'] ?? -1, 'ns');
    put('downtime', downtimeNs(migration), 'ns');
    put('baseline', downtimeNs(baseline), 'ns');
    put('throttle', migration.throttlePercent, '%');
    const throttle = this.#root.querySelector<HTMLElement>('[data-row=throttle]');
    if (throttle !== null) throttle.hidden = migration.throttlePercent <= 0;
    const predicted = this.#root.querySelector<HTMLElement>('[data-row=predicted]');
    if (predicted !== null) predicted.hidden = migration.downtimePredictedNs < 0;
  }
}

function toMega(value: number): number {
  return value / 1e6;
}
