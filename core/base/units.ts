/**
 * Branded numbers, made only by the constructors here, which assert the range. A brand costs nothing
 * at run time. All are integers below 2^53 unless the line says otherwise.
 */
import { assert } from './assert.ts';

declare const brand: unique symbol;
/** A number that only its constructor makes. */
export type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** Nanoseconds since the start of the run. Range 0 … 2^53 − 1 (104 days). */
export type VirtualTimeNs = Branded<number, 'VirtualTimeNs'>;
/** A length of virtual time. Unit: ns. Range 0 … 2^53 − 1. */
export type DurationNs = Branded<number, 'DurationNs'>;
/** Link rate. Unit: bit/s. Range 1 … 2^53 − 1. */
export type BitsPerSecond = Branded<number, 'BitsPerSecond'>;
/** An address in a guest's physical space (output of the VS stage). Unit: byte. Sv39x4: below 2^41. */
export type GuestPhysicalAddress = Branded<number, 'GuestPhysicalAddress'>;
/** Number of a 4 KiB guest page: guest physical address / 4096. */
export type GuestFrameNumber = Branded<number, 'GuestFrameNumber'>;
/** Number of a 4 KiB frame of one host's RAM. 0 … frameCount − 1. */
export type HostFrameNumber = Branded<number, 'HostFrameNumber'>;
/** Name of a logical process that is a host, a small integer, unique in its world. */
export type HostId = Branded<number, 'HostId'>;
/** Number of a VM, unique in its world and kept across migration. 1 … 255. */
export type VmId = Branded<number, 'VmId'>;

function integer(value: number, what: string): void {
  assert(Number.isSafeInteger(value) && value >= 0, `${what} is a non-negative safe integer, not ${value}`);
}

export function virtualTimeNs(value: number): VirtualTimeNs {
  integer(value, 'a virtual time');
  return value as VirtualTimeNs;
}
export function durationNs(value: number): DurationNs {
  integer(value, 'a duration');
  return value as DurationNs;
}
export function bitsPerSecond(value: number): BitsPerSecond {
  integer(value, 'a rate');
  assert(value > 0, 'a rate is above 0 bit/s');
  return value as BitsPerSecond;
}
export function guestPhysicalAddress(value: number): GuestPhysicalAddress {
  integer(value, 'a guest physical address');
  return value as GuestPhysicalAddress;
}
export function guestFrameNumber(value: number): GuestFrameNumber {
  integer(value, 'a guest frame number');
  return value as GuestFrameNumber;
}
export function hostFrameNumber(value: number): HostFrameNumber {
  integer(value, 'a host frame number');
  return value as HostFrameNumber;
}
export function hostId(value: number): HostId {
  integer(value, 'a host id');
  return value as HostId;
}
export function vmId(value: number): VmId {
  integer(value, 'a VM id');
  assert(value >= 1 && value <= 255, 'a VM id is 1 … 255');
  return value as VmId;
}

/** Bytes in a page frame of hosts and guests alike (RISC-V Privileged, Sv39: 4 KiB base pages). */
export const PAGE_SIZE = 4096;
/** log2 of {@link PAGE_SIZE}. */
export const PAGE_SHIFT = 12;
/** Nanoseconds in a second. */
export const NS_PER_SECOND = 1_000_000_000;
