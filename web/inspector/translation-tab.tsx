/** An address typed in, walked through both stages: a ladder of the entries that are read, and the same as a table. */
import { type FormEvent, memo, useId, useState } from 'react';
import type { WalkAccess } from '../../core/protocol/machine-inspection.ts';
import { parseAddress } from './parse-address.ts';
import { Hex } from './section.tsx';
import { useInspection } from './use-inspection.ts';
import { WalkLadder, WalkTable, walkSentence } from './walk-ladder.tsx';

const ACCESSES: readonly { readonly id: WalkAccess; readonly title: string }[] = [
  { id: 'load', title: 'Load' }, { id: 'store', title: 'Store' }, { id: 'fetch', title: 'Fetch' },
];

export const TranslationTab = memo(function TranslationTab({ vm, vcpu, start }: { readonly vm: number; readonly vcpu: number; readonly start: string }) {
  const [text, setText] = useState(start);
  const [asked, setAsked] = useState(start);
  const [access, setAccess] = useState<WalkAccess>('load');
  const [shape, setShape] = useState<'ladder' | 'table'>('ladder');
  const problem = useId();
  const registers = useInspection({ view: 'processor', vm, vcpu }, 'processor').reply;
  const parsed = parseAddress(text);
  // Nothing typed yet: where the vCPU is.
  const walked = parseAddress(asked);
  const address = walked.ok ? walked.address : (registers?.pc ?? null);
  const { reply, sentence } = useInspection(address === null ? null : { view: 'translation', vm, vcpu, address, access }, 'translation');
  const entity = `vcpu:${vm}.${vcpu}`;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (parsed.ok || text === '') setAsked(text); // empty: where the vCPU is
  };
  const isWrong = text !== '' && !parsed.ok;
  return (
    <div data-view="translation">
      <form className="walk" onSubmit={submit}>
        <input
          className="field mono" aria-label="Virtual address" placeholder={registers?.pc ?? '0x80000000'} spellCheck={false} autoComplete="off"
          aria-invalid={isWrong} aria-describedby={isWrong ? problem : undefined} value={text} onChange={(event) => setText(event.target.value)}
        />
        <button type="submit" className="button button--edged">Walk</button>
      </form>
      <div className="walk" role="group" aria-label="Kind of access">
        {ACCESSES.map((it) => (
          <button key={it.id} type="button" className="button button--edged" aria-pressed={it.id === access} onClick={() => setAccess(it.id)}>{it.title}</button>
        ))}
        <button type="button" className="button button--edged walk__shape" aria-pressed={shape === 'table'} onClick={() => setShape(shape === 'table' ? 'ladder' : 'table')}>As a table</button>
      </div>
      {isWrong && <p id={problem} role="alert" className="walk__problem">{parsed.sentence}</p>}
      {reply === null ? <p className="soft">{sentence}</p> : (
        <>
          <p className="walk__end" data-ended={reply.end.ended} data-entity={entity} aria-live="polite">{walkSentence(reply)}</p>
          {reply.lands !== '' && <p data-entity={entity}>There: {reply.lands}.</p>}
          <p className="soft walk__roots" data-entity={entity}>
            {reply.hart} in {reply.privilege}: {reply.registers.map((it, index) => (
              <span key={it.name}>{index === 0 ? '' : ', then '}{it.name} {it.mode}{it.rootAddress === '' ? '' : <> from <Hex value={it.rootAddress} entity={entity} /></>}</span>
            ))}
          </p>
          {shape === 'ladder' ? <WalkLadder walk={reply} entity={entity} /> : <WalkTable walk={reply} entity={entity} />}
        </>
      )}
    </div>
  );
});
