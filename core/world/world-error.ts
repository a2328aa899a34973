/** Why a world cannot be built as asked: values, rendered to one sentence at the edge. */
import type { KnobError } from '../base/index.ts';
import { type VmError, vmErrorSentence } from '../hypervisor/vm-error.ts';

export type WorldError =
  | KnobError
  | { readonly kind: 'unknown-lab'; readonly lab: string; readonly known: readonly string[] }
  | {
      readonly kind: 'unknown-baseline';
      readonly lab: string;
      readonly baseline: string;
      readonly known: readonly string[];
    }
  | { readonly kind: 'bad-scenario'; readonly path: string; readonly sentence: string }
  | { readonly kind: 'bad-seed'; readonly found: number }
  | { readonly kind: 'bad-guest'; readonly error: VmError };

/** One sentence: what was wrong, and where. */
export function sentenceOf(error: WorldError): string {
  switch (error.kind) {
    case 'unknown-lab':
      return `There is no lab '${error.lab}'; known are ${error.known.join(', ')}.`;
    case 'unknown-baseline':
      return `The lab '${error.lab}' has no baseline '${error.baseline}'; known are ${error.known.join(', ')}.`;
    case 'bad-scenario': {
      const where = error.path === '' ? 'The scenario file' : `The scenario file, at ${error.path}`;
      return `${where}: ${error.sentence.replace(/\.$/, '')}.`;
    }
    case 'bad-seed':
      return `The seed is ${error.found}; it must be a whole number from 0 to 4294967295.`;
    case 'unknown-knob':
      return `There is no knob '${error.knob}'; known are ${error.known.join(', ')}.`;
    case 'not-a-number':
      return `Knob '${error.knob}' is '${error.found}', which is not a number.`;
    case 'out-of-range':
      return `Knob '${error.knob}' is ${error.found}; it must lie between ${error.minimum} and ${error.maximum}${error.unit === '' ? '' : ` ${error.unit}`}.`;
    case 'off-step': {
      const unit = error.unit === '' ? '' : ` ${error.unit}`;
      return `Knob '${error.knob}' is ${error.found}; it takes ${error.below} or ${error.above}${unit} there, nothing between.`;
    }
    case 'bad-guest':
      return vmErrorSentence(error.error);
  }
}
