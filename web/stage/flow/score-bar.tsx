/** Scores as bars on one scale: split by resource, with the limits as ticks; and the spread of a site against its threshold. */
import { threeDigits } from '../../app/quantity.ts';
import type { FlowBracket, FlowGateway } from './flow-facts.ts';
import { scoreParts } from './flow-layout.ts';

/** Score at the right end of every bar. */
export const SCORE_SPAN = 1.25;
const WIDTH = 100;

/** A gateway's score; each part a resource's weighted share. */
export function ScoreBar({ gateway, isHigh }: { readonly gateway: FlowGateway; readonly isHigh: boolean }) {
  const ends = scoreParts(gateway.resources, WIDTH, SCORE_SPAN);
  const words = gateway.resources.map((it) => `${it.title} ${threeDigits(it.use * 100)} % of ${threeDigits(it.limit * 100)} %`).join(', ');
  const limit = gateway.resources.reduce((least, it) => Math.min(least, it.limit), SCORE_SPAN);
  return (
    <div className="score" role="img" aria-label={`Score ${threeDigits(gateway.score)}: ${words}`} title={words} data-high={isHigh}>
      <svg className="score__bar" viewBox={`0 0 ${WIDTH} 8`} preserveAspectRatio="none" aria-hidden="true">
        <rect className="score__ground" width={WIDTH} height="8" />
        {gateway.resources.map((it, index) => {
          const start = index === 0 ? 0 : ends[index - 1]!;
          return <rect key={it.id} className="score__part" data-index={index} x={start} width={Math.max(0, ends[index]! - start - 0.4)} height="8" />;
        })}
        <rect className="score__limit" x={(limit / SCORE_SPAN) * WIDTH - 0.5} y="-2" width="1" height="12" />
      </svg>
      <span className="score__value number" data-entity={gateway.entity} data-unit="score">{threeDigits(gateway.score)}&nbsp;<span className="soft">load</span></span>
    </div>
  );
}

/** From the lowest score of a site to its highest; the dark part is what is allowed. */
export function SpreadBar({ bracket }: { readonly bracket: FlowBracket }) {
  const at = (score: number) => (Math.min(SCORE_SPAN, Math.max(0, score)) / SCORE_SPAN) * WIDTH;
  const allowed = at(bracket.high) - at(bracket.high * (1 - bracket.threshold));
  return (
    <svg className="spread" viewBox={`0 0 ${WIDTH} 14`} preserveAspectRatio="none" aria-hidden="true" data-beyond={bracket.difference > bracket.threshold}>
      <rect className="spread__allowed" x={at(bracket.high) - allowed} y="3" width={allowed} height="8" />
      <path className="spread__line" d={`M${at(bracket.low)} 0V14M${at(bracket.low)} 7H${at(bracket.high)}M${at(bracket.high)} 0V14`} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
