/**
 * A gateway's staging disk: a file for each update set, of messages in a row as they came. A set is whole when its
 * file ends with a seal (production side) or is one frame whose check is right (recovery side); after a crash the
 * rest is thrown away. Files are named `<workload>.<term>.<number>`, numbers ascending.
 */
import { readUpdateSetHead } from '../../formats/update-set.ts';
import { type DiskClient, type DiskError, encodeMessage, HostDisk, type Message, MessageReader } from '../../storage/index.ts';
import type { NodePorts } from '../node-ports.ts';

/** Rate and latency of a staging disk: a hundredth of an NVMe disk's share. Unit: byte/s, ns. */
const DISK_BYTES_PER_SECOND = 20_000_000;
const DISK_LATENCY_NS = 100_000;
/** What a file costs besides its bytes, as {@link HostDisk} counts it. */
const FILE_OVERHEAD = 4096;

/** What is told when a file is safe. An object with fields, for checkpoints. */
export interface StagingOwner {
  onSafe(file: string): void;
  onStagingFailed(file: string): void;
}

/** See the file's head. */
export class Staging implements DiskClient {
  readonly disk: HostDisk;
  private readonly ports: NodePorts;
  private readonly owner: StagingOwner;
  private readonly tickets = new Map<number, string>(); // syncs under way, by ticket: the file
  private nextTicket = 1;
  private nextNumber = 1;
  private isStuffed = false; //                            the fault: nothing more fits

  constructor(ports: NodePorts, owner: StagingOwner) {
    this.ports = ports;
    this.owner = owner;
    const capacityBytes = ports.knob('staging-capacity');
    this.disk = new HostDisk(
      { bandwidthBytesPerSecond: DISK_BYTES_PER_SECOND, latencyNs: DISK_LATENCY_NS, capacityBytes },
      { client: this, ports: this, seed: ports.scenario.seed, stream: 0x57a6 + ports.id },
    );
  }

  effectNs(): number {
    return this.ports.now();
  }

  scheduleDisk(timeNs: number): void {
    this.ports.schedule(timeNs, 'disk', {});
  }

  /** A file for a new set; undefined when there is no room for `byteCount` bytes in it. */
  create(workload: number, term: number, byteCount: number): string | undefined {
    if (!this.fits(byteCount + FILE_OVERHEAD)) return undefined;
    const name = `${workload}.${term}.${this.nextNumber++}`;
    return this.disk.create(name) ? name : undefined;
  }

  /** Whether so many bytes would fit now, with what is queued. */
  fits(byteCount: number): boolean {
    if (this.isStuffed) return false;
    return this.disk.usedBytes() + this.disk.queuedBytes() + byteCount <= this.disk.settings.capacityBytes;
  }

  append(file: string, bytes: Uint8Array): void {
    this.disk.append(file, bytes, 0);
  }

  /** The owner is told when everything in the file survives a crash. */
  sync(file: string): void {
    const ticket = this.nextTicket++;
    this.tickets.set(ticket, file);
    this.disk.sync(file, ticket);
  }

  remove(file: string): void {
    if (this.disk.content(file) !== undefined) this.disk.remove(file);
  }

  onDiskDone(ticket: number, error: DiskError | undefined): void {
    const file = this.tickets.get(ticket);
    if (file === undefined) return;
    this.tickets.delete(ticket);
    if (error === undefined) this.owner.onSafe(file);
    else this.owner.onStagingFailed(file);
  }

  /** All bytes of a file in one piece. */
  bytesOf(file: string): Uint8Array {
    const chunks = this.disk.content(file) ?? [];
    const bytes = new Uint8Array(chunks.reduce((sum, it) => sum + it.length, 0));
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }

  /** Messages of a file up to where it ends or is torn; and whether it ends with a whole one. */
  messagesOf(file: string): { readonly messages: Message[]; readonly whole: boolean } {
    const reader = new MessageReader();
    reader.push(this.bytesOf(file));
    const messages: Message[] = [];
    for (;;) {
      const taken = reader.take();
      if (!taken.ok) return { messages, whole: false };
      if (taken.value === undefined) return { messages, whole: reader.waitingBytes() === 0 };
      messages.push(taken.value);
    }
  }

  /** Files in the order in which they were made; those that no longer hold a whole set are removed. */
  recover(): readonly string[] {
    const numbered = this.disk.list().map(({ name }) => ({ name, number: numberOf(name) }));
    this.nextNumber = numbered.reduce((most, { number }) => Math.max(most, number), 0) + 1;
    const kept: string[] = [];
    for (const { name } of numbered.toSorted((left, right) => left.number - right.number)) {
      if (this.isWhole(name)) kept.push(name);
      else this.remove(name);
    }
    return kept;
  }

  private isWhole(file: string): boolean {
    const { messages, whole } = this.messagesOf(file);
    const last = messages.at(-1);
    if (!whole || last === undefined) return false;
    return last.name === 'seal' || (last.name === 'set' && readUpdateSetHead(last.payload).ok);
  }

  onCrash(): void {
    this.disk.crash();
    this.tickets.clear();
  }

  /** The fault: nothing more fits, or things fit again. */
  stuff(stuffed: boolean): void {
    this.isStuffed = stuffed;
  }

  use(): number {
    if (this.isStuffed) return 1;
    return Math.min(1, this.disk.usedBytes() / this.disk.settings.capacityBytes);
  }

  setCapacity(byteCount: number): void {
    this.disk.settings.capacityBytes = byteCount;
  }
}

/** The part of a file's name that ascends. */
export function numberOf(file: string): number {
  return Number(file.split('.')[2]);
}

/** Workload and term of a file's name. */
export function ownerOf(file: string): { readonly workload: number; readonly term: number } {
  const [workload, term] = file.split('.');
  return { workload: Number(workload), term: Number(term) };
}

/** A message as it lies in a file. */
export const staged = encodeMessage;
