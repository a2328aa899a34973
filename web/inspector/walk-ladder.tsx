/** The two pictures of a walk: a ladder whose rungs are the entries read, and a table of the same. */
import type { TranslationFacts, WalkEntry, WalkRow } from '../../core/protocol/machine-inspection.ts';
import { Count, Hex } from './section.tsx';

const SIZES: readonly (readonly [number, string])[] = [[2 ** 39, '512 GiB'], [2 ** 30, '1 GiB'], [2 ** 21, '2 MiB'], [4096, '4 KiB']];

/** A page's size in words. */
function sizeOf(byteCount: number): string {
  return SIZES.find(([bytes]) => byteCount === bytes)?.[1] ?? 'all';
}

/** How a walk ended, in one sentence. */
export function walkSentence({ address, end, registers }: Pick<TranslationFacts, 'address' | 'end' | 'registers'>): string {
  if (end.ended === 'translated') {
    const guest = registers.length > 1 ? ` is guest physical ${end.guest},` : ' is';
    const size = end.pageBytes >= Number.MAX_SAFE_INTEGER ? '' : `, in a page of ${sizeOf(end.pageBytes)}`;
    return `${address}${guest} host physical ${end.physical}${size}.`;
  }
  const where = end.stage === 'G' ? 'in the G stage' : end.stage === 'protection' ? 'by protection' : `in the ${end.stage} stage`;
  const whose = end.implicit === '' ? '' : end.implicit === 'read' ? ', while reading a table' : ', while writing a table';
  return `Fault: cause ${end.cause}, ${end.name}, ${where}${whose}: ${end.reason}.`;
}

function rowName(row: WalkRow, first: string): string {
  if (row.purpose === 'page') return 'page';
  return row.purpose === 'update' ? `writes ${first} level ${row.level}` : `${first} level ${row.level}`;
}

export function WalkLadder({ walk, entity }: { readonly walk: TranslationFacts; readonly entity: string }) {
  const first = walk.rows.find((row) => row.entry !== null)?.entry?.stage ?? 'VS';
  return (
    <ol className="ladder" data-levels={Math.max(...walk.rows.map((row) => row.second.length))} aria-label={`Steps of the walk of ${walk.address}`} data-entity={entity}>
      {walk.rows.map((row, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a walk's rows are its order
        <li key={index} className="ladder__row" data-purpose={row.purpose}>
          <div className="ladder__name">{rowName(row, first)}</div>
          <div className="ladder__walk">
            {row.guest !== '' && <Place kind="guest" value={row.guest} entity={entity} />}
            {row.second.map((entry) => <Rung key={entry.level} entry={entry} entity={entity} />)}
            {row.physical !== '' && <Place kind="host" value={row.physical} entity={entity} />}
            {row.entry !== null && <Rung entry={row.entry} entity={entity} />}
          </div>
        </li>
      ))}
    </ol>
  );
}

function Place({ kind, value, entity }: { readonly kind: 'guest' | 'host'; readonly value: string; readonly entity: string }) {
  return <span className="ladder__place" data-place={kind}><span className="soft">{kind}</span> <Hex value={value} entity={entity} /></span>;
}

/** One entry: its level, its index, its bits; what it sets or why it refuses. */
function Rung({ entry, entity }: { readonly entry: WalkEntry; readonly entity: string }) {
  const bad = entry.fault !== '';
  const size = entry.kind === 'leaf' ? sizeOf(entry.pageBytes) : '';
  const title = `${entry.stage} level ${entry.level}, entry ${entry.index} at ${entry.address}: ${entry.value}, ${bad ? entry.fault : entry.kind === 'leaf' ? `page ${entry.target} of ${size}` : `next table ${entry.target}`}`;
  return (
    <span className="rung" data-stage={entry.stage} data-kind={bad ? 'fault' : entry.kind} title={title} data-entity={entity}>
      <span className="rung__head">{bad ? '✕ ' : ''}{entry.stage}{entry.level}<span className="rung__index"> [{entry.index}]</span></span>
      <span className="rung__flags">{entry.flags}</span>
      <span className="rung__note">{bad ? entry.fault : noteOf(entry, size)}</span>
    </span>
  );
}

/** What an entry leads to: of the G stage a page's size, of the first stage the address, too. */
function noteOf(entry: WalkEntry, size: string): string {
  const sets = entry.sets === '' ? '' : `, sets ${entry.sets.split('').join(' ')}`;
  if (entry.stage === 'G') return `${size}${sets}`;
  return entry.kind === 'leaf' ? `page of ${size} at ${entry.target}${sets}` : `next table at ${entry.target}`;
}

export function WalkTable({ walk, entity }: { readonly walk: TranslationFacts; readonly entity: string }) {
  const entries = walk.rows.flatMap((row) => [...row.second, ...(row.entry === null ? [] : [row.entry])]);
  return (
    <div className="wide" role="group" aria-label="Steps of the walk as a table" tabIndex={0}>
      <table className="table walk__table">
        <thead><tr><th className="right">Step</th><th>Stage</th><th className="right">Level</th><th className="right">Entry</th><th>Read at</th><th>Host address</th><th>Value</th><th>Bits</th><th>Says</th></tr></thead>
        <tbody>
          {entries.map((it, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a walk's steps are its order
            <tr key={index} data-fault={it.fault !== ''}>
              <td className="right"><Count value={index + 1} unit="step" entity={entity} /></td><td>{it.stage}</td>
              <td className="right"><Count value={it.level} unit="level" entity={entity} /></td><td className="right"><Count value={it.index} unit="entry" entity={entity} /></td>
              <td><Hex value={it.address} entity={entity} /></td><td><Hex value={it.physical} entity={entity} /></td><td><Hex value={it.value} entity={entity} /></td>
              <td className="mono">{it.flags}</td>
              <td data-entity={entity}>{it.fault !== '' ? it.fault : it.kind === 'pointer' ? `next table ${it.target}` : `page ${it.target}, ${sizeOf(it.pageBytes)}${it.sets === '' ? '' : `, sets ${it.sets}`}`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
