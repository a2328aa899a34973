/** A picture as a file: SVG text, or PNG bytes painted at twice the size, both with their caption underneath. */
import type { Colours } from '../styles/colours.ts';
import { paintPicture } from './mark-painter.ts';
import { CAPTION_HEIGHT, type Picture, pictureSvg } from './marks.ts';

/** Size at which charts are exported, whatever the window. Unit: px. */
export const EXPORT_SIZE = { width: 960, height: 420, text: 13 } as const;
const PNG_RATIO = 2;

/** The picture on its background with the caption as its last marks. */
export function withCaption(picture: Picture, caption: string): Picture {
  return {
    ...picture,
    height: picture.height + CAPTION_HEIGHT,
    marks: [
      { kind: 'rect', x: 0, y: 0, width: picture.width, height: picture.height + CAPTION_HEIGHT, fill: 'stage' },
      ...picture.marks,
      { kind: 'text', x: 8, y: picture.height + CAPTION_HEIGHT / 2, text: caption, ink: 'ink-soft', size: 12 },
    ],
  };
}

export function svgOf(picture: Picture, title: string, caption: string, colours: Colours): string {
  return pictureSvg({ picture, title, caption, rgba: colours.rgba });
}

export async function pngOf(picture: Picture, caption: string, colours: Colours): Promise<Uint8Array> {
  const canvas = document.createElement('canvas');
  paintPicture(canvas, withCaption(picture, caption), colours, PNG_RATIO);
  return await canvasPng(canvas);
}

/** The bytes of a canvas as a PNG file; empty when the browser gives none. */
export async function canvasPng(canvas: HTMLCanvasElement): Promise<Uint8Array> {
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  return blob === null ? new Uint8Array(0) : new Uint8Array(await blob.arrayBuffer());
}
