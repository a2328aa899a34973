// Goal: cells stand where they should, colours follow values, the overloaded host is found. Method: boards written by hand,
// geometry and pixels read back; a canary board whose one host differs.
import { expect, test } from 'vitest';
import { boardColumn, boardRow, boardSize, type HostBoard, makeBoard } from '../../../core/protocol/host-board.ts';
import { cellAt, histogramOfSite, hostAtPoint, layoutSite, makeReading, neighbourOf, nextOverloaded, paintSite, rampOf, readSite, sortedHosts } from './site-cells.ts';

function boardsOf(pods: number, hosts: number, value: (host: number) => number): HostBoard[] {
  return Array.from({ length: pods }, (_, pod) => {
    const board = makeBoard(new ArrayBuffer(boardSize(hosts)), pod * hosts, hosts);
    for (let position = 0; position < hosts; position++) {
      const row = boardRow(position);
      const cpu = value(pod * hosts + position);
      board.words[row + boardColumn.cpu] = cpu;
      board.words[row + boardColumn.state] = cpu > 1_000 ? 3 : 1;
    }
    return board;
  });
}
const pods = Array.from({ length: 40 }, (_, pod) => ({ firstHost: pod * 250, hostCount: 250 }));

test('ten thousand hosts fit the stage in whole pixels, each in a place of its own', () => {
  const layout = layoutSite(pods, 1232, 400);
  expect(layout.cell).toBeGreaterThanOrEqual(5);
  expect(layout.width).toBeLessThanOrEqual(1232);
  expect(layout.height).toBeLessThanOrEqual(400);
  const places = new Set<string>();
  for (let host = 0; host < 10_000; host++) {
    const at = cellAt(layout, host)!;
    places.add(`${at.x} ${at.y}`);
    expect(hostAtPoint(layout, at.x + 1, at.y + 1)).toBe(host);
  }
  expect(places.size).toBe(10_000);
});

test('arrow keys reach every host from the first', () => {
  const layout = layoutSite(pods.slice(0, 4), 400, 300);
  const seen = new Set([0]);
  const open = [0];
  while (open.length > 0) {
    const host = open.pop()!;
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
      const next = neighbourOf(layout, host, dx, dy);
      if (!seen.has(next)) open.push(next);
      seen.add(next);
    }
  }
  expect(seen.size).toBe(1_000);
});

test('the one overloaded host among ten thousand is found, sorted first, and counted', () => {
  const boards = boardsOf(40, 250, (host) => (host === 7_321 ? 1_200 : host % 900));
  const reading = makeReading(10_000);
  readSite(boards, boardColumn.cpu, reading);
  expect(reading).toMatchObject({ overloaded: 1, down: 0, most: 1_200 });
  expect(nextOverloaded(reading, -1)).toBe(7_321);
  expect(nextOverloaded(reading, 7_321)).toBe(7_321);
  expect(sortedHosts(reading, 0, 3)).toEqual([7_321, 899, 1_799]);
  expect(sortedHosts(reading, 1_000, 10)).toEqual([7_321]);
  expect(histogramOfSite(reading, 1_000).reduce((sum, it) => sum + it, 0)).toBe(10_000);
});

test('a hotter host is painted further along the ramp, below the cut all recede, without power a corner is the fault’s', () => {
  const layout = layoutSite([{ firstHost: 0, hostCount: 3 }], 60, 40);
  const boards = boardsOf(1, 3, (host) => [0, 999, 500][host]!);
  boards[0]!.words[boardRow(2) + boardColumn.state] = 0;
  const reading = makeReading(3);
  readSite(boards, boardColumn.cpu, reading);
  const [low, high, stage, fault] = [0xffeeeeee, 0xff111111, 0xffffffff, 0xff0000ff];
  const pixels = new Uint32Array(60 * 40);
  const paint = (cut: number) => paintSite({ reading, layout, scale: 1, full: 1_000, ramp: rampOf({ low, high, stage, cut }), stage, fault, pixels, width: 60 });
  const at = (host: number) => {
    const { x, y } = cellAt(layout, host)!;
    return pixels[(y + 1) * 60 + x + 1]!;
  };
  paint(0);
  expect([at(0), at(1), at(2)]).toEqual([low, high, fault]);
  paint(0.5);
  expect(at(1)).toBe(high);
  expect(at(0)).not.toBe(low);
});
