/** What the library offers on bare metal: fetched guests under their firmware, with one hart or with two, and a board for any program. */
import { useState } from 'react';
import { openGuest } from '../exports/open-guest.ts';
import { useApp } from '../session/react.ts';

/** A guest whose files are there. */
interface BoardGuest {
  readonly id: string;
  readonly title: string;
}

export function BoardOffers({ guests, close }: { readonly guests: readonly BoardGuest[]; readonly close: () => void }) {
  const { commands } = useApp();
  return (
    <>
      {guests.map((guest) => <BareOffer key={guest.id} guest={guest} close={close} />)}
      <li>
        <button
          type="button" className="library__lab" data-board="program"
          onClick={() => {
            close();
            void commands.run('open-program', {});
          }}
        >
          <span className="library__title">Start a bare-metal program</span>
          <span className="library__sentence">Any RISC-V ELF that begins in machine mode on QEMU’s virt machine; it ends by the test finisher or by tohost.</span>
        </button>
      </li>
    </>
  );
}

function BareOffer({ guest, close }: { readonly guest: BoardGuest; readonly close: () => void }) {
  const { controller } = useApp();
  const [part, setPart] = useState(-1);
  const boot = (harts: number) => {
    setPart(0);
    void openGuest(controller, { guest: guest.id, vcpus: harts, isBare: true }, setPart).then((sentence) => {
      setPart(-1);
      if (sentence === '') close();
    });
  };
  return (
    <li className="library__pair">
      <button type="button" className="library__lab" data-board={guest.id} data-harts={1} disabled={part >= 0} onClick={() => boot(1)}>
        <span className="library__title">Boot {guest.title}, on bare metal</span>
        <span className="library__sentence">On a board by itself, from machine mode on: OpenSBI, then the kernel.</span>
        {part >= 0 && <progress className="library__progress" value={part} aria-label={`Files of ${guest.title} and its firmware`} />}
      </button>
      <button type="button" className="button button--edged" data-board={guest.id} data-harts={2} disabled={part >= 0} aria-label={`Boot ${guest.title}, on bare metal, with 2 harts`} onClick={() => boot(2)}>with 2 harts</button>
    </li>
  );
}
