/**
 * The pages of one VM with real memory: colour is what each page is, read from shared memory; arrow keys walk them. Below the
 * map stand its twin in numbers and the bytes of the page that is chosen.
 */
import { type KeyboardEvent, type MouseEvent, useEffect, useMemo, useRef, useState } from 'react';
import type { HostSnapshot, VmSnapshot } from '../../../core/protocol/snapshot.ts';
import { formatAddress } from '../../app/quantity.ts';
import { hexdumpLines } from '../../inspector/hexdump.ts';
import { findPageBytes } from '../../session/host-view.ts';
import { useApp, useAppState } from '../../session/react.ts';
import { findMigration, isMigrating } from '../../session/store.ts';
import { readColours } from '../../styles/colours.ts';
import { Quantity } from '../../widgets/quantity.tsx';
import { MapCanvas } from '../map-canvas.ts';
import { RAM_BASE } from '../page-marker.tsx';
import { readPageStates } from '../page-states.ts';
import { countPages, mapShape, pageAfterKey, pageWords, PAGE_KINDS, type PageKinds } from './page-kinds.ts';

/** Width of the map. Unit: CSS px. */
const WIDTH = 288;
/** The numbers below the map are counted again at most this often. Unit: ms. */
const COUNT_MS = 250;
/** The bytes of a page are read again after so much virtual time. Unit: ns. */
const AGAIN_NS = 250_000_000;

export function PageMap({ host, vm }: { readonly host: HostSnapshot; readonly vm: VmSnapshot }) {
  const { controller, loop, store } = useApp();
  const theme = useAppState((state) => state.theme);
  const page = useAppState((state) => Math.min(state.selectedPage, vm.pageCount - 1));
  const logged = useAppState((state) => isMigrating(findMigration(state)) && findMigration(state)?.vm === vm.id);
  const [counts, setCounts] = useState<PageKinds | null>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const map = useMemo(() => new MapCanvas(), []);
  const shape = mapShape(vm.pageCount, WIDTH);
  const { id: hostId } = host;
  const { id, slot, pageCount } = vm;
  const incoming = vm.state === 'incoming';

  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme has other colours
  useEffect(() => {
    const context = canvas.current!.getContext('2d')!;
    let colours = readColours(document.documentElement);
    let fresh = true;
    let toldAt = -COUNT_MS;
    const recolour = () => {
      colours = readColours(document.documentElement);
      map.forgetColours();
      fresh = true;
    };
    recolour();
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', recolour);
    const ratio = window.devicePixelRatio;
    const size = { width: shape.columns * shape.cell, height: shape.rows * shape.cell };
    canvas.current!.width = Math.round(size.width * ratio);
    canvas.current!.height = Math.round(size.height * ratio);
    const states = { missing: 0, dirty: 0, inFlight: 0 };
    const remove = loop.add('site-pages', 12, (now) => {
      const view = controller.session?.hostViews().find((it) => it.host === hostId);
      if (view === undefined) return;
      readPageStates({ view, slot, pageCount, logged, incoming, into: map.states, counts: states });
      map.draw({ context, colours, rect: { x: 0, y: 0, ...size }, ratio, cell: shape.cell, columns: shape.columns, pageCount, ...size, fresh, view, slot });
      fresh = false;
      if (now - toldAt < COUNT_MS) return;
      toldAt = now;
      const found = countPages(map.states, pageCount);
      setCounts((before) => (before !== null && PAGE_KINDS.every(({ id: kind }) => before[kind] === found[kind]) ? before : found));
    }, 'pictures');
    return () => {
      dark.removeEventListener('change', recolour);
      remove();
    };
  }, [controller, loop, map, theme, hostId, slot, pageCount, logged, incoming, shape.cell, shape.columns, shape.rows]);

  const choose = (selectedPage: number) => store.setState({ selection: `vm:${id}`, selectedPage });
  const onKey = (event: KeyboardEvent) => {
    const next = pageAfterKey(event.key, page, { columns: shape.columns, pageCount });
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    choose(next);
  };
  const onClick = (event: MouseEvent<HTMLElement>) => {
    if (event.detail === 0) return; // Enter and space: the page that is chosen stays
    const box = canvas.current!.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / shape.cell);
    const at = Math.floor((event.clientY - box.top) / shape.cell) * shape.columns + column;
    if (column >= 0 && column < shape.columns && at >= 0 && at < pageCount) choose(at);
  };
  const entity = `vm:${id}`;
  return (
    <div className="site__pages">
      <button
        type="button" className="site__map" data-page-map data-mark="map" data-entity={entity} onKeyDown={onKey} onClick={onClick}
        aria-label={`Memory of ${vm.name}, ${pageCount} pages. Arrow keys walk its pages.`}
      >
        <canvas ref={canvas} aria-hidden="true" style={{ width: shape.columns * shape.cell, height: shape.rows * shape.cell }} />
        {page >= 0 && (
          <span className="site__page-ring" style={{ left: (page % shape.columns) * shape.cell, top: Math.floor(page / shape.columns) * shape.cell, width: shape.cell, height: shape.cell }} />
        )}
      </button>
      <table className="table site__kinds" data-twin="pages">
        <caption className="visually-hidden">Pages of {vm.name} by what they are</caption>
        <tbody>
          {PAGE_KINDS.filter((it) => it.always || (counts?.[it.id] ?? 0) > 0).map((it) => (
            <tr key={it.id}>
              <th scope="row"><span className="site__swatch" data-kind={it.id} aria-hidden="true" />{it.title}</th>
              <td className="right"><Quantity value={counts?.[it.id] ?? 0} unit="pages" entity={entity} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      {page >= 0 && <OnePage host={hostId} vm={vm} page={page} map={map} />}
    </div>
  );
}

/** One page: where it is, what it is, its bytes. Bytes that are not shared are asked for. */
function OnePage({ host, vm, page, map }: { readonly host: number; readonly vm: VmSnapshot; readonly page: number; readonly map: MapCanvas }) {
  const { controller } = useApp();
  const turn = useAppState((state) => Math.floor(state.timeNs / AGAIN_NS));
  const [asked, setAsked] = useState<Uint8Array | null>(null);
  const address = RAM_BASE + page * 4096;
  const view = controller.session?.hostViews().find((it) => it.host === host);
  const isShared = view !== undefined && view.ram !== null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked for again as time goes on
  useEffect(() => {
    if (isShared) return undefined;
    let ended = false;
    void controller.session?.inspect({ view: 'guest-memory', vm: vm.id, guestPhysicalAddress: address, byteCount: 4096 }).then((it) => {
      if (!ended) setAsked(it.view === 'guest-memory' && it.present ? Uint8Array.from(it.bytes) : null);
    });
    return () => {
      ended = true;
    };
  }, [controller, isShared, vm.id, address, turn]);
  const bytes = isShared ? findPageBytes(view, vm.slot, page) : asked;
  const entity = `page:${page}`;
  return (
    <section aria-label={`Page ${formatAddress(address)}`} data-page-told>
      <p><strong className="mono" data-entity={entity}>{formatAddress(address)}</strong> {pageWords(map.states[page] ?? 0)}</p>
      {bytes === null
        ? <p className="soft">This page is missing here.</p>
        : <pre className="site__bytes" data-view="hexdump" data-entity={entity} tabIndex={0} aria-label={`Bytes of page ${formatAddress(address)}`}>{hexdumpLines(bytes, address).join('\n')}</pre>}
    </section>
  );
}
