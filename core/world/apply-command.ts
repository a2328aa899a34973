/**
 * What a logged command does on one host. Every process applies every command at the same virtual
 * time; each does its own part. What cannot be done any more is noted on the timeline and changes
 * nothing.
 */
import { type Command, requestOf } from '../protocol/command.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { AttachedMechanism, HostProcess } from './host-process.ts';

/** Does this host's part of `command`, now. */
export function applyCommand(self: HostProcess, command: Command): void {
  const ofLab = self.mechanisms.find(({ lab }) => lab.contract.id === self.scenario.lab);
  switch (command.kind) {
    case 'set-knob':
      applyKnob(self, ofLab, command);
      return;
    case 'inject-fault':
      ofLab?.attachment.onFault?.(command.fault, command.target ?? '');
      return;
    case 'console-input':
      self.typeInto(command.vm, command.text);
      return;
    default: {
      const request = requestOf(command);
      if (request !== undefined) self.attachmentFor(request.name)?.onRequest(request);
    }
  }
}

function applyKnob(
  self: HostProcess,
  ofLab: AttachedMechanism | undefined,
  { knob, value }: { readonly knob: string; readonly value: number },
): void {
  self.knobs[knob] = value;
  ofLab?.attachment.onKnob?.(knob, value);
  const row = ofLab?.lab.contract.knobs.find((it) => it.id === knob);
  if (row === undefined || self.id !== self.scenario.processes[0]?.id) return; // the first tells
  self.host.log({
    timeNs: self.host.now(),
    kind: 'command',
    entity: entityOf(self.scenario, row.entity),
    text: `${knob} = ${value}${row.unit === '' ? '' : ` ${row.unit}`}`,
  });
}

/** Where on the picture a knob's entity is: the first of its kind. */
function entityOf({ links, vms, hosts }: Scenario, kind: string): string {
  const link = links[0];
  if (kind === 'link' && link !== undefined) return `link:${link.a}-${link.b}`;
  if (kind === 'host') return `host:${hosts[0]?.id ?? 0}`;
  return kind === 'vm' || kind === 'migration' ? `${kind}:${vms[0]?.id ?? 1}` : kind;
}
