/** The file that a host writes: its wall, its name and size, the frame of its map, the knobs and faults of its disk. */
import { Menu } from '@base-ui/react/menu';
import { MoreHorizontal } from 'lucide-react';
import { memo, useState } from 'react';
import { NewsContext, useApp, useAppState, useLab } from '../session/react.ts';
import { DiskGlyph } from '../widgets/glyphs.tsx';
import { popupHome } from '../widgets/popup-home.ts';
import { Quantity } from '../widgets/quantity.tsx';
import { FaultMarker } from './fault-marker.tsx';
import { FaultItems, SideKnobs } from './mark-menus.tsx';
import { useAnchor, useLevel } from './scene-react.ts';
import { snapshotJob, snapshotTold } from './snapshot-told.ts';

export function FileMark({ side, host }: { readonly side: 0 | 1; readonly host: number }) {
  const { store } = useApp();
  const { contract } = useLab();
  const entity = `disk:${host}`;
  const selected = useAppState((state) => state.selection === entity);
  const name = useAppState((state) => state.hosts.find((it) => it.id === host)?.name ?? '');
  const job = useAppState((state) => snapshotJob(state, host));
  const disk = useAppState((state) => snapshotTold(state, host)?.disk);
  const wall = useAnchor<HTMLDivElement>((layout) => layout.hosts[side], 'fill');
  const head = useAnchor<HTMLDivElement>((layout) => ({ ...layout.hosts[side], height: layout.maps[side].y - layout.hosts[side].y }), 'pin');
  const map = useAnchor<HTMLDivElement>((layout) => layout.maps[side], 'fill');
  const facts = useAnchor<HTMLDivElement>((layout) => layout.consoles[side], 'pin');
  const level = useLevel();
  const near = level === 'map' || level === 'page';
  const [over, setOver] = useState(false);
  const capacity = useAppState((state) => state.knobs['disk-capacity'] ?? 0);
  const isFull = disk !== undefined && disk.capacityBytes < capacity;
  const full = contract.faults.find(({ id }) => id === 'disk-full');
  const mend = contract.faults.find(({ id }) => id === 'disk-mend');
  const marker = isFull ? mend : full;
  const stored = job === undefined ? 0 : job.storedPages;
  return (
    <>
      <div ref={wall} className="host" data-mark="host" data-entity={entity} data-selected={selected} data-state={isFull ? 'full' : ''} />
      <div ref={head} className="host__head" data-mark="host" hidden={near}>
        <button type="button" className="host__name button" data-roving aria-pressed={selected} data-entity={entity} onClick={() => store.setState({ selection: entity })}>
          <DiskGlyph /> <span>disk<span className="file-host"> of {name}</span></span>
        </button>
        {contract.faults.some((fault) => fault.entity === 'disk') && (
          <DiskMenu name={name} />
        )}
        {marker !== undefined && <FaultMarker key={marker.id} fault={marker} target="[data-file-map]" onOver={setOver} />}
        {job !== undefined && <span className="vm-chip file-name"><span className="vm-chip__name" data-entity={`file:${job.name}`}>{job.name}</span></span>}
      </div>
      <div ref={map} className="map map--empty" data-mark="map" data-file-map data-drop={over} data-entity={entity} role="img" aria-label={job === undefined ? 'No snapshot yet: every page is missing in the file' : `The file of ${job.name}: ${stored} pages stored, ${job.protectedPages} to be copied`} />
      <div ref={facts} className="host__console" hidden={near} data-mark="console">
        <div className="console-lines" data-entity={entity}>
          {job !== undefined && <p><Quantity value={stored} unit="pages" entity={entity} /> stored</p>}
          {disk !== undefined && <p>{isFull && <strong className="host__fault">full: </strong>}<Quantity value={disk.usedBytes} unit="bytes" entity={entity} /> of <Quantity value={disk.capacityBytes} unit="bytes" entity={entity} /></p>}
        </div>
      </div>
      <NewsContext value="around"><SideKnobs side={side} place="file" /></NewsContext>
    </>
  );
}

/** What can go wrong with the disk. */
const DiskMenu = memo(function DiskMenu({ name }: { readonly name: string }) {
  return (
    <Menu.Root>
      <Menu.Trigger className="button vm-chip__menu" aria-label={`Menu of the disk of ${name}`}><MoreHorizontal size={16} aria-hidden="true" /></Menu.Trigger>
      <Menu.Portal container={popupHome()}>
        <Menu.Positioner sideOffset={4} align="start" className="popup-layer"><Menu.Popup className="menu"><FaultItems at="disk" /></Menu.Popup></Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
});
