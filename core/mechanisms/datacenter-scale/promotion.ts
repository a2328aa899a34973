/**
 * A host with real memory takes VMs from pods: what was rates and counts becomes pages. It answers the same records as a pod's
 * agent does (agent.ts), so the right to run goes over in the same way. *Paged*: every page gets the bytes that the VM's content
 * says, and its profile goes on in the phase and with the draws that it had. *Emulated*: the guest program of its profile
 * boots in a VM of that size; an aggregate VM has no registers to go on from.
 * Left out: the way back, and VMs larger than the host's memory, which are refused.
 */
import { type Hash64, hashInteger, PAGE_SIZE } from '../../base/index.ts';
import { fillPagedVm, PROFILE_GUEST } from '../../workload/paged-vm.ts';
import { PROFILES } from '../../workload/profile.ts';
import type { Attachment, HostPorts } from '../host-ports.ts';
import { type AgentRecord, agentFrame, readAgentFrame, recordKind } from './wire.ts';

/** VMs that one host may take in its life, and the first of their numbers: numbers of VMs with memory are 1 … 255. */
export const PROMOTED_PER_HOST = 11;
export const FIRST_PROMOTED = 121;
/** How a promoted VM is modelled from then on. */
export const fidelityCode = { paged: 0, emulated: 1 } as const;

/** A place that is kept for a VM. */
interface Place {
  readonly vm: number; //       its number here
  readonly id: number; //       its number in the datacenter
  readonly fidelity: number;
  readonly memory: number; //   MiB
}

/** What a host tells of its promotions. */
export interface PromotionTold {
  readonly taken: number;
  readonly takenIds: number;
  /** Numbers here and in the datacenter. */
  readonly vms: readonly { readonly vm: number; readonly id: number }[];
}

/** See the file's head. */
export class Promotions implements Attachment {
  private readonly ports: HostPorts;
  private readonly firstNumber: number;
  private readonly places = new Map<string, Place>();
  private readonly verdicts = new Map<string, 'taken' | 'void'>();
  private readonly promoted: { readonly vm: number; readonly id: number }[] = [];
  private given = 0; //         numbers that have been used

  constructor(ports: HostPorts) {
    this.ports = ports;
    const position = ports.scenario.hosts.findIndex(({ id }) => id === ports.id);
    this.firstNumber = FIRST_PROMOTED + position * PROMOTED_PER_HOST;
  }

  onRequest(): void {}

  onFrame(bytes: Uint8Array, from: number): void {
    for (const [kind, term = 0, ...fields] of readAgentFrame(bytes)) {
      const key = `${from}:${term}`;
      if (kind === recordKind.ask) this.answer(from, this.onAsk(key, term, fields));
      else if (kind === recordKind.grant) this.answer(from, this.onGrant(key, term, fields));
      else if (kind === recordKind.cancel) this.onCancel(key);
    }
  }

  private answer(to: number, record: AgentRecord): void {
    this.ports.sendFrame(to, agentFrame(this.ports.id, to, [record]));
  }

  private onAsk(key: string, term: number, [id = 0, memory = 0, , profile = 0, fidelity = 0]: readonly number[]): AgentRecord {
    const { host } = this.ports;
    const program = PROFILES[profile]!.guest;
    const isEmulated = fidelity === fidelityCode.emulated;
    if (this.given >= PROMOTED_PER_HOST || host.state !== 'up' || (isEmulated && program === '')) {
      return [recordKind.refuse, term];
    }
    const vm = this.firstNumber + this.given;
    const guest = isEmulated ? program : PROFILE_GUEST + PROFILES[profile]!.id;
    const pageCount = (memory * 1_048_576) / PAGE_SIZE;
    const made = host.createIncomingVm({ id: vm, name: `vm ${id}`, guest, pageCount, vcpuCount: 1 });
    if (!made.ok) {
      this.ports.note('refused', `host:${this.ports.id}`, `${this.ports.name} has no room for VM ${id} of ${memory} MiB`);
      return [recordKind.refuse, term];
    }
    this.given++;
    this.places.set(key, { vm, id, fidelity, memory });
    return [recordKind.offer, term, this.ports.id];
  }

  private onGrant(key: string, term: number, fields: readonly number[]): AgentRecord {
    const place = this.places.get(key);
    if (place !== undefined) {
      this.places.delete(key);
      const runs = place.fidelity === fidelityCode.emulated ? this.emulate(place) : this.page(place, fields);
      this.verdicts.set(key, runs ? 'taken' : 'void');
      if (runs) this.promoted.push({ vm: place.vm, id: place.id });
    }
    const verdict = this.verdicts.get(key) ?? 'void';
    this.verdicts.set(key, verdict);
    return [verdict === 'taken' ? recordKind.taken : recordKind.void, term, this.ports.now()];
  }

  private page({ vm, id }: Place, fields: readonly number[]): boolean {
    const [, profilePhase = 0, , , writes = 0, transferNs = 0, phaseEndNs = 0, draws = 0, stoppedNs = 0] = fields;
    const made = this.ports.host.findVm(vm);
    if (made?.state !== 'incoming') return false;
    const now = this.ports.now();
    fillPagedVm(made, {
      id, profile: Math.floor(profilePhase / 256), phase: profilePhase % 256, writesPerSecond: writes,
      draws, phaseEndNs, actedNs: now, writes: 0, rest: 0, transferNs, acts: 0, sentBytes: 0,
    }, this.ports.scenario.seed);
    made.resume();
    this.ports.vmRuns(made, stoppedNs);
    this.ports.note('promoted', `vm:${vm}`, `VM ${id} has real pages now, on ${this.ports.name}`);
    return true;
  }

  private emulate({ vm, id, memory }: Place): boolean {
    const { host } = this.ports;
    const kept = host.findVm(vm);
    if (kept?.state !== 'incoming') return false;
    const { guest } = kept;
    host.destroyVm(vm);
    const made = host.createVm({ id: vm, name: `vm ${id}`, image: { kind: 'program', name: guest }, ramBytes: memory * 1_048_576, vcpuCount: 1 });
    if (!made.ok) return false;
    this.ports.vmRuns(made.value, this.ports.now());
    this.ports.note('promoted', `vm:${vm}`, `VM ${id} runs its guest program now, on ${this.ports.name}`);
    return true;
  }

  private onCancel(key: string): void {
    const place = this.places.get(key);
    if (place === undefined) return;
    this.places.delete(key);
    this.verdicts.set(key, 'void');
    if (this.ports.host.findVm(place.vm)?.state === 'incoming') this.ports.host.destroyVm(place.vm);
  }

  onPowerLoss(): void {
    for (const key of this.places.keys()) this.verdicts.set(key, 'void');
    this.places.clear();
  }

  told(): PromotionTold {
    return { taken: this.promoted.length, takenIds: this.promoted.reduce((sum, { id }) => sum + id, 0), vms: [...this.promoted] };
  }

  hashInto(hash: Hash64): void {
    hashInteger(hash, this.given * 0x100 + this.places.size);
    for (const { vm, id } of this.promoted) hashInteger(hash, id * 0x100 + vm);
  }
}
