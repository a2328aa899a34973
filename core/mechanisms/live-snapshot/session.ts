/**
 * Somebody who types: a line on an absolute grid of virtual time into every VM of the scenario that is on this
 * host, and how long each took to be echoed. A line carries the time at which it was typed, so nothing
 * needs to be remembered between typing and echo, also when the VM moves in between.
 */
import type { Vm } from '../../hypervisor/vm.ts';
import { readEcho } from '../guest-witness.ts';
import { listens } from '../guest-words.ts';
import type { HostPorts } from '../host-ports.ts';
import type { EchoTold } from './told.ts';

/** Answers kept; half a minute at 200 lines a second. */
const ANSWERS_MAX = 6_000;
/** Input that waits for the guest, beyond which the typist pauses: it types faster than it is read. Unit: byte. */
const WAITING_MAX = 2_000;
const LINE_LENGTH_MAX = 256;

/** From a typed line to its echo. */
export interface Answer {
  readonly sentNs: number;
  readonly latencyNs: number;
}

export class TypingSession {
  readonly answers: Answer[] = [];
  /** The longest latency since {@link takeLongest} was asked last; −1 = nothing was answered. Unit: ns. */
  private longestNs = -1;
  private readonly ports: HostPorts;
  private listening: number[] = []; // VMs whose guests have begun to read
  private readonly readers = new Map<number, { cursor: number; line: string }>();

  constructor(ports: HostPorts) {
    this.ports = ports;
  }

  /** Asks for the next line: one a period, at a moment of it that no clock of the guest keeps time with. */
  schedule(): void {
    const rate = Math.round(this.ports.knob('typing-rate'));
    const periodNs = rate > 0 ? Math.round(1e9 / rate) : 100_000_000;
    const period = Math.floor(this.ports.now() / periodNs) + 1;
    const moment = (Math.imul(period, 0x9e3779b1) >>> 0) % periodNs;
    this.ports.schedule(period * periodNs + moment, 'type', {});
  }

  /** One line into each VM that reads. */
  onType(): void {
    if (Math.round(this.ports.knob('typing-rate')) > 0) {
      for (const { id } of this.ports.scenario.vms) {
        const vm = this.ports.host.findVm(id);
        if (vm === undefined || (vm.state !== 'running' && vm.state !== 'paused')) continue;
        if (vm.debugConsole.waitingInput().length > WAITING_MAX || !this.listens(vm)) continue;
        this.ports.typeInto(id, `echo ${this.ports.now()}\n`);
      }
    }
    this.schedule();
  }

  /** Whether a guest reads what is typed; one that has begun to goes on. */
  private listens(vm: Vm): boolean {
    if (!this.listening.includes(vm.id) && listens(vm)) this.listening.push(vm.id);
    return this.listening.includes(vm.id);
  }

  /** Takes what the guests have printed since the call before. */
  read(): void {
    for (const { id } of this.ports.scenario.vms) {
      const vm = this.ports.host.findVm(id);
      if (vm !== undefined) this.readVm(vm);
    }
  }

  /** The longest latency since the call before, −1 when nothing was answered. For the sampler only. */
  takeLongest(): number {
    const longest = this.longestNs;
    this.longestNs = -1;
    return longest;
  }

  /** The VM has left this host; its console begins anew if it comes back. */
  forget(vm: Vm): void {
    this.readVm(vm);
    this.readers.delete(vm.id);
    this.listening = this.listening.filter((it) => it !== vm.id);
  }

  private readVm(vm: Vm): void {
    const reader = this.readers.get(vm.id) ?? { cursor: 0, line: '' };
    this.readers.set(vm.id, reader);
    for (const { timeNs, text } of vm.debugConsole.chunksFrom(reader.cursor)) {
      const lines = (reader.line + text).split('\n');
      reader.line = (lines.pop() ?? '').slice(0, LINE_LENGTH_MAX);
      for (const line of lines) this.readLine(line, timeNs);
    }
    reader.cursor = vm.debugConsole.byteCount;
  }

  private readLine(line: string, timeNs: number): void {
    const sentNs = readEcho(line);
    if (sentNs < 0) return;
    this.answers.push({ sentNs, latencyNs: timeNs - sentNs });
    this.longestNs = Math.max(this.longestNs, timeNs - sentNs);
    if (this.answers.length > ANSWERS_MAX) this.answers.splice(0, ANSWERS_MAX / 2);
  }
}

/** Percentiles of the answers to what was typed in [fromNs, untilNs). */
export function echoOf(answers: readonly Answer[], fromNs: number, untilNs: number): EchoTold {
  const latencies = answers
    .filter(({ sentNs }) => sentNs >= fromNs && sentNs < untilNs)
    .map(({ latencyNs }) => latencyNs)
    .sort((left, right) => left - right);
  const at = (percent: number) => latencies[Math.ceil((latencies.length * percent) / 100) - 1] ?? -1;
  return { answered: latencies.length, p50Ns: at(50), p99Ns: at(99), worstNs: latencies.at(-1) ?? -1 };
}
