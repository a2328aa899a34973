/**
 * What a VM's devices are made of, as a record beside the files of its disks: a snapshot that has left its run brings it, so
 * that the VM goes on where nobody knows what it was booted from. A balloon and disks that cannot move are not in it.
 */
import { assert } from '../base/assert.ts';
import { decodeRecord, encodeRecord, err, ok, type RecordShape, type Result } from '../base/index.ts';
import { recordErrorSentence } from '../base/device-record.ts';
import { openDiskBytes, OverlayDisk, type SnapshotMachine } from '../formats/index.ts';
import { VIRTIO_SLOT_COUNT } from '../platform/memory-map.ts';
import { EPOCH_NS, slotCount, type VmDeviceSpec } from './vm-devices.ts';

const MAC_MAX = 2 ** 48 - 1;
/** A request of a disk takes at most a minute. Unit: ns. */
const DISK_LATENCY_NS_MAX = 60_000_000_000;

const RECORD = {
  name: 'machine', version: 1,
  // biome-ignore format: a table, one row a line
  fields: [
    { name: 'diskLatencyNs', width: 'u53',  since: 1, max: DISK_LATENCY_NS_MAX },
    { name: 'hasCard',       width: 'flag', since: 1 },
    { name: 'mac',           width: 'u53',  since: 1, max: MAC_MAX },
    { name: 'console',       width: 'flag', since: 1 },
    { name: 'hasEntropy',    width: 'flag', since: 1 },
    { name: 'seed',          width: 'u32',  since: 1 },
    { name: 'stream',        width: 'u32',  since: 1 },
    { name: 'epochNs',       width: 'u64',  since: 1 },
  ],
} as const satisfies RecordShape;

/** The record of devices; undefined when it could not hold them. Files are shared, not copied. */
export function saveMachine(spec: VmDeviceSpec): SnapshotMachine | undefined {
  const disks = spec.disks ?? [];
  if (spec.balloon === true || disks.some((it) => !(it instanceof OverlayDisk))) return undefined;
  return {
    record: encodeRecord(RECORD, {
      diskLatencyNs: spec.diskLatencyNs ?? 0,
      hasCard: spec.network !== undefined, mac: spec.network?.mac ?? 0,
      console: spec.console === true,
      hasEntropy: spec.entropy !== undefined, seed: spec.entropy?.seed ?? 0, stream: spec.entropy?.stream ?? 0,
      epochNs: spec.epochNs ?? EPOCH_NS,
    }),
    files: disks.map((it) => {
      assert(it instanceof OverlayDisk, 'other disks were refused');
      return it.store.baseFile;
    }),
  };
}

/** Devices as such a record says, over new overlays of its files; or one sentence. */
export function openMachine({ record, files }: SnapshotMachine): Result<VmDeviceSpec, string> {
  const read = decodeRecord(RECORD, record);
  if (!read.ok) return err(recordErrorSentence(read.error));
  const { diskLatencyNs, hasCard, mac, console, hasEntropy, seed, stream, epochNs } = read.value;
  const disks: OverlayDisk[] = [];
  for (const [index, bytes] of files.entries()) {
    const disk = openDiskBytes(bytes, `disk ${index}`);
    if (!disk.ok) return disk;
    disks.push(disk.value.image);
  }
  const spec: VmDeviceSpec = {
    disks, diskLatencyNs, console, epochNs,
    ...(hasCard ? { network: { mac } } : {}),
    ...(hasEntropy ? { entropy: { seed, stream } } : {}),
  };
  return slotCount(spec) <= VIRTIO_SLOT_COUNT ? ok(spec) : err(`The snapshot has ${disks.length} disks beside its other devices; a VM has ${VIRTIO_SLOT_COUNT} slots.`);
}
