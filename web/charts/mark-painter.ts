/** Paints a picture's marks onto a canvas: the same list that becomes an SVG file. */
import type { Colours } from '../styles/colours.ts';
import type { Mark, Picture } from './marks.ts';
import { pageFont } from '../widgets/surroundings.ts';

/** Paints `picture` at `ratio` device pixels a CSS px; the canvas is sized to it and cleared first. */
export function paintPicture(canvas: HTMLCanvasElement, picture: Picture, colours: Colours, ratio: number): void {
  const [width, height] = [Math.max(1, Math.round(picture.width * ratio)), Math.max(1, Math.round(picture.height * ratio))];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const family = pageFont();
  for (const mark of picture.marks) paintMark(context, mark, colours, family);
}

function paintMark(context: CanvasRenderingContext2D, mark: Mark, { css }: Colours, family: string): void {
  switch (mark.kind) {
    case 'rect':
      context.globalAlpha = mark.opacity ?? 1;
      if (mark.fill !== undefined) {
        context.fillStyle = css[mark.fill];
        context.fillRect(mark.x, mark.y, mark.width, mark.height);
      }
      if (mark.hatched === true) hatch(context, mark, css.ink);
      if (mark.edge !== undefined) {
        context.strokeStyle = css[mark.edge];
        context.lineWidth = 1;
        context.strokeRect(mark.x + 0.5, mark.y + 0.5, Math.max(0, mark.width - 1), Math.max(0, mark.height - 1));
      }
      break;
    case 'path': {
      const path = new Path2D(mark.d);
      context.globalAlpha = mark.opacity ?? 1;
      if (mark.fill !== undefined) {
        context.fillStyle = css[mark.fill];
        context.fill(path);
      }
      if (mark.stroke !== undefined) {
        context.strokeStyle = css[mark.stroke];
        context.lineWidth = mark.width ?? 1;
        context.setLineDash([...(mark.dash ?? [])]);
        context.stroke(path);
        context.setLineDash([]);
      }
      break;
    }
    case 'text':
      context.fillStyle = css[mark.ink];
      context.font = `${mark.strong === true ? 600 : 400} ${mark.size}px ${family}`;
      context.textAlign = mark.anchor === 'middle' ? 'center' : (mark.anchor ?? 'start');
      context.textBaseline = 'middle';
      context.fillText(mark.text, mark.x, mark.y);
      break;
    case 'image':
      context.imageSmoothingEnabled = false;
      if (mark.source !== null) context.drawImage(mark.source, mark.x, mark.y, mark.width, mark.height);
      break;
  }
  context.globalAlpha = 1;
}

/** Diagonal lines at 6 px, the second sign of what must not be told by colour alone. */
function hatch(context: CanvasRenderingContext2D, box: { x: number; y: number; width: number; height: number }, ink: string): void {
  context.save();
  context.beginPath();
  context.rect(box.x, box.y, box.width, box.height);
  context.clip();
  context.strokeStyle = ink;
  context.lineWidth = 1.2;
  context.beginPath();
  for (let offset = -box.height; offset < box.width; offset += 6) {
    context.moveTo(box.x + offset, box.y + box.height);
    context.lineTo(box.x + offset + box.height, box.y);
  }
  context.stroke();
  context.restore();
}
