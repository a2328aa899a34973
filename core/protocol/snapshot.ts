/**
 * World snapshots: what every process tells upwards a few times a second, as plain data. The screen, the
 * command line's progress and scripts read them. Never part of the model's state.
 */

/** One VM as its host sees it. */
export interface VmSnapshot {
  readonly id: number;
  readonly name: string;
  readonly guest: string; //         name of the guest program: 'dirtier', 'ticker', or the file's name
  readonly state: 'running' | 'paused' | 'incoming' | 'handing-over' | 'stopped' | 'failed';
  readonly reason: string; //        one sentence when paused, stopped or failed, else ''
  readonly slot: number; //          VM slot in the host's memory (guest frame map)
  readonly hartSlots: readonly number[];
  readonly pageCount: number; //     RAM in 4 KiB pages
  readonly instructionsRetired: number;
  readonly exits: Readonly<Record<string, number>>; // by cause
  readonly throttlePercent: number;
  readonly consoleLength: number; // bytes written by this VM on this host so far
}

/** One host. */
export interface HostSnapshot {
  readonly id: number;
  readonly name: string;
  readonly state: 'up' | 'crashed';
  readonly frameCount: number;
  readonly framesFree: number;
  readonly processorCount: number;
  readonly vms: readonly VmSnapshot[];
  /** Of a bare-metal board, which is told as a host with one VM: its memory, its harts and its console. */
  readonly board?: BoardSnapshot;
}

/** What a board is and how its harts stand. */
export interface BoardSnapshot {
  readonly profile: string; //       of its harts: 'rv64gc'
  readonly interrupts: string; //    'plic', 'aplic', 'aplic-imsic'
  readonly harts: readonly BoardHart[];
  readonly resets: number; //        how often the program has reset it
  readonly devices: readonly BoardDevice[]; // by address
}

/** A device on a board's bus. */
export interface BoardDevice {
  readonly name: string; //          'serial', 'plic', 'virtio block'
  readonly address: number;
  /** Of a virtio device: whether a driver has taken it, 'failed' in its error state; of others 'there'. */
  readonly state: 'there' | 'waits for a driver' | 'driven' | 'failed';
}

export interface BoardHart {
  readonly mode: string; //          privilege mode: 'M', 'S' (or 'HS'), 'U', 'VS', 'VU'
  readonly waiting: boolean; //      in wfi
  readonly instructionsRetired: number;
  /** Traps by the manual's name of their cause; causes that did not occur are left out. */
  readonly traps: Readonly<Record<string, number>>;
}

/** One direction of a link, told by the sending side. */
export interface LinkSnapshot {
  readonly id: string; //            'host-a→host-b'
  readonly from: number;
  readonly to: number;
  readonly up: boolean;
  readonly bandwidthBitsPerSecond: number;
  readonly latencyNs: number;
  readonly lossPercent: number;
  readonly queuedBytes: number;
  readonly sentBytes: number;
  readonly sentFrames: number;
  readonly lostFrames: number;
}

/** One migration, told by the source (and, after the hand-over, by the destination under `role`). */
export interface MigrationSnapshot {
  readonly vm: number;
  readonly from: number;
  readonly to: number;
  readonly role: 'source' | 'destination';
  readonly mode: 'pre-copy' | 'stop-and-copy';
  readonly phase: string; //         'connecting' | 'copying' | 'stopping' | 'handing-over' | 'resolving' | 'done' | 'failed' | 'cancelled'
  readonly reason: string; //        one sentence when failed or cancelled, or when it does not converge
  readonly startedAtNs: number;
  readonly endedAtNs: number; //     −1 while it runs
  readonly stoppedAtNs: number; //   −1 before the stop
  readonly resumedAtNs: number; //   −1 before the resume over there
  readonly throttlePercent: number;
  readonly downtimePredictedNs: number; // −1 unknown
  readonly bytesLeft: number;
  readonly pagesSent: number;
  readonly pagesZero: number;
  readonly bytesSent: number;
  readonly rounds: readonly RoundSnapshot[];
}

/** One round of a migration. */
export interface RoundSnapshot {
  readonly startNs: number;
  readonly endNs: number; //         −1 while it runs
  readonly pagesToSend: number;
  readonly pagesSent: number;
  readonly pagesDirtied: number; //  while it ran
}

/** Console output of a VM that ran on this host: appended in order of virtual time. */
export interface ConsoleChunk {
  readonly vm: number;
  readonly timeNs: number;
  readonly text: string; //          bytes as Latin-1 code units
}

/** What one process tells. */
export interface ProcessSnapshot {
  readonly process: number;
  /** What kind of process it is: 'host', 'switch', or one that the lab brings ('gateway', 'site' …). */
  readonly kind: string;
  readonly name: string;
  readonly timeNs: number;
  /** Only of hosts and boards. */
  readonly host?: HostSnapshot;
  /** Only of other kinds: what it is now, compact plain JSON, shaped as the kind says. */
  readonly told?: unknown;
  readonly links: readonly LinkSnapshot[];
  readonly migrations: readonly MigrationSnapshot[];
  /** What else each mechanism tells, by its id: plain JSON, shaped as the mechanism says. */
  readonly mechanisms: Readonly<Record<string, unknown>>;
  readonly knobs: Readonly<Record<string, number>>;
  readonly console: readonly ConsoleChunk[]; // since the snapshot before
  readonly events: readonly TimelineEvent[]; // since the snapshot before
}

/** The VMs that a process shows: none for what is no host. */
export function vmsOf(snapshot: ProcessSnapshot): readonly VmSnapshot[] {
  return snapshot.host?.vms ?? [];
}

/** A thing worth a tick on the timeline. */
export interface TimelineEvent {
  readonly timeNs: number;
  readonly kind: string; //          'command', 'fault', 'round', 'stop', 'resume', 'failed', …
  readonly entity: string; //        'vm:1', 'host:0', 'link:0-1'
  readonly text: string; //          a few words
}
