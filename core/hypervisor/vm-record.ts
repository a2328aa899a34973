/**
 * The record of a VM besides memory and the harts' registers: console input that waits, timers, hart states, and all
 * devices. What moves with a VM, lies in its snapshots and goes into the run hash.
 */
import { type FieldRow, fieldsSize, readFields, type RecordError, writeFields } from '../base/device-record.ts';
import { err, ok, type Result } from '../base/index.ts';
import { CONSOLE_INPUT_MAX } from './debug-console.ts';
import { hartState, type Vcpu } from './vcpu.ts';
import type { VmDevices } from './vm-devices.ts';

/** Version 1 is a VM without devices, whose records and hashes stay what they were; version 2 has them. */
const RECORD_VERSION = { plain: 1, withDevices: 2 } as const;

// biome-ignore format: a table, one row a line
const HEADER = [
  { name: 'version',     width: 'u16', since: 1 },
  { name: 'vcpuCount',   width: 'u16', since: 1 },
  { name: 'inputCount',  width: 'u16', since: 1 }, // console input that waits for the guest; bytes follow the vCPUs
  { name: 'reserved',    width: 'u16', since: 1 },
  // since version 2 the record of VmDevices is the rest
] as const satisfies readonly FieldRow[];

// biome-ignore format: a table, one row a line
const VCPU = [
  { name: 'hartState',       width: 'u8',   since: 1 }, // SBI HSM state
  { name: 'waiting',         width: 'u8',   since: 1 }, // in wfi
  { name: 'timerDeadlineNs', width: 'time', since: 1 }, // SBI timer
  { name: 'softwareAtNs',    width: 'time', since: 1 }, // interprocessor interrupt on its way
  { name: 'startAtNs',       width: 'time', since: 1 }, // hart start on its way
  { name: 'startAddress',    width: 'u53',  since: 1 },
  { name: 'startOpaque',     width: 'u53',  since: 1 },
  { name: 'externalAtNs',    width: 'time', since: 2 }, // change of the external interrupt wire on its way
] as const satisfies readonly FieldRow[];

const vcpuFields = (version: number) => VCPU.filter((field) => field.since <= version);

/** Whether the record of a VM is that of one with devices. */
export function hasDevices(record: Uint8Array): boolean {
  return record.length >= 2 && record[0]! + 256 * record[1]! >= RECORD_VERSION.withDevices;
}

/** The record of a VM that stands. */
export function saveVmRecord(vm: { readonly vcpus: readonly Vcpu[]; readonly input: readonly number[] | Uint8Array; readonly devices: VmDevices | undefined }): Uint8Array {
  const { vcpus, input } = vm;
  const version = versionFor(vm.devices);
  const fields = vcpuFields(version);
  const devices = vm.devices?.saveRecord() ?? new Uint8Array(0);
  const fixed = fieldsSize(HEADER) + vcpus.length * fieldsSize(fields);
  const bytes = new Uint8Array(fixed + input.length + devices.length);
  const view = new DataView(bytes.buffer);
  let at = writeFields(view, 0, HEADER, { version, vcpuCount: vcpus.length, inputCount: input.length, reserved: 0 });
  for (const vcpu of vcpus) at = writeFields(view, at, fields, { ...vcpu, waiting: vcpu.waiting ? 1 : 0 });
  bytes.set(input, at);
  bytes.set(devices, at + input.length);
  return bytes;
}

/** What a record holds, checked: fields of each vCPU by their names in {@link Vcpu}, console input, and what loads the devices. */
export interface OpenedVmRecord {
  readonly vcpus: readonly Readonly<Record<string, number | boolean>>[];
  readonly input: Uint8Array;
  readonly loadDevices: () => void;
}

/** Checks a record for a VM of that many vCPUs with these devices; changes nothing. */
export function openVmRecord(bytes: Uint8Array, vm: { readonly vcpuCount: number; readonly devices: VmDevices | undefined }): Result<OpenedVmRecord, RecordError> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const expected = versionFor(vm.devices);
  const rows = vcpuFields(expected);
  const fixed = fieldsSize(HEADER) + vm.vcpuCount * fieldsSize(rows);
  if (bytes.length < fixed) return err({ kind: 'record-size', found: bytes.length, expected: fixed });
  const header = readFields(view, 0, HEADER);
  if (!header.ok) return header;
  const { version, vcpuCount, inputCount } = header.value;
  if (version !== expected) return err({ kind: 'record-version', found: version, expected });
  if (vcpuCount !== vm.vcpuCount) return err({ kind: 'record-value', field: 'vcpuCount', found: vcpuCount });
  if (inputCount > CONSOLE_INPUT_MAX) return err({ kind: 'record-value', field: 'inputCount', found: inputCount });
  if (vm.devices === undefined ? bytes.length !== fixed + inputCount : bytes.length < fixed + inputCount) {
    return err({ kind: 'record-size', found: bytes.length, expected: fixed + inputCount });
  }
  const vcpus: Readonly<Record<string, number | boolean>>[] = [];
  let at = fieldsSize(HEADER);
  for (let index = 0; index < vcpuCount; index++, at += fieldsSize(rows)) {
    const fields = readFields(view, at, rows);
    if (!fields.ok) return fields;
    const known = (Object.values(hartState) as number[]).includes(fields.value.hartState);
    if (!known || fields.value.waiting > 1) return err({ kind: 'record-value', field: 'hartState', found: fields.value.hartState });
    vcpus.push({ ...fields.value, waiting: fields.value.waiting === 1 });
  }
  const devices = vm.devices?.openRecord(bytes.subarray(at + inputCount));
  if (devices?.ok === false) return devices;
  return ok({ vcpus, input: bytes.subarray(at, at + inputCount), loadDevices: devices?.value ?? (() => undefined) });
}

function versionFor(devices: VmDevices | undefined): number {
  return devices === undefined ? RECORD_VERSION.plain : RECORD_VERSION.withDevices;
}
