/** The head of a bare-metal board: each hart with the privilege mode that it is in, the devices on its bus, and what the machine runs. */
import type { BoardSnapshot, VmSnapshot } from '../../core/protocol/snapshot.ts';
import { useApp, useAppState } from '../session/react.ts';
import { HartGlyph } from '../widgets/glyphs.tsx';

/** Modes by the manual's letters, as words for who does not know them. */
const MODES: Readonly<Record<string, string>> = {
  M: 'machine mode', S: 'supervisor mode', HS: 'hypervisor mode', U: 'user mode', VS: 'a guest’s supervisor mode', VU: 'a guest’s user mode',
};

/** Harts shown by themselves; more would not leave room for what runs. */
const SHOWN_MAX = 4;

/** What a device is called on the picture; others are told by their address alone. */
const DEVICES: Readonly<Record<string, string>> = {
  serial: 'serial', plic: 'PLIC', clint: 'timer', rtc: 'clock', test: 'finisher', 'pcie configuration': 'PCIe',
  'virtio block': 'disk', 'virtio net': 'network', 'virtio entropy': 'random',
  'aplic (machine)': 'APLIC', 'imsics (machine)': 'IMSIC',
};

export function BoardParts({ board, vm }: { readonly board: BoardSnapshot; readonly vm: number }) {
  return (
    <>
      <BoardHarts board={board} vm={vm} />
      <ul className="board__devices" aria-label="Devices on the bus">
        {board.devices.map(({ name, address, state }) => (DEVICES[name] === undefined ? null : (
          <li key={address} className="board__device" data-state={state} data-entity={`device:${vm}.0x${address.toString(16)}`} title={`${name} at 0x${address.toString(16)}${state === 'there' ? '' : `, ${state}`}`}>
            {DEVICES[name]}
          </li>
        )))}
      </ul>
    </>
  );
}

function BoardHarts({ board, vm }: { readonly board: BoardSnapshot; readonly vm: number }) {
  const { harts } = board;
  return (
    <span className="board__harts">
      {harts.slice(0, SHOWN_MAX).map(({ mode, waiting }, hart) => (
        <span
          // biome-ignore lint/suspicious/noArrayIndexKey: a hart is its number
          key={hart} className="board__hart" data-entity={`vcpu:${vm}.${hart}`} role="img"
          aria-label={`hart ${hart}: ${waiting ? 'waits' : 'runs'} in ${MODES[mode] ?? mode}`} title={`hart ${hart}: ${waiting ? 'waits' : 'runs'} in ${MODES[mode] ?? mode}`}
        >
          <HartGlyph busy={!waiting} />{mode}
        </span>
      ))}
      {harts.length > SHOWN_MAX && <span>of {harts.length} harts</span>}
    </span>
  );
}

const STATES: Readonly<Record<VmSnapshot['state'], string>> = {
  running: 'bare metal', paused: 'paused', incoming: '', 'handing-over': '', stopped: 'switched off', failed: 'failed',
};

/** What the board started, and how it is. It cannot be dragged: nothing could take it. */
export function ProgramChip({ vm }: { readonly vm: VmSnapshot }) {
  const { store } = useApp();
  const selected = useAppState((state) => state.selection === `vm:${vm.id}`);
  return (
    <span className="vm-chip" data-state={vm.state}>
      <button
        type="button" className="button vm-chip__name board__program" data-roving aria-pressed={selected} data-entity={`vm:${vm.id}`}
        onClick={() => store.setState({ selection: `vm:${vm.id}` })}
      >
        {vm.guest} <span className="soft">{STATES[vm.state]}</span>
      </button>
    </span>
  );
}
