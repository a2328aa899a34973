// Goal: an exported picture is well-formed, carries title, summary and caption, and uses token colours only; pointing finds the right spot.
// Method: small pictures by hand; a property over hostile text.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { COLOUR_TOKENS, type ColourToken } from '../styles/colours.ts';
import { escapeXml, findSpot, hexColour, type Picture, pictureSvg } from './marks.ts';

const rgba = Object.fromEntries(COLOUR_TOKENS.map((token, index) => [token, 0xff000000 + index])) as Record<ColourToken, number>;
const picture: Picture = {
  width: 100, height: 50, spots: [], summary: 'Two marks.',
  marks: [
    { kind: 'rect', x: 1, y: 2, width: 3, height: 4, fill: 'dirty', hatched: true },
    { kind: 'text', x: 5, y: 6, text: 'a < b & "c"', ink: 'ink', size: 13 },
  ],
};

test('the document names what it shows and colours come from the tokens', () => {
  const svg = pictureSvg({ picture, title: 'Rounds', caption: 'lab · seed 7', rgba });
  expect(svg).toContain('<title>Rounds</title>');
  expect(svg).toContain('Two marks. lab · seed 7');
  expect(svg).toContain(`fill="${hexColour(rgba.dirty)}"`);
  expect(svg).toContain('url(#hatch)');
  expect(svg).toContain('a &#60; b &#38; &#34;c&#34;');
  expect(svg.match(/<svg/g)).toHaveLength(1);
});

test('no text breaks out of its element', () => {
  fc.assert(fc.property(fc.string(), (text) => {
    expect(escapeXml(text)).not.toMatch(/[<>"']/);
  }), { seed: 1 });
});

test('bytes of a packed colour stand in the order of CSS', () => expect(hexColour(0xff332211)).toBe('#112233'));

test('the smallest containing spot wins, then the nearest within reach', () => {
  const spot = (key: string, x: number, width: number) => ({ key, x, y: 0, width, height: 10, entity: '', label: key });
  const spots = [spot('wide', 0, 100), spot('small', 40, 10), spot('far', 200, 10)];
  expect(findSpot(spots, 45, 5)?.key).toBe('small');
  expect(findSpot(spots, 10, 5)?.key).toBe('wide');
  expect(findSpot(spots, 195, 5)?.key).toBe('far');
  expect(findSpot(spots, 150, 5)).toBeUndefined();
});
