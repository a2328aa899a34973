/** A file dropped anywhere onto the page: an ELF runs as the guest of a new run, a run file is repeated, a narration tells the tour. */
import type { RunController } from '../session/run-controller.ts';
import { looksLikeJson } from '../exports/looks-like-json.ts';
import { NARRATION_FORMAT } from '../tour/narration-format.ts';
import { runElf } from './actions.ts';
import type { PageActions } from './commands.ts';

/** Largest narration that is looked for. Unit: byte. */
const NARRATION_SIZE_MAX = 1_000_000;

/** A file that begins like JSON is a narration or a run file; anything else is taken for a guest. */
async function openDropped(controller: RunController, actions: PageActions, file: File): Promise<void> {
  const first = new Uint8Array(await file.slice(0, 64).arrayBuffer());
  if (looksLikeJson(first) && file.size <= NARRATION_SIZE_MAX && (await file.text()).includes(`"${NARRATION_FORMAT}"`)) await actions.tour({ kind: 'narration', file });
  else if (looksLikeJson(first)) await (await import('../exports/export-actions.ts')).openRunFile(controller, file);
  else await runElf(controller, file);
}

/** Binds the document; gives the function that unbinds. */
export function bindGuestDrop(controller: RunController, actions: PageActions): () => void {
  const over = (event: DragEvent) => {
    if (event.dataTransfer?.types.includes('Files') === true) event.preventDefault();
  };
  const drop = (event: DragEvent) => {
    const file = event.dataTransfer?.files[0];
    if (file === undefined) return;
    event.preventDefault();
    void openDropped(controller, actions, file);
  };
  document.addEventListener('dragover', over);
  document.addEventListener('drop', drop);
  return () => {
    document.removeEventListener('dragover', over);
    document.removeEventListener('drop', drop);
  };
}
