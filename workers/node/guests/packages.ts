/**
 * Debian's packages for riscv64 by the ordinary package client, beside the machine's own packages: lists, cache and
 * settings of our own, so that nothing needs root and nothing of the machine changes. The client verifies the archive's
 * signature and each package's checksum. The mirror is the one that the machine already uses.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GuestsFailure, LACKING, megabytes, needTools, outputOf, type Progress, runTool } from './tools.ts';

/** The release whose kernel and programs are the guests. */
export const SUITE = 'trixie';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const ARCHITECTURE = 'riscv64';

/** A package as the mirror offers it. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** The file, once fetched. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Addresses of Debian archives, from lines `address|release|component|label` of the machine's own sources. */
export function pickMirror(lines: readonly string[]): string | undefined {
  const rows = lines.map((line) => line.split('|')).filter(([address, , component]) => (address ?? '') !== '' && component === 'main');
  const isDebian = ([address, release, , label]: readonly string[]) =>
    !/security/i.test(`${address} ${release} ${label}`) && (label === 'Debian' || /\/debian\/?$/.test(address ?? ''));
  return rows.find(isDebian)?.[0]?.replace(/\/*$/, '/');
}

function findMirror(): string | undefined {
  const lines = outputOf('apt-get', ['indextargets', '--format', '$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(LABEL)']).toString().split('\n');
  return pickMirror([...new Set(lines)]);
}

/** The package client with settings, lists and cache under one folder. */
export class PackageClient {
  private readonly folder: string;
  private readonly progress: Progress;
  private readonly env: NodeJS.ProcessEnv;
  private updated = false;

  /** `mirror`: an archive's address; the machine's own when not given. */
  constructor(folder: string, progress: Progress, mirror: string | undefined) {
    needTools('Fetching guests', ['apt-get', 'apt-cache', 'apt-config', 'dpkg-deb'], ['apt', 'dpkg']);
    const address = mirror ?? findMirror();
    if (address === undefined) {
      const hint = 'name the address of one: npm run guests -- --mirror <address>';
      throw new GuestsFailure(`This machine’s package sources name no Debian archive; ${hint}.`, LACKING);
    }
    if (!existsSync(KEYRING)) {
      throw new GuestsFailure(`Debian’s keys are not on this machine (${KEYRING}); install the package debian-archive-keyring and run the command again.`, LACKING);
    }
    this.folder = folder;
    this.progress = progress;
    this.env = { ...process.env, LC_ALL: 'C', APT_CONFIG: join(folder, 'apt.conf') };
    this.writeSettings(address);
  }

  private writeSettings(address: string): void {
    for (const name of ['lists/partial', 'cache/archives/partial', 'packages', 'none']) mkdirSync(join(this.folder, name), { recursive: true });
    writeFileSync(join(this.folder, 'status'), '');
    writeFileSync(join(this.folder, 'sources.list'), `deb [arch=${ARCHITECTURE} signed-by=${KEYRING}] ${address} ${SUITE} main\n`);
    // How the machine reaches its mirror (a proxy, say) holds here, too; its hooks and other settings do not.
    const { APT_CONFIG: _, ...machine } = process.env;
    const ways = outputOf('apt-config', ['dump', '--format', '%F "%v";%n'], { env: machine }).toString().split('\n').filter((line) => /^Acquire::(https?|ForceIPv[46])\b\S*[^:\s] "/.test(line));
    const own = [
      ['APT::Architecture', ARCHITECTURE], ['APT::Architectures::', ARCHITECTURE],
      ['Dir::Etc::Main', '/dev/null'], ['Dir::Etc::Parts', join(this.folder, 'none')],
      ['Dir::Etc::SourceList', join(this.folder, 'sources.list')], ['Dir::Etc::SourceParts', '/dev/null'],
      ['Dir::Etc::Preferences', '/dev/null'], ['Dir::Etc::PreferencesParts', join(this.folder, 'none')],
      ['Dir::State', this.folder], ['Dir::State::Lists', join(this.folder, 'lists')], ['Dir::State::Status', join(this.folder, 'status')],
      ['Dir::Cache', join(this.folder, 'cache')], ['APT::Sandbox::User', ''], ['Acquire::Languages', 'none'], ['Acquire::Retries', '2'],
    ].map(([key, value]) => `${key} "${value}";`);
    writeFileSync(join(this.folder, 'apt.conf'), `${[...ways, ...own].join('\n')}\n`);
  }

  /** Reads what the mirror offers, unless that was done before. `anew`: what it offers now. */
  private async update(anew: boolean): Promise<void> {
    const lists = join(this.folder, 'lists');
    if (this.updated || (!anew && readdirSync(lists).some((name) => name.endsWith('_Packages') || name.includes('_Packages.')))) return;
    this.progress.say(`Reading the list of packages of ${SUITE} for ${ARCHITECTURE} …`);
    try {
      await runTool('apt-get', ['update', '-q', '-o', 'APT::Update::Error-Mode=any'], { env: this.env, cwd: this.folder });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new GuestsFailure(`The list of packages could not be read; the command needs a network and a Debian archive once. ${reason}`);
    }
    this.updated = true;
  }

  /** The newest package that `name` depends on whose name begins with `prefix`. */
  async dependency(name: string, prefix: string): Promise<string> {
    await this.update(false);
    const text = outputOf('apt-cache', ['show', '--no-all-versions', name], { env: this.env }).toString();
    const depends = /^Depends: (.*)$/m.exec(text)?.[1] ?? '';
    const found = depends.split(/[,|]/).map((it) => it.trim().split(' ')[0] ?? '').find((it) => it.startsWith(prefix));
    if (found === undefined) throw new GuestsFailure(`The package ${name} depends on no package ${prefix}…; found: ${depends || 'nothing'}.`);
    return found;
  }

  /** Names of packages and of all that they depend on. */
  async closure(names: readonly string[]): Promise<string[]> {
    await this.update(false);
    const lines = outputOf('apt-get', ['install', '-qq', '-y', '--no-install-recommends', '--print-uris', ...names], { env: this.env }).toString().split('\n');
    return lines.flatMap((line) => /^'[^']+' ([^_\s]+)_/.exec(line)?.[1] ?? []);
  }

  /** Fetches packages that are not there yet. */
  async fetch(names: readonly string[]): Promise<Package[]> {
    await this.update(false);
    try {
      return await this.fetchListed(names);
    } catch (cause) {
      // The archive may have moved on since the list was read.
      if (!(cause instanceof GuestsFailure) || this.updated) throw cause;
      await this.update(true);
      return await this.fetchListed(names);
    }
  }

  private async fetchListed(names: readonly string[]): Promise<Package[]> {
    const lines = outputOf('apt-get', ['download', '--print-uris', ...names], { env: this.env }).toString().split('\n');
    const offered = lines.flatMap((line) => {
      const found = /^'[^']+' (\S+) (\d+) SHA256:([0-9a-f]{64})$/.exec(line);
      return found === null ? [] : [packageOf(join(this.folder, 'packages'), found[1]!, Number(found[2]), found[3]!)];
    });
    const absent = names.filter((name) => !offered.some((it) => it.name === name));
    if (absent.length > 0) throw new GuestsFailure(`The archive tells no checksum of ${absent.join(', ')}.`);
    const missing = offered.filter((it) => !isWhole(it));
    if (missing.length > 0) await this.download(missing);
    const broken = offered.find((it) => !isWhole(it));
    if (broken !== undefined) throw new GuestsFailure(`The package ${broken.name} was fetched, but its SHA-256 is not what the archive says.`);
    return offered;
  }

  private async download(missing: readonly Package[]): Promise<void> {
    const total = missing.reduce((sum, { bytes }) => sum + bytes, 0);
    this.progress.say(`Fetching ${missing.map(({ name }) => name).join(', ')}: ${megabytes(total)} …`);
    const folder = join(this.folder, 'fetching');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    const timer = setInterval(() => {
      const have = readdirSync(folder).reduce((sum, name) => sum + sizeOf(join(folder, name)), 0);
      this.progress.bar('Fetching', have / total, `${megabytes(have)} of ${megabytes(total)}`);
    }, 200);
    try {
      await runTool('apt-get', ['download', '-q', ...missing.map(({ name, version }) => `${name}=${version}`)], { env: this.env, cwd: folder });
    } finally {
      clearInterval(timer);
      this.progress.clear();
    }
    for (const name of readdirSync(folder)) renameSync(join(folder, name), join(this.folder, 'packages', name));
  }
}

/** Of a file name as the client gives it: name_version_architecture.deb, a colon as %3a. */
function packageOf(folder: string, file: string, bytes: number, sha256: string): Package {
  const [name = '', version = ''] = file.split('_');
  return { name, version: decodeURIComponent(version), path: join(folder, file), bytes, sha256 };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function isWhole({ path, bytes, sha256 }: Package): boolean {
  return sizeOf(path) === bytes && createHash('sha256').update(readFileSync(path)).digest('hex') === sha256;
}

/** Unpacks a package's files into a folder; no script of it is run. */
export async function unpack(it: Package, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await runTool('dpkg-deb', ['--extract', it.path, folder]);
}

/**
 * The bytes of an xz file, by the unpacker that the package client brings: as the data of a package around it
 * (deb(5): an ar archive of version, control and data).
 */
export function unpackXz(path: string, scratch: string): Uint8Array {
  const member = (name: string, bytes: Uint8Array) => {
    const header = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(bytes.length).padEnd(10)}\`\n`;
    return Buffer.concat([Buffer.from(header), bytes, Buffer.from('\n'.repeat(bytes.length % 2))]);
  };
  const wrapped = join(scratch, 'wrapped.deb');
  writeFileSync(wrapped, Buffer.concat([
    Buffer.from('!<arch>\n'),
    member('debian-binary', Buffer.from('2.0\n')),
    member('control.tar', Buffer.alloc(1024)),
    member('data.tar.xz', readFileSync(path)),
  ]));
  return new Uint8Array(outputOf('dpkg-deb', ['--fsys-tarfile', wrapped]));
}
