/**
 * The algorithm, on one host: a VM stands for a while, then goes on. Its ticks are measured where they
 * come out, at the console. Copy the shape; replace the algorithm.
 * Left out: pauses of several VMs at one time by one request.
 */
import { type Hash64, hashInteger } from '../../base/index.ts';
import type { Vm } from '../../hypervisor/vm.ts';
import type { MechanismRequest, Refusal } from '../../protocol/command.ts';
import type { EventArguments } from '../../sim/event-queue.ts';
import { refuse } from '../find.ts';
import type { Attachment, HostPorts } from '../host-ports.ts';

/** A tick as the guest prints it: its own clock, which tick, what its task has found. */
export const TICK_LINE = /^ticker \d+\.\d{3} s {2}tick \d+/;
/** A line longer than this is no tick. */
const LINE_LENGTH_MAX = 256;

/** The line that tells the guest of its period. */
export function periodLine(periodNs: number): string {
  return `period ${Math.round(periodNs / 1_000)}\n`;
}

/** One host's share. States of a VM: it runs, or it stands since `pausedAtNs`. */
export class BriefPauses implements Attachment {
  private readonly ports: HostPorts;
  /** VMs that stand, and since when. */
  private readonly pausedAtNs: Record<number, number> = {};
  private readonly reader = { cursor: 0, line: '', ticks: 0, lastNs: -1, gapNs: -1, longestNs: -1 };

  constructor(ports: HostPorts) {
    this.ports = ports;
  }

  onRequest(request: MechanismRequest): void {
    const { ports } = this;
    const vm = ports.host.findVm(Number(request.arguments['vm']));
    if (vm === undefined || ports.scenario.baseline !== '') return;
    const refusal = this.findRefusal(request);
    if (refusal !== undefined) {
      ports.note('refused', `vm:${vm.id}`, refusal.sentence);
      return;
    }
    this.pausedAtNs[vm.id] = ports.now();
    vm.pause('it was paused briefly');
    ports.vmStands(vm);
    ports.schedule(ports.now() + Math.round(ports.knob('pause')), 'resume', { vm: vm.id });
  }

  findRefusal(request: MechanismRequest): Refusal | undefined {
    const id = Number(request.arguments['vm']);
    const vm = this.ports.host.findVm(id);
    if (vm?.state !== 'running') {
      return refuse('not-running', `VM ${id} does not run, so it cannot be paused.`);
    }
    const held = this.ports.heldByOthers(id);
    return held === undefined ? undefined : refuse('held', held);
  }

  onEvent(kind: string, args: EventArguments): void {
    const vm = this.ports.host.findVm(Number(args['vm']));
    const sinceNs = vm === undefined ? undefined : this.pausedAtNs[vm.id];
    if (kind !== 'resume' || vm === undefined || sinceNs === undefined) return;
    delete this.pausedAtNs[vm.id];
    vm.resume();
    this.ports.vmRuns(vm, sinceNs);
    this.ports.note('resumed', `vm:${vm.id}`, 'goes on after its pause');
  }

  onKnob(knob: string, value: number): void {
    if (knob !== 'period') return;
    for (const { id } of this.ports.scenario.vms) this.ports.typeInto(id, periodLine(value));
  }

  onFault(fault: string): void {
    if (fault !== 'host-crash') return;
    this.ports.note('fault', `host:${this.ports.id}`, `${this.ports.name} loses power`);
    this.ports.losePower();
  }

  onVmLeaves(vm: Vm): void {
    delete this.pausedAtNs[vm.id];
  }

  holds(vm: number): string | undefined {
    return this.pausedAtNs[vm] === undefined ? undefined : `VM ${vm} is paused briefly.`;
  }

  measure(): Readonly<Record<string, number>> {
    const { reader } = this;
    const debugConsole = this.ports.host.vms()[0]?.debugConsole;
    if (debugConsole !== undefined && debugConsole.byteCount > reader.cursor) {
      for (const { timeNs, text } of debugConsole.chunksFrom(reader.cursor))
        this.read(timeNs, text);
      reader.cursor = debugConsole.byteCount;
    }
    const values: Record<string, number> = { ticks: reader.ticks };
    if (reader.gapNs >= 0) values['gap'] = reader.gapNs;
    if (reader.longestNs >= 0) values['gap-longest'] = reader.longestNs;
    return values;
  }

  hashInto(hash: Hash64): void {
    for (const [vm, sinceNs] of Object.entries(this.pausedAtNs)) {
      hashInteger(hash, Number(vm));
      hashInteger(hash, sinceNs);
    }
  }

  /** Ends of lines are moments: a tick is counted at the piece of output that ends it. */
  private read(timeNs: number, text: string): void {
    const { reader } = this;
    const lines = (reader.line + text).split('\n');
    reader.line = (lines.pop() ?? '').slice(-LINE_LENGTH_MAX);
    for (const line of lines) {
      if (!TICK_LINE.test(line)) continue;
      reader.ticks++;
      if (reader.lastNs >= 0) {
        reader.gapNs = timeNs - reader.lastNs;
        reader.longestNs = Math.max(reader.longestNs, reader.gapNs);
      }
      reader.lastNs = timeNs;
    }
  }
}
