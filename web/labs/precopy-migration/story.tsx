/**
 * The first minute of the migration lab: the sentence and the button follow from what the run did; a number
 * stands here only as the result that has just been measured.
 */
import * as v from 'valibot';
import { contract } from '../../../core/mechanisms/precopy-migration/contract.ts';
import type { MigrationSnapshot } from '../../../core/protocol/snapshot.ts';
import type { CommandRow } from '../../app/commands.ts';
import { LOCKED } from '../../app/teacher-commands.ts';
import { type AppState, downtimeNs, findMigration, isMigrating } from '../../session/store.ts';
import { phaseSentence } from '../../stage/phase-sentence.ts';
import { Quantity } from '../../widgets/quantity.tsx';
import type { LabStory, StoryButton } from '../lab-view.ts';

/** Chapters: '' before the first move, 'migrating', 'moved' once it has been measured, 'slower' when the link was made slower. */
export const story: LabStory = {
  chapterAfter(chapter, state) {
    const migration = findMigration(state);
    if (migration === undefined) return chapter === 'slower' ? 'slower' : '';
    if (isMigrating(migration)) return 'migrating';
    if (chapter === 'slower') return 'slower';
    return migration.phase === 'done' ? 'moved' : '';
  },
  knobsAreShown: (chapter, state) => chapter !== '' || state.migrations.length > 0,
  tell(state) {
    // A scenario file's datacenter may have one host: then nothing can be moved, and nothing offers it.
    if (state.hosts.length === 1) return { button: { id: '', args: {}, title: '', primary: false }, sentence: ALONE };
    const migration = findMigration(state);
    return { button: buttonOf(state, migration), sentence: sentenceOf(state, migration) };
  },
  summary(state) {
    const migration = findMigration(state);
    if (migration === undefined) return '';
    return `${phaseSentence(migration, state)}${isMigrating(migration) ? ` Round ${migration.rounds.length}.` : ''}`;
  },
};

const ALONE = 'This VM is running. Its host stands alone: there is no other to move it to.';

function buttonOf(state: AppState, migration: MigrationSnapshot | undefined): StoryButton {
  const args = {};
  if (isMigrating(migration)) return { id: 'cancel-migration', args, title: 'Cancel the move', primary: false };
  if (state.chapter === 'moved') return { id: 'make-link-slower', args, title: 'Make the link slower', primary: true };
  return { id: 'migrate', args, title: 'Move it while it runs', primary: true };
}

function sentenceOf(state: AppState, migration: MigrationSnapshot | undefined) {
  if (migration === undefined) return contract.sentence;
  if (state.chapter === 'moved') return <Measured migration={migration} baseline={state.baseline} />;
  if (state.chapter === 'slower' && !isMigrating(migration)) return 'The link is slower. Move it again.';
  if (isMigrating(migration) || migration.phase !== 'done') return phaseSentence(migration, state);
  return contract.sentence;
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

/** The bandwidth after the story's second button: a fifth of what it was. */
const SLOWER = 5;

export const commands: readonly CommandRow[] = [
  {
    id: 'make-link-slower', title: 'Make the link slower', group: 'Link', schema: v.object({}),
    enabledWhen: (state) => (state.teacher.locked ? LOCKED : state.status === 'live' ? '' : 'No run is alive; start again first.'),
    run: async ({ actions, state }, _, atNs) => {
      const row = contract.knobs[0];
      const now = state().knobs[row.id] ?? row.default;
      actions.patch({ chapter: 'slower', selection: 'link:0-1' });
      return await actions.setKnob(row.id, Math.max(row.minimum, Math.round(now / SLOWER)), atNs);
    },
  },
];
