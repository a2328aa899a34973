/** Snapshots as files and as things that this browser keeps. Loaded when they are first asked for. */
import { readSnapshotAbout, readSnapshotHead } from '../../core/formats/snapshot-notes.ts';
import { pickFile, saveFile } from '../app/files.ts';
import type { SnapshotAct } from '../app/snapshot-commands.ts';
import { type KeptAbout, KeptSnapshots } from '../session/kept-snapshots.ts';
import type { RunController } from '../session/run-controller.ts';
import { openRestored } from './open-restored.ts';

/** Largest file taken for a snapshot. Unit: byte. */
const FILE_BYTES_MAX = 1 << 30;

/** Does what the commands ask; gives '' or the sentence that says why not, which is also the page's notice. */
export class SnapshotActions {
  readonly #controller: RunController;
  readonly #kept = new KeptSnapshots();

  constructor(controller: RunController) {
    this.#controller = controller;
  }

  async act(act: SnapshotAct): Promise<string> {
    const sentence = await this.#do(act);
    if (sentence !== '') this.#controller.store.setState({ notice: sentence });
    return sentence;
  }

  async #do(act: SnapshotAct): Promise<string> {
    const { store } = this.#controller;
    switch (act.do) {
      case 'list':
        store.setState({ kept: await this.#kept.list() });
        return '';
      case 'allow':
        store.setState({ kept: await this.#kept.allow(act.bytes) });
        return '';
      case 'save-file':
        return await this.#withFile(act.name, async (bytes) => {
          saveFile(`${act.name}.core`, bytes, 'application/octet-stream');
          return '';
        });
      case 'keep':
        return await this.#withFile(act.name, (bytes) => this.#keep(act.name, bytes));
      case 'delete-kept': {
        const { sentence, kept } = await this.#kept.delete(act.name);
        if (kept !== undefined) store.setState({ kept });
        return sentence;
      }
      case 'restore-kept': {
        const { sentence, bytes } = await this.#kept.read(act.name);
        const lab = store.getState().kept?.entries.find(({ name }) => name === act.name)?.lab;
        return bytes === undefined ? sentence : await this.#start(act.name, bytes, lab);
      }
      case 'open-file': {
        const file = await pickFile('.core,application/x-core,application/octet-stream');
        if (file === null) return '';
        if (file.size > FILE_BYTES_MAX) return `${file.name} has ${file.size} bytes; a snapshot file may have at most ${FILE_BYTES_MAX} bytes.`;
        return await this.#start(file.name, new Uint8Array(await file.arrayBuffer()), undefined);
      }
    }
  }

  async #withFile(name: string, work: (bytes: Uint8Array) => Promise<string>): Promise<string> {
    const bytes = (await this.#controller.session?.snapshotFile(name)) ?? new Uint8Array(0);
    return bytes.length === 0 ? `There is no snapshot “${name}” on any disk of this run.` : await work(bytes);
  }

  async #keep(name: string, bytes: Uint8Array): Promise<string> {
    const head = readSnapshotHead(bytes);
    if (!head.ok) return head.error;
    const { store } = this.#controller;
    const { spec } = store.getState();
    const { vmName, parent, takenAtNs, pageCount } = head.value;
    const about: KeptAbout = { lab: spec.lab, seed: spec.seed, vmName, parent, takenAtNs, pageCount };
    const taken = new Set((await this.#kept.list()).entries.map((entry) => entry.name));
    const { sentence, kept } = await this.#kept.keep(freeName(name, taken), bytes, about);
    if (kept !== undefined) store.setState({ kept });
    return sentence;
  }

  /**
   * A new run in which the VM goes on from the snapshot; it stands at the instant that the snapshot shows. A VM that brings its devices
   * goes on in a world of its own, and stands just after; another takes the place of the lab's.
   */
  async #start(name: string, bytes: Uint8Array, lab: string | undefined): Promise<string> {
    const about = readSnapshotAbout(bytes);
    if (!about.ok) return `${name}: ${about.error}`;
    if (about.value.hasMachine) return await openRestored(this.#controller, { name, bytes }, about.value.head);
    const { store } = this.#controller;
    const { spec } = store.getState();
    const refusal = await this.#controller.start({
      lab: lab ?? spec.lab, seed: spec.seed, knobs: lab === undefined || lab === spec.lab ? spec.knobs : {}, autoplay: false, guest: { name, bytes },
    });
    if (refusal !== '') return refusal;
    return (await this.#controller.session?.advanceTo(about.value.head.takenAtNs)) ?? 'No run is alive.';
  }
}

/** The name, or the first of “name 2”, “name 3” … that is free. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  let number = 2;
  while (taken.has(`${name} ${number}`)) number++;
  return `${name} ${number}`;
}
