/** What a host and its VMs are asked for with. */
import type { GuestProfileId } from '../isa/table/index.ts';
import type { Ipv4Address, MacAddress } from '../network/index.ts';
import type { GuestImage } from './boot.ts';
import type { VmDeviceSpec } from './vm-devices.ts';

/** What a host is built from. */
export interface HostOptions {
  readonly id: number;
  readonly name: string;
  /** RAM in 4 KiB frames. */
  readonly frameCount: number;
  /** Physical processors. */
  readonly processorCount: number;
  readonly seed: number;
  /** 1,000 = 1 GHz at one instruction a cycle. */
  readonly picosecondsPerInstruction?: number;
  readonly network?: HostNetwork;
  /** Compiled interpreter to share among the hosts of a worker. */
  readonly compiled?: WebAssembly.Module;
}

/** How a host's TCP stack reaches the wire. */
export interface HostNetwork {
  readonly address: Ipv4Address;
  readonly mac: MacAddress;
  readonly neighbours: ReadonlyMap<Ipv4Address, MacAddress>;
  transmit(frame: Uint8Array, destination: Ipv4Address, now: number): void;
  transmitRoom?(destination: Ipv4Address): number;
}

/** A VM that boots here. */
export interface VmSpec {
  readonly id: number; //       1 … 255, unique in the world
  readonly name: string;
  readonly image: GuestImage;
  readonly ramBytes: number;
  readonly vcpuCount?: number; // 1
  readonly profile?: GuestProfileId; // rv64ima
  readonly bootArguments?: string;
  /** Devices at the places of QEMU's `virt` machine; none when not given: then its console is SBI's. */
  readonly devices?: VmDeviceSpec;
}

/** A VM that comes from another host. */
export interface IncomingVmSpec {
  readonly id: number;
  readonly name: string;
  readonly guest: string;
  readonly pageCount: number;
  readonly vcpuCount: number;
  /** As on the host that it comes from; its disks are reached from here. */
  readonly devices?: VmDeviceSpec;
}
