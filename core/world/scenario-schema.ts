/**
 * The form of a scenario file, versions 1 and 2: a datacenter as JSON. Every field is there, lists may be empty, and a
 * field that is not known is refused: what a file says is what runs. Version 2 knows bare-metal boards besides.
 * Room is kept, and refused by name until it is built: devices of hosts, workloads, VMs that are modelled.
 */
import * as v from 'valibot';
import { GUEST_PROFILES, HART_PROFILES } from '../isa/table/index.ts';

/** Hosts, links, VMs, commands of one file at most: a tab has 64 memories. */
export const HOST_COUNT_MAX = 64;
const LINK_COUNT_MAX = 512;
const VM_COUNT_MAX = 255;
const COMMAND_COUNT_MAX = 10_000;
const NAME_LENGTH_MAX = 40;
const TEXT_LENGTH_MAX = 4096;
const FILE_NAME_LENGTH_MAX = 255;
/** Longest run: four hours. Unit: ns. */
const UNTIL_NS_MAX = 14_400_000_000_000;

/** A whole number within bounds; the sentence names them. */
function whole(minimum: number, maximum: number, unit: string) {
  const expected = `expected a whole number from ${minimum} to ${maximum}${unit === '' ? '' : ` ${unit}`}`;
  return v.pipe(
    v.number(expected),
    v.integer(expected),
    v.minValue(minimum, expected),
    v.maxValue(maximum, expected),
  );
}

const nameRule = `expected a name of letters, digits, dots, hyphens, 1 to ${NAME_LENGTH_MAX} characters`;
const name = v.pipe(
  v.string(nameRule),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9.-]*$/, nameRule),
  v.maxLength(NAME_LENGTH_MAX, nameRule),
);
const text = v.pipe(
  v.string('expected a text'),
  v.maxLength(TEXT_LENGTH_MAX, `expected at most ${TEXT_LENGTH_MAX} characters`),
);
const fileName = v.pipe(
  v.string('expected the name of a file'),
  v.minLength(1, 'expected the name of a file'),
  v.maxLength(FILE_NAME_LENGTH_MAX, `expected at most ${FILE_NAME_LENGTH_MAX} characters`),
);
const list = <Item extends v.GenericSchema>(item: Item, most: number) =>
  v.pipe(v.array(item, 'expected a list'), v.maxLength(most, `expected at most ${most} entries`));
const nothingYet = (what: string) =>
  v.pipe(
    v.array(v.unknown(), 'expected a list'),
    v.maxLength(0, `expected an empty list: ${what} cannot be built yet`),
  );
const number = v.pipe(v.number('expected a number'), v.finite('expected a number'));

const PROFILES = GUEST_PROFILES.map(({ id }) => id);
const HART_PROFILE_IDS = HART_PROFILES.map(({ id }) => id);
const INTERRUPTS = ['plic', 'aplic', 'aplic-imsic'] as const;

/** What is thrown when an object has a key too many or too few is told by valibot's own words. */
export const scenarioFileSchema = v.strictObject({
  format: v.literal('glasshouse-scenario', 'expected "glasshouse-scenario"'),
  version: v.picklist([1, 2], 'expected 1 or 2'),
  name,
  /** Whose knobs, faults and metrics apply: a lab's slug, or 'datacenter' for none. */
  lab: name,
  seed: whole(0, 0xffff_ffff, ''),
  knobs: v.record(v.string(), number, 'expected a table of numbers'),
  sites: list(
    v.strictObject({
      name,
      rows: list(v.strictObject({ name, racks: list(name, 1_000) }), 1_000),
    }),
    100,
  ),
  profiles: list(
    v.strictObject({
      name,
      memoryMiB: whole(1, 900, 'MiB'),
      processors: whole(1, 32, ''),
      picosecondsPerInstruction: whole(1, 1_000_000, 'ps'),
    }),
    100,
  ),
  hosts: list(
    v.strictObject({
      name,
      profile: name,
      /** 'site/row/rack', or '' for nowhere in particular. */
      rack: text,
      devices: nothingYet('devices of hosts'),
    }),
    HOST_COUNT_MAX,
  ),
  links: list(
    v.strictObject({
      between: v.strictTuple([name, name], 'expected the names of two hosts'),
      bitsPerSecond: whole(1_000_000, 400_000_000_000, 'bit/s'),
      latencyNs: whole(5_000, 1_000_000_000, 'ns'),
      lossPercent: v.pipe(
        v.number('expected a number from 0 to 100 %'),
        v.minValue(0, 'expected a number from 0 to 100 %'),
        v.maxValue(100, 'expected a number from 0 to 100 %'),
      ),
    }),
    LINK_COUNT_MAX,
  ),
  vms: list(
    v.strictObject({
      name,
      host: name,
      fidelity: v.literal('emulated', 'expected "emulated": modelled VMs cannot be built yet'),
      /** A guest program of the house, or 'file' for the ELF that is given beside the scenario. */
      guest: name,
      memoryMiB: whole(1, 900, 'MiB'),
      vcpus: whole(1, 8, ''),
      /** What its harts are; rv64ima when missing. */
      profile: v.optional(v.picklist(PROFILES, `expected one of ${PROFILES.join(', ')}`)),
      /** What it boots from the bundle that is given beside the scenario; then it has devices, and rv64gc when no profile is said. */
      boot: v.optional(
        v.strictObject({
          kernel: fileName,
          initrd: v.optional(fileName),
          append: text,
          disks: list(fileName, 7),
          network: v.boolean('expected true or false'),
        }),
      ),
      /** Typed into its console at boot. */
      input: text,
    }),
    VM_COUNT_MAX,
  ),
  /** Bare-metal boards, from version 2 on: machines by themselves, laid out as QEMU's `virt`. */
  boards: v.optional(
    list(
      v.strictObject({
        name,
        memoryMiB: whole(1, 896, 'MiB'),
        harts: whole(1, 8, ''),
        profile: v.picklist(HART_PROFILE_IDS, `expected one of ${HART_PROFILE_IDS.join(', ')}`),
        interrupts: v.picklist(INTERRUPTS, `expected one of ${INTERRUPTS.join(', ')}`),
        /** What it starts, from the bundle that is given beside the scenario; a file that is no bundle is the program. */
        program: fileName,
        kernel: v.optional(fileName),
        initrd: v.optional(fileName),
        append: text,
        disks: list(fileName, 7),
        network: v.boolean('expected true or false'),
        /** Typed into its console at the start. */
        input: text,
      }),
      HOST_COUNT_MAX,
    ),
  ),
  workloads: nothingYet('workloads'),
  commands: list(
    v.strictObject({
      atNs: whole(0, UNTIL_NS_MAX, 'ns'),
      /** As in a command log; a VM or host may be given by its name. */
      command: v.record(v.string(), v.unknown(), 'expected a command'),
    }),
    COMMAND_COUNT_MAX,
  ),
  untilNs: whole(1, UNTIL_NS_MAX, 'ns'),
  /** Pace on the page: virtual ns a wall ns. */
  speed: v.pipe(
    v.number('expected a number above 0, at most 1000'),
    v.gtValue(0, 'expected a number above 0, at most 1000'),
    v.maxValue(1_000, 'expected a number above 0, at most 1000'),
  ),
});

/** A scenario file's content, its form checked. */
export type ScenarioFile = v.InferOutput<typeof scenarioFileSchema>;

/** Where something in a file does not fit, and why. `path` is '' for the whole. */
export interface FileFault {
  readonly path: string; //     'hosts[1].profile'
  readonly sentence: string; // what was expected and what was found
}

/** The first thing that does not fit the form; undefined when all does. */
export function findFormFault(value: unknown): FileFault | undefined {
  const read = v.safeParse(scenarioFileSchema, value, { abortEarly: true });
  if (read.success) return undefined;
  const issue = read.issues[0];
  const keys = (issue.path ?? []).map(({ key }) => key);
  const path = keys
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
  if (issue.type === 'strict_object' || issue.type === 'strict_tuple') {
    const sentence =
      issue.expected === 'never'
        ? `no such field is known`
        : issue.received === 'undefined'
          ? 'this field is missing'
          : `expected an object, found ${issue.received}`;
    return { path, sentence };
  }
  return { path, sentence: `${issue.message}, found ${issue.received}` };
}
