/** What a person can do to one gateway: power, a full staging disk, a lost or spoiled score, a slow processor. */
import { type Hash64, hashInteger } from '../../base/index.ts';
import type { NodePorts } from '../node-ports.ts';
import type { Staging } from './staging.ts';

/** How long things last. Unit: ns. */
const BOOT_NS = 1_000_000_000;
const FULL_NS = 5_000_000_000;
const SLOW_NS = 10_000_000_000;
/** Epochs without a sound report. */
const SILENT_EPOCHS = 5;
/** Checking and unpacking takes half of the time of merging and compressing, or less. */
const RECOVERY_FACTOR = 2;
/** A slowed gateway has this part of its capacity. */
const SLOW_PART = 4;

/** See the file's head. */
export class GatewayFaults {
  private readonly ports: NodePorts;
  private readonly staging: Staging;
  private fullUntilNs = -1;
  private slowUntilNs = -1;
  private silentEpochs = 0;
  private badEpochs = 0;

  constructor(ports: NodePorts, staging: Staging) {
    this.ports = ports;
    this.staging = staging;
  }

  /** Writes that the gateway works on each second now. Unit: byte/s. */
  capacity(): number {
    const whole = this.ports.knob('gateway-capacity') * (this.ports.parameters['site'] === 1 ? RECOVERY_FACTOR : 1);
    return this.ports.now() < this.slowUntilNs ? whole / SLOW_PART : whole;
  }

  /** What the report of this epoch says of a score; undefined: there is no report. */
  reportedScore(score: number): number | undefined {
    if (this.silentEpochs > 0) {
      this.silentEpochs--;
      return undefined;
    }
    if (this.badEpochs === 0) return score;
    this.badEpochs--;
    return this.badEpochs % 2 === 0 ? Number.NaN : -1;
  }

  /** A fault of the contract. Without a target the first gateway of the side that it makes sense on is meant. */
  onFault(fault: string, target: string, isMoving: boolean): void {
    const { ports } = this;
    if (target === '' ? !this.isDefault(fault, isMoving) : target !== `gateway:${ports.id}`) return;
    if (fault === 'crash-mid-move' && !isMoving) return;
    const now = ports.now();
    const say = (text: string) => ports.note('fault', `gateway:${ports.id}`, `${ports.name} ${text}`);
    switch (fault) {
      case 'gateway-crash':
      case 'crash-mid-move':
        this.crash();
        return;
      case 'gateway-death':
        say('is dead');
        ports.losePower(Number.POSITIVE_INFINITY);
        return;
      case 'staging-full':
        say('has a full staging disk');
        this.fullUntilNs = now + FULL_NS;
        this.staging.stuff(true);
        ports.schedule(this.fullUntilNs, 'fault-over', {});
        return;
      case 'recovery-overload':
        say('has a quarter of its capacity');
        this.slowUntilNs = now + SLOW_NS;
        return;
      case 'stale-score':
        say('tells no score');
        this.silentEpochs = SILENT_EPOCHS;
        return;
      case 'bad-score':
        say('tells a score that is none');
        this.badEpochs = SILENT_EPOCHS;
        return;
      default:
    }
  }

  private isDefault(fault: string, isMoving: boolean): boolean {
    if (fault === 'crash-mid-move') return isMoving;
    const { scenario, id } = this.ports;
    const side = fault === 'recovery-overload' ? 1 : 0;
    return scenario.processes.find((it) => it.kind === 'gateway' && it.parameters?.['site'] === side)?.id === id;
  }

  /** Power is lost, and back after a while. */
  crash(): void {
    this.ports.note('fault', `gateway:${this.ports.id}`, `${this.ports.name} loses power`);
    this.ports.losePower(BOOT_NS);
  }

  /** What was to end the full disk is gone with the power; so is what filled it. */
  onPowerLoss(): void {
    this.fullUntilNs = -1;
    this.staging.stuff(false);
  }

  /** An event that was scheduled here. */
  onEvent(kind: string, now: number): void {
    if (kind === 'fault-over' && now >= this.fullUntilNs) this.staging.stuff(false);
  }

  /** Faults that stand now, by their ids. */
  list(): string[] {
    const now = this.ports.now();
    return [
      ...(now < this.fullUntilNs ? ['staging-full'] : []),
      ...(now < this.slowUntilNs ? ['recovery-overload'] : []),
      ...(this.silentEpochs > 0 ? ['stale-score'] : []),
      ...(this.badEpochs > 0 ? ['bad-score'] : []),
    ];
  }

  hashInto(hash: Hash64): void {
    for (const value of [this.fullUntilNs, this.slowUntilNs, this.silentEpochs, this.badEpochs]) hashInteger(hash, value);
  }
}
