/**
 * What a logged command does on one host. Every process applies every command at the same virtual
 * time; each does its own part. What cannot be done any more is noted on the timeline and changes
 * nothing.
 */
import { findContract } from '../mechanisms/catalog.ts';
import type { Command } from '../protocol/command.ts';
import { guestLine, type HostProcess } from './host-process.ts';

/** The host that the lab's faults call the destination. */
const DESTINATION = 1;

/** Does this host's part of `command`, now. */
export function applyCommand(self: HostProcess, command: Command): void {
  switch (command.kind) {
    case 'set-knob':
      applyKnob(self, command.knob, command.value);
      break;
    case 'inject-fault':
      applyFault(self, command.fault);
      break;
    case 'migrate':
      if (holds(self, command.vm)) self.migrations.migrate(command.vm, command.to, modeOf(self));
      break;
    case 'cancel-migration':
      if (holds(self, command.vm)) self.migrations.cancel(command.vm);
      break;
    case 'console-input':
      self.typeInto(command.vm, command.text);
      break;
  }
}

/** Whether this host has the copy of a VM that holds the right to run. */
function holds(self: HostProcess, vm: number): boolean {
  const found = self.host.findVm(vm);
  return found !== undefined && found.state !== 'incoming';
}

function modeOf(self: HostProcess): 'pre-copy' | 'stop-and-copy' {
  return self.scenario.mode === 'baseline' ? 'stop-and-copy' : 'pre-copy';
}

function applyKnob(self: HostProcess, knob: string, value: number): void {
  self.knobs[knob] = value;
  const { settings } = self.migrations;
  switch (knob) {
    case 'bandwidth':
      for (const link of self.links.values()) link.setBandwidth(Math.round(value));
      break;
    case 'latency':
      for (const link of self.links.values()) link.setLatency(Math.round(value));
      break;
    case 'loss':
      for (const link of self.links.values()) link.setLoss(Math.round(value * 10_000));
      break;
    case 'dirty-rate':
    case 'working-set':
      for (const vm of self.scenario.vms) {
        if (vm.guest === 'dirtier') self.typeInto(vm.id, guestLine(knob, value));
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
  self.migrations.onSettings();
  const row = findContract(self.scenario.lab)?.knobs.find((it) => it.id === knob);
  if (row === undefined) return;
  const unit = row.unit === '' ? '' : ` ${row.unit}`;
  noteOnce(self, 'command', ENTITIES[row.entity] ?? row.entity, `${knob} = ${value}${unit}`);
}

/** Where on the picture a knob's entity is. */
const ENTITIES: Readonly<Record<string, string>> = {
  link: 'link:0-1',
  vm: 'vm:1',
  migration: 'migration:1',
};

function applyFault(self: HostProcess, fault: string): void {
  switch (fault) {
    case 'cut-link':
      for (const link of self.links.values()) link.cut();
      noteOnce(self, 'fault', 'link:0-1', 'the link is cut');
      break;
    case 'mend-link':
      for (const link of self.links.values()) link.mend();
      noteOnce(self, 'fault', 'link:0-1', 'the link is mended');
      break;
    case 'destination-memory':
      if (self.id === DESTINATION && self.host.state === 'up') {
        const count = self.takeAllFrames();
        note(self, 'fault', `host:${self.id}`, `another tenant took ${count} frames`);
      }
      break;
    case 'destination-crash':
      if (self.id === DESTINATION) {
        note(self, 'fault', `host:${self.id}`, `${self.name} loses power`);
        self.losePower();
      }
      break;
    case 'second-migration':
      askAgain(self);
      break;
    case 'cancel':
      for (const it of self.migrations.activeOutgoing()) self.migrations.cancel(it.vm.id);
      break;
    default:
      break;
  }
}

/**
 * A second migration of a VM that is migrating: refused by name. Of one that is not, nothing is
 * asked.
 */
function askAgain(self: HostProcess): void {
  const going = self.migrations.activeOutgoing();
  for (const it of going) self.migrations.migrate(it.vm.id, it.to, modeOf(self));
  if (going.length === 0 && self.host.vms().some((vm) => vm.state === 'running')) {
    note(
      self,
      'refused',
      `host:${self.id}`,
      'no migration is going on, so there is no second one to ask for',
    );
  }
}

function note(self: HostProcess, kind: string, entity: string, text: string): void {
  self.host.log({ timeNs: self.host.now(), kind, entity, text });
}

/** Of what happens to both ends of a cable, the lower end tells. */
function noteOnce(self: HostProcess, kind: string, entity: string, text: string): void {
  if (self.id === 0) note(self, kind, entity, text);
}
