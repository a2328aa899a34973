/**
 * Scenarios: the labs that exist, and what they and the command line's `vm` are built from. Input is
 * checked here, before any world is built; a refused one changes nothing.
 */
import { err, findKnobValueError, type KnobError, type KnobRow, ok, PAGE_SIZE, type Result } from '../base/index.ts';
import type { BaselineRow, FaultRow, MetricRow, RequestRow } from '../base/contract.ts';
import { checkImage, deviceTreeRoom, prepareImage, vmDeviceTree } from '../hypervisor/boot.ts';
import { isSnapshotBytes, readSnapshotBytes } from '../hypervisor/core-file.ts';
import { VCPU_COUNT_MAX } from '../hypervisor/host.ts';
import { findRestoreFault } from '../hypervisor/restore-vm.ts';
import type { VmError } from '../hypervisor/vm-error.ts';
import type { GuestProfileId } from '../isa/table/index.ts';
import type { BootFiles } from '../formats/index.ts';
import { gStageTableCount } from '../memory/index.ts';
import { allKnobs } from '../mechanisms/lab.ts';
import { findLab, LABS } from '../mechanisms/labs.ts';
import { FRAME_COUNT_MAX } from '../protocol/host-memory-layout.ts';
import type { Scenario, ScriptedCommand } from '../protocol/scenario.ts';
import { bootFilesOf, type FileOwner, guestPartsOf } from './guest-files.ts';
import type { WorldError } from './world-error.ts';

/** Name of a guest file inside a scenario; the file's own name stays with whoever opened it. */
export const GUEST_FILE_NAME = 'guest.elf';
/** Latest instant of a snapshot that goes on: a day, of which nothing is to be seen before. Unit: ns. */
const INSTANT_NS_MAX = 86_400_000_000_000;
/** Default end of a `vm` run. Unit: ns. */
const VM_UNTIL_NS = 10_000_000_000;

/** A lab as lists and controls show it. */
export interface LabDescription {
  readonly slug: string;
  readonly title: string;
  readonly sentence: string;
  readonly knobs: readonly KnobRow[];
  readonly faults: readonly FaultRow[];
  readonly requests: readonly RequestRow[];
  readonly metrics: readonly MetricRow[];
  readonly baselines: readonly BaselineRow[];
}

/** What a lab's scenario is asked for with. Knobs that are not given take their defaults. */
export interface ScenarioOptions {
  readonly lab: string;
  readonly seed: number;
  readonly knobs: Readonly<Record<string, number>>;
  /** Id of one of the lab's baselines; '' for the mechanism itself. */
  readonly baseline: string;
  /** An ELF, or a bundle that says what a VM boots, in place of the lab's guest. */
  readonly guest?: Uint8Array;
  /** What errors call that file. */
  readonly guestName?: string;
}

/** What the command line's `vm` is asked for with. */
export interface VmScenarioOptions {
  readonly seed: number;
  readonly kernel: Uint8Array;
  /** What errors call that file. */
  readonly kernelName?: string;
  readonly ramBytes: number;
  readonly vcpuCount: number;
  /** What its harts are; rv64ima when missing, and a snapshot's own. */
  readonly profile?: GuestProfileId;
}

/** Every lab, in the catalog's order. */
export function listLabs(): readonly LabDescription[] {
  return LABS.map(
    ({ contract: { id, title, sentence, knobs, faults, requests, metrics, baselines } }) => ({
      slug: id,
      title,
      sentence,
      knobs,
      faults,
      requests,
      metrics,
      baselines,
    }),
  );
}

/** Why a knob cannot have this value; undefined when it can. */
export function findKnobError(
  knobs: readonly KnobRow[],
  id: string,
  value: number,
): KnobError | undefined {
  const row = knobs.find((knob) => knob.id === id);
  if (row === undefined)
    return { kind: 'unknown-knob', knob: id, known: knobs.map((knob) => knob.id) };
  return findKnobValueError(row, value);
}

/** Whether a number may seed a run. */
export function isSeed(seed: number): boolean {
  return Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32;
}

/** The scenario of a lab, or what is wrong with what was asked. */
export function scenarioOf(options: ScenarioOptions): Result<Scenario, WorldError> {
  const { lab: slug, seed, baseline, guest } = options;
  const lab = findLab(slug);
  if (lab === undefined) {
    return err({ kind: 'unknown-lab', lab: slug, known: LABS.map(({ contract }) => contract.id) });
  }
  const { contract } = lab;
  const baselines = contract.baselines.map(({ id }) => id);
  if (baseline !== '' && !baselines.includes(baseline)) {
    return err({ kind: 'unknown-baseline', lab: slug, baseline, known: baselines });
  }
  if (!isSeed(seed)) return err({ kind: 'bad-seed', found: seed });
  for (const [id, value] of Object.entries(options.knobs)) {
    const error = findKnobError(contract.knobs, id, value);
    if (error !== undefined) return err(error);
  }
  if (guest !== undefined) {
    const { pageCount, vcpuCount } = lab.guest;
    const error = findGuestError(guest, options.guestName, { ramBytes: pageCount * PAGE_SIZE, vcpuCount });
    if (error !== undefined) return err({ kind: 'bad-guest', error });
  }
  const knobs = allKnobs(contract, options.knobs);
  const guestFile = guest === undefined ? undefined : GUEST_FILE_NAME;
  const boot = guest === undefined || isSnapshotBytes(guest) ? undefined : bootFilesOf(undefined, guest);
  return ok(lab.scenario({ seed, knobs, baseline, guestFile, boot: boot?.ok === true ? boot.value : undefined }));
}

/** Why a guest file cannot boot in a VM of that size; undefined when it can. */
export function findGuestError(
  bytes: Uint8Array,
  name: string | undefined,
  vm: {
    readonly ramBytes: number;
    readonly vcpuCount: number;
    readonly profile?: GuestProfileId;
    readonly boot?: BootFiles;
    readonly owner?: FileOwner;
  },
): VmError | undefined {
  if (isSnapshotBytes(bytes)) return findSnapshotError(bytes, vm);
  const boot = bootFilesOf(vm.boot, bytes);
  if (!boot.ok) return boot.error;
  const parts = guestPartsOf(boot.value, bytes, name ?? GUEST_FILE_NAME, vm.owner ?? { id: 1, name: 'vm', seed: 0 });
  if (!parts.ok) return parts.error;
  const image = prepareImage(parts.value.image, profileFor(boot.value, vm.profile).profile, vm.ramBytes);
  if (!image.ok) return image.error;
  const { bootArguments, devices } = parts.value;
  const tree = vmDeviceTree({ ...vm, bootArguments, initrd: image.value.initrd, hasDevices: devices !== undefined });
  const fits = checkImage(image.value, {
    vm: 'guest',
    ramBytes: vm.ramBytes,
    treeBytes: deviceTreeRoom(tree),
  });
  return fits.ok ? undefined : fits.error;
}

/** The profile of a VM: as stated; kernels from a bundle are built for rv64gc. */
export function profileFor(boot: BootFiles | undefined, stated: GuestProfileId | undefined): { readonly profile?: GuestProfileId } {
  if (stated !== undefined) return { profile: stated };
  return boot === undefined ? {} : { profile: 'rv64gc' };
}

/** Why a snapshot is none, or of a VM of another shape. */
function findSnapshotError(
  bytes: Uint8Array,
  vm: { readonly ramBytes: number; readonly vcpuCount: number },
): VmError | undefined {
  const image = readSnapshotBytes(bytes);
  if (!image.ok) return { kind: 'bad-snapshot', sentence: image.error };
  const { takenAtNs } = image.value.head;
  const fault = takenAtNs > INSTANT_NS_MAX ? `It shows an instant ${takenAtNs} ns after its run began; a run goes on at most ${INSTANT_NS_MAX} ns after.` : findRestoreFault(image.value);
  if (fault !== undefined) return { kind: 'bad-snapshot', sentence: fault };
  const { pageCount: pages, vcpuCount: vcpus } = image.value.head;
  const pagesWanted = vm.ramBytes / PAGE_SIZE;
  if (pages === pagesWanted && vcpus === vm.vcpuCount) return undefined;
  return { kind: 'snapshot-shape', vm: 'guest', pages, vcpus, pagesWanted, vcpusWanted: vm.vcpuCount };
}

/** The instant that a snapshot file shows, or what is wrong with it. Unit: ns. */
export function snapshotInstant(bytes: Uint8Array): Result<number, string> {
  if (!isSnapshotBytes(bytes)) return err('It is no snapshot: an ELF core of ours was expected.');
  const image = readSnapshotBytes(bytes);
  return image.ok ? ok(image.value.head.takenAtNs) : image;
}

/** One host with one VM that runs a file; a snapshot brings its own RAM and vCPUs, and its own time. */
export function vmScenarioOf(options: VmScenarioOptions): Result<Scenario, WorldError> {
  const { seed, kernel, kernelName } = options;
  if (!isSeed(seed)) return err({ kind: 'bad-seed', found: seed });
  const snapshot = isSnapshotBytes(kernel) ? readSnapshotBytes(kernel) : undefined;
  if (snapshot !== undefined && !snapshot.ok) {
    return err({ kind: 'bad-guest', error: { kind: 'bad-snapshot', sentence: snapshot.error } });
  }
  const head = snapshot?.value.head;
  const ramBytes = head === undefined ? options.ramBytes : head.pageCount * PAGE_SIZE;
  const vcpuCount = head?.vcpuCount ?? options.vcpuCount;
  const boot = bootFilesOf(undefined, kernel);
  if (!boot.ok) return err({ kind: 'bad-guest', error: boot.error });
  const profile = profileFor(boot.value, options.profile);
  const error =
    findVmSizeError(ramBytes, vcpuCount) ??
    findGuestError(kernel, kernelName, { ramBytes, vcpuCount, ...profile });
  if (error !== undefined) return err({ kind: 'bad-guest', error });
  const pageCount = ramBytes / PAGE_SIZE;
  const frameCount = Math.min(FRAME_COUNT_MAX, pageCount + gStageTableCount(pageCount) + 64);
  return ok({
    lab: 'vm',
    mode: 'mechanism',
    baseline: '',
    seed,
    knobs: {},
    processes: [{ id: 0, name: 'machine', sampleColumns: [] }],
    links: [],
    hosts: [{ id: 0, name: 'machine', frameCount, processorCount: Math.min(vcpuCount, 4) }],
    vms: [
      {
        id: 1,
        name: 'vm',
        guest: GUEST_FILE_NAME,
        fromFile: true,
        host: 0,
        pageCount,
        vcpuCount,
        ...profile,
        ...(boot.value === undefined ? {} : { boot: boot.value }),
        bootInput: '',
      },
    ],
    script: [],
    untilNs: VM_UNTIL_NS + (head?.takenAtNs ?? 0),
    speed: 1,
  });
}

function findVmSizeError(ramBytes: number, vcpuCount: number): VmError | undefined {
  if (ramBytes === 0) return { kind: 'ram-zero', vm: 'vm' };
  if (!Number.isInteger(ramBytes / PAGE_SIZE) || ramBytes < 0) {
    return { kind: 'ram-not-whole-pages', vm: 'vm', found: ramBytes };
  }
  const pagesWanted = ramBytes / PAGE_SIZE + gStageTableCount(ramBytes / PAGE_SIZE);
  if (pagesWanted > FRAME_COUNT_MAX) {
    return {
      kind: 'ram-beyond-host',
      vm: 'vm',
      host: 'machine',
      pagesWanted,
      pagesFree: FRAME_COUNT_MAX,
    };
  }
  if (!Number.isInteger(vcpuCount) || vcpuCount < 1 || vcpuCount > VCPU_COUNT_MAX) {
    return { kind: 'vcpu-count', vm: 'vm', found: vcpuCount, maximum: VCPU_COUNT_MAX };
  }
  return undefined;
}

/** What a headless run of the lab asks for by itself. The page does not use it. */
export function scriptOf(scenario: Scenario): readonly ScriptedCommand[] {
  return scenario.script;
}
