/** The guess beside the result: two bars on one scale from zero, the guess an outline, what was measured filled. */
import type { StepResult } from '../../core/protocol/walkthrough-player.ts';
import { Quantity } from '../widgets/quantity.tsx';
import type { TourWords } from './words.ts';

export function GuessBars({ answer, entity, words, hidden }: {
  readonly answer: NonNullable<StepResult['answer']>;
  readonly entity: string;
  readonly words: TourWords;
  readonly hidden: boolean;
}) {
  const { guess, value, unit } = answer;
  const most = Math.max(value, guess ?? 0, Number.MIN_VALUE);
  const share = (part: number) => ({ width: `${Math.max(0.5, (100 * part) / most)}%` });
  return (
    <dl className="tour__bars" data-tour-answer>
      {guess !== undefined && (
        <div>
          <dt>{words.guessed}</dt>
          <dd>
            <span className="tour__bar tour__bar--guess" style={share(hidden ? most : guess)} aria-hidden="true" data-answer />
            <Quantity value={guess} unit={unit} entity={entity} />
          </dd>
        </div>
      )}
      <div>
        <dt>{words.measured}</dt>
        <dd>
          <span className="tour__bar" style={share(value)} aria-hidden="true" data-answer />
          <Quantity className="story__number" value={value} unit={unit} entity={entity} />
        </dd>
      </div>
    </dl>
  );
}
