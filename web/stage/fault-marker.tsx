/**
 * A fault that can be taken in the hand: dragged onto its mark it happens there. The same button pressed, by mouse or
 * keyboard, does it too, and so does the mark's menu. While it is dragged the mark shows that it would take it.
 */
import { OctagonX } from 'lucide-react';
import { type PointerEvent, useRef, useState } from 'react';
import type { FaultRow } from '../../core/base/contract.ts';
import { useApp } from '../session/react.ts';

/** px that the pointer must move before a press becomes a drag. */
const SLACK = 5;

export function FaultMarker({ fault, target, onOver }: {
  readonly fault: FaultRow;
  /** Selector of the element that takes it. */
  readonly target: string;
  readonly onOver: (over: boolean) => void;
}) {
  const { commands } = useApp();
  const start = useRef<{ readonly x: number; readonly y: number } | null>(null);
  const dragged = useRef(false);
  const [shift, setShift] = useState<{ readonly x: number; readonly y: number } | null>(null);
  const isOver = (event: PointerEvent) => {
    const rect = document.querySelector(target)?.getBoundingClientRect();
    return rect !== undefined && event.clientX >= rect.left && event.clientX <= rect.right && event.clientY >= rect.top && event.clientY <= rect.bottom;
  };
  const end = () => {
    start.current = null;
    setShift(null);
    onOver(false);
  };
  return (
    <button
      type="button" className="fault-marker" data-fault-marker={fault.id} data-no-zoom data-drag={shift !== null} title={fault.help}
      style={shift === null ? undefined : { transform: `translate(${shift.x}px, ${shift.y}px)` }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        start.current = { x: event.clientX, y: event.clientY };
        dragged.current = false;
      }}
      onPointerMove={(event) => {
        if (start.current === null) return;
        const moved = { x: event.clientX - start.current.x, y: event.clientY - start.current.y };
        if (!dragged.current && Math.hypot(moved.x, moved.y) < SLACK) return;
        dragged.current = true;
        setShift(moved);
        onOver(isOver(event));
      }}
      onPointerUp={(event) => {
        const drops = dragged.current && isOver(event);
        end();
        if (drops) void commands.run('inject-fault', { fault: fault.id });
      }}
      onPointerCancel={end}
      onClick={() => {
        // The end of a drag is a click, too; it has been dealt with.
        if (!dragged.current) void commands.run('inject-fault', { fault: fault.id });
        dragged.current = false;
      }}
    >
      <OctagonX size={16} aria-hidden="true" /> <span className="fault-marker__title">{fault.title}</span>
    </button>
  );
}
