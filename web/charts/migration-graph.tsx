/**
 * The migration on one time axis: dirty rate against link rate (shaded where dirty wins), bytes left
 * falling towards the downtime line, rounds as ruled bands, and two console ribbons in which downtime is
 * a hole. Its knobs stand at its left edge. Drawn by the frame loop; React renders the frame only.
 */
import { useEffect, useRef } from 'react';
import 'uplot/dist/uPlot.min.css';
import { useApp, useAppState, useContract } from '../session/react.ts';
import { findMigration } from '../session/store.ts';
import { readColours } from '../styles/colours.ts';
import { Knob } from '../widgets/knob.tsx';
import { MigrationCharts } from './migration-charts.ts';
import './migration-graph.css';

export function MigrationGraph() {
  const parts = useApp();
  const { loop, controller } = parts;
  const theme = useAppState((state) => state.theme);
  const density = useAppState((state) => state.density);
  const entity = useAppState((state) => `migration:${findMigration(state)?.vm ?? 0}`);
  const baseline = useContract().baselines[0]?.title ?? '';
  const mode = useAppState((state) => (findMigration(state)?.mode === 'stop-and-copy' ? 'Stop-and-copy' : 'Pre-copy'));
  const plots = useRef<HTMLDivElement>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of theme or density must read the colours again
  useEffect(() => {
    const charts = new MigrationCharts(plots.current!, controller, readColours(document.documentElement));
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    const recolour = () => charts.setColours(readColours(document.documentElement));
    dark.addEventListener('change', recolour);
    const observer = new ResizeObserver(() => charts.resize());
    observer.observe(plots.current!);
    const remove = loop.add('migration', 15, charts.draw, 'pictures');
    return () => {
      dark.removeEventListener('change', recolour);
      observer.disconnect();
      remove();
      charts.destroy();
    };
  }, [loop, controller, theme, density]);

  return (
    <section className="migration chart" aria-label="Migration graph" data-mark="migration" data-entity={entity} data-no-zoom>
      <div className="migration__knobs" data-mark="knobs">
        <Knob id="downtime-limit" entity={entity} />
        <Knob id="round-limit" entity={entity} />
        <Knob id="throttle" entity={entity} />
      </div>
      <div className="migration__plots" ref={plots} tabIndex={-1}>
        <div className="plot" data-plot="rates">
          <ul className="plot__legend">
            <li><span className="swatch swatch--dirty" aria-hidden="true" />written <span className="number" data-value="dirty" data-entity="vm:1" data-unit="MB/s" /></li>
            <li><span className="swatch swatch--in-flight" aria-hidden="true" />sent <span className="number" data-value="link" data-entity="link:0-1" data-unit="MB/s" /></li>
            <li data-row="throttle" hidden>throttled <span className="number" data-value="throttle" data-entity="vm:1" data-unit="%" /></li>
          </ul>
        </div>
        <div className="plot" data-plot="left">
          <ul className="plot__legend">
            <li><span className="plot__line" aria-hidden="true" />left <span className="number" data-value="left" data-entity={entity} data-unit="MB" /></li>
            <li data-row="predicted">predicted <span className="number" data-value="predicted" data-entity={entity} data-unit="ms" /></li>
            <li className="plot__limit"><span className="plot__line plot__line--limit" aria-hidden="true" />limit <span className="number" data-value="limit" data-entity={entity} data-unit="ms" /></li>
          </ul>
          <div className="plot__handle" data-knob-handle="downtime-limit" aria-hidden="true" />
        </div>
        <div className="ribbons" data-plot="ribbons">
          <canvas className="ribbons__canvas" aria-hidden="true" />
          <span className="ribbons__name" data-ribbon="mechanism">{mode}</span>
          <span className="ribbons__hole number" data-value="downtime" data-entity={entity} data-unit="ms" />
          <span className="ribbons__name" data-ribbon="baseline">{baseline}</span>
          <span className="ribbons__hole number" data-value="baseline" data-entity="baseline" data-unit="ms" />
        </div>
      </div>
    </section>
  );
}
