/**
 * Sockets of the stage: what is drawn by the frame loop at a side (a map) or between the sides (a pipe, a queue).
 * A part draws inside its rectangle only, and only what changed since the frame before, unless `fresh`.
 */
import type { AppState } from '../session/store.ts';
import type { Session } from '../session/session.ts';
import type { Colours } from '../styles/colours.ts';
import type { Rect } from './stage-layout.ts';

/** What a part is given once a frame. */
export interface PartFrame {
  readonly context: CanvasRenderingContext2D; // of the stage's canvas, in device px
  readonly ratio: number; //                     device px a CSS px
  readonly rect: Rect; //                        of the part, CSS px of the stage, camera applied
  readonly k: number; //                         zoom of the camera, 1 at home
  readonly cell: number; //                      CSS px of a page now
  readonly columns: number; //                   pages in a row of a map
  readonly width: number; //                     of the stage, CSS px
  readonly height: number;
  readonly colours: Colours;
  readonly state: AppState;
  readonly session: Session | null;
  readonly host: number; //                      id of the host that the part belongs to
  readonly fresh: boolean; //                    the canvas is empty: draw everything
}

/** A part of the picture. */
export interface PartPainter {
  paint(frame: PartFrame): void;
  /** Theme or density changed: colours are to be taken anew. */
  forgetColours(): void;
}
