/** One snapshot on a bare host, without a world: for guests given as assembly and jobs with any settings. */
import { assert } from '../base/index.ts';
import { Host, type Vm, vmErrorSentence } from '../hypervisor/index.ts';
import { SnapshotJob } from '../mechanisms/live-snapshot/mechanism.ts';
import { SnapshotPicture } from '../mechanisms/live-snapshot/picture.ts';
import type { JobPorts, SnapshotSettings } from '../mechanisms/live-snapshot/ports.ts';
import { rank } from '../sim/rank.ts';
import { type DiskClient, type DiskError, HostDisk } from '../storage/index.ts';

/** What {@link makeSnapshotBench} gives. The job is begun by `begin(atNs)`. */
export interface SnapshotBench {
  readonly host: Host;
  readonly vm: Vm;
  readonly job: SnapshotJob;
  readonly disk: HostDisk;
  begin(atNs: number): void;
}

/** A host with one VM of 1 MiB and a job that is not begun. */
export function makeSnapshotBench(options: {
  readonly source: string;
  readonly vcpuCount?: number;
  readonly settings?: Partial<SnapshotSettings>;
  readonly bandwidthBytesPerSecond?: number;
}): SnapshotBench {
  const vcpuCount = options.vcpuCount ?? 1;
  const host = new Host({ id: 0, name: 'bench', frameCount: 600, processorCount: 4, seed: 1 });
  const image = { kind: 'assembly', name: 'bench', source: options.source } as const;
  const made = host.createVm({ id: 1, name: 'bench', image, ramBytes: 1 << 20, vcpuCount });
  assert(made.ok, made.ok ? '' : vmErrorSentence(made.error));
  const vm = made.value;
  const ports: JobPorts = {
    now: () => host.now(),
    effectNs: () => host.effectNs(),
    takesTurns: () => host.takesTurns,
    schedule: (timeNs, kind, serial, value) => host.schedule(timeNs, rank.mechanism, `job.${kind}`, { serial, value }),
    chargeNeighbour: () => host.chargeGuest('snapshot-neighbour'),
    wake: (vcpu) => host.wakeFromPage(vcpu),
    stands: () => undefined,
    runs: () => undefined,
    note: () => undefined,
  };
  const client: DiskClient = {
    onDiskDone: (_ticket: number, error: DiskError | undefined) => job.onDiskDone(error),
  };
  const diskPorts = {
    effectNs: () => host.effectNs(),
    scheduleDisk: (timeNs: number) => host.schedule(timeNs, rank.mechanism, 'job.disk'),
  };
  const disk = new HostDisk(
    { bandwidthBytesPerSecond: options.bandwidthBytesPerSecond ?? 100_000_000, latencyNs: 1_000, capacityBytes: 1 << 30 },
    { client, ports: diskPorts, seed: 1, stream: 1 },
  );
  // No sweep to speak of, unless the test asks for one: what is kept is kept by faults.
  const settings: SnapshotSettings = {
    queueBytes: 1 << 20, reservePercent: 0, sweepPagesPerSecond: 1, codec: 0, pagesPerFault: 1, ...options.settings,
  };
  const picture = new SnapshotPicture(host.memory.host);
  const job = new SnapshotJob({ serial: 1, name: 'bench', parent: '', vm, mode: 'live', settings, ports, disk, picture });
  host.registerHandler('job', (kind, args, now) => {
    if (kind === 'job.begin') {
      picture.show(job);
      job.freeze();
    } else if (kind === 'job.disk') disk.onEvent(now);
    else job.onEvent(kind.slice('job.'.length), Number(args['value']));
  });
  return { host, vm, job, disk, begin: (atNs) => host.schedule(atNs, rank.mechanism, 'job.begin') };
}
