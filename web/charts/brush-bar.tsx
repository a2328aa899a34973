/** The brushed interval in words: where it lies, how long it is, and what happened in it. Its two thumbs are the keyboard's twin of dragging on a chart. */
import { Slider } from '@base-ui/react/slider';
import { memo } from 'react';
import type { Contract } from '../../core/base/contract.ts';
import { formatClock, formatQuantity } from '../app/quantity.ts';
import { useApp, useAppState } from '../session/react.ts';
import type { SampleSeries } from '../session/sample-series.ts';
import { Quantity } from '../widgets/quantity.tsx';
import { brushDelta, clampRange, type DeltaRow } from './brush-delta.ts';

/** Positions of the slider across the run so far. */
const STEPS = 1000;
/** Exit causes named one by one; the rest is one sum. */
const CAUSES_SHOWN = 4;

export function BrushBar({ contract, series, vm }: { readonly contract: Contract; readonly series: () => SampleSeries | undefined; readonly vm: number }) {
  const { store, controller } = useApp();
  const brush = useAppState((state) => state.brush);
  const nowNs = useAppState((state) => Math.max(1, state.timeNs));
  const range = brush === null ? null : clampRange(brush, nowNs);
  const shown = range ?? { fromNs: 0, toNs: nowNs };
  const samples = series();
  const rows: DeltaRow[] = samples === undefined ? [] : brushDelta({
    series: samples, range: shown, metrics: contract.metrics,
    entityOf: (row) => (row.entity === 'vm' || row.entity === 'migration' ? `${row.entity}:${vm}` : row.entity),
  });
  const lines = controller.console.lines(vm).filter((line) => line.timeNs >= shown.fromNs && line.timeNs <= shown.toNs).length;
  const exits = controller.exits.between(shown.fromNs, shown.toNs);
  const rest = exits.slice(CAUSES_SHOWN).reduce((sum, row) => sum + row.count, 0);
  const at = (ns: number) => Math.round((ns / nowNs) * STEPS);
  const all: DeltaRow[] = [
    ...rows, { id: 'lines', title: 'console lines', value: lines, unit: 'lines', entity: `console:${vm}` },
    ...exits.slice(0, CAUSES_SHOWN).map((row) => ({ id: `exit ${row.cause}`, title: `exits: ${row.cause}`, value: row.count, unit: 'exits', entity: `vm:${vm}` })),
    ...(rest > 0 ? [{ id: 'exit rest', title: 'exits: other', value: rest, unit: 'exits', entity: `vm:${vm}` }] : []),
  ];
  return (
    <section className="brush" aria-label="Interval">
      <div className="brush__row">
        <span>{range === null ? 'Whole run' : <span className="number" data-entity="run" data-unit="s">{formatClock(shown.fromNs).text} to {formatClock(shown.toNs).text}</span>}</span>
        <Quantity value={shown.toNs - shown.fromNs} unit="ns" entity="run" />
        <BrushSlider from={at(shown.fromNs)} to={at(shown.toNs)} fromNs={range === null ? 0 : shown.fromNs} toNs={range?.toNs ?? null} />
        <button type="button" className="button button--edged" disabled={range === null} onClick={() => store.setState({ brush: null })}>Whole run</button>
      </div>
      <dl className="brush__deltas">
        {all.map((row) => (
          <div key={row.id} data-delta={row.id}><dt>{row.title}</dt><dd className="number" data-entity={row.entity} data-unit={formatQuantity(row.value, row.unit).unit}>{formatQuantity(row.value, row.unit).text}</dd></div>
        ))}
      </dl>
    </section>
  );
}

/** Its two thumbs. `from`, `to`: 0 … {@link STEPS}. Without an end of its own it goes to the present, and need not follow it. */
const BrushSlider = memo(function BrushSlider({ from, to, fromNs, toNs }: {
  readonly from: number;
  readonly to: number;
  readonly fromNs: number;
  readonly toNs: number | null;
}) {
  const { store } = useApp();
  const set = ([first = 0, last = STEPS]: readonly number[]) => {
    const nowNs = Math.max(1, store.getState().timeNs);
    const range = { fromNs: (first / STEPS) * nowNs, toNs: (last / STEPS) * nowNs };
    store.setState({ brush: first === 0 && last === STEPS ? null : clampRange(range, nowNs) });
  };
  return (
    <Slider.Root className="brush__slider" value={[from, to]} min={0} max={STEPS} step={1} largeStep={50} onValueChange={(value) => set(value as readonly number[])}>
      <Slider.Control className="knob__control brush__slider">
        <Slider.Track className="knob__track">
          <Slider.Indicator className="knob__indicator" />
          {['Begin of the interval', 'End of the interval'].map((name, index) => (
            <Slider.Thumb
              key={name} index={index} className="knob__thumb" getAriaLabel={() => name}
              getAriaValueText={() => (index === 0 ? formatClock(fromNs).text : toNs === null ? 'the present' : formatClock(toNs).text)}
            />
          ))}
        </Slider.Track>
      </Slider.Control>
    </Slider.Root>
  );
});
