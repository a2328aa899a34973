/** What a tour says, as the card and the presenter's notes show it. */
import type { MetricRow } from '../../core/base/contract.ts';
import { sayParts } from '../../core/protocol/walkthrough-player.ts';
import { Quantity } from '../widgets/quantity.tsx';
import { type MetricValues, presentStep, type TourState, type TourStep } from './tour-state.ts';
import type { TourWords } from './words.ts';

/** What going on does now: the button's words. */
export function primaryLabel(tour: TourState, words: TourWords): string {
  const step = presentStep(tour);
  if (step === undefined) return words.end;
  const { phase } = tour.player;
  if (phase === 'waiting') return step.button ?? words.goOn;
  return phase === 'running' ? words.hurry : words.next;
}

/** What is said; {metric} is its value as it is measured now. */
export function Words({ step, values, metrics }: { readonly step: TourStep; readonly values: MetricValues; readonly metrics: readonly MetricRow[] }) {
  return sayParts(step.say).map((part, index) => {
    // biome-ignore-start lint/suspicious/noArrayIndexKey: the pieces of one sentence, each in its place
    if ('words' in part) return <span key={index}>{part.words}</span>;
    const found = values[part.metric];
    return found === undefined
      ? <span key={index}>–</span>
      : <Quantity key={index} className="story__number" value={found.value} unit={found.unit} entity={entityOf(metrics, part.metric)} />;
    // biome-ignore-end lint/suspicious/noArrayIndexKey: see above
  });
}

/** The unit of what a step asks for. */
export function unitOf(metrics: readonly MetricRow[], step: TourStep): string {
  return metrics.find(({ id }) => id === step.ask?.metric)?.unit ?? '';
}

/** What a metric is of, as an entity: the contract's word. */
export function entityOf(metrics: readonly MetricRow[], metric: string): string {
  return metrics.find(({ id }) => id === metric)?.entity ?? 'run';
}
