/**
 * What a class says about its fields for checkpoints. A walk over the object graph saves every field by
 * itself; a rule is needed only where a field is no state of the process ('outside'), or where the
 * walk may save work. A wrong 'value' or 'values' is a wrong checkpoint: the state hash finds it.
 *
 *   class Sampler { static readonly [checkpointRules] = { ring: 'outside' } satisfies CheckpointRules; }
 */

/** Name of the static field that holds a class's rules. */
export const checkpointRules: unique symbol = Symbol('checkpoint rules');

/**
 * Rule of one field:
 *  outside  not state: shared memory, caches, derived tables; neither saved nor followed
 *  value    never changes once it is there (also not below): kept by identity, not followed
 *  values   an array, Map or Set whose elements never change; it is saved, they are kept by identity
 *  appended as values, and the process keeps the elements itself: they take no further memory
 * or rules of the plain object in the field; '*' stands for every field, element or Map value there.
 */
export type CheckpointRule = 'outside' | 'value' | 'values' | 'appended' | CheckpointRules;

/** Rules by field name. */
export interface CheckpointRules {
  readonly [field: string]: CheckpointRule;
}

/** The rules that an object's class declares. */
export function rulesOfClass(target: object): CheckpointRules | undefined {
  const made = (target as { readonly constructor?: unknown }).constructor;
  if (typeof made !== 'function') return undefined;
  return (made as unknown as { readonly [checkpointRules]?: CheckpointRules })[checkpointRules];
}

/** The rule for a field, if there is one. */
export function ruleOf(rules: CheckpointRules | undefined, field: string): CheckpointRule | undefined {
  if (rules === undefined) return undefined;
  return rules[field] ?? rules['*'];
}
