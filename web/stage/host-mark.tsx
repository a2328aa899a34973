/**
 * One host: its wall, cores, the VM that is on it (or coming), its page map's frame, three console lines
 * and the VM's knobs. A VM can be dragged from here; its menu and the key M do the same.
 */
import { Menu } from '@base-ui/react/menu';
import { MoreHorizontal } from 'lucide-react';
import { memo } from 'react';
import type { HostSnapshot, VmSnapshot } from '../../core/protocol/snapshot.ts';
import { NewsContext, useApp, useAppState, useLab } from '../session/react.ts';
import { BoardGlyph, HartGlyph, HostGlyph, VmGlyph } from '../widgets/glyphs.tsx';
import { popupHome } from '../widgets/popup-home.ts';
import { BoardParts, ProgramChip } from './board-head.tsx';
import { FaultItems, GuestItems, RequestItems, SideKnobs, SnapshotItems } from './mark-menus.tsx';
import { useAnchor, useDrag, useLayout, useLevel, useScene } from './scene-react.ts';

export function HostMark({ side, id }: { readonly side: 0 | 1; readonly id: number }) {
  const { store } = useApp();
  const host = useAppState((state) => state.hosts.find((it) => it.id === id));
  const selected = useAppState((state) => host !== undefined && state.selection === `host:${host.id}`);
  const wall = useAnchor<HTMLDivElement>((layout) => layout.hosts[side], 'fill');
  const head = useAnchor<HTMLDivElement>((layout) => {
    const rect = layout.hosts[side];
    return { ...rect, height: layout.maps[side].y - rect.y };
  }, 'pin');
  const level = useLevel();
  const drag = useDrag();
  if (host === undefined) return <div ref={wall} className="host" />;
  const vm = host.vms.find((it) => it.state !== 'incoming') ?? host.vms[0];
  const refusal = drag === null ? undefined : drag.refusals[host.id];
  const isHome = drag !== null && vm?.id === drag.vm && vm.state !== 'incoming';
  const over = drag?.over === host.id && !isHome;
  return (
    <>
      <div
        ref={wall} className="host" data-mark="host" data-entity={`host:${host.id}`} data-selected={selected}
        data-state={host.state} data-over={over} data-refuses={drag !== null && !isHome && refusal !== undefined && refusal !== ''}
      >
        {over && <p className="host__drop">{refusal === undefined || refusal === '' ? `Move it to ${host.name}` : refusal}</p>}
      </div>
      <div ref={head} className="host__head" data-mark="host" hidden={level === 'map' || level === 'page'}>
        <button
          type="button" className="host__name button" data-roving aria-pressed={selected} data-entity={`host:${host.id}`}
          onClick={() => store.setState({ selection: `host:${host.id}` })}
        >
          {host.board === undefined ? <HostGlyph /> : <BoardGlyph />} {host.name}
        </button>
        {host.board !== undefined && <BoardParts board={host.board} vm={vm?.id ?? 0} />}
        {host.board === undefined && <span className="host__harts" role="img" aria-label={`${host.processorCount} cores`}>
          {Array.from({ length: host.processorCount }, (_, core) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a core is its number
            <HartGlyph key={core} busy={host.vms.some((it) => it.state === 'running' && it.hartSlots.length > core)} />
          ))}
        </span>}
        <HostMenu id={host.id} name={host.name} />
        {host.state === 'crashed' && <span className="host__fault">no power</span>}
        {vm !== undefined && (host.board === undefined ? <VmChip vm={vm} host={host.id} /> : <ProgramChip vm={vm} />)}
      </div>
      {vm !== undefined && <VmBody vm={vm} host={host} side={side} />}
      {vm === undefined && <EmptyMap side={side} host={host} />}
    </>
  );
}

const VM_STATES: Readonly<Record<VmSnapshot['state'], string>> = {
  running: 'running', paused: 'paused', incoming: 'arriving', 'handing-over': 'stopped', stopped: 'stopped', failed: 'failed',
};

function VmChip({ vm, host }: { readonly vm: VmSnapshot; readonly host: number }) {
  const { store } = useApp();
  const selected = useAppState((state) => state.selection === `vm:${vm.id}`);
  const movable = vm.state !== 'incoming';
  return (
    <span className="vm-chip" data-state={vm.state}>
      <button
        type="button" className="button vm-chip__name" data-roving aria-pressed={selected} data-entity={`vm:${vm.id}`}
        {...(movable ? { 'data-drag-vm': vm.id } : {})}
        onClick={() => store.setState({ selection: `vm:${vm.id}` })}
      >
        <VmGlyph /> {vm.name} <span className="soft">{VM_STATES[vm.state]}</span>
      </button>
      {movable && (
        <VmMenu vm={vm.id} name={vm.name} host={host} />
      )}
    </span>
  );
}

/** Where a VM can go, and what else can be asked of it. Menus are many parts: they render when their offers change, not when a VM works. */
const VmMenu = memo(function VmMenu({ vm, name, host }: { readonly vm: number; readonly name: string; readonly host: number }) {
  const { commands } = useApp();
  // As text, so that equal offers are equal.
  const others = useAppState((state) => state.hosts.filter((it) => it.id !== host && it.board === undefined).map((it) => `${it.id} ${it.name}`));
  return (
    <Menu.Root>
      <Menu.Trigger className="button vm-chip__menu" aria-label={`Menu of ${name}`}><MoreHorizontal size={16} aria-hidden="true" /></Menu.Trigger>
      <Menu.Portal container={popupHome()}>
        <Menu.Positioner sideOffset={4} align="end" className="popup-layer">
          <Menu.Popup className="menu">
            {others.map((it) => {
              const space = it.indexOf(' ');
              return (
                <Menu.Item key={it} className="menu__item" onClick={() => void commands.run('migrate', { vm, to: Number(it.slice(0, space)) })}>
                  Move to {it.slice(space + 1)}
                </Menu.Item>
              );
            })}
            {others.length > 0 && <Menu.Item className="menu__item" onClick={() => void commands.run('cancel-migration')}>Cancel the move</Menu.Item>}
            <SnapshotItems vm={vm} />
            <RequestItems vm={vm} />
            <FaultItems at="vm" />
            <GuestItems />
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
});

/** What can go wrong with a host: its faults, where the lab has any. */
const HostMenu = memo(function HostMenu({ id, name }: { readonly id: number; readonly name: string }) {
  const { contract } = useLab();
  if (!contract.faults.some((fault) => fault.entity === 'host')) return null;
  return (
    <Menu.Root>
      <Menu.Trigger className="button vm-chip__menu" aria-label={`Menu of ${name}`}><MoreHorizontal size={16} aria-hidden="true" /></Menu.Trigger>
      <Menu.Portal container={popupHome()}>
        <Menu.Positioner sideOffset={4} align="start" className="popup-layer">
          <Menu.Popup className="menu"><FaultItems at="host" target={`host:${id}`} /></Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
});

function VmBody({ vm, host, side }: { readonly vm: VmSnapshot; readonly host: HostSnapshot; readonly side: 0 | 1 }) {
  const { store } = useApp();
  const level = useLevel();
  const scene = useScene();
  const map = useAnchor<HTMLButtonElement>((layout) => layout.maps[side], 'fill');
  const console = useAnchor<HTMLDivElement>((layout) => layout.consoles[side], 'pin');
  const incoming = vm.state === 'incoming';
  return (
    <>
      <button
        type="button" ref={map} className="map" data-map data-mark="map" data-entity={`vm:${vm.id}`}
        {...(incoming || host.board !== undefined ? {} : { 'data-drag-vm': vm.id })}
        aria-label={host.board === undefined
          ? `Memory of ${vm.name} on ${host.name}, ${vm.pageCount} pages. Arrow keys walk its pages; M moves the VM.`
          : `Memory of the board ${host.name}, ${vm.pageCount} pages. Arrow keys walk its pages.`}
        onKeyDown={(event) => {
          const { columns } = scene.layout;
          const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
          const step = steps[event.key];
          if (step === undefined) return;
          event.preventDefault();
          event.stopPropagation();
          const page = Math.min(vm.pageCount - 1, Math.max(0, store.getState().selectedPage + (store.getState().selectedPage < 0 ? 1 : step)));
          store.setState({ selection: `vm:${vm.id}`, selectedPage: page });
        }}
      />
      <div ref={console} className="host__console" hidden={level === 'map' || level === 'page'} data-mark="console">
        {!incoming && <ConsoleLines vm={vm} />}
      </div>
      {!incoming && <NewsContext value="around"><SideKnobs side={side} place="vm" /></NewsContext>}
    </>
  );
}

function EmptyMap({ side, host }: { readonly side: 0 | 1; readonly host: HostSnapshot }) {
  const map = useAnchor<HTMLDivElement>((layout) => layout.maps[side], 'fill');
  return <div ref={map} className="map map--empty" data-mark="map" data-entity={`host:${host.id}`} role="img" aria-label={`${host.name}: every page is missing`} />;
}

/** Height of a console line. Unit: px. */
const LINE = { lab: 18, projector: 26 } as const;

/** The last lines that the VM printed, wherever it ran then: three, or as many as the room beside the map holds. */
function ConsoleLines({ vm }: { readonly vm: VmSnapshot }) {
  const { controller } = useApp();
  const layout = useLayout();
  const height = useAppState((state) => (state.density === 'projector' ? LINE.projector : LINE.lab));
  useAppState((state) => state.consoleVersion);
  const count = layout.variant === 'single' ? Math.max(3, Math.floor(layout.consoles[0].height / height)) : 3;
  const lines = controller.console.lines(vm.id).slice(-count);
  return (
    <div className="console-lines" data-entity={`vm:${vm.id}`} role="img" aria-label={`Console: ${lines.at(-1)?.text ?? 'silent so far'}`}>
      {lines.map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a few lines, each in its place; a new one changes their text
        <p key={index}>{line.text}</p>
      ))}
    </div>
  );
}
