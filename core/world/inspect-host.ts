/**
 * Answers to inspection requests at a cut: what the hypervisor can show of a VM, and whether it
 * could migrate.
 */
import { inspectVm } from '../hypervisor/inspect.ts';
import type { InspectionReply, InspectionRequest } from '../protocol/inspection.ts';
import type { HostProcess } from './host-process.ts';

/** The answer of this host; 'none' with a sentence when it cannot be given. Changes nothing. */
export function inspectHost(self: HostProcess, request: InspectionRequest): InspectionReply {
  if (!('vm' in request)) return { view: 'none', sentence: `${self.name} is a host; its VMs can be looked at.` };
  if (request.view !== 'can-migrate') return inspectVm(self.host, request);
  const asked = { name: 'migrate', arguments: { vm: request.vm, to: request.to } };
  const refusal = self.attachmentFor(asked.name)?.findRefusal?.(asked);
  return {
    view: 'can-migrate',
    refused: refusal !== undefined,
    sentence:
      refusal?.sentence ?? `VM ${request.vm} can be migrated to ${self.hostName(request.to)}.`,
  };
}
