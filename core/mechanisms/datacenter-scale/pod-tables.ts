/**
 * The hosts and VMs of one pod as tables of numbers: a column is a typed array, a host or VM is a row. What follows from
 * the rows (memory in use, demand, the list of a host's VMs) is kept beside them and can be counted again ({@link audit}).
 * Left out: NUMA nodes, CPU pinning, memory that is shared or swapped.
 */
import { assert, type Hash64, hashInteger } from '../../base/index.ts';
import { vmField, VmTable } from './vm-table.ts';

/** States of a host. */
export const hostState = { down: 0, up: 1 } as const;
/** States of a VM: its row is free; it runs; it stands for the end of its migration; the right to run it was given away; its host has no power. */
export const vmState = { none: 0, running: 1, standing: 2, granted: 3, down: 4 } as const;
/** Nobody, at the end of a list. */
export const NOBODY = -1;
/** Millicore-nanoseconds of a core-second. */
const CORE_SECOND = 1_000_000_000_000;

/** Columns of hosts, by position in the pod. */
export interface HostTable {
  readonly count: number;
  readonly state: Uint8Array;
  /** CPU: what there is and what the VMs ask for. Unit: millicores. */
  readonly capacity: Float64Array;
  readonly demand: Float64Array;
  /** What incoming VMs will ask for. Unit: millicores. */
  readonly promised: Float64Array;
  /** Memory: what there is, what VMs have, what is reserved for incoming ones. Unit: MiB. */
  readonly memory: Float64Array;
  readonly memoryUsed: Float64Array;
  readonly memoryReserved: Float64Array;
  /** Pages written by all VMs. Unit: writes a second. */
  readonly writes: Float64Array;
  readonly vmCount: Int32Array;
  readonly firstVm: Int32Array;
  /** Migrations that leave, and that arrive. */
  readonly leaving: Int32Array;
  readonly arriving: Int32Array;
  /** Bytes received by flows that have ended. */
  readonly received: Float64Array;
  /** Since when demand is accounted; CPU time asked for and not had, whole core-seconds and the rest in millicore-ns. */
  readonly settledNs: Float64Array;
  readonly stolenSeconds: Float64Array;
  readonly stolenRest: Float64Array;
  readonly bootNs: Float64Array; //     when it is up again, while it is down
  readonly movedNs: Float64Array; //    when the balancer last moved something here or away
}

/** What a VM is, apart from where it runs. */
export interface VmFacts {
  readonly id: number;
  readonly profile: number;
  readonly phase: number;
  readonly memory: number;
  readonly millicores: number;
  readonly writes: number;
  readonly transferNs: number;
  readonly phaseEndNs: number;
  readonly draws: number;
}

/** See the file's head. */
export class PodTables {
  readonly hosts: HostTable;
  readonly vms: VmTable;
  vmCount = 0; //   rows in use
  vmRows = 0; //    rows that have ever been in use
  runningCount = 0;
  private freeRow = NOBODY;

  constructor(hostCount: number, vmCapacity: number) {
    this.hosts = makeHosts(hostCount);
    this.vms = new VmTable(Math.max(16, vmCapacity));
  }

  // ── VMs ──

  /** Puts a VM into a row, on a host; it runs from now on. Gives the row. */
  addVm(host: number, facts: VmFacts, now: number): number {
    const { vms } = this;
    const row = this.takeRow();
    this.vmCount++;
    vms.put(row, vmField.id, facts.id);
    vms.put(row, vmField.state, vmState.running);
    vms.put(row, vmField.profile, facts.profile);
    vms.put(row, vmField.phase, facts.phase);
    vms.put(row, vmField.memory, facts.memory);
    vms.put(row, vmField.millicores, facts.millicores);
    vms.put(row, vmField.writes, facts.writes);
    vms.put(row, vmField.transferNs, facts.transferNs);
    vms.put(row, vmField.phaseEndNs, facts.phaseEndNs);
    vms.put(row, vmField.draws, facts.draws);
    vms.put(row, vmField.transferWaits, 0);
    vms.put(row, vmField.migration, NOBODY);
    this.enter(row, host, now);
    return row;
  }

  /** Takes a VM out of its row and off its host. */
  removeVm(row: number, now: number): void {
    const { vms } = this;
    assert(vms.state(row) !== vmState.none, 'a VM that is removed is there');
    this.leave(row, now);
    vms.put(row, vmField.state, vmState.none);
    vms.count(row, vmField.stamp);
    vms.put(row, vmField.next, this.freeRow);
    this.freeRow = row;
    this.vmCount--;
  }

  /** Takes a VM from its host to another one of the pod. */
  moveVm(row: number, to: number, now: number): void {
    this.leave(row, now);
    this.enter(row, to, now);
  }

  facts(row: number): VmFacts {
    const { vms } = this;
    return {
      id: vms.id(row), profile: vms.profile(row), phase: vms.phase(row), memory: vms.memory(row),
      millicores: vms.millicores(row), writes: vms.writes(row), transferNs: vms.transferNs(row),
      phaseEndNs: vms.phaseEndNs(row), draws: vms.draws(row),
    };
  }

  /** Row of a VM by its id; NOBODY when it is not here. O(rows): for commands and inspectors. */
  findVm(id: number): number {
    for (let row = 0; row < this.vmRows; row++) {
      if (this.vms.id(row) === id && this.vms.state(row) !== vmState.none) return row;
    }
    return NOBODY;
  }

  /** What a VM asks for changes. */
  setDemand(row: number, demand: { readonly millicores: number; readonly writes: number }, now: number): void {
    const { vms, hosts } = this;
    const host = vms.host(row);
    if (this.asks(row)) {
      this.settleHost(host, now);
      hosts.demand[host]! += demand.millicores - vms.millicores(row);
      hosts.writes[host]! += demand.writes - vms.writes(row);
    }
    vms.put(row, vmField.millicores, demand.millicores);
    vms.put(row, vmField.writes, demand.writes);
  }

  /** A VM runs, stands, or is down from now on. */
  setState(row: number, state: number, now: number): void {
    const before = this.asks(row) ? 1 : 0;
    const { vms, hosts } = this;
    vms.put(row, vmField.state, state);
    const change = (this.asks(row) ? 1 : 0) - before;
    if (change === 0) return;
    const host = vms.host(row);
    this.runningCount += change;
    this.settleHost(host, now);
    hosts.demand[host]! += change * vms.millicores(row);
    hosts.writes[host]! += change * vms.writes(row);
  }

  /** Rows of a host's VMs, the one that came last first. */
  eachVm(host: number, visit: (row: number) => void): void {
    for (let row = this.hosts.firstVm[host]!; row !== NOBODY; ) {
      const next = this.vms.next(row);
      visit(row);
      row = next;
    }
  }

  private asks(row: number): boolean {
    return this.vms.state(row) === vmState.running;
  }

  private enter(row: number, host: number, now: number): void {
    const { vms, hosts } = this;
    const first = hosts.firstVm[host]!;
    vms.put(row, vmField.host, host);
    vms.put(row, vmField.next, first);
    vms.put(row, vmField.previous, NOBODY);
    if (first !== NOBODY) vms.put(first, vmField.previous, row);
    hosts.firstVm[host] = row;
    hosts.vmCount[host]! += 1;
    hosts.memoryUsed[host]! += vms.memory(row);
    if (!this.asks(row)) return;
    this.runningCount++;
    this.settleHost(host, now);
    hosts.demand[host]! += vms.millicores(row);
    hosts.writes[host]! += vms.writes(row);
  }

  private leave(row: number, now: number): void {
    const { vms, hosts } = this;
    const host = vms.host(row);
    const [previous, next] = [vms.previous(row), vms.next(row)];
    if (previous === NOBODY) hosts.firstVm[host] = next;
    else vms.put(previous, vmField.next, next);
    if (next !== NOBODY) vms.put(next, vmField.previous, previous);
    hosts.vmCount[host]! -= 1;
    hosts.memoryUsed[host]! -= vms.memory(row);
    if (!this.asks(row)) return;
    this.runningCount--;
    this.settleHost(host, now);
    hosts.demand[host]! -= vms.millicores(row);
    hosts.writes[host]! -= vms.writes(row);
  }

  private takeRow(): number {
    const row = this.freeRow;
    if (row !== NOBODY) {
      this.freeRow = this.vms.next(row);
      return row;
    }
    if (this.vmRows === this.vms.capacity()) this.vms.grow();
    return this.vmRows++;
  }

  // ── Hosts ──

  /** Memory that nobody has and nobody has reserved. Unit: MiB. */
  memoryFree(host: number): number {
    const { hosts } = this;
    return hosts.memory[host]! - hosts.memoryUsed[host]! - hosts.memoryReserved[host]!;
  }

  /** CPU demand, incoming VMs included, of the capacity. Unit: percent, rounded down. */
  loadPercent(host: number): number {
    const { hosts } = this;
    return Math.floor(((hosts.demand[host]! + hosts.promised[host]!) * 100) / hosts.capacity[host]!);
  }

  isOverloaded(host: number): boolean {
    return this.hosts.demand[host]! > this.hosts.capacity[host]!;
  }

  /** Accounts CPU time that was asked for and not had, up to now. */
  settleHost(host: number, now: number): void {
    const { hosts } = this;
    const passedNs = now - hosts.settledNs[host]!;
    hosts.settledNs[host] = now;
    const excess = hosts.demand[host]! - hosts.capacity[host]!;
    if (excess <= 0 || passedNs === 0) return;
    const stolen = excess * passedNs + hosts.stolenRest[host]!;
    const whole = Math.floor(stolen / CORE_SECOND);
    hosts.stolenSeconds[host]! += whole;
    hosts.stolenRest[host] = stolen - whole * CORE_SECOND;
  }

  // ── Checks ──

  /** What is kept beside the rows, counted again; one sentence for what does not agree, '' when all does. */
  audit(): string {
    const { hosts, vms } = this;
    let count = 0;
    for (let host = 0; host < hosts.count; host++) {
      const seen = { memory: 0, demand: 0, writes: 0, vms: 0 };
      this.eachVm(host, (row) => {
        seen.vms++;
        seen.memory += vms.memory(row);
        if (vms.host(row) !== host) seen.memory = Number.NaN;
        if (!this.asks(row)) return;
        seen.demand += vms.millicores(row);
        seen.writes += vms.writes(row);
      });
      count += seen.vms;
      const agrees = seen.vms === hosts.vmCount[host] && seen.memory === hosts.memoryUsed[host] && seen.demand === hosts.demand[host] && seen.writes === hosts.writes[host];
      if (!agrees) return `host ${host} of the pod holds ${JSON.stringify(seen)}, and is said to hold ${hosts.vmCount[host]} VMs with ${hosts.memoryUsed[host]} MiB`;
      if (this.memoryFree(host) < 0) return `host ${host} of the pod has given away ${-this.memoryFree(host)} MiB more than it has`;
    }
    let rows = 0;
    for (let row = 0; row < this.vmRows; row++) if (vms.state(row) !== vmState.none) rows++;
    return count === rows && rows === this.vmCount ? '' : `${count} VMs are on hosts, ${rows} rows are in use, ${this.vmCount} are counted`;
  }

  /** Mixes every row in. */
  hashInto(hash: Hash64): void {
    const { hosts, vms } = this;
    for (let host = 0; host < hosts.count; host++) {
      hashInteger(hash, hosts.state[host]! * 0x1000_0000 + hosts.demand[host]!);
      hashInteger(hash, hosts.memoryUsed[host]! * 0x1000 + hosts.vmCount[host]!);
      hashInteger(hash, hosts.stolenSeconds[host]!);
      hashInteger(hash, hosts.stolenRest[host]!);
      hashInteger(hash, hosts.received[host]!);
    }
    for (let row = 0; row < this.vmRows; row++) {
      hashInteger(hash, vms.id(row) * 8 + vms.state(row));
      hashInteger(hash, vms.host(row) * 0x100_0000 + vms.draws(row));
    }
  }
}

function makeHosts(count: number): HostTable {
  const numbers = () => new Float64Array(count);
  return {
    count,
    state: new Uint8Array(count).fill(hostState.up),
    capacity: numbers(), demand: numbers(), promised: numbers(),
    memory: numbers(), memoryUsed: numbers(), memoryReserved: numbers(), writes: numbers(),
    vmCount: new Int32Array(count),
    firstVm: new Int32Array(count).fill(NOBODY),
    leaving: new Int32Array(count), arriving: new Int32Array(count),
    received: numbers(), settledNs: numbers(), stolenSeconds: numbers(), stolenRest: numbers(),
    bootNs: numbers(), movedNs: numbers().fill(Number.MIN_SAFE_INTEGER),
  };
}
