/**
 * The library of ready guests: what can be booted once `npm run guests` has been run, told to the command line and to
 * the page by the same rows. The files themselves are Debian's, fetched by whoever runs the command, and lie under
 * `public/guests` beside their manifest; a guest is there when the manifest names all of its files.
 */
import { err, ok, type Result } from '../base/result.ts';

/** Files of a guest, as paths under the folder of guests. */
export interface GuestFiles {
  /** Firmware that starts in M mode; bare metal only, a VM has none. */
  readonly firmware: string;
  /** A kernel in the format of Linux's Image. */
  readonly kernel: string;
  readonly initrd: string;
  /** A disk, qcow2; what runs on it writes to a copy. */
  readonly disk: string;
}

export interface GuestEntry {
  readonly id: string;
  readonly title: string;
  /** What it is, in one sentence. */
  readonly sentence: string;
  /** What fetches or builds it. */
  readonly command: string;
  readonly files: GuestFiles;
  /** Least RAM with which it reaches its shell. Unit: byte. */
  readonly ramBytesMin: number;
  /** RAM with which its check runs. Unit: byte. */
  readonly ramBytes: number;
  /** The kernel's command line, console aside. */
  readonly append: string;
}

const MIB = 1024 * 1024;

/** Initial calls of the stock kernel that take most of its boot and that no guest here misses (self-tests, keys, tracing). */
const SLOW_CALLS = [
  'jent_mod_init', 'load_system_certificate_list', 'bpf_tcp_ca_kfunc_init', 'init_kprobe_trace', 'check_unaligned_access_all_cpus',
  'bpf_dummy_struct_ops_init', 'crypto_kdf108_init', 'blake2s_mod_init', 'crc64_rocksoft_mod_init', 'bpf_cgroup_iter_init',
];

/** Every guest, a row each. */
export const GUESTS = [
  {
    id: 'debian',
    title: 'Debian 13, stock kernel',
    sentence: 'The kernel of Debian’s package linux-image-riscv64, unmodified, with a busybox shell.',
    command: 'npm run guests',
    files: { firmware: 'opensbi/fw_dynamic.elf', kernel: 'debian/Image', initrd: 'debian/initramfs.cpio', disk: 'root.qcow2' },
    ramBytesMin: 128 * MIB,
    ramBytes: 256 * MIB,
    append: `cryptomgr.notests initcall_blacklist=${SLOW_CALLS.join(',')}`,
  },
  {
    id: 'small',
    title: 'Small Linux',
    sentence: 'A kernel built from Debian’s package linux-source with few options, with a busybox shell; for many VMs at once.',
    command: 'npm run guests -- --small',
    files: { firmware: 'opensbi/fw_dynamic.elf', kernel: 'small/Image', initrd: 'small/initramfs.cpio', disk: 'root.qcow2' },
    ramBytesMin: 16 * MIB,
    ramBytes: 32 * MIB,
    append: '',
  },
] as const satisfies readonly GuestEntry[];

export type GuestId = (typeof GUESTS)[number]['id'];

/** A guest that has booted: a snapshot's file, from which its VM goes on at the shell, with its disk and a network card. */
export interface PreparedGuest {
  readonly id: string;
  readonly title: string;
  /** What it is, in one sentence. */
  readonly sentence: string;
  /** What makes it. */
  readonly command: string;
  /** What has booted. */
  readonly guest: GuestEntry;
  /** Path of the file under the folder of guests. */
  readonly path: string;
}

/** Every guest prepared, in the order of {@link GUESTS}. */
export const PREPARED_GUESTS: readonly PreparedGuest[] = GUESTS.map((guest) => ({
  id: `${guest.id}-prepared`,
  title: `${guest.title}, prepared`,
  sentence: 'It has booted, and goes on at its shell at once, with one vCPU.',
  command: guest.id === 'small' ? `${guest.command} --prepare` : 'npm run guests -- --prepare',
  guest,
  path: `prepared/${guest.id}.core`,
}));

/** A guest's command line with what is added to it; its console is the serial port, unless a console is named. */
export function guestBootArguments(guest: GuestEntry, added: string): string {
  const console = /(^| )console=/.test(added) ? '' : 'console=ttyS0';
  return [console, guest.append, added].filter((it) => it !== '').join(' ');
}

/** A disk for any guest: a root image with redis, sqlite and lua (root=/dev/vda goes on in it). */
export const GUEST_PROGRAMS = 'programs.qcow2';
/** Added to a guest's command line, its check of these programs runs instead of a shell, and it powers off. */
export const GUEST_WORKLOAD = 'root=/dev/vda glasshouse.run=workload';

/** The word that the guest's init prints on a line of its own when the shell comes next. */
export const GUEST_READY = 'glasshouse: the shell is ready';
/** Given on the kernel's command line, the guest runs its check instead of a shell, and powers off. */
export const GUEST_CHECK = 'glasshouse.run=check';

/** A file under the folder of guests. */
export interface GuestFile {
  readonly path: string;
  /** Unit: byte. */
  readonly bytes: number;
  /** Lowercase hexadecimal digits. */
  readonly sha256: string;
}

/** What is fetched or built together. */
export interface GuestPart {
  readonly id: string;
  /** Changes with what the command would build. */
  readonly recipe: string;
  /** Where the bytes come from. */
  readonly packages: readonly { readonly name: string; readonly version: string }[];
  readonly files: readonly GuestFile[];
}

/** What lies in the folder of guests: `manifest.json` there. */
export interface GuestManifest {
  readonly version: 1;
  readonly parts: readonly GuestPart[];
}

/** Name of the manifest in the folder of guests. */
export const GUEST_MANIFEST = 'manifest.json';

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;
const isName = (value: unknown): value is string => typeof value === 'string' && value !== '' && value.length < 256;
/** A path that stays inside the folder. */
const isPath = (value: unknown): value is string => isName(value) && /^[a-z0-9][\w.-]*(\/[a-zA-Z0-9][\w.-]*)*$/.test(value);

function isGuestFile(value: unknown): value is GuestFile {
  if (!isRecord(value)) return false;
  const { path, bytes, sha256 } = value;
  return isPath(path) && Number.isSafeInteger(bytes) && Number(bytes) >= 0 && typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256);
}

/** What is wrong with a part; undefined when nothing is. */
function findPartFault(part: unknown): string | undefined {
  if (!isRecord(part) || !isName(part['id'])) return 'a part has no id';
  const { id, recipe, packages, files } = part;
  if (!isName(recipe)) return `${id} has no recipe`;
  if (!Array.isArray(packages) || !packages.every((it) => isRecord(it) && isName(it['name']) && isName(it['version']))) return `${id} lacks names and versions of packages`;
  return Array.isArray(files) && files.every(isGuestFile) ? undefined : `${id} lacks paths, sizes and checksums of files`;
}

/** Reads a manifest's text; the error is one sentence. */
export function readGuestManifest(text: string): Result<GuestManifest, string> {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return err('The manifest of guests is no JSON.');
  }
  if (!isRecord(found) || found['version'] !== 1) return err('The manifest of guests is not of version 1.');
  const parts = found['parts'];
  if (!Array.isArray(parts)) return err('The manifest of guests has no list of parts.');
  const fault = parts.map(findPartFault).find((it) => it !== undefined);
  if (fault !== undefined) return err(`The manifest of guests is damaged: ${fault}.`);
  const paths = (parts as GuestPart[]).flatMap(({ files }) => files.map(({ path }) => path));
  if (new Set(paths).size !== paths.length) return err('The manifest of guests names a file twice.');
  return ok({ version: 1, parts });
}

/** Guests whose files a manifest names. */
export function guestsOf(manifest: GuestManifest): GuestEntry[] {
  const named = new Set(manifest.parts.flatMap(({ files }) => files.map(({ path }) => path)));
  return GUESTS.filter(({ files }) => Object.values(files).every((path) => named.has(path)));
}

/** Prepared guests whose file a manifest names. */
export function preparedGuestsOf(manifest: GuestManifest): PreparedGuest[] {
  const named = new Set(manifest.parts.flatMap(({ files }) => files.map(({ path }) => path)));
  return PREPARED_GUESTS.filter(({ path }) => named.has(path));
}

/** The row of a prepared guest, if there is one. */
export function findPreparedGuest(id: string): PreparedGuest | undefined {
  return PREPARED_GUESTS.find((it) => it.id === id);
}

/** The row of a guest, if there is one. */
export function findGuestEntry(id: string): GuestEntry | undefined {
  return GUESTS.find((it) => it.id === id);
}
