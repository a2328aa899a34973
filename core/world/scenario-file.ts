/**
 * Reads a scenario file: its form (scenario-schema.ts), then its sense: names that are there once, hosts and
 * profiles that exist, VMs that fit, commands that are known. One sentence names the first thing that does
 * not fit and its path; nothing is built before all does.
 */
import { err, ok, PAGE_SIZE, type Result } from '../base/index.ts';
import { findGuestProgram, GUEST_PROGRAMS } from '../guests/index.ts';
import { isSnapshotBytes, readSnapshotBytes } from '../hypervisor/core-file.ts';
import { openMachine } from '../hypervisor/machine-record.ts';
import type { GuestProfileId } from '../isa/table/index.ts';
import type { BootFiles } from '../formats/index.ts';
import { gStageTableCount } from '../memory/index.ts';
import { knobsOfWorld } from '../mechanisms/knobs-of-file.ts';
import { allKnobs } from '../mechanisms/lab.ts';
import { findLab, LABS } from '../mechanisms/labs.ts';
import { type Command, requestOf } from '../protocol/command.ts';
import { HART_COUNT_MAX, VM_SLOT_COUNT } from '../protocol/host-memory-layout.ts';
import type { Scenario, ScenarioBoard, ScenarioHost, ScenarioLink, ScenarioVm } from '../protocol/scenario.ts';
import { readCommand } from '../sim/command-log.ts';
import { findDuplicateKey } from './duplicate-key.ts';
import { boardPartsOf } from './board-files.ts';
import { bootFilesOf } from './guest-files.ts';
import { BOARD } from './process-kinds.ts';
import { findGuestError, findKnobError, GUEST_FILE_NAME, profileFor } from './scenario.ts';
import { type FileFault, findFormFault, HOST_COUNT_MAX, type ScenarioFile } from './scenario-schema.ts';
import { bareMetalRefusal, mechanismFor, validateCommand } from './validate-command.ts';
import { sentenceOf, type WorldError } from './world-error.ts';

/** The lab of a file that belongs to none. */
export const DATACENTER = 'datacenter';
/** Longest file that is read. Unit: UTF-16 units. */
const FILE_LENGTH_MAX = 4 << 20;
const PAGES_PER_MIB = (1 << 20) / PAGE_SIZE;

/** What a scenario is made with besides its file. */
export interface FileOptions {
  readonly text: string;
  /** In place of the file's. */
  readonly seed?: number;
  /** Over the file's. */
  readonly knobs?: Readonly<Record<string, number>>;
  /** Id of a baseline of the file's lab; '' or missing: the mechanism. */
  readonly baseline?: string;
  /** The ELF that VMs with the guest 'file' run. */
  readonly guest?: Uint8Array;
}

/** The file's content, its form checked; or where it does not fit. */
export function readScenarioFile(text: string): Result<ScenarioFile, WorldError> {
  if (text.length > FILE_LENGTH_MAX)
    return fault('', `it has ${text.length} characters; at most ${FILE_LENGTH_MAX} are read`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return fault(
      '',
      `it is not JSON: ${cause instanceof Error ? cause.message : 'it cannot be read'}`,
    );
  }
  const twice = findDuplicateKey(text);
  if (twice !== undefined) return fault(twice, 'this field is there twice');
  const form = findFormFault(value);
  return form === undefined ? ok(value as ScenarioFile) : err({ kind: 'bad-scenario', ...form });
}

/** The scenario that a file's text describes, or one error that names the path and the reason. */
export function parseScenarioFile(options: FileOptions): Result<Scenario, WorldError> {
  const read = readScenarioFile(options.text);
  if (!read.ok) return read;
  const file = read.value;
  const wrong =
    findMachineFault(file) ?? findNameFault(file) ?? findPlaceFault(file) ?? findLinkFault(file) ?? findVmFault(file);
  if (wrong !== undefined) return err({ kind: 'bad-scenario', ...wrong });
  const lab = findLab(file.lab);
  if (lab === undefined && file.lab !== DATACENTER) {
    const known = [...LABS.map(({ contract }) => contract.id), DATACENTER].join(', ');
    return fault('lab', `there is no lab '${file.lab}'; known are ${known}`);
  }
  const turned = { ...file.knobs, ...options.knobs };
  for (const [id, value] of Object.entries(turned)) {
    const error = findKnobError(lab?.contract.knobs ?? [], id, value);
    if (error === undefined) continue;
    return Object.hasOwn(file.knobs, id) ? fault(`knobs.${id}`, sentenceOf(error)) : err(error);
  }
  const baseline = options.baseline ?? '';
  if (baseline !== '' && !(lab?.contract.baselines.some(({ id }) => id === baseline) ?? false)) {
    const known = lab?.contract.baselines.map(({ id }) => id) ?? [];
    return err({ kind: 'unknown-baseline', lab: file.lab, baseline, known });
  }
  const guest = findGuestFault(file, options.guest);
  if (guest !== undefined) return err(guest);
  const parts = partsOf(file, options.guest, lab?.contract.metrics.map(({ id }) => id) ?? []);
  const known = (id: string) => lab?.contract.knobs.some((knob) => knob.id === id) ?? false;
  const stated = Object.fromEntries(Object.entries(knobsOfWorld(parts)).filter(([id]) => known(id)));
  const knobs = lab === undefined ? {} : allKnobs(lab.contract, { ...stated, ...turned });
  return withCommands(file, {
    ...parts,
    lab: file.lab,
    mode: baseline === '' ? 'mechanism' : 'baseline',
    baseline,
    seed: options.seed ?? file.seed,
    knobs,
    turned,
    script: [],
    untilNs: file.untilNs,
    speed: file.speed,
  });
}

function fault(path: string, sentence: string): Result<never, WorldError> {
  return err({ kind: 'bad-scenario', path, sentence });
}

// ── Sense ─────────────────────────────────────────────────────────────────────────────────────

/** Whether there is anything that runs, and as much as one world holds. */
function findMachineFault({ version, hosts, boards, vms }: ScenarioFile): FileFault | undefined {
  if (boards !== undefined && version < 2) return { path: 'boards', sentence: 'boards came with version 2 of the format, and this file says 1' };
  const count = hosts.length + (boards ?? []).length;
  if (count === 0) return { path: 'hosts', sentence: version < 2 ? 'expected at least one host, found none' : 'expected at least one host or board, found none' };
  if (count > HOST_COUNT_MAX) return { path: 'boards', sentence: `expected at most ${HOST_COUNT_MAX} hosts and boards together, found ${count}` };
  // By their names commands tell them apart, whichever of the two they are.
  const index = (boards ?? []).findIndex(({ name }) => [...hosts, ...vms].some((it) => it.name === name));
  return index < 0 ? undefined : { path: `boards[${index}].name`, sentence: `the name '${boards![index]!.name}' is there twice` };
}

/** Names that are there twice in one list. */
function findNameFault(file: ScenarioFile): FileFault | undefined {
  const lists = {
    sites: file.sites,
    profiles: file.profiles,
    hosts: file.hosts,
    vms: file.vms,
    boards: file.boards ?? [],
  } as const;
  for (const [list, items] of Object.entries(lists)) {
    const seen = new Set<string>();
    for (const [index, { name }] of items.entries()) {
      if (seen.has(name))
        return { path: `${list}[${index}].name`, sentence: `the name '${name}' is there twice` };
      seen.add(name);
    }
  }
  return undefined;
}

function racksOf(file: ScenarioFile): string[] {
  return file.sites.flatMap((site) =>
    site.rows.flatMap((row) => row.racks.map((rack) => `${site.name}/${row.name}/${rack}`)),
  );
}

function findPlaceFault(file: ScenarioFile): FileFault | undefined {
  const racks = racksOf(file);
  const twice = racks.findIndex((rack, index) => racks.indexOf(rack) !== index);
  if (twice >= 0) return { path: 'sites', sentence: `the rack '${racks[twice]}' is there twice` };
  const profiles = file.profiles.map(({ name }) => name);
  for (const [index, host] of file.hosts.entries()) {
    const path = `hosts[${index}]`;
    if (!profiles.includes(host.profile)) {
      return {
        path: `${path}.profile`,
        sentence: `there is no profile '${host.profile}'; known are ${profiles.join(', ') || 'none'}`,
      };
    }
    if (host.rack !== '' && !racks.includes(host.rack)) {
      return {
        path: `${path}.rack`,
        sentence: `there is no rack '${host.rack}'; known are ${racks.join(', ') || 'none'}`,
      };
    }
  }
  return undefined;
}

function findLinkFault(file: ScenarioFile): FileFault | undefined {
  const names = file.hosts.map(({ name }) => name);
  const seen = new Set<string>();
  for (const [index, { between }] of file.links.entries()) {
    const path = `links[${index}].between`;
    const stranger = between.findIndex((name) => !names.includes(name));
    if (stranger >= 0)
      return { path: `${path}[${stranger}]`, sentence: `there is no host '${between[stranger]}'` };
    if (between[0] === between[1])
      return { path, sentence: 'a link joins two hosts, not one with itself' };
    const pair = between.toSorted().join(' ');
    if (seen.has(pair))
      return {
        path,
        sentence: `a link between '${between[0]}' and '${between[1]}' is there twice`,
      };
    seen.add(pair);
  }
  return undefined;
}

function findVmFault(file: ScenarioFile): FileFault | undefined {
  const guests = [...GUEST_PROGRAMS.map(({ name }) => name), 'file'];
  const used = new Map<string, { frames: number; harts: number; vms: number }>();
  for (const [index, vm] of file.vms.entries()) {
    const path = `vms[${index}]`;
    const host = file.hosts.find(({ name }) => name === vm.host);
    if (host === undefined)
      return { path: `${path}.host`, sentence: `there is no host '${vm.host}'` };
    if (!guests.includes(vm.guest)) {
      return {
        path: `${path}.guest`,
        sentence: `there is no guest '${vm.guest}'; known are ${guests.join(', ')}`,
      };
    }
    if (vm.boot !== undefined && vm.guest !== 'file') {
      return { path: `${path}.boot`, sentence: `only a VM with the guest 'file' boots files, this one runs '${vm.guest}'` };
    }
    const least = findGuestProgram(vm.guest)?.ramBytesMin ?? 0;
    if (vm.memoryMiB << 20 < least) {
      return {
        path: `${path}.memoryMiB`,
        sentence: `the guest '${vm.guest}' needs ${least >> 20} MiB, and has ${vm.memoryMiB}`,
      };
    }
    const pages = vm.memoryMiB * PAGES_PER_MIB;
    const sum = used.get(vm.host) ?? { frames: 0, harts: 0, vms: 0 };
    const now = {
      frames: sum.frames + pages + gStageTableCount(pages),
      harts: sum.harts + vm.vcpus,
      vms: sum.vms + 1,
    };
    used.set(vm.host, now);
    const frames =
      (file.profiles.find(({ name }) => name === host.profile)?.memoryMiB ?? 0) * PAGES_PER_MIB;
    if (now.frames > frames) {
      return {
        path: `${path}.memoryMiB`,
        sentence: `with this VM, ${now.frames} pages and tables are needed on '${vm.host}', which has ${frames}`,
      };
    }
    if (now.harts > HART_COUNT_MAX) {
      return {
        path: `${path}.vcpus`,
        sentence: `with this VM there are ${now.harts} vCPUs on '${vm.host}'; a host runs at most ${HART_COUNT_MAX}`,
      };
    }
    if (now.vms > VM_SLOT_COUNT) {
      return {
        path: `${path}.host`,
        sentence: `there are more than ${VM_SLOT_COUNT} VMs on '${vm.host}'`,
      };
    }
  }
  return undefined;
}

/** VMs with the guest 'file', and boards, need one; a file that nobody runs was meant for something. */
function findGuestFault(file: ScenarioFile, guest: Uint8Array | undefined): WorldError | undefined {
  for (const [at, board] of boardsOf(file).entries()) {
    const parts = boardPartsOf(board, guest);
    if (!parts.ok) return { kind: 'bad-scenario', path: `boards[${at}].${parts.error.field}`, sentence: parts.error.sentence };
  }
  const index = file.vms.findIndex((vm) => vm.guest === 'file');
  const path = index < 0 ? 'vms' : `vms[${index}].guest`;
  if (index < 0 && (file.boards ?? []).length > 0) return undefined;
  if (guest === undefined) {
    if (index < 0) return undefined;
    return {
      kind: 'bad-scenario',
      path,
      sentence: 'this VM runs a guest file, and none was given',
    };
  }
  if (index < 0) {
    return {
      kind: 'bad-scenario',
      path,
      sentence: "a guest file was given, and no VM has the guest 'file'",
    };
  }
  const second = file.vms.findIndex((vm, at) => vm.guest === 'file' && at > index);
  if (second >= 0 && isSnapshotBytes(guest) && bringsCard(guest)) {
    return { kind: 'bad-scenario', path: `vms[${second}].guest`, sentence: 'the snapshot’s VM has a network card, whose address a second VM cannot have' };
  }
  for (const [at, vm] of file.vms.entries()) {
    if (vm.guest !== 'file') continue;
    const boot = vm.boot === undefined ? {} : { boot: withoutGaps(vm.boot) };
    const owner = { id: at + 1, name: vm.name, seed: file.seed };
    const error = findGuestError(guest, undefined, { ramBytes: vm.memoryMiB << 20, vcpuCount: vm.vcpus, owner, ...profileOf(vm), ...boot });
    if (error !== undefined) return { kind: 'bad-guest', error };
  }
  return undefined;
}

/** Whether a snapshot's VM has a network card. */
function bringsCard(bytes: Uint8Array): boolean {
  const image = readSnapshotBytes(bytes);
  const machine = image.ok ? image.value.machine : undefined;
  const devices = machine === undefined ? undefined : openMachine(machine);
  return devices?.ok === true && devices.value.network !== undefined;
}

/** The profile that a VM of the file names, if it does. */
function profileOf({ profile }: ScenarioFile['vms'][number]): { readonly profile?: GuestProfileId } {
  return profile === undefined ? {} : { profile };
}

/** What a VM of the file boots, a field that is missing left out. */
function withoutGaps({ initrd, ...boot }: NonNullable<ScenarioFile['vms'][number]['boot']>): BootFiles {
  return initrd === undefined ? boot : { ...boot, initrd };
}

/** Boot files and profile of a VM: what it says, and what the bundle says for one that runs it. */
function bootParts(vm: ScenarioFile['vms'][number], guest: Uint8Array | undefined): Pick<ScenarioVm, 'boot' | 'profile'> {
  const stated = vm.boot === undefined ? undefined : withoutGaps(vm.boot);
  const found = vm.guest === 'file' && guest !== undefined ? bootFilesOf(stated, guest) : undefined;
  const boot = found?.ok === true ? found.value : undefined;
  return { ...profileFor(boot, vm.profile), ...(boot === undefined ? {} : { boot }) };
}

// ── Building ──────────────────────────────────────────────────────────────────────────────────

function partsOf(
  file: ScenarioFile,
  guest: Uint8Array | undefined,
  sampleColumns: readonly string[],
): Pick<Scenario, 'processes' | 'hosts' | 'links' | 'vms' | 'boards'> {
  const hostId = (name: string) => file.hosts.findIndex((host) => host.name === name);
  const hosts = file.hosts.map(({ name, profile: profileName, rack }, id): ScenarioHost => {
    const profile = file.profiles.find((it) => it.name === profileName);
    const [site = '', row = '', inRow = ''] = rack.split('/');
    return {
      id,
      name,
      frameCount: (profile?.memoryMiB ?? 1) * PAGES_PER_MIB,
      processorCount: profile?.processors ?? 1,
      picosecondsPerInstruction: profile?.picosecondsPerInstruction ?? 1_000,
      place: { site, row, rack: inRow },
    };
  });
  const links = file.links.map(
    ({ between, bitsPerSecond, latencyNs, lossPercent }): ScenarioLink => ({
      a: hostId(between[0]),
      b: hostId(between[1]),
      bandwidthBitsPerSecond: bitsPerSecond,
      latencyNs,
      lossPerMillion: Math.round(lossPercent * 10_000),
    }),
  );
  const vms = file.vms.map(
    (vm, index): ScenarioVm => ({
      id: index + 1,
      name: vm.name,
      guest: vm.guest === 'file' ? GUEST_FILE_NAME : vm.guest,
      fromFile: vm.guest === 'file',
      host: hostId(vm.host),
      pageCount: vm.memoryMiB * PAGES_PER_MIB,
      vcpuCount: vm.vcpus,
      ...bootParts(vm, guest),
      bootInput: vm.input,
    }),
  );
  const boards = boardsOf(file);
  return {
    processes: [
      ...hosts.map(({ id, name }) => ({ id, name, sampleColumns })),
      ...boards.map(({ id, name }) => ({ id, name, kind: BOARD, sampleColumns: [] })),
    ],
    hosts,
    links,
    vms,
    ...(boards.length === 0 ? {} : { boards }),
  };
}

/** The boards of a file: processes behind its hosts, and numbers behind its VMs'. */
function boardsOf(file: ScenarioFile): ScenarioBoard[] {
  return (file.boards ?? []).map(({ name, memoryMiB, harts, profile, interrupts, input, program, kernel, initrd, append, disks, network }, index) => ({
    id: file.hosts.length + index,
    vm: file.vms.length + 1 + index,
    name,
    pageCount: memoryMiB * PAGES_PER_MIB,
    hartCount: harts,
    profile,
    interrupts,
    boot: { program, append, disks, network, ...(kernel === undefined ? {} : { kernel }), ...(initrd === undefined ? {} : { initrd }) },
    bootInput: input,
  }));
}

/** Puts the file's commands into the scenario's script; what could never be taken is refused. */
function withCommands(file: ScenarioFile, scenario: Scenario): Result<Scenario, WorldError> {
  const script: { atNs: number; command: Command }[] = [];
  for (const [index, { atNs, command }] of file.commands.entries()) {
    const path = `commands[${index}]`;
    const before = file.commands[index - 1]?.atNs ?? 0;
    if (atNs < before)
      return fault(`${path}.atNs`, `expected times in order, found ${atNs} after ${before}`);
    const named = withIds(command, scenario);
    const read = readCommand(named);
    if (!read.ok)
      return fault(
        `${path}.command`,
        `expected a command of a known kind with its fields, found ${read.error.found}`,
      );
    const unknown = Object.keys(named).find((key) => !Object.hasOwn(read.value, key));
    if (unknown !== undefined) return fault(`${path}.command.${unknown}`, 'no such field is known');
    const sentence = findLastingFault(scenario, read.value);
    if (sentence !== undefined) return fault(`${path}.command`, sentence);
    script.push({ atNs, command: read.value });
  }
  return ok({ ...scenario, script });
}

/** Names of VMs and hosts in a command's fields, also in a request's arguments, become their ids. */
function withIds(
  command: Readonly<Record<string, unknown>>,
  scenario: Scenario,
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...command };
  const vm = scenario.vms.find(({ name }) => name === command['vm']);
  if (vm !== undefined) result['vm'] = vm.id;
  const board = scenario.boards?.find(({ name }) => name === command['vm']);
  if (board !== undefined) result['vm'] = board.vm;
  for (const key of ['to', 'host']) {
    const host = scenario.hosts.find(({ name }) => name === command[key]);
    if (host !== undefined) result[key] = host.id;
  }
  const inner = command['arguments'];
  if (typeof inner === 'object' && inner !== null && !Array.isArray(inner)) {
    result['arguments'] = withIds(inner as Readonly<Record<string, unknown>>, scenario);
  }
  return result;
}

/** What is wrong with a command at any time: names that do not exist. The rest depends on the moment. */
function findLastingFault(scenario: Scenario, command: Command): string | undefined {
  const request = requestOf(command);
  if (request === undefined && command.kind !== 'console-input') {
    return validateCommand(scenario, [], command)?.sentence;
  }
  if (request !== undefined && mechanismFor(scenario, request.name) === undefined) {
    return `there is nothing here that does '${request.name}'`;
  }
  const given = command.kind === 'console-input' ? { vm: command.vm } : (request?.arguments ?? {});
  const { vm, to, host } = given as Readonly<Record<string, number | string | undefined>>;
  const board = scenario.boards?.find((it) => it.vm === vm);
  if (board !== undefined && request !== undefined) return bareMetalRefusal(board, request.name).sentence;
  if (vm !== undefined && board === undefined && !scenario.vms.some(({ id }) => id === vm)) return `there is no VM ${vm}`;
  for (const id of [to, host]) {
    if (id !== undefined && !scenario.hosts.some((it) => it.id === id))
      return `there is no host ${id}`;
  }
  return undefined;
}
