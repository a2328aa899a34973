/**
 * The queue between memory and disk as a tank: its height is the room that copied pages may take, the filled
 * part what waits for the disk now, the hatched part above the line what only the guest's own writes may use.
 */
import type { PartFrame, PartPainter } from './part-painter.ts';
import type { Rect } from './stage-layout.ts';
import { snapshotJob } from './snapshot-told.ts';

/** Where the tank stands in its part: centred, a third of it wide. */
export function tankRect(rect: Rect): Rect {
  const width = rect.width * 0.34;
  return { x: rect.x + (rect.width - width) / 2, y: rect.y + rect.height * 0.1, width, height: rect.height * 0.8 };
}

function hatch(context: CanvasRenderingContext2D, rect: Rect, colour: string): void {
  context.save();
  context.beginPath();
  context.rect(rect.x, rect.y, rect.width, rect.height);
  context.clip();
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  for (let x = rect.x - rect.height; x < rect.x + rect.width; x += 8) {
    context.moveTo(x, rect.y + rect.height);
    context.lineTo(x + rect.height, rect.y);
  }
  context.stroke();
  context.restore();
}

/** See the file's head. */
export function makeQueue(): PartPainter {
  let key = '';
  return {
    forgetColours: () => { key = ''; },
    paint(frame: PartFrame) {
      const { context, ratio, rect, colours, state, session, host, fresh } = frame;
      if (rect.width < 8) return;
      const job = snapshotJob(state, host);
      const cap = state.knobs['queue-cap'] ?? 1;
      const reserve = (state.knobs['queue-reserve'] ?? 0) / 100;
      const held = job === undefined ? 0 : (session?.samplesOf(host).findLatest('queue-bytes') || 0);
      const part = Math.min(1, held / cap);
      const next = `${part.toFixed(4)} ${reserve} ${rect.x} ${rect.y} ${rect.width}`;
      if (next === key && !fresh) return;
      key = next;
      const tank = tankRect(rect);
      context.save();
      context.scale(ratio, ratio);
      context.clearRect(tank.x - 4, tank.y - 4, tank.width + 8, tank.height + 8);
      context.fillStyle = colours.css.panel;
      context.fillRect(tank.x, tank.y, tank.width, tank.height);
      hatch(context, { ...tank, height: tank.height * reserve }, colours.css['rule-strong']);
      context.fillStyle = colours.css['in-flight'];
      context.fillRect(tank.x, tank.y + tank.height * (1 - part), tank.width, tank.height * part);
      context.fillStyle = colours.css.ink;
      context.fillRect(tank.x - 2, tank.y, 2, tank.height + 2);
      context.fillRect(tank.x + tank.width, tank.y, 2, tank.height + 2);
      context.fillRect(tank.x - 2, tank.y + tank.height, tank.width + 4, 2);
      context.fillRect(tank.x, tank.y + tank.height * reserve, tank.width, 1);
      context.restore();
    },
  };
}
