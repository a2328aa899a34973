// Goal: the stage uses its room: whole-pixel pages, nothing outside, nothing overlapping, and scales that
// invert each other. Method: a sweep over window sizes, and fixed points of the pipe's scale.
import { expect, test } from 'vitest';
import { CAMERA_HOME, cameraOn, columnsOf, layoutStage, levelAt, pipeCapacity, pipeHeight, project, type Rect } from './stage-layout.ts';
import type { StageShape } from './stage-shape.ts';

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

test('maps of large memories fit their stage: at 1280 × 720 with the console open, and in any window', () => {
  expect([8_192, 16_384, 16_385, 65_536, 65_537, 240_000].map(columnsOf)).toEqual([128, 128, 256, 256, 512, 512]);
  const pair = { left: { map: 'vm', host: 0 }, right: { map: 'vm', host: 1 }, between: 'link', sideKnobs: 2, betweenKnobs: 3 } as const;
  const queue = { left: { map: 'vm', host: 0 }, right: { map: 'file', host: 0 }, between: 'queue', sideKnobs: 3, betweenKnobs: 5 } as const;
  const at = (pageCount: number, width: number, height: number, shape: StageShape, more: { compact?: boolean; large?: boolean } = {}) => {
    const columns = columnsOf(pageCount);
    return layoutStage({ width, height, rows: Math.ceil(pageCount / columns), columns, compact: more.compact === true, large: more.large === true, shape });
  };
  expect(at(65_536, 1280, 402, pair).cell).toBe(1);
  // With every panel open there is less room than a small map needs: its pages stay whole, and its knobs do not stand beside it.
  expect(at(16_384, 892, 218, pair, { compact: true })).toMatchObject({ cell: 1, variant: 'narrow' });
  for (const pageCount of [32_768, 65_536, 131_072, 240_000]) {
    for (let width = 860; width <= 2600; width += 145) {
      for (let height = 330; height <= 1400; height += 89) {
        for (const shape of [pair, queue, { ...pair, right: 'nothing', between: 'nothing' } as const]) {
          for (const more of [{}, { compact: true }, { large: true }]) {
            const { cell, hosts, maps, story, link } = at(pageCount, width, height, shape, more);
            const what = `${pageCount} pages at ${width} × ${height}, ${shape.between} ${JSON.stringify(more)}`;
            expect([what, [0.25, 0.5].includes(cell) || Number.isInteger(cell)]).toEqual([what, true]);
            const walls = shape.right === 'nothing' ? [0] as const : [0, 1] as const;
            for (const side of walls) {
              const [host, map] = [hosts[side], maps[side]];
              expect([what, host.y >= 0, host.y + host.height <= height + 8]).toEqual([what, true, true]);
              expect([what, map.x >= host.x, map.x + map.width <= host.x + host.width + 0.5, map.y + map.height <= host.y + host.height]).toEqual([what, true, true, true]);
              expect([what, overlap(host, story), overlap(host, link)]).toEqual([what, false, false]);
            }
            expect([what, overlap(story, link)]).toEqual([what, false]);
          }
        }
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
