/**
 * What a logged command does on one host. Every process applies every command at the same virtual time;
 * each does its own part. What cannot be done any more is noted on the timeline and changes nothing.
 */
import type { Command } from '../protocol/command.ts';
import { guestLine, type HostProcess } from './host-process.ts';

/** The host that the lab's faults call the destination. */
const DESTINATION = 1;

/** Does this host's part of `command`, now. */
export function applyCommand(process: HostProcess, command: Command): void {
  switch (command.kind) {
    case 'set-knob':
      applyKnob(process, command.knob, command.value);
      break;
    case 'inject-fault':
      applyFault(process, command.fault);
      break;
    case 'migrate':
      if (holds(process, command.vm)) process.migrations.migrate(command.vm, command.to, modeOf(process));
      break;
    case 'cancel-migration':
      if (holds(process, command.vm)) process.migrations.cancel(command.vm);
      break;
    case 'console-input':
      process.typeInto(command.vm, command.text);
      break;
  }
}

/** Whether this host has the copy of a VM that holds the right to run. */
function holds(process: HostProcess, vm: number): boolean {
  const found = process.host.findVm(vm);
  return found !== undefined && found.state !== 'incoming';
}

function modeOf(process: HostProcess): 'pre-copy' | 'stop-and-copy' {
  return process.scenario.mode === 'baseline' ? 'stop-and-copy' : 'pre-copy';
}

function applyKnob(process: HostProcess, knob: string, value: number): void {
  process.knobs[knob] = value;
  const { settings } = process.migrations;
  switch (knob) {
    case 'bandwidth':
      for (const link of process.links.values()) link.setBandwidth(Math.round(value));
      break;
    case 'latency':
      for (const link of process.links.values()) link.setLatency(Math.round(value));
      break;
    case 'loss':
      for (const link of process.links.values()) link.setLoss(Math.round(value * 10_000));
      break;
    case 'dirty-rate':
    case 'working-set':
      for (const vm of process.scenario.vms) {
        if (vm.guest === 'dirtier') process.typeInto(vm.id, guestLine(knob, value));
      }
      break;
    case 'downtime-limit':
      settings.downtimeLimitNs = Math.round(value);
      break;
    case 'round-limit':
      settings.roundLimit = Math.round(value);
      break;
    case 'throttle':
      settings.throttleAllowed = value === 1;
      break;
    default: // a knob of another lab: known to the coordinator, of no meaning here
      break;
  }
  process.migrations.onSettings();
}

function applyFault(process: HostProcess, fault: string): void {
  switch (fault) {
    case 'cut-link':
      for (const link of process.links.values()) link.cut();
      noteOnce(process, fault, 'link:0-1', 'the link is cut');
      break;
    case 'mend-link':
      for (const link of process.links.values()) link.mend();
      noteOnce(process, fault, 'link:0-1', 'the link is mended');
      break;
    case 'destination-memory':
      if (process.id === DESTINATION && process.host.state === 'up') {
        const count = process.takeAllFrames();
        note(process, fault, `host:${process.id}`, `another tenant took ${count} frames`);
      }
      break;
    case 'destination-crash':
      if (process.id === DESTINATION) {
        note(process, fault, `host:${process.id}`, `${process.name} loses power`);
        process.losePower();
      }
      break;
    case 'second-migration':
      askAgain(process);
      break;
    case 'cancel':
      for (const it of process.migrations.activeOutgoing()) process.migrations.cancel(it.vm.id);
      break;
    default:
      break;
  }
}

/** A second migration of a VM that is migrating: refused by name. Of one that is not, nothing is asked. */
function askAgain(process: HostProcess): void {
  const going = process.migrations.activeOutgoing();
  for (const it of going) process.migrations.migrate(it.vm.id, it.to, modeOf(process));
  if (going.length === 0 && process.host.vms().some((vm) => vm.state === 'running')) {
    note(process, 'refused', `host:${process.id}`, 'no migration is going on, so there is no second one to ask for');
  }
}

function note(process: HostProcess, kind: string, entity: string, text: string): void {
  process.host.log({ timeNs: process.host.now(), kind, entity, text });
}

/** Of what happens to both ends of a cable, the lower end tells. */
function noteOnce(process: HostProcess, kind: string, entity: string, text: string): void {
  if (process.id === 0) note(process, kind, entity, text);
}
