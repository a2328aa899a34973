/**
 * A scenario: what a world is built from, as plain data that crosses workers, links and run files.
 * What its numbers may be is checked where it is made (core/world), not here.
 */
import type { Command } from './command.ts';

/** A process that the world consists of. */
export interface ScenarioProcess {
  readonly id: number;
  readonly name: string;
  /** 'host' when missing: then it stands in `hosts`, too; 'board': it stands in `boards`. Other kinds are those that the lab brings. */
  readonly kind?: string;
  /** What the kind is built from besides the lab's knobs; units as the kind says. */
  readonly parameters?: Readonly<Record<string, number>>;
  /** Work that it makes, beside the others', for spreading processes over workers; 1 when missing. */
  readonly weight?: number;
  /** Metric ids of a sample row, the time (column 0) excluded. */
  readonly sampleColumns: readonly string[];
}

/** A modelled workload: no guest program, but real bytes where it writes. What its numbers mean, its lab says. */
export interface ScenarioWorkload {
  readonly id: number; //      1 …, unique among workloads
  readonly name: string;
  readonly process: number; // where it runs at time 0
  readonly parameters: Readonly<Record<string, number>>;
}

/** A cable between two processes; both directions are alike. */
export interface ScenarioLink {
  readonly a: number;
  readonly b: number;
  readonly bandwidthBitsPerSecond: number;
  readonly latencyNs: number; //      one way, at least 5,000
  readonly lossPerMillion: number; // frames lost of a million, each way
}

/** Where a host stands. Empty texts: nowhere in particular. */
export interface ScenarioPlace {
  readonly site: string;
  readonly row: string;
  readonly rack: string;
}

/** One host. */
export interface ScenarioHost {
  readonly id: number;
  readonly name: string;
  readonly frameCount: number; //     RAM in 4 KiB frames
  readonly processorCount: number;
  readonly picosecondsPerInstruction?: number; // 1,000 when missing: 1 GHz, an instruction a cycle
  readonly place?: ScenarioPlace;
}

/** What a VM boots, by names of files in the bundle beside the scenario (core/formats/guest-bundle.ts). It then has devices. */
export interface ScenarioBoot {
  readonly kernel: string; //         an `Image` or an ELF
  readonly initrd?: string;
  readonly append: string; //         the kernel's command line
  readonly disks: readonly string[]; // images, raw or qcow2
  readonly network: boolean; //       whether it has a network card
  readonly guest?: string; //         what runs in it, as labs know it (lab-guests.ts)
}

/** One VM, booted at time 0. */
export interface ScenarioVm {
  readonly id: number;
  readonly name: string;
  readonly guest: string; //          name of a guest program, or of the file handed over beside the scenario
  readonly fromFile: boolean; //      its image is that file
  readonly host: number;
  readonly pageCount: number;
  readonly vcpuCount: number;
  /** Id of its harts' profile; rv64ima when missing. */
  readonly profile?: string;
  readonly boot?: ScenarioBoot;
  /** Typed into its console at boot: how a lab's knobs reach the guest. */
  readonly bootInput: string;
}

/** What a board starts, by names of files in the bundle beside the scenario; a file that is no bundle is the program. */
export interface ScenarioProgram {
  readonly program: string; //        an ELF in which all harts begin in M mode: any bare-metal program, or firmware
  readonly kernel?: string; //        what firmware goes on to: an `Image` or an ELF
  readonly initrd?: string;
  readonly append: string; //         the kernel's command line
  readonly disks: readonly string[]; // images, raw or qcow2
  readonly network: boolean; //       whether it has a network card
}

/** A bare-metal board: a machine by itself, from M mode down, without a hypervisor. It is a process of the kind 'board'. */
export interface ScenarioBoard {
  readonly id: number; //             its process
  readonly vm: number; //             its number beside the VMs': what commands, consoles and pictures name it by
  readonly name: string;
  readonly pageCount: number;
  readonly hartCount: number;
  readonly profile: string; //        id of its harts' profile
  readonly interrupts: 'plic' | 'aplic' | 'aplic-imsic';
  readonly boot: ScenarioProgram;
  /** Typed into its console at the start. */
  readonly bootInput: string;
}

/** Something asked for at a time. */
export interface ScriptedCommand {
  readonly atNs: number;
  readonly command: Command;
}

/** See the file's head. JSON only. */
export interface Scenario {
  readonly lab: string; //                     slug of the lab, or 'vm', or 'datacenter'
  readonly mode: 'mechanism' | 'baseline';
  readonly baseline: string; //                id of the lab's baseline, '' for the mechanism
  readonly seed: number; //                    u32
  readonly knobs: Readonly<Record<string, number>>; // all of the lab's, defaults filled in
  /** Knobs that a file turns at boot, on top of what its links and VMs say; a lab's own world has them built in. */
  readonly turned?: Readonly<Record<string, number>>;
  readonly processes: readonly ScenarioProcess[];
  readonly links: readonly ScenarioLink[];
  readonly hosts: readonly ScenarioHost[];
  readonly vms: readonly ScenarioVm[];
  readonly boards?: readonly ScenarioBoard[];
  readonly workloads?: readonly ScenarioWorkload[];
  /** What a headless run asks for by itself. */
  readonly script: readonly ScriptedCommand[];
  /** When a VM's console has said this, the script begins: its times and `untilNs` count from there, not from 0. */
  readonly begins?: { readonly vm: number; readonly said: string };
  /** Time between two samples of every process; 1 ms when missing. Unit: ns. */
  readonly sampleNs?: number;
  /** Time between two hash points of every process; 10 ms when missing. Unit: ns. */
  readonly hashNs?: number;
  /** How often paged VMs act (their guest is a profile, 'profile:web'); 5 ms when missing. Unit: ns. */
  readonly workloadNs?: number;
  readonly untilNs: number; //                 default end of a headless run
  readonly speed: number; //                   default pace on the page: virtual ns a wall ns
}
