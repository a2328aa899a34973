/**
 * Pre-copy live migration on one host: it listens for incoming VMs and for questions about tokens,
 * starts outgoing migrations, refuses what cannot be, and keeps the hand-over ledger. The algorithm
 * is in source.ts and destination.ts, the rule of the hand-over in handover.ts.
 * Left out: queues of migrations, choosing a destination, disks that hosts share.
 */
import { type Hash64, hashInteger, hashText } from '../../base/index.ts';
import type { MigrationSnapshot } from '../../protocol/snapshot.ts';
import { DestinationMigration, type DestinationOwner } from './destination.ts';
import type { Ledger } from './handover.ts';
import type { MigrationHost, StreamConnection, StreamHandler } from './ports.ts';
import type { MigrationSettings } from './settings.ts';
import { SourceMigration } from './source.ts';

/** A stop that lasts longer is a fault, not a hand-over to look at slowly. Unit: ns. */
const HAND_OVER_NS_MAX = 250_000_000;
/** Ended migrations that are kept for the screen. */
const ENDED_COUNT_MAX = 32;

/** Why a request was refused. `kind` as in protocol's Refusal. */
export interface MigrationRefusal {
  readonly kind:
    | 'no-such-vm'
    | 'same-host'
    | 'already-migrating'
    | 'incoming'
    | 'no-such-host'
    | 'not-running'
    | 'not-migrating'
    | 'too-late'
    | 'disk-stays'
    | 'held';
  readonly sentence: string;
}

/** See the file's head. */
export class PrecopyMigration implements DestinationOwner {
  readonly settings: MigrationSettings;
  /** Survives a loss of power; everything else here does not. */
  readonly ledger: Ledger = {};
  private readonly host: MigrationHost;
  private outgoing: SourceMigration[] = [];
  private incoming: DestinationMigration[] = [];
  private nextSerial = 1;

  constructor(host: MigrationHost, settings: MigrationSettings) {
    this.host = host;
    this.settings = settings;
  }

  /** A connection to the migration service was accepted. Gives who handles it. */
  accept(connection: StreamConnection): StreamHandler {
    this.forgetEnded();
    const migration = new DestinationMigration({
      host: this.host,
      ledger: this.ledger,
      owner: this,
      connection,
      serial: this.nextSerial++,
    });
    this.incoming.push(migration);
    return migration;
  }

  /** Why a migration of `vm` to host `to` cannot be asked for now; undefined when it can. */
  findRefusal(vm: number, to: number): MigrationRefusal | undefined {
    const { host } = this;
    const migrating = this.findOutgoing(vm);
    if (migrating !== undefined) {
      return {
        kind: 'already-migrating',
        sentence: `VM ${vm} '${migrating.vm.name}' is already migrating to ${host.hostName(migrating.to)}; a second migration of it is refused.`,
      };
    }
    if (this.findIncoming(vm)) {
      return {
        kind: 'incoming',
        sentence: `VM ${vm} is still arriving on ${host.name}; it cannot be migrated from here.`,
      };
    }
    const found = host.findVm(vm);
    if (found === undefined)
      return { kind: 'no-such-vm', sentence: `There is no VM ${vm} on ${host.name}.` };
    if (to === host.id)
      return {
        kind: 'same-host',
        sentence: `VM ${vm} '${found.name}' is on ${host.name} already.`,
      };
    if (!host.isNeighbour(to))
      return {
        kind: 'no-such-host',
        sentence: `There is no host ${to} that ${host.name} has a link to.`,
      };
    // Before the state: who holds a VM may have stopped it.
    const held = host.heldByOthers(vm);
    if (held !== undefined) return { kind: 'held', sentence: held };
    const stays = found.staysBecause();
    if (stays !== undefined) return { kind: 'disk-stays', sentence: stays };
    if (found.runs()) return undefined;
    return {
      kind: 'not-running',
      sentence: `VM ${vm} '${found.name}' does not run, so it cannot be migrated while it runs.`,
    };
  }

  /** Starts a migration, or refuses it by name. */
  migrate(
    vm: number,
    to: number,
    mode: 'pre-copy' | 'stop-and-copy',
  ): MigrationRefusal | undefined {
    const refusal = this.findRefusal(vm, to);
    const found = this.host.findVm(vm);
    if (refusal !== undefined || found === undefined) {
      if (refusal !== undefined) this.host.note('refused', `migration:${vm}`, refusal.sentence);
      return refusal;
    }
    this.forgetEnded();
    this.host.note('migrate', `migration:${vm}`, `${mode} to ${this.host.hostName(to)}`);
    this.outgoing.push(
      new SourceMigration({
        host: this.host,
        vm: found,
        to,
        mode,
        settings: this.settings,
        ledger: this.ledger,
        serial: this.nextSerial++,
      }),
    );
    return undefined;
  }

  /** Calls a migration off, or says why it cannot be. */
  cancel(vm: number): MigrationRefusal | undefined {
    const migration = this.findOutgoing(vm);
    const sentence =
      migration === undefined
        ? `VM ${vm} is not migrating from ${this.host.name}.`
        : migration.cancel();
    if (sentence === '') return undefined;
    this.host.note('refused', `migration:${vm}`, sentence);
    return { kind: migration === undefined ? 'not-migrating' : 'too-late', sentence };
  }

  /** The migration that is taking `vm` away from here. */
  findOutgoing(vm: number): SourceMigration | undefined {
    return this.outgoing.find((it) => it.active() && it.vm.id === vm);
  }

  /** Whether `vm` is on its way here. */
  findIncoming(vm: number): boolean {
    return this.incoming.some((it) => it.active() && it.vm?.id === vm);
  }

  /** Every outgoing migration that is not over. */
  activeOutgoing(): readonly SourceMigration[] {
    return this.outgoing.filter((it) => it.active());
  }

  /** The last outgoing migration, over or not. */
  lastOutgoing(): SourceMigration | undefined {
    return this.outgoing.at(-1);
  }

  /** An event `migration.<kind>`. */
  onEvent(kind: string, serial: number, value: number): void {
    const outgoing = this.outgoing.find((it) => it.serial === serial);
    if (outgoing !== undefined) outgoing.onEvent(kind, value);
    else this.incoming.find((it) => it.serial === serial)?.onEvent(kind, value);
  }

  /** A knob of {@link settings} was turned. */
  onSettings(): void {
    for (const migration of this.outgoing) if (migration.active()) migration.onSettings();
  }

  /** Power is gone: VMs and connections went with it, the ledger stays. */
  onPowerLoss(): void {
    this.outgoing = [];
    this.incoming = [];
  }

  onTermVoid(vm: number, term: number): void {
    for (const migration of this.incoming) migration.onTermVoid(vm, term);
  }

  onAnnounced(by: DestinationMigration, vm: number, source: number): void {
    for (const migration of this.incoming) if (migration !== by) migration.supersede(vm, source);
  }

  /** True while a VM stands between two hosts, and has not done so for long. */
  handsOver(): boolean {
    const sinceNs = this.host.now() - HAND_OVER_NS_MAX;
    return (
      this.outgoing.some(
        ({ phase, stoppedAtNs }) =>
          (phase === 'stopping' || phase === 'handing-over') && stoppedAtNs > sinceNs,
      ) ||
      this.incoming.some(
        ({ phase, pausedAtNs }) =>
          (phase === 'checking' || phase === 'ready' || phase === 'taking') && pausedAtNs > sinceNs,
      )
    );
  }

  /** Outgoing ones, then what arrived or arrives here. */
  snapshots(): MigrationSnapshot[] {
    return [
      ...this.outgoing.map((it) => it.snapshot()),
      ...this.incoming.flatMap((it) => it.snapshot() ?? []),
    ];
  }

  /** Mixes what decides the future in: the ledger, and where each migration stands. */
  hashInto(hash: Hash64): void {
    for (const [vm, entry] of Object.entries(this.ledger)) {
      hashText(hash, vm);
      for (const value of Object.values(entry) as number[]) hashInteger(hash, value);
    }
    for (const { serial, phase } of [...this.outgoing, ...this.incoming]) {
      hashInteger(hash, serial);
      hashText(hash, phase);
    }
  }

  private forgetEnded(): void {
    this.outgoing = keepLast(this.outgoing);
    this.incoming = keepLast(this.incoming);
  }
}

/** All active ones, and the last of the ended. */
function keepLast<Item extends { active(): boolean }>(items: Item[]): Item[] {
  let surplus = items.filter((it) => !it.active()).length - ENDED_COUNT_MAX;
  return items.filter((it) => it.active() || surplus-- <= 0);
}
