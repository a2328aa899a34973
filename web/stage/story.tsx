/**
 * The one sentence and the one button. Both follow from what the run did; a number stands here only as
 * the result that has just been measured.
 */
import type { MigrationSnapshot } from '../../core/protocol/snapshot.ts';
import { contract } from '../../core/mechanisms/precopy-migration/contract.ts';
import { useApp, useAppState } from '../session/react.ts';
import { type AppState, downtimeNs, findMigration, findVm, isMigrating } from '../session/store.ts';
import { Quantity } from '../widgets/quantity.tsx';
import { useAnchor, useLevel } from './scene-react.ts';

/** A reason as a sentence: capital first, full stop last. */
function asSentence(reason: string, otherwise: string): string {
  const text = reason === '' ? otherwise : reason;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

/** Plain words for where a migration is. Also read out by the live summary. */
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

export function Story() {
  const { commands } = useApp();
  const place = useAnchor<HTMLDivElement>((layout) => layout.story, 'pin');
  const level = useLevel();
  const state = useAppState((it) => ({
    chapter: it.chapter, migrations: it.migrations, hosts: it.hosts, baseline: it.baseline, status: it.status, notice: it.notice,
  }));
  const migration = findMigration(state);
  const done = migration !== undefined && !isMigrating(migration);
  let button = { id: 'migrate', title: 'Move it while it runs', primary: true };
  if (state.status === 'failed') button = { id: 'start-again', title: 'Start again', primary: true };
  else if (migration !== undefined && isMigrating(migration)) button = { id: 'cancel-migration', title: 'Cancel the move', primary: false };
  else if (state.chapter === 'moved') button = { id: 'make-link-slower', title: 'Make the link slower', primary: true };
  const placed = findVm(state);
  const noticed = state.notice !== '';
  return (
    <div ref={place} className="story" hidden={level !== 'site'}>
      {noticed && <p className="story__sentence story__notice" role="alert" data-story data-notice>{state.notice}</p>}
      {!noticed && <p className="story__sentence" data-story>
        {state.chapter === 'moved' && migration !== undefined ? <Measured migration={migration} baseline={state.baseline} />
          : state.chapter === 'slower' && done ? 'The link is slower. Move it again.'
          : migration !== undefined && (isMigrating(migration) || migration.phase !== 'done') ? phaseSentence(migration, state)
          : state.status === 'failed' ? 'The run stopped.'
          : state.status !== 'live' || placed === undefined ? 'The machines start.'
          : contract.sentence}
      </p>}
      <button
        type="button" className={`button ${button.primary ? 'button--primary' : 'button--edged'}`} data-primary={button.primary}
        disabled={state.status === 'starting'} onClick={(event) => {
          // After a click of the mouse, Space is play and pause again, not this button.
          if (event.detail > 0) event.currentTarget.closest<HTMLElement>('[data-stage]')?.focus({ preventScroll: true });
          void commands.run(button.id);
        }}
      >
        {button.title}
      </button>
    </div>
  );
}

function Measured({ migration, baseline }: { readonly migration: MigrationSnapshot; readonly baseline: AppState['baseline'] }) {
  const entity = `migration:${migration.vm}`;
  const other = downtimeNs(findMigration({ migrations: baseline }));
  return (
    <>
      It stopped for <Quantity className="story__number" value={Math.max(0, downtimeNs(migration))} unit="ns" entity={entity} />.
      {other >= 0 && (
        <> {contract.baselines[0].title}: <Quantity className="story__number" value={other} unit="ns" entity="baseline" />.</>
      )}
    </>
  );
}
