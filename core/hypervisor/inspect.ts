/**
 * What an inspector may ask of a VM: registers, instructions around pc, guest memory, exits; and what
 * inspect-machine.ts shows of its machine. Answers are read from the same bytes that the machine uses, and nothing is changed: no
 * accessed bit, no TLB entry, no cost.
 */
import { isCompressed } from '../isa/compressed.ts';
import { disassemble, disassembleCompressed } from '../isa/disassemble.ts';
import { getProfile } from '../isa/table/index.ts';
import type { Extension } from '../isa/table/row.ts';
import { GUEST_CSRS } from '../machine/index.ts';
import { accessKind, GUEST_RAM_ADDRESS, walkFault } from '../memory/index.ts';
import { HART_ADDRESS, HART_STRIDE, hartOffset } from '../protocol/host-memory-layout.ts';
import type { InspectionReply, VmInspection } from '../protocol/inspection.ts';
import type { WalkAccess } from '../protocol/machine-inspection.ts';
import { EXIT_COSTS } from './cost-table.ts';
import type { Host } from './host.ts';
import { inspectDevices, inspectInterrupts, inspectProcessor, inspectQueue, inspectTranslation } from './inspect-machine.ts';
import type { Vcpu } from './vcpu.ts';
import type { Vm } from './vm.ts';

/** Most instructions before or after pc in one reply. */
const LINES_MAX = 256;
/** Most bytes of guest memory in one reply. */
const BYTES_MAX = 65_536;

type Request = Exclude<VmInspection, { readonly view: 'can-migrate' }>;

/** Answers a request about a VM on this host; 'none' with a sentence when there is nothing to show. */
export function inspectVm(host: Host, request: Request): InspectionReply {
  const vm = host.findVm(request.vm);
  if (vm === undefined) return none(`VM ${request.vm} is not on host ${host.name}.`);
  if (request.view === 'exits') return exits(vm);
  if (request.view === 'guest-memory') return guestMemory(vm, request);
  if (request.view === 'devices') return inspectDevices(vm);
  if (request.view === 'queue') return inspectQueue(vm, request.slot, request.queue);
  const vcpu = vm.vcpus[request.vcpu];
  if (vcpu === undefined) return none(`VM ${vm.name} has no vCPU ${request.vcpu}.`);
  switch (request.view) {
    case 'registers':
      return registers(host, vcpu);
    case 'disassembly':
      return disassembly(host, vm, vcpu, request);
    case 'processor':
      return inspectProcessor(host, vm, vcpu);
    case 'translation':
      return translation(host, vm, vcpu, request);
    case 'interrupts':
      return inspectInterrupts(host, vm, vcpu);
  }
}

function none(sentence: string): InspectionReply {
  return { view: 'none', sentence };
}

function hexadecimal(value: bigint | number, digits = 16): string {
  return `0x${BigInt.asUintN(64, BigInt(value)).toString(16).padStart(digits, '0')}`;
}

function hartAddress(vcpu: Vcpu): number {
  return HART_ADDRESS + vcpu.hartSlot * HART_STRIDE;
}

function hasExtension(host: Host, vcpu: Vcpu, extension: Extension): boolean {
  return getProfile(host.machine.profile(vcpu.hartSlot)).extensions.includes(extension);
}

const COMPUTED = { cycle: true, time: true, instret: true } as const;

function registers(host: Host, vcpu: Vcpu): InspectionReply {
  const { longs, words } = host.memory.host;
  const hart = hartAddress(vcpu);
  const csrs: { name: string; value: string }[] = GUEST_CSRS.flatMap(({ name, slot, behaviour }) => {
    if (behaviour in COMPUTED) return [];
    const value = BigInt.asUintN(64, longs[(hart + hartOffset.csr + 8 * slot) >> 3]!);
    // sip shows hvip one place further right (RISC-V Privileged §18.2.3)
    return [{ name, value: hexadecimal(behaviour === 'pending' ? (value >> 1n) & 0x222n : value) }];
  });
  if (hasExtension(host, vcpu, 'F')) {
    csrs.push({ name: 'fcsr', value: hexadecimal(words[(hart + hartOffset.fcsr) >> 2]!) });
  }
  return {
    view: 'registers',
    host: host.id,
    pc: hexadecimal(host.machine.readPc(vcpu.hartSlot)),
    privilege: words[(hart + hartOffset.privilege) >> 2] === 0 ? 'VU' : 'VS',
    x: Array.from({ length: 32 }, (_, index) =>
      hexadecimal(host.machine.readRegister(vcpu.hartSlot, index)),
    ),
    f: hasExtension(host, vcpu, 'F')
      ? Array.from({ length: 32 }, (_, index) => hexadecimal(longs[(hart + hartOffset.f + 8 * index) >> 3]!))
      : [],
    csrs,
  };
}

/** Translates without changing anything; the host address of the byte, or −1. */
function findHostAddress(host: Host, vm: Vm, vcpu: Vcpu, address: bigint): number {
  const { walk } = host.machine.context;
  const [low, high] = halves(address);
  const fault = walk.inspect(vm.memory, hartAddress(vcpu), low, high, accessKind.fetch, () => undefined);
  return fault === walkFault.none ? walk.hostPage + (low & 0xfff) : -1;
}

function halves(address: bigint): [number, number] {
  return [Number(BigInt.asIntN(32, address)), Number(BigInt.asIntN(32, address >> 32n))];
}

function disassembly(
  host: Host,
  vm: Vm,
  vcpu: Vcpu,
  range: { readonly before: number; readonly after: number },
): InspectionReply {
  const pc = host.machine.readPc(vcpu.hartSlot);
  const before = Math.min(Math.max(0, Math.floor(range.before)), LINES_MAX);
  const after = Math.min(Math.max(0, Math.floor(range.after)), LINES_MAX);
  if (hasExtension(host, vcpu, 'C')) return mixedDisassembly(host, vm, vcpu, { before, after });
  const lines = [];
  for (let index = -before; index <= after; index++) {
    const address = BigInt.asUintN(64, pc + BigInt(index * 4));
    const place = findHostAddress(host, vm, vcpu, address);
    if (place < 0) continue;
    const word = host.memory.host.view.getUint32(place, true);
    const text = disassemble(word, address);
    lines.push({ address: hexadecimal(address), word: hexadecimal(word, 8), text });
  }
  return { view: 'disassembly', pc: hexadecimal(pc), lines };
}

/**
 * Instructions of 2 and 4 bytes. Where one begins before pc is not known: reading starts at each of two parities
 * far enough back and the first chain that meets pc is shown; with none, nothing before pc is.
 */
function mixedDisassembly(
  host: Host,
  vm: Vm,
  vcpu: Vcpu,
  range: { readonly before: number; readonly after: number },
): InspectionReply {
  const pc = host.machine.readPc(vcpu.hartSlot);
  const { view } = host.memory.host;
  const halfword = (address: bigint): number | undefined => {
    const place = findHostAddress(host, vm, vcpu, BigInt.asUintN(64, address));
    return place < 0 ? undefined : view.getUint16(place, true);
  };
  const at = (address: bigint) => {
    const first = halfword(address);
    if (first === undefined) return undefined;
    if (isCompressed(first)) {
      return { length: 2n, word: hexadecimal(first, 4), text: disassembleCompressed(first, address) };
    }
    const second = halfword(address + 2n);
    if (second === undefined) return undefined;
    const word = (first | (second << 16)) >>> 0;
    return { length: 4n, word: hexadecimal(word, 8), text: disassemble(word, address) };
  };
  const chainFrom = (start: bigint, count: number, end?: bigint) => {
    const lines = [];
    let address = start;
    while (lines.length < count && (end === undefined || address < end)) {
      const found = at(address);
      if (found === undefined) break;
      lines.push({ address: hexadecimal(address), word: found.word, text: found.text });
      address += found.length;
    }
    return { lines, address };
  };
  const chains = [0n, 2n].map((skew) => chainFrom(pc - BigInt(4 * range.before) + skew, 2 * range.before, pc));
  const before = chains.find((chain) => chain.address === pc)?.lines.slice(-range.before) ?? [];
  const lines = [...(range.before === 0 ? [] : before), ...chainFrom(pc, range.after + 1).lines];
  return { view: 'disassembly', pc: hexadecimal(pc), lines };
}

function translation(host: Host, vm: Vm, vcpu: Vcpu, { address, access }: { readonly address: string; readonly access: WalkAccess }): InspectionReply {
  if (!/^0x[0-9a-fA-F]{1,16}$/.test(address)) {
    return none(`'${address}' is not an address; write it as 0x and up to 16 hexadecimal digits.`);
  }
  return inspectTranslation(host, vm, vcpu, BigInt(address), access);
}

function guestMemory(
  vm: Vm,
  asked: { readonly guestPhysicalAddress: number; readonly byteCount: number },
): InspectionReply {
  const { guestPhysicalAddress, byteCount } = asked;
  const valid =
    Number.isSafeInteger(guestPhysicalAddress) &&
    Number.isInteger(byteCount) &&
    byteCount >= 0 &&
    byteCount <= BYTES_MAX;
  if (!valid) return none(`Guest memory is read in pieces of 0 to ${BYTES_MAX} bytes at a whole address.`);
  const end = GUEST_RAM_ADDRESS + vm.pageCount * 4096;
  if (guestPhysicalAddress < GUEST_RAM_ADDRESS || guestPhysicalAddress + byteCount > end) {
    return { view: 'guest-memory', guestPhysicalAddress, bytes: [], present: false };
  }
  const bytes = vm.memory.read(guestPhysicalAddress, byteCount);
  return {
    view: 'guest-memory',
    guestPhysicalAddress,
    bytes: bytes === undefined ? [] : [...bytes],
    present: bytes !== undefined,
  };
}

function exits(vm: Vm): InspectionReply {
  const causes = EXIT_COSTS.map((row, index) => ({
    cause: row.title,
    count: vm.vcpus.reduce((sum, vcpu) => sum + vcpu.exitCounts[index]!, 0),
    costNs: vm.vcpus.reduce((sum, vcpu) => sum + vcpu.exitCostsNs[index]!, 0),
  }));
  return { view: 'exits', causes: causes.filter(({ count }) => count > 0) };
}
