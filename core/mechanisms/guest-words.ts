/**
 * How labs talk to their guests: which knobs are typed to which guest, by which words, and when a guest listens. The guests of
 * the house take words from their first instruction on; a system that boots takes them from the kernel's command line,
 * and typed ones once it says that its load is on.
 */
import type { Vm } from '../hypervisor/vm.ts';
import { findLabGuest } from '../protocol/lab-guests.ts';
import type { ScenarioVm } from '../protocol/scenario.ts';
import type { HostPorts } from './host-ports.ts';
import type { LabScenarioOptions } from './lab.ts';

/** A knob of a guest: its word on the console, and on the kernel's command line of a guest that has one. */
interface GuestKnob {
  readonly knob: string;
  readonly word: string;
  /** What the guest does by itself: it is told of other values only. */
  readonly own: number;
}

/** By guest. */
export const GUEST_KNOBS: Readonly<Record<string, readonly GuestKnob[]>> = {
  dirtier: [
    { knob: 'dirty-rate', word: 'rate', own: 3_000 },
    { knob: 'working-set', word: 'set', own: 4_096 },
  ],
  redis: [
    { knob: 'request-rate', word: 'rate', own: 1_000 },
    { knob: 'keys', word: 'keys', own: 4_096 },
  ],
};

/** Between two looks whether a guest listens. Unit: ns. */
const LOOK_NS = 5_000_000;
/** The event of such a look, of the mechanism that asked for it. */
export const TELL_GUESTS = 'tell-guests';

const turned = (guest: string, knobs: Readonly<Record<string, number>>) =>
  (GUEST_KNOBS[guest] ?? []).filter(({ knob, own }) => (knobs[knob] ?? own) !== own);

/** The lines that tell a guest of the house its knobs at boot. */
export function bootInputOf(guest: string, knobs: Readonly<Record<string, number>>): string {
  return turned(guest, knobs).map(({ knob, word }) => `${word} ${Math.round(knobs[knob] ?? 0)}\n`).join('');
}

/** The VM of a lab: with the lab's own guest, or with what a file boots in its place. */
export function labVm(own: Omit<ScenarioVm, 'fromFile' | 'bootInput'>, { guestFile, boot, knobs }: LabScenarioOptions): ScenarioVm {
  if (guestFile === undefined) return { ...own, fromFile: false, bootInput: bootInputOf(own.guest, knobs) };
  const fromFile = { ...own, guest: boot?.guest ?? guestFile, fromFile: true, bootInput: '' };
  if (boot === undefined) return fromFile;
  const words = turned(boot.guest ?? '', knobs).map(({ knob, word }) => ` glasshouse.${word}=${Math.round(knobs[knob] ?? 0)}`);
  return { ...fromFile, profile: 'rv64gc', boot: { ...boot, append: boot.append + words.join('') } };
}

/** Pages of a system that is idle, which its kernel writes again and again; of a request to redis that writes. */
const IDLE_PAGES = 500;
const REQUEST_PAGES = 4;
/** A key's value with what manages it. Unit: pages. */
const KEY_PAGES = 0.35;

/** About what a guest writes: for the time that a headless run is given, not for any judgement. */
export function writtenBy(guest: string, knobs: Readonly<Record<string, number>>): { readonly pagesPerSecond: number; readonly pages: number } {
  const knob = (id: string) => knobs[id] ?? 0;
  if (guest !== 'redis') return { pagesPerSecond: knob('dirty-rate'), pages: knob('working-set') };
  return { pagesPerSecond: 10 * IDLE_PAGES + REQUEST_PAGES * knob('request-rate'), pages: IDLE_PAGES + KEY_PAGES * knob('keys') };
}

/** When a lab with this guest begins; nothing for a guest that has begun when it is booted. */
export function beginsWith(vm: ScenarioVm): { readonly begins?: { readonly vm: number; readonly said: string } } {
  const ready = findLabGuest(vm.guest)?.ready;
  return ready === undefined ? {} : { begins: { vm: vm.id, said: ready } };
}

/** Whether a guest reads what is typed: at once, or when it has said so; on another host its first line says it. */
export function listens(vm: Vm): boolean {
  const guest = findLabGuest(vm.guest);
  if (guest === undefined) return true;
  const text = vm.debugConsole.text();
  return text.startsWith(guest.ready) || text.includes(`\n${guest.ready}`) || new RegExp(`^${guest.id} `, 'm').test(text);
}

/** A knob was turned: told to every guest here that has it. Guests that do not listen yet are told when they do. */
export function tellKnob(ports: HostPorts, knob: string): void {
  let waits = false;
  for (const { id } of ports.scenario.vms) {
    // What really runs there: a VM that was put back from a snapshot may be another guest than planned.
    const vm = ports.host.findVm(id);
    const word = GUEST_KNOBS[vm?.guest ?? '']?.find((it) => it.knob === knob)?.word;
    if (vm === undefined || word === undefined) continue;
    if (listens(vm)) ports.typeInto(id, `${word} ${Math.round(ports.knob(knob))}\n`);
    else waits = true;
  }
  if (waits) ports.schedule(ports.now() + LOOK_NS, TELL_GUESTS, { knob });
}
