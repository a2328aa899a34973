/** Interrupt files and controllers as inspectors show them. Nothing is claimed and nothing changes. */
import { hexadecimal } from '../memory/index.ts';
import type { ControllerFacts, InterruptFileFacts } from '../protocol/machine-inspection.ts';
import type { Aplic } from './aplic.ts';
import { fileRegister, type InterruptFile } from './interrupt-file.ts';
import type { Plic } from './plic.ts';

/** An interrupt file: delivery, threshold, and the identities that are pending or enabled. */
export function interruptFileFacts(name: string, file: InterruptFile): InterruptFileFacts {
  const identities = (first: number): number[] => {
    const found: number[] = [];
    for (let word = 0; word * 64 <= file.identityCount; word++) {
      let bits = file.readRegister(first + 2 * word) ?? 0n;
      for (let identity = word * 64; bits !== 0n; identity++, bits >>= 1n) if ((bits & 1n) === 1n) found.push(identity);
    }
    return found;
  };
  return {
    name,
    delivers: file.readRegister(fileRegister.eidelivery) === 1n,
    threshold: Number(file.readRegister(fileRegister.eithreshold) ?? 0n),
    identityCount: file.identityCount,
    pending: identities(fileRegister.eip0),
    enabled: identities(fileRegister.eie0),
    top: file.top() >>> 16,
  };
}

/** Names of what an inspector shows of a controller. */
export interface ControllerNames {
  readonly name: string;
  readonly address: number;
  /** Of the device on a source's wire; '' for nobody. */
  source(source: number): string;
  context(context: number): string;
}

/** A PLIC: sources that do something, and contexts. */
export function plicFacts(plic: Plic, names: ControllerNames): ControllerFacts {
  const contexts = Array.from({ length: plic.contextCount }, (_, context) => context);
  const sources = Array.from({ length: plic.sourceCount }, (_, index) => index + 1).flatMap((source) => {
    const state = plic.sourceState(source);
    const priority = plic.priorityOf(source);
    const enabledFor = contexts.filter((context) => plic.isEnabled(context, source)).map((context) => names.context(context));
    const name = names.source(source);
    if (name === '' && priority === 0 && enabledFor.length === 0 && !state.level && !state.pending && !state.claimed) return [];
    return [{ source, name, ...state, priority, enabledFor }];
  });
  return {
    name: names.name, address: hexadecimal(names.address), sourceCount: plic.sourceCount, sources,
    contexts: contexts.map((context) => ({
      name: names.context(context), threshold: plic.thresholdOf(context), top: plic.topSource(context), signals: plic.isSignalling(context),
    })),
  };
}

/** A domain of an APLIC likewise; a source's priority is what its target says, and with messages 0. */
export function aplicFacts(aplic: Aplic, names: ControllerNames): ControllerFacts {
  const sources = Array.from({ length: aplic.sourceCount }, (_, index) => index + 1).flatMap((source) => {
    const state = aplic.sourceState(source);
    const name = names.source(source);
    if (!state.active && (name === '' || !state.level)) return [];
    const { level, pending, enabled, target } = state;
    return [{
      source, name, level, pending, claimed: false, priority: aplic.sendsMessages ? 0 : target & 0xff,
      enabledFor: enabled ? [names.context(target >>> 18)] : [],
    }];
  });
  return {
    name: `${names.name}${aplic.sendsMessages ? ', sends messages' : ''}`, address: hexadecimal(names.address), sourceCount: aplic.sourceCount, sources,
    contexts: aplic.sendsMessages ? [] : aplic.deliveryStates().map((it, hart) => ({ name: names.context(hart), ...it })),
  };
}
