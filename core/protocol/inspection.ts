/** Inspection: one request, answered at a cut; never changes the model (house, decision 13). */
import type { DevicesFacts, InterruptFacts, ProcessorFacts, RingFacts, TranslationFacts, WalkAccess } from './machine-inspection.ts';

/** What can be looked at. Numbers that may exceed 2^53 travel as hexadecimal text with 0x. */
export type InspectionRequest =
  | { readonly view: 'registers'; readonly vm: number; readonly vcpu: number }
  | { readonly view: 'disassembly'; readonly vm: number; readonly vcpu: number; readonly before: number; readonly after: number }
  | { readonly view: 'guest-memory'; readonly vm: number; readonly guestPhysicalAddress: number; readonly byteCount: number }
  | { readonly view: 'exits'; readonly vm: number }
  | { readonly view: 'processor'; readonly vm: number; readonly vcpu: number }
  | { readonly view: 'translation'; readonly vm: number; readonly vcpu: number; readonly address: string; readonly access: WalkAccess }
  | { readonly view: 'interrupts'; readonly vm: number; readonly vcpu: number }
  | { readonly view: 'devices'; readonly vm: number }
  | { readonly view: 'queue'; readonly vm: number; readonly slot: number; readonly queue: number }
  | { readonly view: 'can-migrate'; readonly vm: number; readonly to: number }
  | { readonly view: 'process'; readonly process: number }
  | { readonly view: 'volume'; readonly process: number; readonly workload: number; readonly byteOffset: number; readonly byteCount: number }
  | { readonly view: 'pod-host'; readonly host: number }
  | { readonly view: 'pod-vm'; readonly id: number };

/** A VM of a pod. `host` and `moveTo` are numbers of hosts in the datacenter; move: '' while it stays. */
export interface PodVmFacts {
  readonly id: number;
  readonly host: number;
  readonly state: string; //           'running', 'standing', 'granted', 'down'
  readonly profile: string;
  readonly phase: string;
  readonly phaseEndNs: number;
  readonly memoryMib: number;
  readonly millicores: number;
  readonly writesPerSecond: number;
  readonly guest: string; //           guest program that it may be emulated by, '' for none
  readonly fidelity: string;
  readonly move: string;
  readonly moveRound: number;
  readonly moveTo: number; //          a process when it goes abroad, −1 while it stays
}

/** Requests about a VM, which any host may be asked. */
export type VmInspection = Extract<InspectionRequest, { readonly vm: number }>;

export type InspectionReply =
  | { readonly view: 'registers'; readonly host: number; readonly pc: string; readonly privilege: string; readonly x: readonly string[]; /** Empty where the hart has no float unit. */ readonly f: readonly string[]; readonly csrs: readonly { readonly name: string; readonly value: string }[] }
  | { readonly view: 'disassembly'; readonly pc: string; readonly lines: readonly { readonly address: string; readonly word: string; readonly text: string }[] }
  | { readonly view: 'guest-memory'; readonly guestPhysicalAddress: number; readonly bytes: readonly number[]; readonly present: boolean }
  | { readonly view: 'exits'; readonly causes: readonly { readonly cause: string; readonly count: number; readonly costNs: number }[] }
  | ProcessorFacts
  | TranslationFacts
  | InterruptFacts
  | DevicesFacts
  | RingFacts
  | { readonly view: 'can-migrate'; readonly refused: boolean; readonly sentence: string }
  | { readonly view: 'process'; readonly process: number; readonly kind: string; readonly name: string; readonly told: unknown }
  | { readonly view: 'volume'; readonly process: number; readonly workload: number; readonly byteOffset: number; readonly bytes: readonly number[]; readonly sequence: number; readonly digest: string }
  | {
      readonly view: 'pod-host'; readonly process: number; readonly host: number; readonly up: boolean;
      readonly millicores: number; readonly millicoresAsked: number; readonly memoryMib: number; readonly memoryMibFree: number;
      readonly cpuSecondsStolen: number; readonly portBytes: number; readonly diskBytes: number; readonly receivedBytes: number;
      readonly vms: readonly PodVmFacts[];
    }
  | { readonly view: 'pod-vm'; readonly process: number; readonly vm: PodVmFacts; readonly memoryStart: readonly number[] }
  | { readonly view: 'none'; readonly sentence: string };
