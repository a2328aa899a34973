/**
 * Guests that are no lab's: real systems, fetched by whoever runs the page. Each boots in a VM of two hosts, or on a bare-metal board; what is missing
 * says how to get it. And a board for any bare-metal program.
 */
import { useEffect, useState } from 'react';
import { LIBRARY } from '../../core/mechanisms/library.ts';
import { LABS_WITH_GUESTS } from '../../core/protocol/lab-guests.ts';
import { findGuests, type FoundGuests, openGuest, openLabGuest } from '../exports/open-guest.ts';
import type { RunController } from '../session/run-controller.ts';
import { useApp } from '../session/react.ts';
import { BoardOffers } from './board-offers.tsx';

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
      {found.there.map((guest) => (
        <Offer
          key={guest.id} id={guest.id} title={`${guest.isPrepared ? 'Go on with' : 'Boot'} ${guest.title}`} sentence={guest.sentence} close={close}
          open={(controller, onPart) => openGuest(controller, { guest: guest.id, vcpus: 1 }, onPart)}
        />
      ))}
      {found.labGuests.flatMap(({ guest, isThere }) => LIBRARY.filter(({ id }) => LABS_WITH_GUESTS.includes(id)).map((lab) => (isThere
        ? (
          <Offer
            key={`${lab.id}-${guest.id}`} id={`${lab.id}-${guest.id}`} title={`${lab.title}: ${guest.title}`} sentence={guest.sentence} close={close}
            open={(controller, onPart) => openLabGuest(controller, { lab: lab.id, guest: guest.id }, onPart)}
          />
        )
        : <Absent key={`${lab.id}-${guest.id}`} id={`${lab.id}-${guest.id}`} title={`${lab.title}: ${guest.title}`} sentence={guest.sentence} command={guest.command} />)))}
      {found.absent.map((row) => <Absent key={row.id} {...row} />)}
      <BoardOffers guests={found.there.filter(({ isPrepared }) => !isPrepared)} close={close} />
    </>
  );
}

interface Missing {
  readonly id: string;
  readonly title: string;
  readonly sentence: string;
  readonly command: string;
  readonly isPrepared?: boolean;
}

function Absent({ id, title, sentence, command, isPrepared = false }: Missing) {
  return (
    <li className="library__absent" data-guest={id}>
      <span className="library__title">{title}</span>
      <span className="library__sentence">{sentence} Not on this machine yet: <kbd>{command}</kbd> {isPrepared ? 'makes' : 'gets'} it.</span>
    </li>
  );
}

interface Offered {
  readonly id: string;
  readonly title: string;
  readonly sentence: string;
  readonly open: (controller: RunController, onPart: (part: number) => void) => Promise<string>;
  readonly close: () => void;
}

/** A guest that is there; while its files come, how much of them has. */
function Offer({ id, title, sentence, open, close }: Offered) {
  const { controller } = useApp();
  const [part, setPart] = useState(-1);
  return (
    <li>
      <button
        type="button" className="library__lab" data-guest={id} disabled={part >= 0}
        onClick={() => {
          setPart(0);
          void open(controller, setPart).then((refusal) => {
            setPart(-1);
            if (refusal === '') close();
          });
        }}
      >
        <span className="library__title">{title}</span>
        <span className="library__sentence">{sentence}</span>
        {part >= 0 && <progress className="library__progress" value={part} aria-label={`Files of ${title}`} />}
      </button>
    </li>
  );
}
