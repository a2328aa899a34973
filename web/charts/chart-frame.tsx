/**
 * What stands around every chart: its title, one sentence, a menu with the table twin, enlarging and the
 * exports. The chart itself is the child; a picture of it is made only when a file is asked for.
 */
import { Menu } from '@base-ui/react/menu';
import { Ellipsis, X } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, type RefObject, useEffect, useId, useState } from 'react';
import { captionOf } from '../app/caption.ts';
import { saveFile } from '../app/files.ts';
import { formatQuantity } from '../app/quantity.ts';
import { useApp } from '../session/react.ts';
import { readColours } from '../styles/colours.ts';
import { popupHome } from '../widgets/popup-home.ts';
import { type ChartTable, tableCsv } from './chart-table.ts';
import type { Picture, PictureSize } from './marks.ts';
import { EXPORT_SIZE, pngOf, svgOf } from './picture-file.ts';
import './charts.css';

export interface ChartFrameProps {
  readonly id: string; //     name of the figure and of its files
  readonly title: string;
  readonly help?: string;
  readonly entity: string;
  readonly table: () => ChartTable;
  readonly picture: (size: PictureSize) => Picture;
  /** The line below the title, written by the chart. */
  readonly readout: RefObject<HTMLParagraphElement | null>;
  readonly children: ReactNode;
}

export function ChartFrame({ id, title, help, entity, table, picture, readout, children }: ChartFrameProps) {
  const { store } = useApp();
  const [shown, setShown] = useState<'chart' | 'table'>('chart');
  const [large, setLarge] = useState(false);
  const caption = () => captionOf(store.getState(), title);
  const colours = () => readColours(document.documentElement);
  const items: readonly { readonly title: string; readonly run: () => void }[] = [
    { title: shown === 'chart' ? 'Show as a table' : 'Show as a chart', run: () => setShown(shown === 'chart' ? 'table' : 'chart') },
    { title: large ? 'Make it small again' : 'Make it large', run: () => setLarge(!large) },
    { title: 'Save as CSV', run: () => saveFile(`${id}.csv`, tableCsv(table(), caption()), 'text/csv') },
    { title: 'Save as SVG', run: () => saveFile(`${id}.svg`, svgOf(picture(EXPORT_SIZE), title, caption(), colours()), 'image/svg+xml') },
    { title: 'Save as PNG', run: () => void pngOf(picture(EXPORT_SIZE), caption(), colours()).then((bytes) => saveFile(`${id}.png`, bytes, 'image/png')) },
  ];
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && large && !event.defaultPrevented) setLarge(false);
  };
  return (
    <figure className={`figure ${large ? 'figure--large' : ''}`} data-figure={id} data-entity={entity} onKeyDown={onKey}>
      <figcaption className="figure__head">
        <span className="figure__title" title={help}>{title}</span>
        <Menu.Root>
          <Menu.Trigger className="button figure__menu" aria-label={`${title}: table, size, files`}><Ellipsis size={16} aria-hidden="true" /></Menu.Trigger>
          <Menu.Portal container={popupHome()}>
            <Menu.Positioner sideOffset={4} align="end" className="popup-layer">
              <Menu.Popup className="menu">
                {items.map((item) => <Menu.Item key={item.title} className="menu__item" onClick={item.run}>{item.title}</Menu.Item>)}
              </Menu.Popup>
            </Menu.Positioner>
          </Menu.Portal>
        </Menu.Root>
        {large && <button type="button" className="button figure__menu" aria-label={`${title}: make it small again`} onClick={() => setLarge(false)}><X size={16} aria-hidden="true" /></button>}
      </figcaption>
      <p className="figure__readout" ref={readout} />
      <div className="figure__body" hidden={shown === 'table'}>{children}</div>
      {shown === 'table' && <TableTwin read={table} />}
    </figure>
  );
}

/** Rows of a twin on screen: the newest; the CSV file has all. */
const ROWS_MAX = 200;

/** How often a twin looks for new rows; a baseline's may come when the run itself stands. Unit: ms. */
const LOOK_MS = 200;

function TableTwin({ read }: { readonly read: () => ChartTable }) {
  const { loop } = useApp();
  const id = useId();
  const [, setNews] = useState('');
  useEffect(() => {
    let lookedAt = 0;
    return loop.add(`twin-${id}`, 70, (now) => {
      if (now - lookedAt < LOOK_MS) return;
      lookedAt = now;
      const { rows } = read();
      setNews(`${rows.length} ${JSON.stringify(rows.at(-1))}`);
    }, 'words');
  }, [loop, id, read]);
  const table = read();
  const rows = table.rows.slice(-ROWS_MAX);
  return (
    <div className="figure__table" tabIndex={0} role="group" aria-label={`${table.title}, as a table`}>
      <table className="table" data-twin={table.title}>
        <caption className="visually-hidden">{table.title}</caption>
        <thead><tr>{table.columns.map((column) => <th key={column.title} className={column.unit === '' ? '' : 'right'}>{column.title}</th>)}</tr></thead>
        <tbody>
          {rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows have no name of their own
            <tr key={index}>
              {row.map((value, column) => {
                const { title, unit, entity } = table.columns[column]!;
                if (typeof value === 'string') return <td key={title}>{value}</td>;
                const text = Number.isNaN(value) ? '' : formatQuantity(value, unit).text;
                return <td key={title} className="right number" data-entity={entity} data-unit={unit}>{text}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
