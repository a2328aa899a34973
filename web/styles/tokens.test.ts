// Goal: the colours of states can be told apart by everybody, and text can be read. Method: parse tokens.css, compute
// WCAG contrast, and OKLab distances as seen with deuteranopia and protanopia (Machado, Oliveira, Fernandes 2009).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

type Triple = readonly [number, number, number];
const text = readFileSync(join(import.meta.dirname, 'tokens.css'), 'utf8');
const STATES = ['clean', 'dirty', 'in-flight', 'missing', 'shared', 'fault', 'device'];

function token(name: string, dark: boolean): Triple {
  const match = new RegExp(`--${name}: light-dark\\(oklch\\(([^)]*)\\), oklch\\(([^)]*)\\)\\)`).exec(text);
  if (match === null) throw new Error(`tokens.css has no pair --${name}`);
  const [lightness, chroma, hue] = match[dark ? 2 : 1]!.split(' ').map(Number) as [number, number, number];
  const angle = (hue * Math.PI) / 180;
  return [lightness, chroma * Math.cos(angle), chroma * Math.sin(angle)];
}

/** OKLab → linear sRGB (Ottosson 2020), clipped to the gamut. */
function toLinear([L, a, b]: Triple): Triple {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const clip = (value: number) => Math.min(1, Math.max(0, value));
  return [
    clip(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    clip(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    clip(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

function toLab([r, g, b]: Triple): Triple {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

const SIMULATIONS: Readonly<Record<string, readonly Triple[]>> = {
  'full colour vision': [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
};

function seen(name: string, dark: boolean, matrix: readonly Triple[]): Triple {
  const rgb = toLinear(token(name, dark));
  const mixed = matrix.map((row) => Math.min(1, Math.max(0, row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2])));
  return toLab(mixed as unknown as Triple);
}

function contrast(a: string, b: string, dark: boolean): number {
  const luminance = (name: string) => {
    const [r, g, blue] = toLinear(token(name, dark));
    return 0.2126 * r + 0.7152 * g + 0.0722 * blue + 0.05;
  };
  const [x, y] = [luminance(a), luminance(b)];
  return Math.max(x, y) / Math.min(x, y);
}

for (const dark of [false, true]) {
  const theme = dark ? 'dark' : 'light';
  test.each(Object.keys(SIMULATIONS))(`${theme}: states differ by 0.08 in OKLab with %s`, (name) => {
    for (const [index, one] of STATES.entries()) {
      for (const other of STATES.slice(index + 1)) {
        const [a, b] = [seen(one, dark, SIMULATIONS[name]!), seen(other, dark, SIMULATIONS[name]!)];
        expect(Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]), `${one} and ${other}`).toBeGreaterThanOrEqual(0.08);
      }
    }
  });

  test(`${theme}: states reach 3.1 : 1 on stage and on clean, text 4.5 : 1`, () => {
    for (const state of STATES.slice(1)) {
      for (const ground of ['stage', 'clean']) expect(contrast(state, ground, dark), `${state} on ${ground}`).toBeGreaterThanOrEqual(3.1);
    }
    for (const ground of ['stage', 'panel']) {
      expect(contrast('ink', ground, dark)).toBeGreaterThanOrEqual(7);
      expect(contrast('ink-soft', ground, dark)).toBeGreaterThanOrEqual(4.5);
      expect(contrast('rule-strong', ground, dark)).toBeGreaterThanOrEqual(3);
    }
  });
}

test('components take state colours from tokens only', () => {
  const styles = ['../stage/stage.css', '../charts/migration-graph.css', '../panels/panels.css', '../panels/dialogs.css', '../widgets/knob.css', '../app/app.css', '../inspector/inspector.css', 'base.css'];
  for (const path of styles) {
    const found = readFileSync(join(import.meta.dirname, path), 'utf8').match(/#[0-9a-f]{3,8}\b|rgba?\(|hsla?\(|oklch\(/gi);
    expect(found, path).toBeNull();
  }
});
