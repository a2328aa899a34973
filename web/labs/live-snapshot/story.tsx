/**
 * The story of the snapshot lab: sentence and button follow from how far the newest snapshot is; a number stands
 * here only as the result that has just been measured.
 */
import { contract } from '../../../core/mechanisms/live-snapshot/contract.ts';
import type { JobTold } from '../../../core/mechanisms/live-snapshot/told.ts';
import { type AppState, findVm } from '../../session/store.ts';
import { snapshotJobs, snapshotTold } from '../../stage/snapshot-told.ts';
import { Quantity } from '../../widgets/quantity.tsx';
import type { LabStory, StoryButton } from '../lab-view.ts';

export const story: LabStory = {
  chapterAfter: (chapter) => chapter,
  knobsAreShown: (_, state) => state.events.some(({ kind }) => kind === 'command' || kind === 'fault' || kind === 'snapshot'),
  tell(state) {
    const job = snapshotJobs(state, 'main').at(-1);
    return { sentence: sentenceOf(state, job), button: buttonOf(state, job) };
  },
  summary(state) {
    const job = snapshotJobs(state, 'main').at(-1);
    if (job === undefined) return '';
    return `Snapshot ${job.name}: ${job.storedPages} pages stored, ${job.queuedPages} in the queue, ${job.protectedPages} protected.`;
  },
};

/** Whether the disk takes less than its knob says: a fault is upon it. */
function isFaulty(state: AppState): boolean {
  const disk = snapshotTold(state, findVm(state)?.host.id ?? 0)?.disk;
  if (disk === undefined) return false;
  return disk.bandwidthBytesPerSecond < (state.knobs['disk-bandwidth'] ?? 0) || disk.capacityBytes < (state.knobs['disk-capacity'] ?? 0);
}

/** Names of snapshots on their disks. */
function fileNames(state: AppState): readonly string[] {
  return Object.keys(state.told).flatMap((host) => snapshotTold(state, Number(host))?.files.map(({ name }) => name) ?? []);
}

const FAULT = (fault: string, title: string, primary = true): StoryButton => ({ id: 'inject-fault', args: { fault }, title, primary });

function buttonOf(state: AppState, job: JobTold | undefined): StoryButton {
  const vm = findVm(state)?.vm.id ?? 1;
  if (job === undefined) return { id: 'take-snapshot', args: { vm, name: 'first' }, title: 'Take a snapshot while it runs', primary: true };
  const isOver = job.endedAtNs >= 0;
  if (!isOver) return isFaulty(state) ? FAULT('disk-mend', 'Mend the disk', false) : FAULT('disk-slow', 'Make the disk slower', false);
  if (job.state === 'aborted' && isFaulty(state)) return FAULT('disk-mend', 'Mend the disk');
  if (fileNames(state).length > 0 && !isFaulty(state)) return FAULT('disk-slow', 'Make the disk slower');
  return { id: 'take-snapshot', args: { vm }, title: 'Take another', primary: true };
}

function sentenceOf(state: AppState, job: JobTold | undefined) {
  if (job === undefined) return contract.sentence;
  switch (job.state) {
    case 'requested':
    case 'freezing':
      return 'One instant is frozen: every page is protected.';
    case 'capturing':
      return 'It runs again. A page is copied before it changes.';
    case 'draining':
      return 'Every page is kept. The queue drains to the disk.';
    case 'aborted':
      return `Given up: ${job.reason.replace(/ at byte .*$/, '')}. The VM runs on.`;
    case 'committed':
      return <Measured job={job} baseline={snapshotJobs(state, 'stop-and-copy').find(({ name }) => name === job.name)} />;
  }
}

function Measured({ job, baseline }: { readonly job: JobTold; readonly baseline: JobTold | undefined }) {
  return (
    <>
      It stood for <Quantity className="story__number" value={Math.max(0, job.resumedAtNs - job.takenAtNs)} unit="ns" entity={`vm:${job.vm}`} />.
      {baseline !== undefined && baseline.resumedAtNs >= 0 && (
        <> {contract.baselines[0].title}: <Quantity className="story__number" value={baseline.resumedAtNs - baseline.takenAtNs} unit="ns" entity="baseline" />.</>
      )}
    </>
  );
}
