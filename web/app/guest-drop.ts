/** An ELF dropped anywhere onto the page runs as the guest of a new run. */
import type { RunController } from '../session/run-controller.ts';
import { runElf } from './actions.ts';

/** Binds the document; gives the function that unbinds. */
export function bindGuestDrop(controller: RunController): () => void {
  const over = (event: DragEvent) => {
    if (event.dataTransfer?.types.includes('Files') === true) event.preventDefault();
  };
  const drop = (event: DragEvent) => {
    const file = event.dataTransfer?.files[0];
    if (file === undefined) return;
    event.preventDefault();
    void runElf(controller, file);
  };
  document.addEventListener('dragover', over);
  document.addEventListener('drop', drop);
  return () => {
    document.removeEventListener('dragover', over);
    document.removeEventListener('drop', drop);
  };
}
