/**
 * The queue between memory and disk, drawn: a tank under its cap line, hatched where only the guest's own
 * writes may go, and the river of tiles that flows out of it through the disk's pipe. Where things stand is
 * queue-picture.ts; here they get their colours.
 */
import type { Colours } from '../styles/colours.ts';
import type { PartFrame, PartPainter } from './part-painter.ts';
import { pagesPerTile, placeQueue, type QueueFacts, type QueuePlaces, type RiverTile, readQueue, riverTiles } from './queue-picture.ts';
import { snapshotTold } from './snapshot-told.ts';
import type { Rect } from './stage-layout.ts';

const NOTHING: QueueFacts = { serial: 0, heldBytes: 0, capBytes: 0, reserveBytes: 0, takenPages: 0, leftPages: 0 };

/** What is drawn, from the store and the host's shared memory; also where marks and handles stand. */
export function queuePlaces(frame: Pick<PartFrame, 'rect' | 'k' | 'state' | 'host'>, facts: QueueFacts): QueuePlaces {
  const { rect, k, state, host } = frame;
  const { knobs } = state;
  // The cap is the knob's, so that the line moves with it at once; a snapshot under way has the same.
  const capBytes = knobs['queue-cap'] ?? facts.capBytes;
  return placeQueue({
    rect, k, capBytes,
    reserveBytes: (capBytes * (knobs['queue-reserve'] ?? 0)) / 100,
    heldBytes: facts.heldBytes,
    diskBytesPerSecond: snapshotTold(state, host)?.disk.bandwidthBytesPerSecond ?? knobs['disk-bandwidth'] ?? 0,
  });
}

function hatch(context: CanvasRenderingContext2D, rect: Rect, colour: string, step: number): void {
  if (rect.height <= 0) return;
  context.save();
  context.beginPath();
  context.rect(rect.x, rect.y, rect.width, rect.height);
  context.clip();
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  for (let x = rect.x - rect.height; x < rect.x + rect.width; x += step) {
    context.moveTo(x, rect.y + rect.height);
    context.lineTo(x + rect.height, rect.y);
  }
  context.stroke();
  context.restore();
}

function paintTank(context: CanvasRenderingContext2D, colours: Colours, places: QueuePlaces, k: number): void {
  const { tank, capY, reserve, fill } = places;
  const { css } = colours;
  const bottom = tank.y + tank.height;
  context.fillStyle = css.panel;
  context.fillRect(tank.x, capY, tank.width, bottom - capY);
  context.fillStyle = css['in-flight'];
  context.fillRect(fill.x, fill.y, fill.width, fill.height);
  hatch(context, reserve, css['ink-soft'], 7 * k);
  context.fillStyle = css['ink-soft'];
  context.fillRect(tank.x, reserve.y + reserve.height, tank.width, 1);
  context.fillStyle = css.ink;
  context.fillRect(tank.x - 2, tank.y, 2, tank.height + 2);
  context.fillRect(tank.x + tank.width, tank.y, 2, tank.height + 2);
  context.fillRect(tank.x - 2, bottom, tank.width + 4, 2);
  // The cap line stands out on both sides, so that it reads as a mark and not as a lid.
  context.fillRect(tank.x - 8 * k, capY - 2, tank.width + 16 * k, 3);
}

function paintRiver(context: CanvasRenderingContext2D, colours: Colours, places: QueuePlaces, tiles: readonly RiverTile[]): void {
  const { pipe } = places;
  const { css } = colours;
  context.fillStyle = css.panel;
  context.fillRect(pipe.x + 2, pipe.y, pipe.width - 2, pipe.height);
  context.save();
  context.beginPath();
  context.rect(pipe.x + 2, pipe.y, pipe.width - 2, pipe.height);
  context.clip();
  const room = pipe.width - 2;
  const width = Math.max(3, Math.min(pipe.height - 2, room / 10));
  const height = Math.max(4, Math.min(pipe.height - 4, width * 1.4));
  for (const { along, forced } of tiles) {
    const x = pipe.x + 2 + along * room - width / 2;
    const y = pipe.y + (pipe.height - height) / 2;
    context.fillStyle = css['in-flight'];
    context.fillRect(x, y, width, height);
    if (forced === 0) continue;
    // The dot's area is the share of copies that a write forced, and can always be seen.
    const dot = Math.max(3, Math.sqrt(forced) * Math.min(width, height) * 0.8);
    context.fillStyle = css.ink;
    context.fillRect(x + (width - dot) / 2, y + (height - dot) / 2, dot, dot);
  }
  context.restore();
  context.fillStyle = css.ink;
  context.fillRect(pipe.x + 2, pipe.y - 2, pipe.width - 2, 2);
  context.fillRect(pipe.x + 2, pipe.y + pipe.height, pipe.width - 2, 2);
}

/** See the file's head. */
export interface QueuePainter extends PartPainter {
  /** Pages that a tile stands for now. */
  readonly perTile: () => number;
}

export function makeQueue(): QueuePainter {
  let key = '';
  let perTile = 1;
  return {
    forgetColours: () => { key = ''; },
    perTile: () => perTile,
    paint(frame: PartFrame) {
      const { context, ratio, rect, colours, session, host, k, fresh } = frame;
      if (rect.width < 8) return;
      const view = session?.hostViews().find((it) => it.host === host);
      const facts = view === undefined ? NOTHING : readQueue(view, session?.timeNs() ?? 0);
      perTile = pagesPerTile(facts.takenPages - Math.floor(facts.leftPages), perTile);
      const tiles = view === undefined ? [] : riverTiles(facts, view.forcedRing, perTile);
      const places = queuePlaces(frame, facts);
      const shown = tiles.map(({ along, forced }) => `${along.toFixed(3)} ${forced.toFixed(2)}`).join(' ');
      const next = `${places.fill.y.toFixed(1)} ${places.capY.toFixed(1)} ${places.reserve.height.toFixed(1)} ${places.pipe.height.toFixed(1)} ${shown}`;
      if (next === key && !fresh) return;
      key = next;
      context.save();
      context.scale(ratio, ratio);
      context.clearRect(rect.x, rect.y, rect.width, rect.height + 4);
      paintRiver(context, colours, places, tiles);
      paintTank(context, colours, places, k);
      // The mouth of the tank is open.
      context.fillStyle = colours.css.panel;
      context.fillRect(places.pipe.x, places.pipe.y, 2, places.pipe.height);
      context.restore();
    },
  };
}
