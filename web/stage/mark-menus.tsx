/** What every mark of a lab offers, read from the lab's contract: its knobs, its faults, its requests. */
import { Menu } from '@base-ui/react/menu';
import type { RequestRow } from '../../core/base/contract.ts';
import { useApp, useAppState, useLab } from '../session/react.ts';
import { findVm } from '../session/store.ts';
import { LAB_GUESTS, LABS_WITH_GUESTS } from '../../core/protocol/lab-guests.ts';
import { Knob } from '../widgets/knob.tsx';
import { entityName } from './entity-name.ts';
import { knobsAreShown } from './knobs-shown.ts';
import { useAnchor, useLevel } from './scene-react.ts';
import { snapshotFiles } from './snapshot-told.ts';
import { placeKnobs } from './stage-shape.ts';

/** The knobs of a side, below its map or beside it. */
export function SideKnobs({ side, place }: { readonly side: 0 | 1; readonly place: 'vm' | 'file' }) {
  const lab = useLab();
  const anchor = useAnchor<HTMLDivElement>((layout) => layout.sideKnobs[side], 'pin');
  const level = useLevel();
  const shown = useAppState(knobsAreShown);
  const { vm, guest } = useAppState((state) => ({ vm: findVm(state)?.vm.id ?? 0, guest: findVm(state)?.vm.guest ?? '' }));
  const rows = placeKnobs(lab)[place].filter((row) => row.guest === undefined || row.guest === guest);
  if (rows.length === 0) return null;
  return (
    <div ref={anchor} className="host__knobs" data-count={rows.length} hidden={level !== 'site' || !shown} data-mark="knobs" data-no-zoom>
      {rows.map((row) => <Knob key={row.id} id={row.id} entity={entityName(row.entity, { vm, host: 0 })} />)}
    </div>
  );
}

/** Marks at which faults are offered; what has no mark of its own is offered at the VM. */
const OWN_MARK = ['link', 'host', 'disk'];

/** Faults of a mark as items of its menu. A fault of a host names it as its target. */
export function FaultItems({ at, target }: { readonly at: 'vm' | 'host' | 'disk'; readonly target?: string }) {
  const { commands } = useApp();
  const { contract, view } = useLab();
  const hasFile = view.stage.picture === 'memories' && view.stage.right !== 'nothing' && view.stage.right.map === 'file';
  const isHere = (entity: string) => (at === 'vm' ? !OWN_MARK.includes(entity) || (entity === 'disk' && !hasFile) : entity === at);
  const rows = contract.faults.filter((fault) => isHere(fault.entity) && fault.id !== 'cancel');
  if (rows.length === 0) return null;
  return (
    <>
      {at === 'vm' && <Menu.Separator className="menu__rule" />}
      {rows.map((fault) => (
        <Menu.Item key={fault.id} className="menu__item" title={fault.help} onClick={() => void commands.run('inject-fault', { fault: fault.id, ...(target === undefined ? {} : { target }) })}>
          {fault.title}
        </Menu.Item>
      ))}
    </>
  );
}

/** Faults of the contract's rows with these entities, as items of a menu; `target` is what they strike. */
export function FaultsOf({ entities, target }: { readonly entities: readonly string[]; readonly target?: string }) {
  const { commands } = useApp();
  const rows = useLab().contract.faults.filter((fault) => entities.includes(fault.entity));
  return rows.map((fault) => (
    <Menu.Item key={fault.id} className="menu__item" title={fault.help} onClick={() => void commands.run('inject-fault', { fault: fault.id, ...(target === undefined ? {} : { target }) })}>
      {fault.title}
    </Menu.Item>
  ));
}

/** Requests that the page has a command of its own for. */
const CORE_COMMANDS = ['migrate', 'cancel-migration', 'take-snapshot', 'restore-snapshot', 'fork-snapshot', 'delete-snapshot'];

/** Requests of the lab that are not commands of the page already. */
export function requestsOf(requests: readonly RequestRow[]): readonly RequestRow[] {
  return requests.filter(({ id }) => !CORE_COMMANDS.includes(id));
}

/** Snapshots of a VM, in every lab: take one, go back to one, see them all. */
export function SnapshotItems({ vm }: { readonly vm: number }) {
  const { commands } = useApp();
  const files = useAppState((state) => snapshotFiles(state).filter((file) => file.vm === vm).map(({ name }) => name).join('\n'));
  const names = files === '' ? [] : files.split('\n').slice(-SNAPSHOTS_IN_MENU);
  return (
    <>
      <Menu.Item className="menu__item" onClick={() => void commands.run('take-snapshot', { vm })}>Take a snapshot</Menu.Item>
      {names.map((name) => (
        <Menu.Item key={name} className="menu__item" onClick={() => void commands.run('restore-snapshot', { vm, name })}>Restore {name}</Menu.Item>
      ))}
      <Menu.Item className="menu__item" onClick={() => void commands.run('toggle-snapshots')}>Snapshots …</Menu.Item>
    </>
  );
}

/** What a lab can run on besides its own guest; what is not on this machine says how to get it when it is chosen. */
export function GuestItems() {
  const { commands } = useApp();
  const { contract } = useLab();
  const guest = useAppState(({ spec }) => spec.guest?.name ?? '');
  if (!LABS_WITH_GUESTS.includes(contract.id)) return null;
  return (
    <>
      <Menu.Separator className="menu__rule" />
      {LAB_GUESTS.filter(({ id }) => id !== guest).map(({ id, title, sentence }) => (
        <Menu.Item key={id} className="menu__item" title={sentence} onClick={() => void commands.run(`lab-on-${id}`)}>Run the lab on {title}</Menu.Item>
      ))}
      {guest !== '' && <Menu.Item className="menu__item" onClick={() => void commands.run('lab-on-own-guest')}>Run the lab on its own guest</Menu.Item>}
    </>
  );
}

/** The newest ones; the panel has all. */
const SNAPSHOTS_IN_MENU = 3;

/** What can be asked of a VM. A request that needs more than the VM opens its dialog. */
export function RequestItems({ vm }: { readonly vm: number }) {
  const { commands } = useApp();
  const { contract } = useLab();
  return requestsOf(contract.requests).map((row) => {
    const more = row.arguments.some(({ kind, optional }) => kind !== 'vm' && !optional);
    const given = Object.fromEntries(row.arguments.filter(({ kind }) => kind === 'vm').map(({ id }) => [id, vm]));
    const run = () => void (more ? commands.run('open-request', { request: row.id }) : commands.run('ask', { request: row.id, arguments: given }));
    return <Menu.Item key={row.id} className="menu__item" title={row.help} onClick={run}>{row.title}{more && ' …'}</Menu.Item>;
  });
}
