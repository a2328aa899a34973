/**
 * A picture as a list of marks: the one description that the canvas on screen, the SVG file and the tests
 * read. Colours are token names only. Spots are what can be pointed at and focused. Pure.
 */
import type { ColourToken } from '../styles/colours.ts';

export type Mark =
  | { readonly kind: 'rect'; readonly x: number; readonly y: number; readonly width: number; readonly height: number; readonly fill?: ColourToken; readonly edge?: ColourToken; readonly opacity?: number; readonly hatched?: boolean }
  | { readonly kind: 'path'; readonly d: string; readonly fill?: ColourToken; readonly stroke?: ColourToken; readonly width?: number; readonly opacity?: number; readonly dash?: readonly number[] }
  | { readonly kind: 'text'; readonly x: number; readonly y: number; readonly text: string; readonly ink: ColourToken; readonly size: number; readonly anchor?: 'start' | 'middle' | 'end'; readonly strong?: boolean }
  | { readonly kind: 'image'; readonly x: number; readonly y: number; readonly width: number; readonly height: number; readonly source: CanvasImageSource | null; readonly href: () => string };

/** A place in a picture that has a name: lit when hovered, focusable by arrow keys, opens its entity. */
export interface Spot {
  readonly key: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly entity: string; // '' = none
  readonly label: string; //  one line with units, read out and shown
}

/** A drawn picture. Lengths in CSS px. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly marks: readonly Mark[];
  readonly spots: readonly Spot[];
  /** One sentence that says what the picture says. */
  readonly summary: string;
}

/** What a picture is laid out for. `text` is the size of its text in px. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
  readonly text: number;
}

/** Text for an attribute or element of XML. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** Packed little-endian RGBA as #rrggbb, which every SVG reader knows. */
export function hexColour(rgba: number): string {
  const byte = (shift: number) => ((rgba >>> shift) & 0xff).toString(16).padStart(2, '0');
  return `#${byte(0)}${byte(8)}${byte(16)}`;
}

function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}

type Paint = (token: ColourToken) => string;

function attributes(pairs: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(pairs)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}="${typeof value === 'number' ? short(value) : escapeXml(value!)}"`)
    .join('');
}

function markSvg(mark: Mark, paint: Paint): string {
  switch (mark.kind) {
    case 'rect': {
      const box = { x: mark.x, y: mark.y, width: mark.width, height: mark.height };
      const edge = mark.edge === undefined ? {} : { stroke: paint(mark.edge), 'stroke-width': 1 };
      const body = `<rect${attributes({ ...box, fill: mark.fill === undefined ? 'none' : paint(mark.fill), opacity: mark.opacity, ...edge })}/>`;
      return mark.hatched === true ? `${body}<rect${attributes({ ...box, fill: 'url(#hatch)' })}/>` : body;
    }
    case 'path':
      return `<path${attributes({
        d: mark.d, fill: mark.fill === undefined ? 'none' : paint(mark.fill), stroke: mark.stroke === undefined ? undefined : paint(mark.stroke),
        'stroke-width': mark.stroke === undefined ? undefined : (mark.width ?? 1), opacity: mark.opacity, 'stroke-dasharray': mark.dash?.join(' '),
      })}/>`;
    case 'text':
      return `<text${attributes({
        x: mark.x, y: mark.y, fill: paint(mark.ink), 'font-size': mark.size, 'text-anchor': mark.anchor ?? 'start',
        'font-weight': mark.strong === true ? 600 : undefined, 'dominant-baseline': 'middle',
      })}>${escapeXml(mark.text)}</text>`;
    case 'image':
      return `<image${attributes({ x: mark.x, y: mark.y, width: mark.width, height: mark.height, href: mark.href(), style: 'image-rendering:pixelated' })}/>`;
  }
}

/** Height of a caption line under an exported picture. Unit: px. */
export const CAPTION_HEIGHT = 28;

/** The picture as an SVG document with its caption underneath. `rgba` gives packed colours of the present theme. */
export function pictureSvg(options: {
  readonly picture: Picture;
  readonly title: string;
  readonly caption: string;
  readonly rgba: Readonly<Record<ColourToken, number>>;
}): string {
  const { picture, rgba, title, caption } = options;
  const paint: Paint = (token) => hexColour(rgba[token]);
  const height = picture.height + CAPTION_HEIGHT;
  const hatch = `<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line x1="0" y1="0" x2="0" y2="6" stroke="${paint('ink')}" stroke-width="1.5"/></pattern>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${short(picture.width)}" height="${short(height)}" viewBox="0 0 ${short(picture.width)} ${short(height)}" font-family="system-ui, 'Segoe UI', 'Liberation Sans', sans-serif" role="img">`,
    `<title>${escapeXml(title)}</title><desc>${escapeXml(`${picture.summary} ${caption}`)}</desc><defs>${hatch}</defs>`,
    `<rect width="100%" height="100%" fill="${paint('stage')}"/>`,
    ...picture.marks.map((mark) => markSvg(mark, paint)),
    `<text x="8" y="${short(picture.height + CAPTION_HEIGHT / 2)}" font-size="12" fill="${paint('ink-soft')}" dominant-baseline="middle">${escapeXml(caption)}</text>`,
    '</svg>',
  ].join('\n');
}

/** The spot at a point, or undefined: the smallest that contains it, else the nearest within `reach` px. */
export function findSpot(spots: readonly Spot[], x: number, y: number, reach = 8): Spot | undefined {
  let best: Spot | undefined;
  let bestScore = Number.POSITIVE_INFINITY;
  for (const spot of spots) {
    const dx = Math.max(spot.x - x, 0, x - spot.x - spot.width);
    const dy = Math.max(spot.y - y, 0, y - spot.y - spot.height);
    const distance = Math.hypot(dx, dy);
    if (distance > reach) continue;
    const score = distance * 1e6 + spot.width * spot.height;
    if (score < bestScore) {
      bestScore = score;
      best = spot;
    }
  }
  return best;
}
