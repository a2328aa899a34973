/**
 * Checkpoints of the objects of a process: a walk from its root over fields, elements, Maps, Sets and
 * typed arrays, everything restored *in place*, so that ports and closures keep meaning the same
 * objects. An object that the walk does not know is an error, not a silent miss. What it cannot see
 * is a variable in a closure and a #private field: state layers of core have none (the tidy test
 * refuses the second; the state hash catches the first).
 *
 * Left alone, by rule: functions, WebAssembly objects, views over shared memory (the host's memory has
 * its own part), fields that their class calls 'outside' (base/checkpoint-rule.ts).
 */
import { assert } from '../../base/assert.ts';
import type { CheckpointPart } from './part.ts';
import { type CheckpointRule, type CheckpointRules, ruleOf, rulesOfClass } from '../../base/checkpoint-rule.ts';
import {
  bytesBehind,
  holdSaved,
  putBack,
  releaseSaved,
  type Saved,
  saveArray,
  saveBytes,
  saveMap,
  saveRecord,
  saveSet,
} from './saved.ts';

/** Most objects of one process; more is a leak in the model, or a walk that left it. */
const OBJECT_COUNT_MAX = 2_000_000;
/** Slots of a checkpoint's two lists, for each object. Unit: byte. */
const SLOT_SIZE = 16;

/** Rules of a container whose elements are not followed. */
type ShallowRule = 'values' | 'appended';

interface Memento {
  readonly objects: readonly object[];
  readonly saves: readonly Saved[];
}

/** See the file's head. */
export class ObjectHistory implements CheckpointPart {
  private readonly root: object;
  private readonly mementos = new Map<number, Memento>();
  /** What was saved of each object last, to share what has not changed. */
  private latest = new Map<object, Saved>();
  private bytes = 0;

  constructor(root: object) {
    this.root = root;
  }

  take(id: number): void {
    assert(!this.mementos.has(id), 'a checkpoint is taken once');
    const seen = walk(this.root, this.latest);
    const memento = { objects: [...seen.keys()], saves: [...seen.values()] };
    for (const saved of memento.saves) this.bytes += holdSaved(saved);
    this.bytes += memento.saves.length * SLOT_SIZE;
    this.latest = seen;
    this.mementos.set(id, memento);
  }

  pass(id: number): void {
    assert(this.mementos.has(id), 'a checkpoint that is passed was taken');
  }

  restore(id: number): void {
    const memento = this.mementos.get(id);
    assert(memento !== undefined, 'a checkpoint that is restored was taken');
    const { objects, saves } = memento;
    this.latest = new Map();
    for (let index = 0; index < objects.length; index++) {
      putBack(objects[index]!, saves[index]!);
      this.latest.set(objects[index]!, saves[index]!);
    }
  }

  drop(id: number): void {
    const memento = this.mementos.get(id);
    assert(memento !== undefined, 'a checkpoint that is dropped was taken');
    for (const saved of memento.saves) this.bytes -= releaseSaved(saved);
    this.bytes -= memento.saves.length * SLOT_SIZE;
    this.mementos.delete(id);
  }

  byteCount(): number {
    return this.bytes;
  }

  /** Objects in the latest checkpoint. */
  objectCount(): number {
    return this.latest.size;
  }
}

/** Saves of all objects that `root` leads to, in order of discovery. */
function walk(root: object, before: ReadonlyMap<object, Saved>): Map<object, Saved> {
  const seen = new Map<object, Saved>();
  const stack: object[] = [root];
  const stackRules: (CheckpointRules | undefined)[] = [undefined];
  const stackShallow: (ShallowRule | undefined)[] = [undefined];
  const found = (value: unknown, rule: CheckpointRule | undefined): void => {
    if (typeof value !== 'object' || value === null) return;
    if (rule === 'outside' || rule === 'value' || seen.has(value)) return;
    stack.push(value);
    stackRules.push(typeof rule === 'object' ? rule : undefined);
    stackShallow.push(rule === 'values' || rule === 'appended' ? rule : undefined);
  };
  while (stack.length > 0) {
    const target = stack.pop()!;
    const given = stackRules.pop();
    const shallow = stackShallow.pop();
    if (seen.has(target)) continue;
    const saved = save(target, before.get(target), given, shallow);
    if (saved === undefined) continue;
    seen.set(target, saved);
    assert(seen.size <= OBJECT_COUNT_MAX, 'a process has not that many objects');
    if (shallow !== undefined) continue;
    const rules = rulesOfClass(target) ?? given;
    const { values, keys } = saved;
    if (saved.kind === 'record') {
      for (let index = 0; index < keys.length; index++) {
        const value = values[index];
        if (typeof value === 'object') found(value, ruleOf(rules, keys[index]!));
      }
      continue;
    }
    const rule = ruleOf(rules, '*');
    for (const value of values) if (typeof value === 'object') found(value, rule);
    if (saved.kind !== 'array') continue;
    for (const { content } of saved.pieces) {
      for (const value of content as readonly unknown[]) if (typeof value === 'object') found(value, rule);
    }
  }
  return seen;
}

/** A save of one object; undefined for what is left alone. */
function save(
  target: object,
  before: Saved | undefined,
  given: CheckpointRules | undefined,
  shallow: ShallowRule | undefined,
): Saved | undefined {
  if (Array.isArray(target)) return saveArray(target, before, shallow === 'values');
  if (target instanceof Map) return saveMap(target, before);
  if (target instanceof Set) return saveSet(target, before);
  if (ArrayBuffer.isView(target)) {
    return isShared(target.buffer) ? undefined : saveBytes(bytesBehind(target), before);
  }
  const tag = Object.prototype.toString.call(target);
  if (tag.startsWith('[object WebAssembly.') || tag === '[object SharedArrayBuffer]') return undefined;
  if (tag === '[object ArrayBuffer]') return saveBytes(bytesBehind(target), before);
  assert(tag === '[object Object]', `a checkpoint knows no ${tag}`);
  assert(Object.getOwnPropertySymbols(target).length === 0, 'state has no fields named by symbols');
  if (before === undefined) checkFields(target);
  return saveRecord(target, before, rulesOfClass(target) ?? given);
}

/** Fields that compute something would be called, not saved. */
function checkFields(target: object): void {
  for (const [key, field] of Object.entries(Object.getOwnPropertyDescriptors(target))) {
    const where = `${target.constructor?.name ?? 'an object'}.${key}`;
    assert(field.get === undefined && field.set === undefined, `${where} is a field, not a getter`);
    assert(field.enumerable === true, `${where} is a field that can be seen`);
  }
}

function isShared(buffer: ArrayBufferLike): boolean {
  return Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]';
}
