// Goal: the map shows each page's state at its place, and touches only what changed. Method: paint small
// arrays and look at pixels; states are read from a host memory laid out as the model lays it out.
import { expect, test } from 'vitest';
import { FRAME_TABLE_ADDRESS, frameField, frameKind, headerWord, hostMemoryLayout } from '../../core/protocol/host-memory-layout.ts';
import { makeHostView } from '../session/host-view.ts';
import { makePatterns, paintMap } from './map-painter.ts';
import { PROTECTED, pageState, readFileStates, readPageStates, stateName } from './page-states.ts';

const colours = { stage: 1, clean: 2, dirty: 3, inFlight: 4, missing: 0xff123456, merged: 6, ink: 7 };
const painted = { first: 0, last: 0, cells: 0 };

test('a first paint is complete; a second touches only the changed cell', () => {
  const patterns = makePatterns(3, colours);
  const states = new Uint8Array(16).fill(pageState.clean);
  const shown = new Uint8Array(16).fill(255);
  const pixels = new Uint32Array(12 * 12);
  const options = { states, shown, pageCount: 16, columns: 4, patterns, pixels, force: false, painted };
  paintMap(options);
  expect(painted).toEqual({ first: 0, last: 3, cells: 16 });
  expect(new Set(pixels)).toEqual(new Set([2]));
  states[6] = pageState.dirty; // row 1, column 2
  paintMap(options);
  expect(painted).toEqual({ first: 1, last: 1, cells: 1 });
  const changed = [...pixels.keys()].filter((index) => pixels[index] === 3);
  expect(changed).toEqual([3, 4, 5].flatMap((y) => [6, 7, 8].map((x) => y * 12 + x)));
  paintMap(options);
  expect(painted.cells).toBe(0);
});

test('states are told apart by shape too: missing is an outline, in flight is inset', () => {
  const { pixels, cell } = makePatterns(8, colours);
  const at = (state: number, x: number, y: number) => pixels[state * cell * cell + y * cell + x];
  expect(at(pageState.missing, 3, 3)).toBe(colours.stage);
  expect(at(pageState.missing, 0, 3)).not.toBe(colours.stage);
  expect(at(pageState.inFlight, 0, 3)).toBe(colours.inFlight);
  expect(at(pageState.inFlight, 3, 3)).toBe(colours.clean);
  expect(at(pageState.dirty, 3, 3)).toBe(colours.dirty);
});

test('a forced copy has an ink dot, a protected page an inner outline around what it is anyway', () => {
  for (const cell of [3, 4, 8, 12]) {
    const { pixels } = makePatterns(cell, colours);
    const at = (state: number, x: number, y: number) => pixels[state * cell * cell + y * cell + x];
    const middle = Math.floor((cell - 1) / 2);
    expect(at(pageState.cleanForced, middle, middle)).toBe(colours.ink);
    expect(at(pageState.cleanForced, 0, 0)).toBe(colours.clean);
    expect(at(pageState.inFlightForced, 0, 0)).toBe(colours.inFlight);
    expect(at(pageState.inFlightForced, middle, middle)).toBe(colours.ink);
    expect(at(PROTECTED + pageState.dirty, middle, middle)).toBe(colours.dirty);
    expect(at(PROTECTED + pageState.dirty, 0, 0)).not.toBe(colours.dirty);
  }
});

test('at 2 px a protected page still differs, at 1 px there is no room for it', () => {
  const at = (cell: number, state: number, index: number) => makePatterns(cell, colours).pixels[state * cell * cell + index];
  expect(at(2, PROTECTED + pageState.clean, 0)).not.toBe(colours.clean);
  expect(at(2, PROTECTED + pageState.clean, 3)).toBe(colours.clean);
  expect(at(1, PROTECTED + pageState.clean, 0)).toBe(colours.clean);
});

test('the file map tells missing, in flight, stored, forced and left out', () => {
  const into = new Uint8Array(8);
  readFileStates(Uint8Array.of(0, 1, 2, 2 | 4, 3, 3 | 4, 3 | 8, 1), 8, into);
  expect([...into].map(stateName)).toEqual([
    'missing', 'missing', 'in flight', 'in flight, copied before a write', 'clean', 'stored, copied before a write',
    'zeroes, left out', 'missing',
  ]);
});

test('states come from guest map and frame table', () => {
  const frameCount = 64;
  const layout = hostMemoryLayout(frameCount);
  const buffer = new ArrayBuffer(layout.pageCount * 65_536);
  const table = new Uint32Array(buffer, FRAME_TABLE_ADDRESS, frameCount);
  const map = new Uint32Array(buffer, layout.guestMapAddress, layout.guestMapStride / 4 * 16);
  const view = makeHostView(0, buffer, frameCount);
  view.header[headerWord.heatEpoch] = 20;
  const slot = 2;
  const put = (page: number, frame: number, entry: number) => {
    map[slot * frameCount + page] = frame + 1;
    table[frame] = entry | (frameKind.private << frameField.kindShift);
  };
  put(0, 10, 20); //                       written in this epoch
  put(1, 11, 18); //                       two epochs ago
  put(2, 12, 5); //                        long ago
  put(3, 13, frameField.dirty);
  put(4, 14, frameField.dirty | frameField.inFlight);
  put(6, 15, 20 | (1 << frameField.captureShift)); // written just now, and protected by a snapshot
  put(7, 16, 5 | (2 << frameField.captureShift)); //  its copy is in the queue: it is open again
  const into = new Uint8Array(6);
  const counts = { missing: 0, dirty: 0, inFlight: 0 };
  readPageStates({ view, slot, pageCount: 6, logged: false, incoming: false, into, counts });
  expect([...into]).toEqual([pageState.heat, pageState.heat + 2, pageState.clean, pageState.clean, pageState.inFlight, pageState.missing]);
  const snapshotted = new Uint8Array(8);
  readPageStates({ view, slot, pageCount: 8, logged: false, incoming: false, into: snapshotted, counts });
  expect([...snapshotted.slice(6)].map(stateName)).toEqual(['just written, protected', 'clean']);
  readPageStates({ view, slot, pageCount: 6, logged: true, incoming: false, into, counts });
  expect([...into].map(stateName)).toEqual(['clean', 'clean', 'clean', 'dirty', 'in flight', 'missing']);
  expect(counts).toEqual({ missing: 1, dirty: 1, inFlight: 1 });
  readPageStates({ view, slot: -1, pageCount: 6, logged: true, incoming: false, into, counts });
  expect(counts.missing).toBe(6);
});
