/**
 * Programmer errors. An assertion states what must hold; when it does not, the worker that runs the
 * model stops and hands back a report from which the run replays. Never used for guest behaviour
 * (architectural values) nor for bad input (a {@link Result}).
 */

/** Thrown by {@link assert}; carries nothing but the sentence, the run's place is added by the worker loop. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Stops the run unless `condition` holds. `what` says what must hold, in the field's words. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new AssertionError(what);
}

/** The branch of an exhaustive switch that cannot be reached; a compile error if it can. */
export function unreachable(value: never, what: string): never {
  throw new AssertionError(`${what}: unreachable value ${String(value)}`);
}
