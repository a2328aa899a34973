/** Every gauge that the run samples, one small chart each, with one crosshair through all. */
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { MetricRow } from '../../core/base/contract.ts';
import { contract } from '../../core/mechanisms/precopy-migration/contract.ts';
import { formatQuantity } from '../app/quantity.ts';
import { useApp, useAppState } from '../session/react.ts';
import { readColours } from '../styles/colours.ts';
import { sampleWindow } from './sample-window.ts';

const GAUGES: readonly MetricRow[] = contract.metrics.filter((row) => row.kind === 'gauge');
const REDRAW_MS = 200;

export function SampleCharts() {
  return <div className="samples chart" role="group" aria-label="Charts of samples" tabIndex={0}>{GAUGES.map((row) => <One key={row.id} row={row} />)}</div>;
}

function One({ row }: { readonly row: MetricRow }) {
  const { loop, controller, store } = useApp();
  const theme = useAppState((state) => state.theme);
  const box = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of theme or density must read the colours again
  useEffect(() => {
    const { css } = readColours(document.documentElement);
    const element = box.current!;
    const axis = { stroke: css['ink-soft'], grid: { show: false }, ticks: { stroke: css.rule, size: 4 }, font: '12px sans-serif' };
    const chart = new uPlot({
      width: Math.max(120, element.clientWidth), height: 92, legend: { show: false }, padding: [4, 8, 0, 0],
      cursor: { sync: { key: 'migration' }, drag: { x: false, y: false } },
      scales: { x: { time: false } },
      axes: [
        { ...axis, size: 20, space: 90, values: (_, splits) => splits.map((value) => formatQuantity(Math.round(value * 1e9), 'ns').text) },
        { ...axis, size: 78, space: 26, values: (_, splits) => splits.map((value) => formatQuantity(value, row.unit).text) },
      ],
      series: [{}, { stroke: css.ink, width: 1.5, points: { show: false } }],
    }, [[], []], element);
    const observer = new ResizeObserver(() => chart.setSize({ width: Math.max(120, element.clientWidth), height: 92 }));
    observer.observe(element);
    let version = -1;
    let drawnAt = 0;
    const remove = loop.add(`sample-${row.id}`, 50 + GAUGES.indexOf(row), (now) => {
      const home = store.getState().migrations.find((it) => it.role === 'source')?.from ?? store.getState().hosts[0]?.id;
      const series = home === undefined ? undefined : controller.session?.samplesOf(home);
      if (series === undefined || series.version === version || now - drawnAt < REDRAW_MS) return;
      version = series.version;
      drawnAt = now;
      const [times, values] = sampleWindow({
        series, fromNs: 0, toNs: Number.MAX_SAFE_INTEGER - 1, metrics: [{ id: row.id, thinning: 'last' }], pointsMax: 300,
      }) as [number[], number[]];
      chart.setData([times, values.map((value) => (Number.isNaN(value) ? null : value))]);
    });
    return () => {
      remove();
      observer.disconnect();
      chart.destroy();
    };
  }, [loop, controller, store, row, theme]);
  return (
    <figure className="samples__one" data-metric={row.id}>
      <figcaption title={row.help}>{row.title} <span className="soft">{row.unit}</span></figcaption>
      <div ref={box} />
    </figure>
  );
}
