/**
 * What a logged command does on one host. Every process applies every command at the same virtual time;
 * each does its own part. What cannot be done any more is noted on the timeline and changes nothing.
 */
import { type Command, requestOf } from '../protocol/command.ts';
import type { HostProcess } from './host-process.ts';

/** Does this host's part of `command`, now. */
export function applyCommand(self: HostProcess, command: Command): void {
  const ofLab = self.mechanisms.find(
    ({ lab }) => lab.contract.id === self.scenario.lab,
  )?.attachment;
  switch (command.kind) {
    case 'set-knob':
      self.knobs[command.knob] = command.value;
      ofLab?.onKnob?.(command.knob, command.value);
      return;
    case 'inject-fault':
      ofLab?.onFault?.(command.fault, command.target ?? '');
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
