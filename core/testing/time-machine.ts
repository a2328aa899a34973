/**
 * A world in one thread that keeps checkpoints and the hashes of all cuts it stood at: travels back, runs
 * forward again, and compares. For tests of checkpoints without workers.
 */
import { assert } from '../base/index.ts';
import type { Command } from '../protocol/command.ts';
import { WorldRun, type WorldRunOptions } from './run-world.ts';

interface Mark {
  readonly id: number;
  readonly timeNs: number;
  readonly work: number;
}

/** See the file's head. */
export class TimeMachine {
  readonly run: WorldRun;
  readonly marks: Mark[] = [];
  private readonly script: { readonly atNs: number; readonly command: Command }[] = [];
  private nextId = 0;
  private baseId = 0;
  private placeNs = 0;

  constructor(options: WorldRunOptions) {
    this.run = new WorldRun(options);
    this.take();
  }

  now(): number {
    return this.placeNs;
  }

  /** All state hashes at this cut, as one text. */
  hash(): string {
    return this.run.all.map((member) => member.stateHash?.()).join(' ');
  }

  /** Replay work so far. */
  work(): number {
    return this.run.all.reduce((sum, member) => sum + (member.work?.() ?? 0), 0);
  }

  /** The checkpoints as thinning sees them. */
  line(): { readonly work: number; readonly isBase: boolean }[] {
    return this.marks.map(({ id, work }) => ({ work, isBase: id === this.baseId }));
  }

  /** Time 0 is as it stands now. */
  restart(): void {
    this.take();
    this.marks.shift(); // it stays in the line, and nobody goes there
  }

  byteCount(): number {
    return this.run.all.reduce((sum, member) => sum + (member.checkpoints?.byteCount() ?? 0), 0);
  }

  /** Copies of the oldest checkpoints go to the shelf; gives what lies there. Unit: byte. */
  spill(byteCount: number): number {
    let left = byteCount;
    for (const member of this.run.all) left -= member.checkpoints?.spill?.(left) ?? 0;
    return this.run.all.reduce((sum, member) => sum + (member.checkpoints?.spilledByteCount?.() ?? 0), 0);
  }

  /** Takes a checkpoint here. */
  take(): void {
    const id = this.nextId++;
    for (const member of this.run.all) member.checkpoints?.take(id);
    this.marks.push({ id, timeNs: this.placeNs, work: this.work() });
    this.baseId = id;
    this.marks.sort((left, right) => left.timeNs - right.timeNs);
  }

  drop(mark: Mark): void {
    for (const member of this.run.all) member.checkpoints?.drop(mark.id);
    this.marks.splice(this.marks.indexOf(mark), 1);
  }

  /** Plans a command for `atNs`, not before now; it is given when the run comes to it, each time. */
  command(atNs: number, command: Command): void {
    assert(atNs >= this.placeNs, 'a command is planned ahead');
    this.script.push({ atNs, command });
    this.script.sort((left, right) => left.atNs - right.atNs);
  }

  /** Forward to `untilNs`, passing the checkpoints on the way. */
  goTo(untilNs: number): void {
    for (const mark of this.marks) {
      if (mark.timeNs <= this.placeNs || mark.timeNs > untilNs) continue;
      this.advance(mark.timeNs);
      for (const member of this.run.all) member.checkpoints?.pass(mark.id);
      this.baseId = mark.id;
    }
    this.advance(untilNs);
  }

  private advance(untilNs: number): void {
    for (const { atNs, command } of this.script) {
      if (atNs < this.placeNs || atNs >= untilNs) continue;
      this.run.runTo(atNs);
      this.run.command(atNs, command);
    }
    this.run.runTo(untilNs);
    this.placeNs = untilNs;
  }

  /** Back (or forward) to `timeNs`: the nearest checkpoint before it, and replay. */
  travelTo(timeNs: number): void {
    const mark = this.marks.findLast((it) => it.timeNs <= timeNs);
    assert(mark !== undefined, 'time 0 is always kept');
    for (const member of this.run.all) member.checkpoints?.restore(mark.id);
    this.baseId = mark.id;
    this.placeNs = mark.timeNs;
    // A journey may lead forward, too: the log is what was given before the checkpoint.
    const given = this.script.filter(({ atNs }) => atNs < mark.timeNs);
    this.run.log.splice(0, this.run.log.length, ...given.map((it, sequence) => ({ ...it, sequence })));
    this.run.standAt(mark.timeNs);
    this.goTo(timeNs);
  }
}
