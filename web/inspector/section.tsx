import type { ReactNode } from 'react';

/** A titled part of the inspector. */
export function Section({ title, entity = '', children }: { readonly title: string; readonly entity?: string; readonly children: ReactNode }) {
  return <section className="inspector__section"><h3 data-entity={entity}>{title}</h3>{children}</section>;
}

/** A hexadecimal value: a number on screen with its entity. */
export function Hex({ value, entity }: { readonly value: string; readonly entity: string }) {
  return <span className="hex" data-entity={entity} data-unit="hexadecimal">{value}</span>;
}

/** A count that needs no prefix: with its unit and entity. */
export function Count({ value, unit, entity }: { readonly value: number; readonly unit: string; readonly entity: string }) {
  return <span className="number" data-entity={entity} data-unit={unit}>{String(value)}</span>;
}
