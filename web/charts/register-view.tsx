/** A hart's registers as it stood at the last cut: what changed since the picture before is marked by a bar and by weight. */
import { useEffect, useRef, useState } from 'react';
import type { InspectionReply } from '../../core/protocol/inspection.ts';
import { useApp, useAppState } from '../session/react.ts';
import { ChartFrame } from './chart-frame.tsx';
import type { ChartTable } from './chart-table.ts';
import type { Mark, Picture, PictureSize } from './marks.ts';
import { changedRegisters, type RegisterRow, registerRows } from './register-rows.ts';

/** Least time between two questions. Unit: ms. */
const ASK_MS = 500;

export function RegisterView({ id, title, vm, vcpu }: { readonly id: string; readonly title: string; readonly vm: number; readonly vcpu: number }) {
  const { controller } = useApp();
  const timeNs = useAppState((state) => state.timeNs);
  const [rows, setRows] = useState<readonly RegisterRow[]>([]);
  const readout = useRef<HTMLParagraphElement>(null);
  const asked = useRef({ atMs: 0, busy: false });
  const before = useRef<readonly RegisterRow[]>([]);
  const entity = `vcpu:${vm}.${vcpu}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: asks again when the run has moved
  useEffect(() => {
    const { session } = controller;
    if (session === null || asked.current.busy) return undefined;
    const timer = setTimeout(() => {
      asked.current = { atMs: performance.now(), busy: true };
      void session.inspect({ view: 'registers', vm, vcpu }).then((reply: InspectionReply) => {
        asked.current.busy = false;
        if (reply.view !== 'registers') return;
        const next = changedRegisters(before.current, registerRows(reply));
        before.current = next;
        setRows(next);
        if (readout.current !== null) readout.current.textContent = `pc ${reply.pc}, ${reply.privilege}; ${next.filter((row) => row.changed).length} registers changed since the picture before.`;
      });
    }, Math.max(0, asked.current.atMs + ASK_MS - performance.now()));
    return () => clearTimeout(timer);
  }, [controller, vm, vcpu, timeNs]);
  const table = (): ChartTable => ({
    title, columns: [{ title: 'Register', unit: '', entity }, { title: 'Value', unit: '', entity }, { title: 'Changed', unit: '', entity }],
    rows: rows.map((row) => [row.name, row.value, row.changed ? 'yes' : 'no']),
  });
  return (
    <ChartFrame id={id} title={title} entity={entity} table={table} picture={(size) => registerPicture(rows, size)} readout={readout}>
      <div className="registers" role="group" aria-label={title} tabIndex={0}>
        {rows.map((row) => (
          <span key={row.name} className="register" data-changed={row.changed} data-entity={entity} data-unit="hexadecimal">
            <span className="register__name">{row.name}</span>{row.value}
          </span>
        ))}
      </div>
    </ChartFrame>
  );
}

/** The same for a file: columns of name and value. */
function registerPicture(rows: readonly RegisterRow[], { width, height, text }: PictureSize): Picture {
  const line = text * 1.5;
  const perColumn = Math.max(1, Math.floor((height - text) / line));
  const columns = Math.max(1, Math.ceil(rows.length / perColumn));
  const marks = rows.flatMap((row, index): Mark[] => {
    const x = 8 + Math.floor(index / perColumn) * (width / columns);
    const y = text + (index % perColumn) * line;
    return [
      ...(row.changed ? [{ kind: 'rect' as const, x: x - 6, y: y - text * 0.6, width: 3, height: text * 1.2, fill: 'dirty' as const }] : []),
      { kind: 'text', x, y, text: row.name, ink: 'ink-soft', size: text },
      { kind: 'text', x: x + text * 4.5, y, text: row.value, ink: 'ink', size: text, strong: row.changed },
    ];
  });
  return { width, height, marks, spots: [], summary: `${rows.length} registers, ${rows.filter((row) => row.changed).length} changed.` };
}
