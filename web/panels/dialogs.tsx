/** The page's dialogs: all commands, help, what the lab leaves out, and the report of a run that broke. */
import { Autocomplete } from '@base-ui/react/autocomplete';
import { Dialog } from '@base-ui/react/dialog';
import { useState } from 'react';
import type { Contract } from '../../core/base/contract.ts';
import type { CommandRow } from '../app/commands.ts';
import { requestsOf } from '../stage/mark-menus.tsx';
import { Library } from './library.tsx';
import { RequestForm } from './request-form.tsx';
import { saveFile } from '../app/files.ts';
import { useApp, useAppState, useContract } from '../session/react.ts';
import './dialogs.css';

export function Dialogs({ close }: { readonly close: () => void }) {
  const dialog = useAppState((state) => state.dialog);
  return (
    <Dialog.Root open onOpenChange={(open) => !open && close()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="dialog__backdrop" />
        <Dialog.Popup className="dialog" data-dialog={dialog}>
          {dialog === 'palette' && <Palette close={close} />}
          {dialog === 'help' && <Help />}
          {dialog === 'leaves-out' && <LeavesOut />}
          {dialog === 'labs' && <Library close={close} />}
          {dialog === 'request' && <RequestForm close={close} />}
          {dialog === 'failure' && <Failure close={close} />}
          {dialog !== 'palette' && dialog !== 'failure' && dialog !== 'request' && (
            <div className="dialog__foot"><Dialog.Close className="button button--edged">Close</Dialog.Close></div>
          )}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

interface PaletteEntry {
  readonly label: string;
  readonly id: string;
  readonly args: Record<string, unknown>;
  readonly hotkey: string;
  readonly blocked: string;
}

/** Commands as the palette lists them: those with a choice as one entry each, those with a number as `title = value`. */
export function paletteEntries(rows: readonly CommandRow[], contract: Contract, blockedBecause: (id: string) => string): PaletteEntry[] {
  const hidden = new Set(['set-knob', 'inject-fault', 'set-speed', 'select', 'zoom-to', 'load', 'console-input', 'palette', 'ask', 'take-step', 'open-request', 'open-lab', 'open-guest', 'go-to-step', 'answer', 'narration-language']);
  const plain = rows.filter((row) => !hidden.has(row.id)).map((row) => ({
    label: row.title, id: row.id, args: {}, hotkey: row.hotkey ?? '', blocked: blockedBecause(row.id),
  }));
  const faults = contract.faults.map((fault) => ({
    label: fault.title, id: 'inject-fault', args: { fault: fault.id }, hotkey: '', blocked: blockedBecause('inject-fault'),
  }));
  const requests = requestsOf(contract.requests).map((row) => ({
    label: `${row.title} …`, id: 'open-request', args: { request: row.id }, hotkey: '', blocked: blockedBecause('open-request'),
  }));
  return [...plain, ...requests, ...faults];
}

/** An entry typed as `knob = number`, or undefined. */
export function typedKnob(text: string, contract: Contract): { readonly knob: string; readonly value: number } | undefined {
  const match = /^\s*([a-z-]+)\s*=\s*([\d.e+]+)\s*$/i.exec(text);
  const row = contract.knobs.find((it) => it.id === match?.[1]);
  return row === undefined || match === null ? undefined : { knob: row.id, value: Number(match[2]) };
}

function Palette({ close }: { readonly close: () => void }) {
  const { commands } = useApp();
  const [query, setQuery] = useState('');
  const contract = useContract();
  const entries = paletteEntries(commands.rows, contract, (id) => commands.blockedBecause(id));
  const knob = typedKnob(query, contract);
  const items: PaletteEntry[] = knob === undefined ? entries
    : [{ label: `Set ${knob.knob} = ${knob.value}`, id: 'set-knob', args: { ...knob }, hotkey: '', blocked: '' }];
  const choose = (entry: PaletteEntry) => {
    if (entry.blocked !== '') return;
    close();
    void commands.run(entry.id, entry.args);
  };
  return (
    <>
      <Dialog.Title className="visually-hidden">All commands</Dialog.Title>
      <Autocomplete.Root
        items={items} open inline itemToStringValue={(entry: PaletteEntry) => entry.label} value={query} onValueChange={setQuery}
        autoHighlight="always" {...(knob === undefined ? {} : { filter: null })}
      >
        <Autocomplete.Input className="palette__input" placeholder="Command, or knob = value" aria-label="Command" autoFocus />
        <Autocomplete.Empty className="palette__empty soft">No command has this name.</Autocomplete.Empty>
        <Autocomplete.List className="palette__list">
          {(entry: PaletteEntry) => (
            <Autocomplete.Item key={`${entry.id}${JSON.stringify(entry.args)}`} value={entry} className="palette__item" data-entity="run" disabled={entry.blocked !== ''} onClick={() => choose(entry)}>
              {entry.label}
              {entry.blocked !== '' && <span className="palette__why">{entry.blocked}</span>}
              {entry.hotkey !== '' && <kbd>{entry.hotkey}</kbd>}
            </Autocomplete.Item>
          )}
        </Autocomplete.List>
      </Autocomplete.Root>
    </>
  );
}

function Help() {
  const { commands } = useApp();
  const contract = useContract();
  return (
    <>
      <Dialog.Title className="dialog__title">Help</Dialog.Title>
      <div className="dialog__body" role="group" aria-label="Help" tabIndex={0}>
        <p>Drag the VM onto the other host, or press M while the stage has the focus. Wheel or W and S zoom down to single bytes; Escape leaves a field.</p>
        <table className="table">
          <tbody>
            {commands.rows.filter((row) => row.hotkey !== undefined).map((row) => (
              <tr key={row.id}><td><kbd>{row.hotkey}</kbd></td><td>{row.title}</td></tr>
            ))}
          </tbody>
        </table>
        <dl>{contract.terms.map(({ term, meaning }) => <div key={term}><dt>{term}</dt><dd>{meaning}</dd></div>)}</dl>
      </div>
    </>
  );
}

function LeavesOut() {
  const contract = useContract();
  return (
    <>
      <Dialog.Title className="dialog__title">Emulated, and what this leaves out</Dialog.Title>
      <div className="dialog__body">
        <p>The guest runs instruction by instruction; its pages, registers and packets are real bytes. Costs of exits and copies come from a table.</p>
        <ul>{contract.leavesOut.map((line) => <li key={line}>{line}</li>)}</ul>
      </div>
    </>
  );
}

function Failure({ close }: { readonly close: () => void }) {
  const { commands } = useApp();
  const failure = useAppState((state) => state.failure);
  const [copied, setCopied] = useState(false);
  const text = failure?.report ?? '';
  return (
    <>
      <Dialog.Title className="dialog__title">The run stopped: a check in the model failed</Dialog.Title>
      <div className="dialog__body" data-failure>
        <p>{failure?.sentence ?? ''}</p>
        <p className="soft">The report below repeats the run up to this point.</p>
        <pre tabIndex={0} aria-label="Report">{text}</pre>
      </div>
      <div className="dialog__foot">
        <button
          type="button" className="button button--edged button--primary"
          onClick={() => {
            close();
            void commands.run('start-again');
          }}
        >
          Start again
        </button>
        <button
          type="button" className="button button--edged"
          onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(true), () => setCopied(false))}
        >
          {copied ? 'Copied' : 'Copy the report'}
        </button>
        <button type="button" className="button button--edged" onClick={() => saveFile('glasshouse-failure.json', text, 'application/json')}>Download it</button>
      </div>
    </>
  );
}
