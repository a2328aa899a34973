/** All labs of the house: what each is called and the one sentence that it begins with. Each opens on its picture, moving. Below them, guests to boot. */
import { Dialog } from '@base-ui/react/dialog';
import { lazy, Suspense } from 'react';
import { LIBRARY } from '../../core/mechanisms/library.ts';
import { useApp, useAppState } from '../session/react.ts';

const Guests = lazy(async () => ({ default: (await import('./guests.tsx')).Guests }));

export function Library({ close }: { readonly close: () => void }) {
  const { commands } = useApp();
  const here = useAppState((state) => state.spec.lab);
  return (
    <>
      <Dialog.Title className="dialog__title">Open a lab</Dialog.Title>
      <ul className="library dialog__body">
        {LIBRARY.map((lab) => (
          <li key={lab.id}>
            <button
              type="button" className="library__lab" aria-current={lab.id === here ? 'page' : undefined} data-lab={lab.id}
              onClick={() => {
                close();
                void commands.run('open-lab', { lab: lab.id });
              }}
            >
              <span className="library__title">{lab.title}</span>
              <span className="library__sentence">{lab.sentence}</span>
            </button>
          </li>
        ))}
        <Suspense fallback={null}><Guests close={close} /></Suspense>
      </ul>
    </>
  );
}
