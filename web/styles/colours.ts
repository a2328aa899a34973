/**
 * Tokens as canvases need them: CSS text and packed RGBA, resolved from the page's custom properties for
 * the present theme. Read again when the theme changes, never per frame.
 */

export const COLOUR_TOKENS = [
  'stage', 'ink', 'ink-soft', 'rule', 'rule-strong', 'panel', 'clean', 'dirty', 'in-flight', 'missing', 'shared', 'fault', 'device',
] as const;
export type ColourToken = (typeof COLOUR_TOKENS)[number];

/** A theme's colours: CSS text and little-endian RGBA words. */
export interface Colours {
  readonly css: Readonly<Record<ColourToken, string>>;
  readonly rgba: Readonly<Record<ColourToken, number>>;
}

/** Resolves all tokens through one hidden element and one canvas pixel. */
export function readColours(root: HTMLElement): Colours {
  const probe = document.createElement('span');
  probe.hidden = true;
  root.append(probe);
  const canvas = document.createElement('canvas');
  canvas.width = 1;
  canvas.height = 1;
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  const css: Partial<Record<ColourToken, string>> = {};
  const rgba: Partial<Record<ColourToken, number>> = {};
  for (const token of COLOUR_TOKENS) {
    probe.style.color = `var(--${token})`;
    const text = getComputedStyle(probe).color;
    css[token] = text;
    context.fillStyle = text;
    context.fillRect(0, 0, 1, 1);
    rgba[token] = new Uint32Array(context.getImageData(0, 0, 1, 1).data.buffer)[0]!;
  }
  probe.remove();
  return { css: css as Record<ColourToken, string>, rgba: rgba as Record<ColourToken, number> };
}
