/**
 * What an inspector shows of a VM's machine: a vCPU's mode and translation registers, a typed address walked through
 * both stages, its interrupts with their controller, its devices with their queues. Read from the bytes and records
 * that the machine uses; looking changes nothing: no accessed bit, no TLB entry, no claim, no cost.
 */
import { plicFacts } from '../devices/index.ts';
import { ringFacts, virtioFacts } from '../devices/virtio/index.ts';
import { getProfile } from '../isa/table/index.ts';
import { interruptName, statusFields, translationRegister, trapFields } from '../machine/index.ts';
import { accountForGuestWalk, GUEST_RAM_ADDRESS, hexadecimal } from '../memory/index.ts';
import { INTERRUPT, MEMORY_MAP, SOURCE_COUNT } from '../platform/memory-map.ts';
import { csrSlot, HART_ADDRESS, HART_STRIDE, hartOffset } from '../protocol/host-memory-layout.ts';
import type { InspectionReply } from '../protocol/inspection.ts';
import type { ControllerFacts, DeviceFacts, InterruptRow, WalkAccess, WalkFacts } from '../protocol/machine-inspection.ts';
import type { Host } from './host.ts';
import { hartState, type Vcpu } from './vcpu.ts';
import type { Vm } from './vm.ts';

/** Interrupts of a guest: number as the guest sees it; hvip has it one place further left (Privileged §18.2.3). */
const GUEST_INTERRUPTS = [1, 5, 9] as const;
/** Order in which they are taken (§12.1.3). */
const TAKEN_IN_ORDER = [9, 1, 5] as const;

function hartAddress(vcpu: Vcpu): number {
  return HART_ADDRESS + vcpu.hartSlot * HART_STRIDE;
}

function csr(host: Host, vcpu: Vcpu, slot: number): bigint {
  return BigInt.asUintN(64, host.memory.host.longs[(hartAddress(vcpu) + hartOffset.csr + 8 * slot) >> 3]!);
}

function privilegeOf(host: Host, vcpu: Vcpu): 'VU' | 'VS' {
  return host.memory.host.words[(hartAddress(vcpu) + hartOffset.privilege) >> 2] === 0 ? 'VU' : 'VS';
}

function nameOf(vm: Vm, vcpu: Vcpu): string {
  return `vCPU ${vcpu.index} of ${vm.name}`;
}

/** vsatp, and hgatp as a host's hart holds it while the vCPU runs: Sv39x4, the VM's root table, VMID 0. */
function registersOf(host: Host, vm: Vm, vcpu: Vcpu) {
  const hgatp = (8n << 60n) | BigInt(vm.memory.gStage.rootFrame);
  return [translationRegister('vsatp', csr(host, vcpu, csrSlot.vsatp), false), translationRegister('hgatp', hgatp, true)];
}

/** Privilege mode, pc, translation registers, status and traps of a vCPU. */
export function inspectProcessor(host: Host, vm: Vm, vcpu: Vcpu): InspectionReply {
  const registers: Readonly<Record<string, number>> = { vstvec: csrSlot.vstvec, vsepc: csrSlot.vsepc, vscause: csrSlot.vscause, vstval: csrSlot.vstval };
  return {
    view: 'processor',
    hart: nameOf(vm, vcpu),
    profile: getProfile(host.machine.profile(vcpu.hartSlot)).id,
    privilege: privilegeOf(host, vcpu),
    virtual: true,
    pc: hexadecimal(host.machine.readPc(vcpu.hartSlot), 16),
    state: stateOf(vm, vcpu),
    translation: registersOf(host, vm, vcpu),
    status: statusFields(csr(host, vcpu, csrSlot.vsstatus)),
    traps: trapFields({ tvec: 'vstvec', epc: 'vsepc', cause: 'vscause', tval: 'vstval' }, (name) => csr(host, vcpu, registers[name]!)),
  };
}

function stateOf(vm: Vm, vcpu: Vcpu): string {
  if (vm.state !== 'running') return `the VM is ${vm.state}`;
  if (vcpu.hartState === hartState.stopped) return 'stopped: nobody has started it';
  if (vcpu.hartState === hartState.startPending) return 'is being started';
  if (vcpu.waitsForPage >= 0) return 'waits until a snapshot has kept a page';
  if (vcpu.waiting) return 'waits for an interrupt (wfi)';
  return vcpu.onProcessor ? 'runs on a core' : 'waits for a core';
}

/** An address (0 … 2^64 − 1) walked through both stages as the vCPU would reach it now. */
export function inspectTranslation(host: Host, vm: Vm, vcpu: Vcpu, address: bigint, access: WalkAccess): InspectionReply {
  const walk = accountForGuestWalk(host.memory.host, vm.memory, hartAddress(vcpu), address, access);
  return {
    view: 'translation', hart: nameOf(vm, vcpu), privilege: privilegeOf(host, vcpu), registers: registersOf(host, vm, vcpu), ...walk,
    lands: landing(host, vm, walk),
  };
}

/** What lies where a walk ended. */
function landing(host: Host, vm: Vm, { access, end }: WalkFacts): string {
  const { guest } = end;
  if (guest === '') return '';
  const address = Number(BigInt(guest)); // exact below 2^53; beyond that no VM has anything
  const page = Math.floor((address - GUEST_RAM_ADDRESS) / 4096);
  if (end.ended === 'translated') {
    return `page ${page} of ${vm.pageCount} of the VM’s memory, in frame ${BigInt(end.physical) >> 12n} of host ${host.name}`;
  }
  const place = access === 'fetch' || end.implicit !== '' ? undefined : vm.devices?.bus.find(address);
  if (place !== undefined) return `the hypervisor answers with the device “${place.device.name}”, register 0x${(address - place.address).toString(16)}`;
  if (page < 0 || page >= vm.pageCount) {
    return access === 'fetch' ? 'nothing of the VM lies there: the VM would fail' : 'nothing of the VM lies there: the guest gets an access fault';
  }
  if (vm.memory.frame(page) < 0) return `page ${page} of the VM’s memory has no frame on host ${host.name}`;
  return `page ${page} of the VM’s memory is watched (dirty log or snapshot): the hypervisor serves the fault and the guest goes on`;
}

/** Pending and enabled interrupts of a vCPU, and the controller behind the external one. */
export function inspectInterrupts(host: Host, vm: Vm, vcpu: Vcpu): InspectionReply {
  const hvip = csr(host, vcpu, csrSlot.hvip);
  const vsie = csr(host, vcpu, csrSlot.vsie);
  const vsip = (hvip >> 1n) & 0x222n;
  const bit = (value: bigint, code: number) => ((value >> BigInt(code)) & 1n) === 1n;
  const finite = (timeNs: number) => (Number.isFinite(timeNs) ? timeNs : -1);
  const sources = {
    1: { source: 'another vCPU, by SBI', dueNs: finite(vcpu.softwareAtNs) },
    5: { source: 'the timer, set by SBI', dueNs: finite(vcpu.timerDeadlineNs) },
    9: { source: vm.devices === undefined ? 'nobody: this VM has no devices' : 'the PLIC', dueNs: finite(vcpu.externalAtNs) },
  } as const;
  const rows = GUEST_INTERRUPTS.map((code): InterruptRow => ({
    code, name: interruptName(code), pending: bit(vsip, code), enabled: bit(vsie, code), goesTo: 'VS', ...sources[code],
  }));
  return {
    view: 'interrupts', hart: nameOf(vm, vcpu), privilege: privilegeOf(host, vcpu),
    registers: [['hvip', hvip], ['vsip', vsip], ['vsie', vsie]].map(([name, value]) => ({ name: String(name), value: hexadecimal(value as bigint, 16) })),
    rows, next: nextInterrupt(host, vcpu, vsip & vsie),
    files: [], noFiles: 'This VM’s hart profile has no AIA: it has no interrupt file. The bare-metal board has them.',
    controllers: vm.devices === undefined ? [] : [controllerOf(vm)],
  };
}

function nextInterrupt(host: Host, vcpu: Vcpu, ready: bigint): string {
  if (ready === 0n) return 'Nothing is both pending and enabled.';
  const code = TAKEN_IN_ORDER.find((each) => ((ready >> BigInt(each)) & 1n) === 1n)!;
  const isOpen = privilegeOf(host, vcpu) === 'VU' || (csr(host, vcpu, csrSlot.vsstatus) & 2n) !== 0n;
  if (!isOpen) return `The ${interruptName(code)} waits: SIE is 0.`;
  return `The ${interruptName(code)} is taken before the next instruction.`;
}

function controllerOf(vm: Vm): ControllerFacts {
  const devices = vm.devices!;
  const names = new Map<number, string>([[INTERRUPT.serial, 'serial port'], [INTERRUPT.rtc, 'clock']]);
  for (const [slot, { name }] of devices.slots.entries()) names.set(INTERRUPT.virtio + slot, name);
  return plicFacts(devices.plic, {
    name: 'PLIC', address: MEMORY_MAP.plic.address,
    source: (source) => (source <= SOURCE_COUNT ? (names.get(source) ?? '') : ''),
    context: (context) => `vCPU ${context}`,
  });
}

/** A VM's devices; none for a VM without. */
export function inspectDevices(vm: Vm): InspectionReply {
  const { devices } = vm;
  if (devices === undefined) return { view: 'devices', devices: [] };
  const sources: Readonly<Record<string, number>> = { serial: INTERRUPT.serial, rtc: INTERRUPT.rtc };
  const plain = { status: [], features: [], failure: '', queues: [], counters: [] };
  return {
    view: 'devices',
    devices: devices.list().map(({ name, address, slot, device }): DeviceFacts => ({
      ...(slot < 0 ? plain : virtioFacts(devices.slots[slot]!.core, vm.memory)),
      name, address: hexadecimal(address), byteCount: device.size, slot,
      source: slot < 0 ? (sources[name] ?? 0) : INTERRUPT.virtio + slot,
    })),
  };
}

/** One queue of a VM's virtio device. */
export function inspectQueue(vm: Vm, slot: number, queue: number): InspectionReply {
  const place = vm.devices?.slots[slot];
  if (place === undefined) return { view: 'none', sentence: `VM ${vm.name} has no virtio device in slot ${slot}.` };
  return ringFacts(place.core, vm.memory, slot, queue) ?? { view: 'none', sentence: `${place.name} has no queue ${queue}.` };
}
