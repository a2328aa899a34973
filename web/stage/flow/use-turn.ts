/**
 * A picture of many parts, told anew several times a second, is drawn over a few frames: each part has its turn, so
 * that no single frame is long. What is shown is a few frames behind what is known.
 */
import { useEffect, useRef, useState } from 'react';
import { useApp } from '../../session/react.ts';

/** Frames for parts over which they are spread. */
export const TURNS = 4;

/** A part waits for its next turn when the frame has been busy, but not for ever. Unit: ms, turns. */
const BUSY_MS = 2;
const WAITS_MAX = 2;

/** `value` as of the last frame whose turn it was. `turn`: 0 … TURNS − 1. */
export function useTurn<T>(value: T, turn: number): T {
  const { loop } = useApp();
  const latest = useRef(value);
  latest.current = value;
  const [shown, setShown] = useState(value);
  useEffect(() => {
    let frame = 0;
    let waited = 0;
    // Behind all that draws.
    return loop.add(`turn ${turn}`, 95, () => {
      if (frame++ % TURNS !== turn) return;
      if (loop.spentMs() > BUSY_MS && waited++ < WAITS_MAX) return;
      waited = 0;
      setShown(latest.current);
    }, 'parts');
  }, [loop, turn]);
  return shown;
}
