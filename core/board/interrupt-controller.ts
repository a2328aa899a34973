/**
 * Which controller joins the devices' wires to the harts' external interrupts: a PLIC, or an APLIC
 * with a machine-level root and a supervisor-level child, both at QEMU's places (`aia=none`,
 * `aia=aplic`).
 */
import { Aplic, Plic } from '../devices/index.ts';
import type { Bus } from '../machine/bus.ts';
import { hartLine, MEMORY_MAP, SOURCE_COUNT } from './memory-map.ts';

/** Names as QEMU's machine option has them. */
export const AIA_CHOICES = ['none', 'aplic'] as const;
export type AiaChoice = (typeof AIA_CHOICES)[number];

/** A wire to a hart: `code` is a bit of mip. */
export type OnExternal = (hart: number, code: number, level: boolean) => void;

export interface InterruptController {
  /** The wire of a source, 1 … SOURCE_COUNT. */
  setLevel(source: number, level: boolean): void;
}

/** Makes it and puts its registers on the bus. */
export function attachController(bus: Bus, aia: AiaChoice, hartCount: number, onExternal: OnExternal): InterruptController {
  const { machineExternal, supervisorExternal } = hartLine;
  if (aia === 'none') {
    const plic = new Plic({ sourceCount: SOURCE_COUNT, contextCount: 2 * hartCount }, {
      onNotification: (context, level) =>
        onExternal(context >> 1, context % 2 === 0 ? machineExternal : supervisorExternal, level),
    });
    bus.attach(MEMORY_MAP.plic.address, plic);
    return plic;
  }
  const portsOf = (code: number) => ({
    onSignal: (hart: number, level: boolean) => onExternal(hart, code, level),
    sendMsi: () => undefined, // direct delivery sends none
  });
  const common = { delivery: 'direct', sourceCount: SOURCE_COUNT, hartCount } as const;
  const child = new Aplic({ ...common, name: 'aplic (supervisor)', level: 'supervisor' }, portsOf(supervisorExternal));
  const root = new Aplic({ ...common, name: 'aplic (machine)', level: 'machine', child }, portsOf(machineExternal));
  bus.attach(MEMORY_MAP.aplicMachine.address, root);
  bus.attach(MEMORY_MAP.aplicSupervisor.address, child);
  return root;
}
