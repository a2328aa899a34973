/**
 * A knob as a person turns it: a slider (or a switch) beside the mark that it changes. While a value is
 * asked for and not yet confirmed by the run, the thumb is hollow.
 */
import { Slider } from '@base-ui/react/slider';
import { Switch } from '@base-ui/react/switch';
import { memo } from 'react';
import type { KnobRow } from '../../core/base/contract.ts';
import { formatQuantity } from '../app/quantity.ts';
import { useApp, useAppState, useContract } from '../session/react.ts';
import { positionCount, positionOf, valueAt } from './knob-scale.ts';
import './knob.css';

/** Beside its mark a knob need not repeat the mark's name: "Link bandwidth" stands as "Bandwidth" at the link. */
function shortTitle(row: KnobRow): string {
  const short = row.title.toLowerCase().startsWith(`${row.entity} `) ? row.title.slice(row.entity.length + 1) : row.title;
  return short.charAt(0).toUpperCase() + short.slice(1);
}

/** A slider or switch for one knob of the lab, bound to the run; nothing when the lab has none of that id. `entity` is the mark that it changes. */
export const Knob = memo(function Knob({ id, entity }: { readonly id: string; readonly entity: string }) {
  const row = useContract().knobs.find((it) => it.id === id);
  return row === undefined ? null : <BoundKnob row={row} entity={entity} />;
});

function BoundKnob({ row, entity }: { readonly row: KnobRow; readonly entity: string }) {
  const { id } = row;
  const { controller } = useApp();
  const confirmed = useAppState((state) => state.knobs[id] ?? row.default);
  const requested = useAppState((state) => state.requested[id]);
  const value = requested ?? confirmed;
  const pending = requested !== undefined && requested !== confirmed;
  const text = formatQuantity(value, row.unit);
  if (row.scale === 'switch') {
    return (
      <div className="knob knob--switch" data-knob={id} data-pending={pending} title={row.help}>
        <Switch.Root
          className="knob__switch" aria-label={row.title} checked={value === 1} data-entity={entity}
          onCheckedChange={(checked) => controller.requestKnob(id, checked ? 1 : 0)}
        >
          <Switch.Thumb className="knob__switch-thumb" />
        </Switch.Root>
        <span className="knob__title">{row.title}</span>
      </div>
    );
  }
  const set = (position: number) => controller.requestKnob(id, valueAt(row, position));
  return (
    <Slider.Root
      className="knob" data-knob={id} data-pending={pending} title={row.help}
      value={positionOf(row, value)} min={0} max={positionCount(row)} step={1} largeStep={row.scale === 'logarithmic' ? row.step : 10}
      onValueChange={(position) => set(position)}
    >
      <span className="knob__label">
        <span className="knob__title">{shortTitle(row)}</span>
        <span className="knob__value number" data-entity={entity} data-unit={text.unit}>{text.text}</span>
      </span>
      <Slider.Control className="knob__control">
        <Slider.Track className="knob__track">
          <Slider.Indicator className="knob__indicator" />
          <Slider.Thumb
            className="knob__thumb" getAriaLabel={() => row.title}
            getAriaValueText={() => text.text}
          />
        </Slider.Track>
      </Slider.Control>
    </Slider.Root>
  );
}
