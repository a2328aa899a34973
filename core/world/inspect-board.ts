/**
 * What an inspector may ask of a bare-metal board: registers and CSRs of a hart, the instructions at its pc as it
 * fetches them, memory by physical address, and what core/board/inspect.ts shows of the machine. Nothing is changed by looking.
 */
import { deviceFacts, interruptFacts, modeName, processorFacts, queueFacts, translationFacts } from '../board/index.ts';
import { isCompressed } from '../isa/compressed.ts';
import { disassemble, disassembleCompressed } from '../isa/disassemble.ts';
import { BARE_CSRS } from '../machine/index.ts';
import { accessKind } from '../memory/index.ts';
import { RAM_ADDRESS } from '../platform/memory-map.ts';
import type { InspectionReply, InspectionRequest } from '../protocol/inspection.ts';
import type { BoardProcess } from './board-process.ts';

/** Most instructions before or after pc in one reply. */
const LINES_MAX = 256;
/** Most bytes of memory in one reply. */
const BYTES_MAX = 65_536;
/** Registers that count by themselves, or whose reading asks an interrupt file. */
const LEFT_OUT: readonly string[] = ['cycle', 'instret', 'time', 'window', 'topExternal'];

type Vm<View extends string> = Extract<InspectionRequest, { readonly view: View }>;

/** The answer of a board; 'none' with a sentence when it cannot be given. */
export function inspectBoard(board: BoardProcess, request: InspectionRequest): InspectionReply {
  if (!('vm' in request)) return none(`${board.name} is a board; its harts and its memory can be looked at.`);
  if (request.vm !== board.spec.vm) return none(`VM ${request.vm} is not on ${board.name}.`);
  if (request.view === 'exits') return none(`${board.name} is bare metal: there is no hypervisor that a hart could leave to.`);
  if (request.view === 'can-migrate') return { view: 'can-migrate', refused: true, sentence: `${board.name} is bare metal: only VMs can be moved.` };
  if (request.view === 'guest-memory') return memoryOf(board, request);
  if (request.view === 'devices') return { view: 'devices', devices: deviceFacts(board.machine) };
  if (request.view === 'queue') {
    const { slot, queue } = request;
    return queueFacts(board.machine, slot, queue) ?? none(`${board.name} has no queue ${queue} of a device in slot ${slot}.`);
  }
  if (request.vcpu < 0 || request.vcpu >= board.spec.hartCount) return none(`${board.name} has no hart ${request.vcpu}.`);
  switch (request.view) {
    case 'registers':
      return registers(board, request);
    case 'disassembly':
      return disassembly(board, request);
    case 'processor':
      return processorFacts(board.machine, request.vcpu, board.name);
    case 'translation':
      return translation(board, request);
    case 'interrupts':
      return interruptFacts(board.machine, request.vcpu, board.name);
  }
}

function none(sentence: string): InspectionReply {
  return { view: 'none', sentence };
}

function hexadecimal(value: bigint | number, digits = 16): string {
  return `0x${BigInt.asUintN(64, BigInt(value)).toString(16).padStart(digits, '0')}`;
}

function registers(board: BoardProcess, { vcpu: hart }: Vm<'registers'>): InspectionReply {
  const { harts } = board.machine;
  const csrs = BARE_CSRS.flatMap(({ name, number, behaviour, extension }) => {
    if (LEFT_OUT.includes(behaviour) || extension === 'Zihpm') return [];
    const value = harts.readCsr(hart, number);
    return value === undefined ? [] : [{ name, value: hexadecimal(value) }];
  });
  const hasFloats = (harts.profile(hart).extensions as readonly string[]).includes('F');
  return {
    view: 'registers',
    host: board.id,
    pc: hexadecimal(harts.readPc(hart)),
    privilege: modeName(board.machine, hart),
    x: Array.from({ length: 32 }, (_, index) => hexadecimal(harts.readRegister(hart, index))),
    f: hasFloats ? Array.from({ length: 32 }, (_, index) => hexadecimal(harts.readFloat(hart, index))) : [],
    csrs,
  };
}

/** The halfword that the hart would fetch at an address; undefined: the fetch would fault. */
function halfwordAt({ machine }: BoardProcess, hart: number, address: bigint): number | undefined {
  const found = machine.harts.inspect(hart, BigInt.asUintN(64, address), accessKind.fetch);
  if ('fault' in found) return undefined;
  const bytes = machine.ram.read(found.physicalAddress, 2);
  return bytes === undefined ? undefined : bytes[0]! | (bytes[1]! << 8);
}

interface Line {
  readonly address: string;
  readonly word: string;
  readonly text: string;
}

/** An instruction and how long it is; undefined where none can be fetched. */
function instructionAt(board: BoardProcess, hart: number, address: bigint): { readonly length: bigint; readonly line: Line } | undefined {
  const first = halfwordAt(board, hart, address);
  if (first === undefined) return undefined;
  const at = hexadecimal(address);
  if (isCompressed(first)) return { length: 2n, line: { address: at, word: hexadecimal(first, 4), text: disassembleCompressed(first, address) } };
  const second = halfwordAt(board, hart, address + 2n);
  if (second === undefined) return undefined;
  const word = (first | (second << 16)) >>> 0;
  return { length: 4n, line: { address: at, word: hexadecimal(word, 8), text: disassemble(word, address) } };
}

/** Instructions from `start` on, until `end` or `count` of them; and where they lead. */
function chainFrom(board: BoardProcess, hart: number, start: bigint, bounds: { readonly count: number; readonly end?: bigint }): { readonly lines: Line[]; readonly address: bigint } {
  const lines: Line[] = [];
  let address = start;
  while (lines.length < bounds.count && (bounds.end === undefined || address < bounds.end)) {
    const found = instructionAt(board, hart, address);
    if (found === undefined) break;
    lines.push(found.line);
    address += found.length;
  }
  return { lines, address };
}

/** Where instructions of 2 and 4 bytes begin before pc is not known: of two parities the first chain that meets pc is shown. */
function disassembly(board: BoardProcess, { vcpu: hart, before, after }: Vm<'disassembly'>): InspectionReply {
  const bounded = (count: number) => Math.min(Math.max(0, Math.floor(count)), LINES_MAX);
  const back = bounded(before);
  const pc = board.machine.harts.readPc(hart);
  const chains = [0n, 2n].map((skew) => chainFrom(board, hart, pc - BigInt(4 * back) + skew, { count: 2 * back, end: pc }));
  const behind = back === 0 ? [] : (chains.find(({ address }) => address === pc)?.lines.slice(-back) ?? []);
  const { lines } = chainFrom(board, hart, pc, { count: bounded(after) + 1 });
  return { view: 'disassembly', pc: hexadecimal(pc), lines: [...behind, ...lines] };
}

function translation(board: BoardProcess, { vcpu, address, access }: Vm<'translation'>): InspectionReply {
  if (!/^0x[0-9a-fA-F]{1,16}$/.test(address)) return none(`'${address}' is not an address; write it as 0x and up to 16 hexadecimal digits.`);
  return translationFacts(board.machine, vcpu, board.name, BigInt(address), access);
}

function memoryOf(board: BoardProcess, asked: Vm<'guest-memory'>): InspectionReply {
  const { guestPhysicalAddress, byteCount } = asked;
  if (!Number.isSafeInteger(guestPhysicalAddress) || !Number.isInteger(byteCount) || byteCount < 0 || byteCount > BYTES_MAX) {
    return none(`Memory is read in pieces of 0 to ${BYTES_MAX} bytes at a whole address.`);
  }
  const end = RAM_ADDRESS + board.spec.pageCount * 4096;
  const inside = guestPhysicalAddress >= RAM_ADDRESS && guestPhysicalAddress + byteCount <= end;
  const bytes = inside ? board.machine.ram.read(guestPhysicalAddress, byteCount) : undefined;
  return { view: 'guest-memory', guestPhysicalAddress, bytes: bytes === undefined ? [] : [...bytes], present: bytes !== undefined };
}
