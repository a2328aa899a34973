/**
 * A file dropped anywhere onto the page: an ELF runs as the guest of a new run, or on a bare-metal board; a scenario, a run or a narration is
 * opened. Several are a scenario and what its VMs boot.
 */
import type { RunController } from '../session/run-controller.ts';
import { looksLikeJson } from '../exports/looks-like-json.ts';
import { runElf } from './actions.ts';
import type { PageActions } from './commands.ts';

/** A file that begins like JSON says by its format what it is; anything else is taken for a guest. */
async function openDropped(controller: RunController, actions: PageActions, file: File): Promise<void> {
  const first = new Uint8Array(await file.slice(0, 64).arrayBuffer());
  if (looksLikeJson(first)) await (await import('../exports/open-file.ts')).openTextFile(controller, actions, file);
  else if (await isForBoard(controller, file)) await (await import('../exports/open-program.ts')).openProgram(controller, file);
  else await runElf(controller, file);
}

/** An ELF is a bare-metal program where a board is shown, or when it ends by tohost: a guest of a VM has no such symbol. */
async function isForBoard(controller: RunController, file: File): Promise<boolean> {
  const { hosts } = controller.store.getState();
  if (hosts.length > 0 && hosts.every(({ board }) => board !== undefined)) return true;
  return await (await import('../exports/open-program.ts')).endsByTohost(file);
}

/** Binds the document; gives the function that unbinds. */
export function bindGuestDrop(controller: RunController, actions: PageActions): () => void {
  const over = (event: DragEvent) => {
    if (event.dataTransfer?.types.includes('Files') === true) event.preventDefault();
  };
  const drop = (event: DragEvent) => {
    const files = [...(event.dataTransfer?.files ?? [])];
    const [file, second] = files;
    if (file === undefined) return;
    event.preventDefault();
    if (second === undefined) void openDropped(controller, actions, file);
    else void import('../exports/open-file.ts').then(({ openTogether }) => openTogether(controller, files));
  };
  document.addEventListener('dragover', over);
  document.addEventListener('drop', drop);
  return () => {
    document.removeEventListener('dragover', over);
    document.removeEventListener('drop', drop);
  };
}
