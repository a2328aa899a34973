/** Plain words for where a migration is: for the story, and read out by the live summary. Pure. */
import type { MigrationSnapshot } from '../../core/protocol/snapshot.ts';
import type { AppState } from '../session/store.ts';

/** A reason as a sentence: capital first, full stop last. */
export function asSentence(reason: string, otherwise: string): string {
  const text = reason === '' ? otherwise : reason;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

/** Where a migration is, in one sentence. */
export function phaseSentence(migration: MigrationSnapshot, state: Pick<AppState, 'hosts'>): string {
  const name = (id: number) => state.hosts.find((host) => host.id === id)?.name ?? 'the other host';
  switch (migration.phase) {
    case 'connecting': return `Connecting to ${name(migration.to)}.`;
    case 'copying':
      if (migration.reason !== '') return asSentence(migration.reason, '');
      if (migration.mode === 'stop-and-copy') return 'It stands still while its pages cross.';
      return migration.rounds.length <= 1
        ? 'Its pages cross the link while it runs.'
        : 'What it wrote meanwhile is sent again.';
    case 'stopping': return 'It stops; the last pages cross.';
    case 'handing-over': return 'It stands still; the right to run crosses the link.';
    case 'resolving': return 'The link broke at the hand-over; both sides settle who runs.';
    case 'done': return `It runs on ${name(migration.to)}.`;
    case 'cancelled': return `${asSentence(migration.reason, 'The move was cancelled')} It still runs on ${name(migration.from)}.`;
    default: return `${asSentence(migration.reason, 'The move failed')} It still runs on ${name(migration.from)}.`;
  }
}
