/**
 * Console ribbons: a band for as long as the VM could speak, a tick for each line that it printed, and a
 * hole where it stood still. Two ribbons, mechanism and baseline, on one time axis.
 */
import type { MigrationSnapshot } from '../../core/protocol/snapshot.ts';
import type { ConsoleLine } from '../session/console-log.ts';
import type { Colours } from '../styles/colours.ts';
import { guessText } from './guess-line.ts';

export interface Ribbon {
  readonly lines: readonly ConsoleLine[];
  readonly migration: MigrationSnapshot | undefined;
  readonly nowNs: number; // how far this run has come; negative = there is none
}

export interface RibbonOptions {
  readonly span: { readonly fromNs: number; readonly toNs: number };
  readonly colours: Colours;
  readonly size: { readonly width: number; readonly height: number }; // px
  readonly left: number; //  px kept free on either side, as the charts do
  readonly right: number;
  readonly ribbons: readonly Ribbon[];
  /** A guess of the first ribbon's downtime, drawn from its stop on; undefined without one. Unit: ns. */
  readonly guessNs?: number | undefined;
  readonly font: string; // of the guess's words
}

/** The hole of a ribbon, or undefined: from the stop to the resume here or there, or to now while it lasts. */
export function findHole(ribbon: Ribbon): { readonly fromNs: number; readonly toNs: number } | undefined {
  const { migration } = ribbon;
  if (migration === undefined || migration.stoppedAtNs < 0) return undefined;
  if (migration.resumedAtNs >= migration.stoppedAtNs) return { fromNs: migration.stoppedAtNs, toNs: migration.resumedAtNs };
  // A migration that failed or was called off lets the VM go on where it was, at its end.
  return { fromNs: migration.stoppedAtNs, toNs: migration.endedAtNs < 0 ? ribbon.nowNs : migration.endedAtNs };
}

export function paintRibbons(canvas: HTMLCanvasElement, options: RibbonOptions): void {
  const ratio = window.devicePixelRatio;
  const { width, height } = options.size;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext('2d')!;
  const { span, colours, left, right } = options;
  const scale = (width - left - right) / (span.toNs - span.fromNs);
  const at = (ns: number) => left + Math.min(1, Math.max(0, (ns - span.fromNs) / (span.toNs - span.fromNs))) * (width - left - right);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const step = height / options.ribbons.length;
  options.ribbons.forEach((ribbon, index) => {
    const band = { y: index * step + 3, height: step - 6 };
    if (ribbon.nowNs < 0) return;
    const end = at(ribbon.nowNs);
    context.fillStyle = colours.css.clean;
    context.fillRect(left, band.y, Math.max(0, end - left), band.height);
    context.fillStyle = colours.css.device;
    for (const line of ribbon.lines) {
      if (line.timeNs < span.fromNs || line.timeNs > span.toNs) continue;
      context.fillRect(Math.round(at(line.timeNs)), band.y, 2, band.height);
    }
    const hole = findHole(ribbon);
    if (hole === undefined) return;
    const [from, to] = [at(hole.fromNs), Math.min(at(hole.toNs), end)];
    const size = Math.max(2, (hole.toNs - hole.fromNs) * scale, to - from);
    context.clearRect(from, band.y - 1, size, band.height + 2);
    context.fillStyle = colours.css.ink;
    context.fillRect(from - 1, band.y - 3, 1, band.height + 6);
    context.fillRect(from + size, band.y - 3, 1, band.height + 6);
    if (index === 0 && options.guessNs !== undefined) paintGuess(context, { from, y: band.y, height: band.height, width: options.guessNs * scale, edge: width - right }, options.guessNs, options);
  });
}

/** The guess: a dashed frame as long as the downtime was thought to be, with its words beside it. */
function paintGuess(
  context: CanvasRenderingContext2D, at: { readonly from: number; readonly y: number; readonly width: number; readonly height: number; readonly edge: number },
  guessNs: number, { colours, font }: Pick<RibbonOptions, 'colours' | 'font'>,
): void {
  const end = Math.min(at.edge, at.from + Math.max(2, at.width));
  const words = guessText({ metric: 'downtime', value: guessNs }, 'ns');
  context.strokeStyle = colours.css.ink;
  context.lineWidth = 2;
  context.setLineDash([4, 3]);
  context.strokeRect(at.from, at.y + 1, end - at.from, at.height - 2);
  context.setLineDash([]);
  context.font = font;
  context.textBaseline = 'middle';
  const room = context.measureText(words).width + 12;
  // Before the stop, so that the hole itself stays to be seen.
  const left = at.from - room > 0 ? at.from - room + 6 : end + 6;
  context.fillStyle = colours.css.stage;
  context.fillRect(left - 3, at.y, room - 6, at.height);
  context.fillStyle = colours.css.ink;
  context.fillText(words, left, at.y + at.height / 2 + 1);
}
