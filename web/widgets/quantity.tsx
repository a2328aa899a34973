/** A number on screen: always with its unit and the entity that it measures. */
import { formatQuantity } from '../app/quantity.ts';

export function Quantity({ value, unit, entity, className = '' }: {
  readonly value: number;
  readonly unit: string;
  readonly entity: string;
  readonly className?: string;
}) {
  const text = formatQuantity(value, unit);
  return (
    <span className={`number ${className}`} data-entity={entity} data-unit={text.unit}>{text.text}</span>
  );
}
