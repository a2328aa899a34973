/**
 * The stage as a file. What is on screen is read back: canvases as images, texts word by word where they
 * stand, boxes with their colours and edges, icons as they are. So the file is the picture that the person
 * saw, in vectors where the screen has letters and lines, with a caption that says how to make it again.
 */
import { escapeXml } from '../charts/marks.ts';
import { canvasPng } from '../charts/picture-file.ts';

/** Height of the caption under the picture. Unit: px. */
const CAPTION = 36;
const PNG_RATIO = 2;

/** Any CSS colour as #rrggbb and opacity; null when it is transparent. */
type ColourReader = (css: string) => { readonly hex: string; readonly alpha: number } | null;

function makeColourReader(): ColourReader {
  const canvas = document.createElement('canvas');
  canvas.width = 1;
  canvas.height = 1;
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  const known = new Map<string, ReturnType<ColourReader>>();
  return (css) => {
    const found = known.get(css);
    if (found !== undefined) return found;
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = css;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    const hex = `#${[r!, g!, b!].map((part) => part.toString(16).padStart(2, '0')).join('')}`;
    const read = a === 0 ? null : { hex, alpha: a! / 255 };
    known.set(css, read);
    return read;
  };
}

interface Reading {
  readonly origin: DOMRect;
  readonly colour: ColourReader;
  readonly parts: string[];
}

const px = (value: number) => String(Math.round(value * 100) / 100);

/** The element and all in it as parts of an SVG document. */
function readElement(element: Element, reading: Reading): void {
  if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return;
  const box = element.getBoundingClientRect();
  if (box.width < 0.5 || box.height < 0.5 || element.matches('.visually-hidden, input, [data-no-export]')) return;
  const style = getComputedStyle(element);
  if (element instanceof HTMLCanvasElement) {
    if (element.width > 0) reading.parts.push(`<image x="${px(box.x - reading.origin.x)}" y="${px(box.y - reading.origin.y)}" width="${px(box.width)}" height="${px(box.height)}" preserveAspectRatio="none" style="image-rendering:pixelated" href="${element.toDataURL('image/png')}"/>`);
    return;
  }
  readBox(box, style, reading);
  // What the screen cuts off is cut off here: a clip of its own around what the element holds.
  const clipped = style.overflowX !== 'visible' && !(element instanceof SVGSVGElement);
  if (clipped) {
    const id = `clip-${reading.parts.length}`;
    const [x, y] = [box.x - reading.origin.x, box.y - reading.origin.y];
    reading.parts.push(`<clipPath id="${id}"><rect x="${px(x)}" y="${px(y)}" width="${px(box.width)}" height="${px(box.height)}"/></clipPath><g clip-path="url(#${id})">`);
  }
  readInside(element, box, style, reading);
  if (clipped) reading.parts.push('</g>');
}

function readInside(element: Element, box: DOMRect, style: CSSStyleDeclaration, reading: Reading): void {
  if (element instanceof SVGSVGElement) {
    readIcon(element, box, style, reading);
    return;
  }
  for (const child of element.childNodes) {
    if (child instanceof Element) readElement(child, reading);
    else if (child instanceof Text) readText(child, style, reading);
  }
}

function readBox(box: DOMRect, style: CSSStyleDeclaration, { origin, colour, parts }: Reading): void {
  const fill = colour(style.backgroundColor);
  const [x, y] = [box.x - origin.x, box.y - origin.y];
  const corner = Number.parseFloat(style.borderTopLeftRadius) || 0;
  const radius = Math.min(box.width / 2, box.height / 2, style.borderTopLeftRadius.endsWith('%') ? (corner / 100) * box.width : corner);
  if (fill !== null) parts.push(`<rect x="${px(x)}" y="${px(y)}" width="${px(box.width)}" height="${px(box.height)}" rx="${px(radius)}" fill="${fill.hex}" fill-opacity="${px(fill.alpha)}"/>`);
  const even = (['Right', 'Bottom', 'Left'] as const).every((side) => style[`border${side}Width`] === style.borderTopWidth && style[`border${side}Color`] === style.borderTopColor);
  const thickness = Number.parseFloat(style.borderTopWidth);
  const line = colour(style.borderTopColor);
  if (even) {
    if (thickness > 0 && line !== null && style.borderTopStyle !== 'none') parts.push(`<rect x="${px(x + thickness / 2)}" y="${px(y + thickness / 2)}" width="${px(Math.max(0, box.width - thickness))}" height="${px(Math.max(0, box.height - thickness))}" rx="${px(radius)}" fill="none" stroke="${line.hex}" stroke-opacity="${px(line.alpha)}" stroke-width="${px(thickness)}"/>`);
    return;
  }
  const edges = [
    ['Top', x, y, box.width, 0], ['Bottom', x, y + box.height, box.width, 0], ['Left', x, y, 0, box.height], ['Right', x + box.width, y, 0, box.height],
  ] as const;
  for (const [side, left, top, width, height] of edges) {
    const thick = Number.parseFloat(style[`border${side}Width`]);
    const stroke = style[`border${side}Style`] === 'none' ? null : colour(style[`border${side}Color`]);
    if (!(thick > 0) || stroke === null) continue;
    parts.push(`<path d="M${px(left)} ${px(top)}l${px(width)} ${px(height)}" stroke="${stroke.hex}" stroke-opacity="${px(stroke.alpha)}" stroke-width="${px(thick)}"/>`);
  }
}

/** An icon: its own drawing, with the colours that it inherits written out. */
function readIcon(icon: SVGSVGElement, box: DOMRect, style: CSSStyleDeclaration, { origin, colour, parts }: Reading): void {
  const ink = colour(style.color)?.hex ?? '#000000';
  const view = icon.getAttribute('viewBox') ?? `0 0 ${box.width} ${box.height}`;
  const paint = (value: string) => (value === 'none' ? 'none' : (colour(value)?.hex ?? 'none'));
  const body = icon.innerHTML.replaceAll('currentColor', ink).replace(/var\(--[\w-]+\)/g, ink);
  parts.push(`<svg x="${px(box.x - origin.x)}" y="${px(box.y - origin.y)}" width="${px(box.width)}" height="${px(box.height)}" viewBox="${escapeXml(view)}" fill="${paint(style.fill)}" stroke="${paint(style.stroke)}" stroke-width="${escapeXml(style.strokeWidth)}">${body}</svg>`);
}

/** Words of a text node, joined as long as they stand on one line. */
function readText(node: Text, style: CSSStyleDeclaration, { origin, colour, parts }: Reading): void {
  const ink = colour(style.color);
  if (ink === null || node.data.trim() === '') return;
  const range = document.createRange();
  let line: { text: string; box: DOMRect } | undefined;
  const flush = () => {
    if (line === undefined) return;
    const mono = /mono/i.test(style.fontFamily) ? 'ui-monospace, monospace' : "system-ui, 'Segoe UI', sans-serif";
    parts.push(`<text x="${px(line.box.x - origin.x)}" y="${px(line.box.y + line.box.height / 2 - origin.y)}" dominant-baseline="central" font-family="${mono}" font-size="${px(Number.parseFloat(style.fontSize))}" font-weight="${style.fontWeight}" fill="${ink.hex}" fill-opacity="${px(ink.alpha)}" xml:space="preserve">${escapeXml(line.text)}</text>`);
    line = undefined;
  };
  for (const match of node.data.matchAll(/\S+/g)) {
    range.setStart(node, match.index);
    range.setEnd(node, match.index + match[0].length);
    const box = range.getBoundingClientRect();
    if (box.width === 0) continue;
    if (line !== undefined && Math.abs(box.y - line.box.y) < 2) line = { text: `${line.text} ${match[0]}`, box: line.box };
    else {
      flush();
      line = { text: match[0], box };
    }
  }
  flush();
}

/** The element as an SVG document with its caption. */
export function elementSvg(element: HTMLElement, title: string, caption: string): { readonly svg: string; readonly width: number; readonly height: number } {
  const origin = element.getBoundingClientRect();
  const colour = makeColourReader();
  const parts: string[] = [];
  const root = getComputedStyle(document.body);
  const [background, soft] = [colour(root.backgroundColor)?.hex ?? '#ffffff', colour(root.color)?.hex ?? '#000000'];
  readElement(element, { origin, colour, parts });
  const [width, height] = [Math.round(origin.width), Math.round(origin.height) + CAPTION];
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escapeXml(title)}</title><desc>${escapeXml(caption)}</desc><rect width="100%" height="100%" fill="${background}"/>`,
    `<svg x="0" y="0" width="${width}" height="${height - CAPTION}">`, ...parts, '</svg>',
    `<rect x="0" y="${height - CAPTION}" width="100%" height="${CAPTION}" fill="${background}"/>`,
    `<text x="12" y="${height - CAPTION / 2}" dominant-baseline="central" font-family="system-ui, 'Segoe UI', sans-serif" font-size="13" fill="${soft}">${escapeXml(caption)}</text></svg>`,
  ].join('\n');
  return { svg, width, height };
}

/** The same as PNG bytes at twice the size; empty when the browser cannot draw it. */
export async function elementPng(element: HTMLElement, title: string, caption: string): Promise<Uint8Array> {
  const { svg, width, height } = elementSvg(element, title, caption);
  const image = new Image();
  const loaded = new Promise<boolean>((resolve) => {
    image.onload = () => resolve(true);
    image.onerror = () => resolve(false);
  });
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  if (!(await loaded)) return new Uint8Array(0);
  const canvas = document.createElement('canvas');
  canvas.width = width * PNG_RATIO;
  canvas.height = height * PNG_RATIO;
  canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
  return await canvasPng(canvas);
}
