// Goal: the stage uses its room: whole-pixel pages, nothing outside, nothing overlapping, and scales that
// invert each other. Method: a sweep over window sizes, and fixed points of the pipe's scale.
import { expect, test } from 'vitest';
import { CAMERA_HOME, cameraOn, layoutStage, levelAt, pipeCapacity, pipeHeight, project, type Rect } from './stage-layout.ts';

const overlap = (a: Rect, b: Rect) =>
  a.x < b.x + b.width - 0.5 && b.x < a.x + a.width - 0.5 && a.y < b.y + b.height - 0.5 && b.y < a.y + a.height - 0.5;

test('at 1280 × 720 a page is 3 px, with a graph below 2 px; at 1920 × 1080 5 and 4', () => {
  const cell = (width: number, height: number, compact: boolean) => layoutStage({ width, height, rows: 128, compact, large: false }).cell;
  expect(cell(1280, 620, false)).toBe(3);
  expect(cell(1280, 382, true)).toBe(2);
  expect(cell(1920, 980, false)).toBe(5);
  expect(cell(1920, 624, true)).toBe(3);
});

test('nothing leaves the stage sideways and nothing overlaps, whatever the window', () => {
  for (let width = 900; width <= 2600; width += 130) {
    for (let height = 380; height <= 1400; height += 97) {
      for (const compact of [false, true]) {
        const layout = layoutStage({ width, height, rows: 128, compact, large: false });
        const { hosts, maps, story, link } = layout;
        expect(Number.isInteger(layout.cell)).toBe(true);
        expect(hosts[0].x).toBeGreaterThanOrEqual(0);
        expect(hosts[1].x + hosts[1].width).toBeLessThanOrEqual(width);
        expect(overlap(hosts[0], hosts[1])).toBe(false);
        for (const side of [0, 1] as const) {
          expect(overlap(hosts[side], link)).toBe(false);
          expect(overlap(hosts[side], story)).toBe(false);
          expect(maps[side].x).toBeGreaterThanOrEqual(hosts[side].x);
          expect(maps[side].x + maps[side].width).toBeLessThanOrEqual(hosts[side].x + hosts[side].width + 0.5);
        }
        expect(overlap(story, link)).toBe(false);
      }
    }
  }
});

test('with a queue between the sides the maps are as large as a side by side allows, and nothing overlaps', () => {
  const shape = { left: { map: 'vm', host: 0 }, right: { map: 'file', host: 0 }, between: 'queue', sideKnobs: 3, betweenKnobs: 5 } as const;
  const at = (width: number, height: number, large: boolean) => layoutStage({ width, height, rows: 128, compact: false, large, shape });
  expect(at(1280, 496, false).cell).toBe(3);
  expect(at(1920, 820, false).cell).toBe(5);
  for (let width = 900; width <= 2600; width += 130) {
    for (let height = 300; height <= 1400; height += 97) {
      for (const large of [false, true]) {
        const { hosts, maps, story, link } = at(width, height, large);
        for (const side of [0, 1] as const) {
          expect(overlap(hosts[side], link)).toBe(false);
          expect(overlap(hosts[side], story)).toBe(false);
          expect(hosts[side].x).toBeGreaterThanOrEqual(0);
          expect(maps[side].x).toBeGreaterThanOrEqual(hosts[side].x);
          expect(maps[side].x + maps[side].width).toBeLessThanOrEqual(hosts[side].x + hosts[side].width + 0.5);
        }
        expect(hosts[1].x + hosts[1].width).toBeLessThanOrEqual(width);
        expect(overlap(story, link)).toBe(false);
      }
    }
  }
});

test('the pipe grows with capacity and its scale inverts', () => {
  expect(pipeHeight(1e6)).toBe(10);
  expect(pipeHeight(4e11)).toBe(100);
  let before = 0;
  for (const rate of [1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 4e11]) {
    expect(pipeHeight(rate)).toBeGreaterThan(before);
    before = pipeHeight(rate);
    expect(pipeCapacity(pipeHeight(rate))).toBeCloseTo(rate, -5);
  }
});

test('the camera centres what it looks at', () => {
  const rect = { x: 100, y: 50, width: 200, height: 100 };
  const shown = project(cameraOn(rect, { width: 1000, height: 600 }, 0.9, 40), rect);
  expect(shown.x + shown.width / 2).toBeCloseTo(500);
  expect(shown.y + shown.height / 2).toBeCloseTo(300);
  expect(project(CAMERA_HOME, rect)).toEqual(rect);
});

test('levels have hysteresis: what was entered is left later', () => {
  expect(levelAt({ cellPx: 13, k: 4, before: 'host' })).toBe('host');
  expect(levelAt({ cellPx: 14, k: 4, before: 'host' })).toBe('map');
  expect(levelAt({ cellPx: 12, k: 4, before: 'map' })).toBe('map');
  expect(levelAt({ cellPx: 100, k: 30, before: 'page' })).toBe('page');
  expect(levelAt({ cellPx: 100, k: 30, before: 'map' })).toBe('map');
  expect(levelAt({ cellPx: 3, k: 1, before: 'site' })).toBe('site');
});

test('on the first screen, 1280 × 720 with the scrub strip, a page is 3 px wide', () => {
  const { cell, variant } = layoutStage({ width: 1280, height: 594, rows: 128, compact: false, large: false });
  expect({ cell, variant }).toEqual({ cell: 3, variant: 'wide' });
});
