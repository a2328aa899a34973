/**
 * Answers to inspection requests, read from the bytes of one host at a cut. Nothing here changes the
 * model: page walks leave accessed and dirty bits alone.
 */
import type { Vm } from '../hypervisor/vm.ts';
import { EXIT_COSTS } from '../hypervisor/cost-table.ts';
import { disassemble } from '../isa/disassemble.ts';
import { GUEST_CSRS } from '../machine/index.ts';
import {
  accessKind, frameOfAddress, GUEST_RAM_ADDRESS, pteBit, walkFault, type WalkStep,
} from '../memory/index.ts';
import { HART_ADDRESS, HART_STRIDE, hartOffset } from '../protocol/host-memory-layout.ts';
import type { InspectionReply, InspectionRequest } from '../protocol/inspection.ts';
import type { HostProcess } from './host-process.ts';

type PageWalkSteps = Extract<InspectionReply, { view: 'page-walk' }>['steps'];

/** Bytes of guest memory that one request may show. */
const BYTE_COUNT_MAX = 4096;
/** Instructions before and after the program counter that one request may show. */
const LINE_COUNT_MAX = 256;

/** The answer of this host; 'none' with a sentence when it cannot be given. */
export function inspectHost(process: HostProcess, request: InspectionRequest): InspectionReply {
  if (request.view === 'can-migrate') return canMigrate(process, request.vm, request.to);
  const vm = process.host.findVm(request.vm);
  if (vm === undefined) return none(`VM ${request.vm} is not on ${process.name}.`);
  if (request.view === 'exits') return exitsOf(vm);
  if (request.view === 'guest-memory') {
    return guestMemory(vm, request.guestPhysicalAddress, request.byteCount);
  }
  const slot = vm.vcpus[request.vcpu]?.hartSlot;
  if (slot === undefined) return none(`VM ${vm.id} '${vm.name}' has no vCPU ${request.vcpu}.`);
  switch (request.view) {
    case 'registers':
      return registersOf(process, slot);
    case 'disassembly':
      return disassemblyOf(process, vm, slot, request);
    case 'page-walk':
      return pageWalk(process, vm, slot, request.address);
  }
}

function none(sentence: string): InspectionReply {
  return { view: 'none', sentence };
}

function hex(value: bigint, digits = 0): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

function canMigrate(process: HostProcess, vm: number, to: number): InspectionReply {
  const refusal = process.migrations.findRefusal(vm, to);
  return {
    view: 'can-migrate', refused: refusal !== undefined,
    sentence: refusal?.sentence ?? `VM ${vm} can be migrated to ${process.hostName(to)}.`,
  };
}

function exitsOf(vm: Vm): InspectionReply {
  const causes = EXIT_COSTS.map(({ cause }, index) => ({
    cause,
    count: vm.vcpus.reduce((sum, vcpu) => sum + vcpu.exitCounts[index]!, 0),
    costNs: vm.vcpus.reduce((sum, vcpu) => sum + vcpu.exitCostsNs[index]!, 0),
  }));
  return { view: 'exits', causes: causes.filter((it) => it.count > 0) };
}

function guestMemory(vm: Vm, address: number, byteCount: number): InspectionReply {
  const count = Math.max(0, Math.min(Math.floor(byteCount), BYTE_COUNT_MAX));
  const bytes = Number.isSafeInteger(address) ? vm.memory.read(address, count) : undefined;
  return {
    view: 'guest-memory', guestPhysicalAddress: address, bytes: [...(bytes ?? [])], present: bytes !== undefined,
  };
}

function registersOf(process: HostProcess, slot: number): InspectionReply {
  const { machine, memory } = process.host;
  const base = HART_ADDRESS + slot * HART_STRIDE;
  const csrAt = (index: number) =>
    BigInt.asUintN(64, memory.host.longs[(base + hartOffset.csr + 8 * index) >> 3]!);
  const level = memory.host.words[(base + hartOffset.privilege) >> 2] === 0 ? 'U' : 'S';
  return {
    view: 'registers',
    host: process.id,
    pc: hex(machine.readPc(slot), 16),
    privilege: memory.host.words[(base + hartOffset.virtualMode) >> 2] === 1 ? `V${level}` : level,
    x: Array.from({ length: 32 }, (_, register) => hex(machine.readRegister(slot, register), 16)),
    csrs: GUEST_CSRS.filter((row) => row.slot >= 0).map((row) => ({
      name: row.name, value: hex(csrAt(row.slot), 16),
    })),
  };
}

/** Host page of a virtual address as the hart would fetch it; −1 when it could not. */
function fetchPage(process: HostProcess, vm: Vm, slot: number, address: bigint): number {
  const { walk } = process.host.machine.context;
  const [low, high] = halves(address);
  const hart = HART_ADDRESS + slot * HART_STRIDE;
  const fault = walk.inspect(vm.memory, hart, low, high, accessKind.fetch, () => undefined);
  return fault === walkFault.none ? walk.hostPage : -1;
}

function halves(address: bigint): [number, number] {
  return [Number(BigInt.asIntN(32, address)), Number(BigInt.asIntN(32, address >> 32n))];
}

function disassemblyOf(
  process: HostProcess,
  vm: Vm,
  slot: number,
  around: { readonly before: number; readonly after: number },
): InspectionReply {
  const { machine, memory } = process.host;
  const pc = machine.readPc(slot);
  const before = Math.max(0, Math.min(Math.floor(around.before), LINE_COUNT_MAX));
  const after = Math.max(0, Math.min(Math.floor(around.after), LINE_COUNT_MAX));
  const lines: { address: string; word: string; text: string }[] = [];
  for (let index = -before; index <= after; index++) {
    const address = BigInt.asUintN(64, pc + BigInt(4 * index));
    const page = fetchPage(process, vm, slot, address);
    if (page < 0) continue;
    const word = memory.host.view.getUint32(page + Number(address & 0xfffn & ~3n), true);
    lines.push({ address: hex(address, 16), word: word.toString(16).padStart(8, '0'), text: disassemble(word, address) });
  }
  return { view: 'disassembly', pc: hex(pc, 16), lines };
}

function parseAddress(text: string): bigint | undefined {
  return /^0x[0-9a-fA-F]{1,16}$/.test(text) ? BigInt(text) : undefined;
}

function pageWalk(process: HostProcess, vm: Vm, slot: number, text: string): InspectionReply {
  const address = parseAddress(text);
  if (address === undefined) return none(`'${text}' is no address: 0x and one to sixteen hexadecimal digits are expected.`);
  const { walk } = process.host.machine.context;
  const steps: PageWalkSteps[number][] = [];
  const [low, high] = halves(address);
  const hart = HART_ADDRESS + slot * HART_STRIDE;
  const fault = walk.inspect(vm.memory, hart, low, high, accessKind.load, (step) => {
    steps.push(describe(step));
  });
  return { view: 'page-walk', address: hex(address, 16), steps, result: resultOf(process, fault, walk.guestPage, walk.hostPage, low & 0xfff) };
}

function resultOf(
  process: HostProcess, fault: number, guestPage: number, hostPage: number, offset: number,
): string {
  if (fault === walkFault.page) return 'page fault: the guest’s own tables refuse a load';
  const guest = `0x${(guestPage * 4096 + offset).toString(16)}`;
  if (fault === walkFault.guestPage) return `guest page fault: guest physical ${guest} is not mapped by the host`;
  const frame = frameOfAddress(process.host.memory.host, hostPage);
  const inRam = guestPage * 4096 >= GUEST_RAM_ADDRESS;
  return `guest physical ${guest}${inRam ? `, page ${guestPage - GUEST_RAM_ADDRESS / 4096} of RAM` : ''}, frame ${frame} of ${process.name}`;
}

function describe(step: WalkStep): PageWalkSteps[number] {
  const entry = (BigInt(step.entryHigh >>> 0) << 32n) | BigInt(step.entryLow >>> 0);
  const flags = (['valid', 'read', 'write', 'execute', 'user', 'global', 'accessed', 'dirty'] as const)
    .map((name) => ((step.entryLow & pteBit[name]) !== 0 ? FLAG_LETTERS[name] : '·'))
    .join('');
  const leaf = (step.entryLow & (pteBit.read | pteBit.write | pteBit.execute)) !== 0;
  const page = ((entry >> 10n) & 0xfff_ffff_ffffn).toString(16);
  return {
    stage: step.stage,
    level: step.level,
    entryAddress: `0x${step.entryAddress.toString(16)}`,
    entry: hex(entry, 16),
    text: `${flags} ${leaf ? 'page' : 'table at page'} 0x${page}`,
  };
}

const FLAG_LETTERS = {
  valid: 'V', read: 'R', write: 'W', execute: 'X', user: 'U', global: 'G', accessed: 'A', dirty: 'D',
} as const;
