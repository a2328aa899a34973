/** Programs of this machine that the command `guests` calls, and how it ends when one is missing. */
import { type SpawnOptions, spawn, spawnSync } from 'node:child_process';

/** Ends the command: what is wrong, and what to do, in a sentence or two. */
export class GuestsFailure extends Error {
  /** 1: something failed; 3: this machine lacks what the command needs. */
  readonly status: number;

  constructor(sentence: string, status = 1) {
    super(sentence);
    this.status = status;
  }
}

/** Status when this machine lacks a program or an address that is needed. */
export const LACKING = 3;

/** Where programs are looked for; those of file systems are not in everybody's path. */
const PATH = [process.env['PATH'] ?? '', '/usr/sbin', '/sbin'].join(':');

/** Whether a program is in the path. */
export function hasTool(name: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore', env: { ...process.env, PATH } }).status === 0;
}

/** Fails with what to install, unless all programs are there. `packages`: Debian's packages that hold them. */
export function needTools(what: string, names: readonly string[], packages: readonly string[]): void {
  const missing = names.filter((name) => !hasTool(name));
  if (missing.length === 0) return;
  const install = hasTool('apt-get')
    ? `Install them (apt-get install ${packages.join(' ')}) and run the command again.`
    : 'Run the command on a Debian machine (or in a container of one), and copy its public/guests here.';
  throw new GuestsFailure(`${what} needs ${missing.join(', ')}, not found on this machine. ${install}`, LACKING);
}

/** Output of a program that has to succeed. */
export function outputOf(program: string, args: readonly string[], options: { readonly env?: NodeJS.ProcessEnv; readonly input?: Uint8Array; readonly cwd?: string } = {}): Buffer {
  const done = spawnSync(program, [...args], { maxBuffer: 1024 * 1024 * 1024, ...options, env: { ...(options.env ?? process.env), PATH } });
  if (done.error === undefined && done.status === 0) return done.stdout;
  throw failureOf(program, args, done.error?.message ?? lastLines(done.stderr.toString()));
}

/** Runs a program that has to succeed while this one goes on; what it prints is kept for its failure. */
export function runTool(program: string, args: readonly string[], options: SpawnOptions & { readonly onLine?: (line: string) => void } = {}): Promise<void> {
  const { onLine, ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { ...rest, env: { ...(rest.env ?? process.env), PATH }, stdio: ['ignore', 'pipe', 'pipe'] });
    let kept = '';
    let begun = '';
    const take = (piece: Buffer) => {
      kept = (kept + piece.toString()).slice(-4096);
      const lines = (begun + piece.toString()).split('\n');
      begun = lines.pop() ?? '';
      for (const line of lines) onLine?.(line);
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.on('error', (error) => reject(failureOf(program, args, error.message)));
    child.on('close', (status) => (status === 0 ? resolve() : reject(failureOf(program, args, lastLines(kept)))));
  });
}

function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter((line) => /^E:|error/i.test(line));
  return (errors.length > 0 ? errors : lines).slice(-3).join(' ');
}

function failureOf(program: string, args: readonly string[], reason: string): GuestsFailure {
  const verb = args.find((it) => !it.startsWith('-')) ?? '';
  return new GuestsFailure(`${program} ${verb} failed: ${reason || 'it says nothing'}`);
}

/** Lines for a person; on a terminal the last one is drawn anew. */
export class Progress {
  private readonly drawn = process.stderr.isTTY === true;
  private drawnAtMs = 0;

  /** A step begins or has ended. */
  say(line: string): void {
    process.stderr.write(`${this.drawn ? '\r\u001b[K' : ''}${line}\n`);
  }

  /** How far a step is, from 0 to 1. Where there is no terminal nothing is drawn. */
  bar(label: string, part: number, detail = ''): void {
    const nowMs = performance.now();
    if (!this.drawn || nowMs - this.drawnAtMs < 100) return;
    this.drawnAtMs = nowMs;
    const done = Math.round(30 * Math.min(1, Math.max(0, part)));
    process.stderr.write(`\r\u001b[K${label} ${'█'.repeat(done)}${'░'.repeat(30 - done)} ${Math.floor(100 * Math.min(1, part))} % ${detail}`);
  }

  /** The bar goes. */
  clear(): void {
    if (this.drawn && this.drawnAtMs > 0) process.stderr.write('\r\u001b[K');
  }
}

/** Megabytes for a person. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
