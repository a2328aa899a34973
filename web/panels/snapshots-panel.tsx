/**
 * Snapshots: those of the run as a tree, with what can be done with the selected one, and those that this browser keeps
 * beyond the run, with the room that they take of what is allowed.
 */
import { type KeyboardEvent, useEffect, useRef } from 'react';
import type { LiveSnapshotTold } from '../../core/mechanisms/live-snapshot/told.ts';
import { formatClock } from '../app/quantity.ts';
import { useApp, useAppState } from '../session/react.ts';
import { findVm } from '../session/store.ts';
import { snapshotTold } from '../stage/snapshot-told.ts';
import { Quantity } from '../widgets/quantity.tsx';
import { lineAfterKey, snapshotTree, type TreeLine } from './snapshot-tree.ts';
import './snapshots-panel.css';

const MEGABYTE = 1_048_576;
/** Room that a person may choose. Unit: MB. */
const ROOMS = [128, 256, 512, 1024, 2048] as const;

export function SnapshotsPanel() {
  const { commands } = useApp();
  useEffect(() => void commands.run('list-kept-snapshots'), [commands]);
  return (
    <div className="snapshots">
      <Tree />
      <Kept />
    </div>
  );
}

function Tree() {
  const { commands, store } = useApp();
  const told = useAppState((state) => Object.keys(state.told).map((host) => snapshotTold(state, Number(host))).filter((it): it is LiveSnapshotTold => it !== undefined));
  const selected = useAppState((state) => state.snapshotSelected);
  const lines = snapshotTree(told, (vm) => findVm(store.getState(), vm)?.vm.name ?? '');
  const at = Math.max(0, lines.findIndex(({ name }) => name === selected));
  const line = lines.find(({ name }) => name === selected);
  return (
    <section className="snapshots__part" aria-label="Snapshots of this run">
      <div className="snapshots__bar">
        <button type="button" className="button button--edged" onClick={() => void commands.run('take-snapshot')}>Take a snapshot</button>
        <Actions line={line} />
      </div>
      {lines.length === 0 && <p className="soft">There is no snapshot yet.</p>}
      {lines.length > 0 && <Lines lines={lines} at={at} selected={selected} />}
    </section>
  );
}

const ACTIONS: readonly { readonly command: string; readonly title: string }[] = [
  { command: 'restore-snapshot', title: 'Restore' },
  { command: 'fork-snapshot', title: 'Fork' },
  { command: 'keep-snapshot', title: 'Keep' },
  { command: 'save-snapshot-file', title: 'Download' },
  { command: 'delete-snapshot', title: 'Delete' },
];

function Actions({ line }: { readonly line: TreeLine | undefined }) {
  const { commands } = useApp();
  const can = line !== undefined && line.state === '';
  return ACTIONS.map(({ command, title }) => (
    <button
      key={command} type="button" className="button" disabled={!can} title={can ? commands.find(command)?.title : 'Select a snapshot first.'}
      onClick={() => void commands.run(command, { name: line?.name ?? '' })}
    >
      {title}
    </button>
  ));
}

function Lines({ lines, at, selected }: { readonly lines: readonly TreeLine[]; readonly at: number; readonly selected: string }) {
  const { commands, store } = useApp();
  const tree = useRef<HTMLDivElement>(null);
  const go = (index: number) => {
    const name = lines[index]?.name;
    if (name === undefined) return;
    store.setState({ snapshotSelected: name });
    tree.current?.querySelectorAll<HTMLElement>('[role=treeitem]')[index]?.focus();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'Enter' || event.key === 'Delete') {
      event.preventDefault();
      void commands.run(event.key === 'Enter' ? 'restore-snapshot' : 'delete-snapshot', { name: lines[at]?.name ?? '' });
      return;
    }
    const next = lineAfterKey(lines, at, event.key);
    if (!/^(Arrow(Up|Down|Left|Right)|Home|End)$/.test(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    go(next);
  };
  return (
    <div className="tree" role="tree" aria-label="Snapshots; Enter restores, Delete deletes" ref={tree} onKeyDown={onKey}>
      {lines.map((line, index) => (
        <div
          key={line.name} role="treeitem" className="tree__line" tabIndex={index === at ? 0 : -1} aria-selected={line.name === selected}
          aria-level={line.depth + 1} aria-posinset={line.position} aria-setsize={line.siblings} {...(line.hasChildren ? { 'aria-expanded': true } : {})}
          style={{ paddingLeft: `calc(${line.depth} * var(--space-4) + var(--space-2))` }} data-snapshot={line.name}
          onFocus={() => store.setState({ snapshotSelected: line.name })}
        >
          <span className="tree__name">{line.name}</span>
          {line.here && <span className="tree__here">the VM goes on from here</span>}
          <span className="soft">{line.vmName}</span>
          {line.takenAtNs >= 0 && <span className="soft number" data-entity={`file:${line.name}`} data-unit="s">{formatClock(line.takenAtNs).text}</span>}
          {line.byteCount >= 0 ? <Quantity className="tree__size" value={line.byteCount} unit="bytes" entity={`file:${line.name}`} /> : <span className="tree__size soft">{line.state}</span>}
        </div>
      ))}
    </div>
  );
}

function Kept() {
  const { commands } = useApp();
  const kept = useAppState((state) => state.kept);
  return (
    <section className="snapshots__part" aria-label="Kept on this machine">
      <div className="snapshots__bar">
        <h3 className="snapshots__title">Kept on this machine</h3>
        {kept !== null && kept.sentence === '' && (
          <span data-kept-usage>
            <Quantity value={kept.usedBytes} unit="bytes" entity="storage" /> of{' '}
            <select
              className="field snapshots__room" aria-label="Room for kept snapshots" value={Math.round(kept.boundBytes / MEGABYTE)}
              onChange={(event) => void commands.run('allow-storage', { megabytes: Number(event.target.value) })}
            >
              {[...new Set([...ROOMS, Math.round(kept.boundBytes / MEGABYTE)])].toSorted((left, right) => left - right).map((size) => <option key={size} value={size}>{size} MiB</option>)}
            </select>
          </span>
        )}
        <button type="button" className="button" onClick={() => void commands.run('open-snapshot-file')}>Open a file …</button>
      </div>
      {kept !== null && kept.sentence !== '' && <p role="status">{kept.sentence}</p>}
      {kept !== null && kept.sentence === '' && kept.entries.length === 0 && <p className="soft">Nothing yet: select a snapshot and keep it; it is still here after a reload.</p>}
      <ul className="snapshots__kept">
        {kept?.entries.map((entry) => (
          <li key={entry.name} data-kept={entry.name}>
            <span className="tree__name">{entry.name}</span>
            <span className="soft">{entry.vmName}</span>
            <span className="soft number" data-entity={`file:${entry.name}`} data-unit="s">{formatClock(entry.takenAtNs).text}</span>
            <Quantity className="tree__size" value={entry.byteCount} unit="bytes" entity={`file:${entry.name}`} />
            <button type="button" className="button" onClick={() => void commands.run('restore-kept-snapshot', { name: entry.name })} aria-label={`Start a run from ${entry.name}`}>Start from it</button>
            <button type="button" className="button" onClick={() => void commands.run('delete-kept-snapshot', { name: entry.name })} aria-label={`Delete ${entry.name} from this machine`}>Delete</button>
          </li>
        ))}
      </ul>
    </section>
  );
}
