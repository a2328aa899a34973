/**
 * The timeline: virtual time with its branches, events, faults and checkpoints; the present as a playhead that is
 * dragged or moved by keyboard; and the same as a list. A branch that was left is a button and a click away.
 */
import { useEffect, useRef } from 'react';
import { formatClock } from '../app/quantity.ts';
import { shownSpan } from '../app/time-commands.ts';
import { useApp, useAppState } from '../session/react.ts';
import type { AppState } from '../session/store.ts';
import { pageFont, WatchedSize } from '../widgets/surroundings.ts';
import { readColours } from '../styles/colours.ts';
import { type BranchLanes, layOutBranches } from './branch-lanes.ts';
import { revealTime } from './time-axis.ts';
import { bindTimeSlider, describeTimeSlider } from './time-slider.ts';
import { axisHeight, paintTimeline, ROW_HEIGHT } from './timeline-painter.ts';
import './timeline.css';

/** Rows of the list: the newest. */
const LIST_ROWS = 200;
/** Branches that are drawn; all can be returned to by command. */
const LANES_MAX = 5;
/** Wall time between two questions for checkpoints while the run goes on. Unit: ms. */
const HISTORY_MS = 1000;

function lanesOf(state: AppState, nowNs: number): BranchLanes {
  return layOutBranches({
    branches: state.branches, branch: state.branch, nowNs, furthestNs: Math.max(nowNs, state.furthestNs), rowsMax: LANES_MAX,
  });
}

export function Timeline() {
  const parts = useApp();
  const { loop, store, controller } = parts;
  const theme = useAppState((state) => state.theme);
  const density = useAppState((state) => state.density);
  const rowCount = useAppState((state) => lanesOf(state, state.timeNs).rows.length);
  const canvas = useRef<HTMLCanvasElement>(null);
  const slider = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of theme or density must read the colours again
  useEffect(() => {
    let colours = readColours(document.documentElement);
    const style = getComputedStyle(document.documentElement);
    const text = Number.parseFloat(style.getPropertyValue('--text-1')) || 13;
    const font = pageFont();
    let key = '';
    let lanes: BranchLanes | undefined;
    let askedAt = 0;
    let asked: unknown;
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    const recolour = () => {
      colours = readColours(document.documentElement);
      key = '';
    };
    dark.addEventListener('change', recolour);
    const unbind = bindTimeSlider(slider.current!, parts, {
      span: () => shownSpan(store.getState()),
      branchAt: (y) => lanes?.rows[Math.floor((y - axisHeight(text)) / ROW_HEIGHT)]?.id ?? -1,
      lanes: () => lanes,
    });
    const size = new WatchedSize(canvas.current!);
    const present = () => controller.session?.timeNs() ?? store.getState().timeNs;
    const silence = loop.add('timeline-words', 10, () => describeTimeSlider(slider.current!, store.getState(), present()), 'words');
    const remove = loop.add('timeline', 25, (wallMs) => {
      const state = store.getState();
      const now = present();
      follow(state, now);
      const element = canvas.current!;
      const { width, height } = size;
      const span = shownSpan(store.getState());
      // One pixel is the least that can move.
      const step = Math.max(1, (span.toNs - span.fromNs) / Math.max(1, width));
      const facts = [
        Math.floor(now / step), span.fromNs, Math.floor(span.toNs / step), state.events.length, state.crosshairNs, width, height, state.hovered,
        state.travelNs, state.branch, state.furthestNs > now ? Math.floor(state.furthestNs / step) : 0, state.checkpointsNs.length,
        state.brush?.fromNs, state.brush?.toNs,
      ];
      const next = facts.join(' ');
      const fresh = asked !== state.branches;
      if (wallMs - askedAt > HISTORY_MS && (!state.pace.paused || state.branches.length === 0)) {
        askedAt = wallMs;
        void controller.refreshHistory();
      }
      if (next === key && !fresh) return;
      key = next;
      asked = state.branches;
      lanes = lanesOf(state, now);
      const ratio = window.devicePixelRatio;
      if (element.width !== Math.round(width * ratio) || element.height !== Math.round(height * ratio)) {
        element.width = Math.round(width * ratio);
        element.height = Math.round(height * ratio);
      }
      const context = element.getContext('2d', { willReadFrequently: true })!;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      paintTimeline({ context, width, height, text, font, css: colours.css }, {
        span, lanes, events: state.events, eventsAhead: state.eventsAhead, checkpointsNs: state.checkpointsNs, nowNs: now,
        travelNs: state.travelNs, crosshairNs: state.crosshairNs, brush: state.brush, hovered: state.hovered,
      });
    });
    /** Zoomed in, the axis goes along when the present leaves what is shown. */
    let seen = -1;
    function follow(state: AppState, now: number): void {
      const left = seen !== now && state.timelineView !== null && (now > state.timelineView.toNs || now < state.timelineView.fromNs);
      seen = now;
      if (left) store.setState({ timelineView: revealTime(state.timelineView!, now, now) });
    }
    return () => {
      dark.removeEventListener('change', recolour);
      unbind();
      silence();
      remove();
      size.stop();
    };
  }, [loop, store, controller, parts, theme, density]);
  return (
    <div className="timeline">
      <div className="timeline__instrument" style={{ '--rows': rowCount } as React.CSSProperties}>
        <BranchButtons />
        <div className="timeline__plot">
          <canvas className="timeline__canvas" ref={canvas} aria-hidden="true" />
          <div
            ref={slider} className="timeline__slider" role="slider" tabIndex={0} data-timeline data-entity="run"
            aria-label="Present, in virtual time" aria-valuemin={0} aria-valuemax={0} aria-valuenow={0}
          />
        </div>
      </div>
      <Readout />
      <EventList />
    </div>
  );
}

/** The rows' names: the branch that runs, and buttons that return to those that were left. None while there is one course. */
function BranchButtons() {
  const { commands } = useApp();
  const { rows, branch } = useAppState((state) => ({ rows: lanesOf(state, state.timeNs).rows.map(({ id }) => id).join(' '), branch: state.branch }));
  const ids = rows.split(' ').map(Number);
  if (ids.length < 2) return null;
  return (
    <ul className="timeline__branches" aria-label="Branches">
      {ids.map((id) => (
        <li key={id}>
          {id === branch
            ? <span className="timeline__branch" aria-current="true" data-entity="run">Branch {id}</span>
            : (
              <button
                type="button" className="button timeline__branch" data-entity="run" title={`Return to branch ${id}`}
                onClick={() => void commands.run('return-to-branch', { branch: id })}
              >
                Branch {id}
              </button>
            )}
        </li>
      ))}
    </ul>
  );
}

/** Part of the shown axis within which the crosshair stands on an event. */
const NEAR = 1 / 150;

/** One line: what is under the crosshair, or where the run stands and how far it can go. */
function Readout() {
  const line = useAppState((state) => {
    const { crosshairNs } = state;
    if (crosshairNs < 0) {
      const ahead = state.furthestNs > state.timeNs ? `, ${formatClock(state.furthestNs).text} reached` : '';
      const kept = state.checkpointsNs.length;
      return `${formatClock(state.timeNs).text}${ahead}. ${kept} checkpoint${kept === 1 ? '' : 's'} kept.`;
    }
    const span = shownSpan(state);
    const room = (span.toNs - span.fromNs) * NEAR;
    const near = [...state.events, ...Object.values(state.eventsAhead).flat()]
      .filter((event) => Math.abs(event.timeNs - crosshairNs) <= room)
      .toSorted((a, b) => Math.abs(a.timeNs - crosshairNs) - Math.abs(b.timeNs - crosshairNs))[0];
    return near === undefined ? `At ${formatClock(crosshairNs).text}.` : `At ${formatClock(near.timeNs).text}: ${near.text}.`;
  });
  return <p className="timeline__readout soft" data-entity="run">{line}</p>;
}

function EventList() {
  const { store, commands } = useApp();
  const events = useAppState((state) => state.events);
  return (
    <ol className="timeline__list" aria-label="Events, newest first">
      {events.slice(-LIST_ROWS).reverse().map((event, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: counted from the newest, the position names an event for good
        <li key={`${event.timeNs}-${event.kind}-${events.length - index}`}>
          <button
            type="button" data-kind={event.kind} data-entity={event.entity} title="Select it; a double click travels there"
            onClick={() => store.setState({ selection: event.entity, crosshairNs: event.timeNs })}
            onDoubleClick={() => void commands.run('travel-to', { timeNs: event.timeNs })}
          >
            <span className="number">{formatClock(event.timeNs).text}</span><span>{event.kind}</span><span>{event.text}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}
