/** Guests that are no lab's: real systems, fetched by whoever runs the page. Each boots in a VM of two hosts; what is missing says how to get it. */
import { useEffect, useState } from 'react';
import { findGuests, type FoundGuests, type OfferedGuest, openGuest } from '../exports/open-guest.ts';
import { useApp } from '../session/react.ts';

export function Guests({ close }: { readonly close: () => void }) {
  const [found, setFound] = useState<FoundGuests>();
  useEffect(() => {
    let alive = true;
    void findGuests().then((it) => alive && setFound(it));
    return () => {
      alive = false;
    };
  }, []);
  if (found === undefined) return null;
  return (
    <>
      {found.there.map((guest) => <Offer key={guest.id} guest={guest} close={close} />)}
      {found.absent.map(({ id, title, sentence, command, isPrepared }) => (
        <li key={id} className="library__absent" data-guest={id}>
          <span className="library__title">{title}</span>
          <span className="library__sentence">{sentence} Not on this machine yet: <kbd>{command}</kbd> {isPrepared ? 'makes' : 'gets'} it.</span>
        </li>
      ))}
    </>
  );
}

/** A guest that is there; while its files come, how much of them has. */
function Offer({ guest, close }: { readonly guest: OfferedGuest; readonly close: () => void }) {
  const { controller } = useApp();
  const [part, setPart] = useState(-1);
  return (
    <li>
      <button
        type="button" className="library__lab" data-guest={guest.id} disabled={part >= 0}
        onClick={() => {
          setPart(0);
          void openGuest(controller, { guest: guest.id, vcpus: 1 }, setPart).then((sentence) => {
            setPart(-1);
            if (sentence !== '') return;
            close();
            if (!controller.store.getState().panels.console) controller.store.setState(({ panels }) => ({ panels: { ...panels, console: true } }));
          });
        }}
      >
        <span className="library__title">{guest.isPrepared ? 'Go on with' : 'Boot'} {guest.title}</span>
        <span className="library__sentence">{guest.sentence}</span>
        {part >= 0 && <progress className="library__progress" value={part} aria-label={`Files of ${guest.title}`} />}
      </button>
    </li>
  );
}
