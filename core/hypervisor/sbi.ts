/**
 * The SBI that guests call with `ecall`: version 2.0 with base, TIME, IPI, RFENCE, HSM, SRST and DBCN, and of
 * the legacy calls those that small programs use (set timer, putchar, getchar, shutdown). Everything
 * else answers SBI_ERR_NOT_SUPPORTED.
 * Left out: PMU, CPPC, NACL, STA, SUSP; remote hfences (no nested guests yet).
 * Standard: RISC-V Supervisor Binary Interface Specification 2.0.
 */
import type { ExitCause } from './cost-table.ts';
import { hartState, type Vcpu } from './vcpu.ts';

/** Error codes, SBI 2.0 table 1. */
export const sbiError = {
  success: 0,
  failed: -1,
  notSupported: -2,
  invalidParameter: -3,
  denied: -4,
  invalidAddress: -5,
  alreadyAvailable: -6,
  alreadyStarted: -7,
  alreadyStopped: -8,
} as const;

/** Extension ids, SBI 2.0 chapters 4 to 12; legacy ids 0 … 8 in chapter 5. */
export const sbiExtension = {
  setTimer: 0x00,
  putchar: 0x01,
  getchar: 0x02,
  shutdown: 0x08,
  base: 0x10,
  time: 0x54494d45,
  ipi: 0x735049,
  rfence: 0x52464e43,
  hsm: 0x48534d,
  srst: 0x53525354,
  dbcn: 0x4442434e,
} as const;

/** sbi_get_impl_id: not registered in table 4 of the specification, hence far from the small numbers. */
export const SBI_IMPLEMENTATION_ID = 0x676c6173; // 'glas'
/** Major 2, minor 0 (§4.1). */
export const SBI_VERSION = 2 << 24;
/** Bytes that one DBCN call moves at most; a call may do less than asked (§12.1). */
export const CONSOLE_CALL_MAX = 4096;

/** What a call asks for, read from a0 … a7. Numbers above 2^53 lose digits and are out of every range here. */
export interface SbiCall {
  readonly extension: number; // a7, low 32 bits
  readonly function: number; //  a6, low 32 bits
  readonly arguments: readonly number[]; // a0 … a5, unsigned
}

/** What goes back: a0 and a1. Legacy calls set a0 only. */
export interface SbiReturn {
  readonly error: number;
  readonly value: number;
  readonly legacy: boolean;
  readonly cause: ExitCause;
  /** Nothing was done: the vCPU waits for a page and makes the call again. */
  readonly waits?: true;
}

/** What the calls reach beyond their vCPU. Owned here, given by the run loop. */
export interface SbiPorts {
  readonly vcpu: Vcpu;
  readonly vcpus: readonly Vcpu[];
  /** Virtual time of the call. */
  readonly nowNs: number;
  /** When something sent now reaches another vCPU: the next point of the interleaving grid. */
  readonly reachesOthersAtNs: number;
  setTimer(deadlineNs: number): void;
  clearSoftwareInterrupt(): void;
  write(text: string): void;
  read(count: number): number[];
  /** Bytes that {@link read} would give. */
  waitingInput(): number;
  /** Whether these bytes of RAM may be written now; else the call waits until they may. */
  mayWrite(address: number, size: number): boolean;
  /** Whether all memory may be written now. */
  mayReboot(): boolean;
  /** Guest physical bytes, or undefined when some of them are not RAM. */
  readGuest(address: number, size: number): Uint8Array | undefined;
  /** False when some of the bytes are not RAM; then nothing was written. */
  writeGuest(address: number, bytes: Uint8Array): boolean;
  isRam(address: number, size: number): boolean;
  /** What instructions are aligned to: 2 bytes where harts have C, else 4. */
  readonly instructionAlignment: 2 | 4;
  flushTranslations(vcpu: Vcpu): void;
  shutDown(failed: boolean): void;
  reboot(): void;
  stopHart(): void;
  suspendHart(): void;
}

/** 10 MHz: a tick of the guests' clock is 100 ns. */
export const NS_PER_TICK = 100;

function answer(cause: ExitCause, error: number, value = 0): SbiReturn {
  return { error, value, legacy: false, cause };
}

/** The call is made again once the page that it would write is open. */
const WAITS: SbiReturn = { error: 0, value: 0, legacy: false, cause: 'snapshot-wait', waits: true };

function legacy(cause: ExitCause, value: number): SbiReturn {
  return { error: value, value: 0, legacy: true, cause };
}

/** Carries out one call. */
export function callSbi(call: SbiCall, ports: SbiPorts): SbiReturn {
  switch (call.extension) {
    case sbiExtension.base:
      return callBase(call);
    case sbiExtension.time:
      if (call.function !== 0) return answer('sbi-timer', sbiError.notSupported);
      ports.setTimer(deadlineOf(call.arguments[0]!));
      return answer('sbi-timer', sbiError.success);
    case sbiExtension.ipi:
      return callIpi(call, ports);
    case sbiExtension.rfence:
      return callRemoteFence(call, ports);
    case sbiExtension.hsm:
      return callHart(call, ports);
    case sbiExtension.srst:
      return callReset(call, ports);
    case sbiExtension.dbcn:
      return callConsole(call, ports);
    case sbiExtension.setTimer:
      ports.setTimer(deadlineOf(call.arguments[0]!));
      return legacy('sbi-timer', 0);
    case sbiExtension.putchar:
      ports.write(String.fromCharCode(call.arguments[0]! % 256));
      return legacy('sbi-console', 0);
    case sbiExtension.getchar:
      return legacy('sbi-console', ports.read(1)[0] ?? -1);
    case sbiExtension.shutdown:
      ports.shutDown(false);
      return legacy('sbi-reset', 0);
    default:
      return answer('sbi-unknown', sbiError.notSupported);
  }
}

/** A deadline in ticks as virtual time; beyond 2^53 ns (104 days) it never comes. */
function deadlineOf(ticks: number): number {
  const deadline = ticks * NS_PER_TICK;
  return Number.isSafeInteger(deadline) ? deadline : Infinity;
}

const PROBED: ReadonlySet<number> = new Set(Object.values(sbiExtension));

function callBase(call: SbiCall): SbiReturn {
  switch (call.function) {
    case 0:
      return answer('sbi-base', sbiError.success, SBI_VERSION);
    case 1:
      return answer('sbi-base', sbiError.success, SBI_IMPLEMENTATION_ID);
    case 2:
      return answer('sbi-base', sbiError.success, 1);
    case 3:
      return answer('sbi-base', sbiError.success, PROBED.has(call.arguments[0]!) ? 1 : 0);
    case 4: // mvendorid, marchid, mimpid: 0 is "not implemented" (RISC-V Privileged §3.1.2 … §3.1.4)
    case 5:
    case 6:
      return answer('sbi-base', sbiError.success, 0);
    default:
      return answer('sbi-base', sbiError.notSupported);
  }
}

const MASK_ALL = 2 ** 64; // hart_mask_base of −1 as an unsigned 64-bit number rounds to this

/** The vCPUs that a hart mask names (§3.1), or undefined when it names one that does not exist. */
function maskedVcpus(mask: number, base: number, vcpus: readonly Vcpu[]): Vcpu[] | undefined {
  if (base >= MASK_ALL - 2048) return [...vcpus];
  const chosen: Vcpu[] = [];
  let bits = mask;
  for (let bit = 0; bits > 0; bit++) {
    const set = bits % 2 === 1;
    bits = Math.floor(bits / 2);
    if (!set) continue;
    const vcpu = vcpus[base + bit];
    if (vcpu === undefined) return undefined;
    chosen.push(vcpu);
  }
  return chosen;
}

function callIpi(call: SbiCall, ports: SbiPorts): SbiReturn {
  if (call.function !== 0) return answer('sbi-ipi', sbiError.notSupported);
  const targets = maskedVcpus(call.arguments[0]!, call.arguments[1]!, ports.vcpus);
  if (targets === undefined) return answer('sbi-ipi', sbiError.invalidParameter);
  for (const target of targets) {
    target.softwareAtNs = Math.min(target.softwareAtNs, ports.reachesOthersAtNs);
  }
  return answer('sbi-ipi', sbiError.success);
}

/**
 * Remote fences. Instruction memory is always coherent here, so fence.i has nothing to do; a fence of translations
 * flushes the targets at once, which is what the caller may rely on when the call returns.
 */
function callRemoteFence(call: SbiCall, ports: SbiPorts): SbiReturn {
  if (call.function > 2) return answer('sbi-fence', sbiError.notSupported);
  const targets = maskedVcpus(call.arguments[0]!, call.arguments[1]!, ports.vcpus);
  if (targets === undefined) return answer('sbi-fence', sbiError.invalidParameter);
  if (call.function > 0) for (const target of targets) ports.flushTranslations(target);
  return answer('sbi-fence', sbiError.success);
}

function callHart(call: SbiCall, ports: SbiPorts): SbiReturn {
  const target = ports.vcpus[call.arguments[0]!];
  switch (call.function) {
    case 0: {
      if (target === undefined) return answer('sbi-hart', sbiError.invalidParameter);
      if (target.hartState !== hartState.stopped) {
        return answer('sbi-hart', sbiError.alreadyAvailable);
      }
      const { instructionAlignment: alignment } = ports;
      if (call.arguments[1]! % alignment !== 0 || !ports.isRam(call.arguments[1]!, alignment)) {
        return answer('sbi-hart', sbiError.invalidAddress);
      }
      target.hartState = hartState.startPending;
      target.startAtNs = ports.reachesOthersAtNs;
      target.startAddress = call.arguments[1]!;
      target.startOpaque = call.arguments[2]!;
      return answer('sbi-hart', sbiError.success);
    }
    case 1:
      ports.stopHart();
      return answer('sbi-hart', sbiError.success);
    case 2:
      if (target === undefined) return answer('sbi-hart', sbiError.invalidParameter);
      return answer('sbi-hart', sbiError.success, target.hartState);
    case 3: // only the default retentive suspend (§9.4, table 7: 0x00000000)
      if (call.arguments[0] !== 0) return answer('sbi-hart', sbiError.notSupported);
      ports.suspendHart();
      return answer('sbi-hart', sbiError.success);
    default:
      return answer('sbi-hart', sbiError.notSupported);
  }
}

function callReset(call: SbiCall, ports: SbiPorts): SbiReturn {
  if (call.function !== 0) return answer('sbi-reset', sbiError.notSupported);
  const [type, reason] = call.arguments as [number, number];
  if (type > 2) return answer('sbi-reset', type < 0xf000_0000 ? sbiError.invalidParameter : sbiError.notSupported);
  if (reason > 1 && reason < 0xe000_0000) return answer('sbi-reset', sbiError.invalidParameter);
  if (type !== 0 && !ports.mayReboot()) return WAITS;
  if (type === 0) ports.shutDown(reason === 1);
  else ports.reboot();
  return answer('sbi-reset', sbiError.success);
}

function callConsole(call: SbiCall, ports: SbiPorts): SbiReturn {
  const [count, low, high] = call.arguments as [number, number, number];
  switch (call.function) {
    case 0: {
      const bytes = Math.min(count, CONSOLE_CALL_MAX);
      const source = high === 0 ? ports.readGuest(low, bytes) : undefined;
      if (source === undefined) return answer('sbi-console', sbiError.invalidParameter);
      let text = '';
      for (const byte of source) text += String.fromCharCode(byte);
      ports.write(text);
      return answer('sbi-console', sbiError.success, bytes);
    }
    case 1: {
      const room = Math.min(count, CONSOLE_CALL_MAX);
      if (high !== 0 || !ports.isRam(low, room)) {
        return answer('sbi-console', sbiError.invalidParameter);
      }
      if (!ports.mayWrite(low, Math.min(room, ports.waitingInput()))) return WAITS;
      const bytes = ports.read(room);
      if (bytes.length > 0) ports.writeGuest(low, Uint8Array.from(bytes));
      return answer('sbi-console', sbiError.success, bytes.length);
    }
    case 2:
      ports.write(String.fromCharCode(count % 256));
      return answer('sbi-console', sbiError.success);
    default:
      return answer('sbi-console', sbiError.notSupported);
  }
}
