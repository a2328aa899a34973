/** A prediction before the step runs: the question, a slider with a hollow thumb until it is touched, a field with the unit. */
import { Slider } from '@base-ui/react/slider';
import { useEffect, useId, useState } from 'react';
import { formatQuantity } from '../app/quantity.ts';
import { useApp, useAppState } from '../session/react.ts';
import '../widgets/knob.css';
import { guessAt, guessScale, guessText, positionOfGuess, typedGuess } from './guess-scale.ts';
import type { TourStep } from './tour-state.ts';
import type { TourWords } from './words.ts';

/** `unit`: of the metric that is asked for, as in the contract. */
export function Bet({ step, unit, words }: { readonly step: TourStep; readonly unit: string; readonly words: TourWords }) {
  const { commands } = useApp();
  const id = useId();
  const given = useAppState((state) => state.tour?.player.guesses[step.id]);
  const ask = step.ask!;
  const scale = guessScale(ask, unit);
  const [text, setText] = useState(given === undefined ? '' : guessText(given, scale));
  const wrong = text !== '' && typedGuess(text, scale) === undefined;
  const answer = (value: number) => void commands.run('answer', { value });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the scale follows from the step, and a field belongs to one step
  useEffect(() => {
    // Given elsewhere: by the slider, the notes or a script.
    if (given !== undefined) setText((now) => (typedGuess(now, scale) === given ? now : guessText(given, scale)));
  }, [given]);
  const position = given === undefined ? Math.round(scale.steps / 2) : positionOfGuess(ask, scale, given);
  return (
    <form
      className="tour__bet" noValidate onSubmit={(event) => {
        event.preventDefault();
        if (!wrong) void commands.run('next-step');
      }}
    >
      <label className="tour__question" htmlFor={id}>{ask.question}</label>
      <span className="tour__guess">
        <Slider.Root
          className="knob tour__slider" data-pending={given === undefined} value={position} min={0} max={scale.steps} step={1} largeStep={10}
          onValueChange={(at) => answer(guessAt(ask, scale, at))}
        >
          <Slider.Control className="knob__control">
            <Slider.Track className="knob__track">
              <Slider.Thumb
                className="knob__thumb" getAriaLabel={() => words.yourGuess}
                getAriaValueText={(_, at) => formatQuantity(guessAt(ask, scale, at), unit).text}
              />
            </Slider.Track>
          </Slider.Control>
        </Slider.Root>
        <input
          id={id} className="tour__field" type="text" inputMode="decimal" autoComplete="off" data-guess aria-invalid={wrong || undefined}
          value={text} onChange={(event) => {
            setText(event.target.value);
            const value = typedGuess(event.target.value, scale);
            if (value !== undefined) answer(value);
          }}
        />
        <span className="tour__unit">{scale.unit}</span>
      </span>
      {wrong && <p className="tour__failure" role="alert">{words.notANumber}</p>}
    </form>
  );
}
