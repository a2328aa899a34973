/** Kernel modules for the initial RAM disk: found in an unpacked kernel package, with what they depend on, slimmed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { moduleName, readModuleFacts, slimModule } from '../../../core/formats/index.ts';
import { unpackXz } from './packages.ts';
import { GuestsFailure } from './tools.ts';

/** A module: its name as the kernel says it, and bytes to load. */
export interface KernelModule {
  readonly name: string;
  readonly bytes: Uint8Array;
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesUnder(path);
    return /\.ko(\.xz)?$/.test(entry.name) ? [path] : [];
  });
}

/** Reads modules from a kernel's folder; `scratch` is a folder for files in between. */
export class ModuleFolder {
  private readonly paths = new Map<string, string>();
  private readonly scratch: string;

  constructor(folder: string, scratch: string) {
    this.scratch = scratch;
    for (const path of filesUnder(folder)) this.paths.set(moduleName(path.split('/').at(-1)!.replace(/\.xz$/, '')), path);
  }

  /**
   * The modules named, each after what it needs; those in `present` are there before. What has no file is left out
   * when it is wanted before another only if there is such (softdep): it may be an alias, or built in.
   */
  inOrder(names: readonly string[], present: ReadonlySet<string> = new Set()): KernelModule[] {
    const found = new Map<string, KernelModule>();
    const begun = new Set<string>(present);
    const add = (name: string) => {
      const path = this.paths.get(name);
      if (begun.has(name) || path === undefined) return;
      begun.add(name);
      const bytes = path.endsWith('.xz') ? unpackXz(path, this.scratch) : new Uint8Array(readFileSync(path));
      const facts = readModuleFacts(name, bytes);
      if (!facts.ok) throw new GuestsFailure(facts.error);
      for (const it of facts.value.depends) {
        if (!this.paths.has(it)) throw new GuestsFailure(`The module ${name} needs ${it}, which the kernel’s package does not hold.`);
        add(it);
      }
      for (const it of facts.value.before) add(it);
      const slim = slimModule(name, bytes);
      if (!slim.ok) throw new GuestsFailure(slim.error);
      found.set(name, { name, bytes: slim.value });
    };
    for (const name of names) {
      if (!this.paths.has(name)) throw new GuestsFailure(`The kernel’s package holds no module ${name}.`);
      add(name);
    }
    return [...found.values()];
  }
}
