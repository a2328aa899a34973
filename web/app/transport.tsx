/** The bottom line: rewind, steps, play, speed, the run's clock and seed, and the switches of the panels. */
import { Select } from '@base-ui/react/select';
import { ChartLine, Pause, Play, Redo, SkipBack, StepBack, StepForward, SquareTerminal, Table2, PanelRight, ListTree, Undo } from 'lucide-react';
import { memo, type ReactNode, useEffect, useRef, useSyncExternalStore } from 'react';
import { useApp, useAppState } from '../session/react.ts';
import type { PanelId } from '../session/store.ts';
import type { StageScene } from '../stage/stage-scene.ts';
import { popupHome } from '../widgets/popup-home.ts';
import { formatClock, formatRatio, threeDigits } from './quantity.ts';
import { nextDuration, wallSeconds } from './wall-time.ts';

const SPEEDS: readonly number[] = [0.001, 0.01, 0.05, 0.1, 1, 0];

export function Transport({ scene }: { readonly scene: StageScene }) {
  const paused = useAppState((state) => state.pace.paused);
  const seed = useAppState((state) => state.spec.seed);
  return (
    <footer className="transport" aria-label="Transport">
      <CommandButton id="rewind"><SkipBack size={18} aria-hidden="true" /></CommandButton>
      <CommandButton id="step-back-event"><StepBack size={18} aria-hidden="true" /></CommandButton>
      <CommandButton id="step-back-instruction" className="transport__fine"><Undo size={18} aria-hidden="true" /></CommandButton>
      <CommandButton id="play-pause" title={paused ? 'Play' : 'Pause'} className="transport__play">
        {paused ? <Play size={22} aria-hidden="true" /> : <Pause size={22} aria-hidden="true" />}
      </CommandButton>
      <CommandButton id="step-instruction" className="transport__fine"><Redo size={18} aria-hidden="true" /></CommandButton>
      <CommandButton id="step-event"><StepForward size={18} aria-hidden="true" /></CommandButton>
      <Clock />
      <Speed />
      {paused && <WallTime />}
      <span className="transport__seed soft" data-entity="run">seed <span className="number">{seed}</span></span>
      <Reason scene={scene} />
      <span className="transport__panels">
        <PanelButton id="timeline"><ListTree size={18} aria-hidden="true" /></PanelButton>
        <PanelButton id="samples"><ChartLine size={18} aria-hidden="true" /></PanelButton>
        <PanelButton id="tables"><Table2 size={18} aria-hidden="true" /></PanelButton>
        <PanelButton id="console"><SquareTerminal size={18} aria-hidden="true" /></PanelButton>
        <PanelButton id="inspector"><PanelRight size={18} aria-hidden="true" /></PanelButton>
      </span>
    </footer>
  );
}

/** A button of a command: its title and hotkey as name, its reason when it cannot be run. */
export function CommandButton({ id, title, className = '', children }: {
  readonly id: string;
  readonly title?: string;
  readonly className?: string;
  readonly children: ReactNode;
}) {
  const { commands } = useApp();
  const row = commands.find(id)!;
  const blocked = useAppState((state) => row.enabledWhen(state));
  const name = title ?? row.title;
  const key = row.hotkey === undefined ? '' : ` (${row.hotkey})`;
  return (
    <button
      type="button" className={`button ${className}`} aria-label={name} title={blocked === '' ? `${name}${key}` : blocked}
      disabled={blocked !== ''} onClick={() => void commands.run(id)}
    >
      {children}
    </button>
  );
}

function PanelButton({ id, children }: { readonly id: PanelId; readonly children: ReactNode }) {
  const { commands } = useApp();
  const open = useAppState((state) => state.panels[id]);
  const row = commands.find(`toggle-${id}`)!;
  return (
    <button
      type="button" className="button" aria-pressed={open} aria-label={row.title} title={`${row.title} (${row.hotkey})`}
      onClick={() => void commands.run(row.id)}
    >
      {children}
    </button>
  );
}

/** Virtual time, written by the frame loop. */
function Clock() {
  const { loop, controller } = useApp();
  const text = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    let before = -1;
    // Before anything that asks for a size, so that a frame lays out once.
    return loop.add('clock', 10, () => {
      const now = controller.session?.timeNs() ?? controller.store.getState().timeNs;
      if (now === before || text.current === null) return;
      before = now;
      text.current.textContent = formatClock(now).text;
    }, 'words');
  }, [loop, controller]);
  return <span className="transport__clock mono number" data-entity="run" data-unit="s" title="Virtual time" ref={text} role="timer" aria-label="Virtual time" aria-live="off" />;
}

/** Virtual : wall, as asked for; ten times slower while a hand-over is shown. */
function Speed() {
  const slowed = useAppState((state) => state.pace.slowed);
  return (
    <span className="transport__speed">
      <SpeedMenu />
      <span className="soft transport__unit">virtual&nbsp;:&nbsp;wall{slowed && ', slowed'}</span>
    </span>
  );
}

/** Rendered when the speed asked for changes: its menu costs more than all of the line. */
const SpeedMenu = memo(function SpeedMenu() {
  const { commands } = useApp();
  const ratio = useAppState((state) => state.pace.ratio);
  const speeds = SPEEDS.includes(ratio) ? SPEEDS : [...SPEEDS.slice(0, -1), ratio, 0].sort((a, b) => (a === 0 ? 1 : b === 0 ? -1 : a - b));
  return (
    <Select.Root value={ratio} onValueChange={(value) => void commands.run('set-speed', { ratio: Number(value) })}>
      <Select.Trigger className="button button--edged" aria-label="Speed, virtual to wall time"><SpeedNow /></Select.Trigger>
      <Select.Portal container={popupHome()}>
        <Select.Positioner sideOffset={4} className="popup-layer" alignItemWithTrigger={false}>
          <Select.Popup className="menu">
            {speeds.map((speed) => (
              <Select.Item key={speed} value={speed} className="menu__item" data-entity="run" data-unit="virtual : wall">
                <Select.ItemText>{speed === 0 ? 'as fast as possible' : formatRatio(speed)}</Select.ItemText>
              </Select.Item>
            ))}
          </Select.Popup>
        </Select.Positioner>
      </Select.Portal>
    </Select.Root>
  );
});

function SpeedNow() {
  const { ratio, slowed } = useAppState((state) => ({ ratio: state.pace.ratio, slowed: state.pace.slowed }));
  return <span className="number" data-slowed={slowed} data-entity="run" data-unit="virtual : wall">{formatRatio(slowed ? ratio / 10 : ratio)}</span>;
}

/** While it stands: how long what comes next will take on the wall at this speed. */
function WallTime() {
  const next = useAppState((state) => {
    // Only where a move is what the lab is about.
    const coming = state.lab.contract.requests.some(({ id }) => id === 'migrate') ? nextDuration(state) : undefined;
    return coming === undefined ? undefined : { what: coming.what, seconds: wallSeconds(coming.ns, state.pace.ratio) };
  });
  if (next === undefined || !Number.isFinite(next.seconds)) return null;
  return <span className="soft transport__unit transport__wall">{next.what} takes about <span className="number" data-entity="run" data-unit="s">{threeDigits(Number(next.seconds.toPrecision(2)))}&nbsp;s</span></span>;
}

/** Why the page paused; and, while the stage's sentence is zoomed away, the notice that would stand there. */
function Reason({ scene }: { readonly scene: StageScene }) {
  const level = useSyncExternalStore((listener) => scene.subscribe(listener), () => scene.level);
  const reason = useAppState((state) => state.pace.pausedBecause || (level === 'site' ? '' : state.notice));
  return reason === '' ? null : <span className="transport__reason" role="status">{reason}</span>;
}
