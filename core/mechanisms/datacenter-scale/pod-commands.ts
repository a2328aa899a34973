/** What a logged command does in one pod: every pod is told every command, and does its own part. */
import { type Command, type RequestArguments, requestOf } from '../../protocol/command.ts';
import { rank } from '../../sim/rank.ts';
import { phaseAt, profileAt } from '../../workload/profile.ts';
import { crashHost, moveAbroad, moveWithin } from './moves.ts';
import { BOOT_NS, eventKind, MEND_NS, type Pod } from './pod.ts';
import { hostState, NOBODY, vmState } from './pod-tables.ts';
import { fidelityCode } from './promotion.ts';

/** Hosts of a rack, which lose power together. */
export const RACK_HOSTS = 25;

/** Does this pod's part of a command, now. */
export function onCommand(pod: Pod, command: Command): void {
  if (command.kind === 'set-knob') {
    pod.knobs[command.knob] = command.value;
    if (command.knob === 'port-rate') pod.setPortRate(command.value);
    return;
  }
  if (command.kind === 'inject-fault') {
    onFault(pod, command.fault, command.target ?? '');
    return;
  }
  const request = requestOf(command);
  if (request?.name === 'move-vm') moveByHand(pod, Number(request.arguments['id']), Number(request.arguments['to']));
  else if (request?.name === 'promote') promote(pod, request.arguments);
}

/** Position in the pod of the host that a target names; the datacenter's first host when it names none. */
function hostOf(pod: Pod, target: string): number {
  const number = target === '' ? 0 : Number(target.replace('machine:', ''));
  const host = number - pod.options.firstHost;
  return host >= 0 && host < pod.options.hostCount ? host : NOBODY;
}

function onFault(pod: Pod, fault: string, target: string): void {
  if (fault === 'cut-uplink') {
    cutUplink(pod, target);
    return;
  }
  const host = hostOf(pod, target);
  if (host === NOBODY) return;
  if (fault === 'host-crash') crashHost(pod, host, BOOT_NS);
  else if (fault === 'rack-power') {
    const first = Math.floor(host / RACK_HOSTS) * RACK_HOSTS;
    for (let it = first; it < Math.min(first + RACK_HOSTS, pod.options.hostCount); it++) crashHost(pod, it, BOOT_NS);
  } else if (fault === 'hot-spot') heatUp(pod, host);
}

/** Every VM of a host asks for the most that any phase of its profile asks for, until its phase ends. */
function heatUp(pod: Pod, host: number): void {
  const { vms, hosts } = pod.tables;
  if (hosts.state[host] !== hostState.up) return;
  pod.tables.eachVm(host, (row) => {
    if (vms.state(row) !== vmState.running) return;
    const most = profileAt(vms.profile(row)).phases.map((_, index) => phaseAt(vms.profile(row), index).millicores[1]);
    pod.changeDemand(row, Math.max(...most));
  });
  pod.note('fault', `machine:${pod.options.firstHost + host}`, `every VM of ${pod.hostName(host)} asks for all it can`);
}

/** The cable between two processes, 'link:2-5'; the first of the datacenter when none is named. */
function cutUplink(pod: Pod, target: string): void {
  const { agent, links, options } = pod;
  const [, a = '0', b = String(options.process === 0 ? (options.neighbours[0]?.process ?? 0) : 0)] = /^link:(\d+)-(\d+)$/.exec(target) ?? [];
  const ends = [Number(a), Number(b)];
  if (!ends.includes(options.process)) return;
  const neighbour = options.neighbours.findIndex(({ process }) => process !== options.process && ends.includes(process));
  if (neighbour < 0 || !agent.connected[neighbour]) return;
  agent.connected[neighbour] = false;
  agent.epoch[neighbour]! += 1;
  const uplink = pod.uplinkOf(neighbour);
  links.setRate(uplink, 0, pod.now);
  links.dropPackets(uplink, pod.now, (_kind, packet, bytes) => {
    agent.packets.delete(packet);
    pod.counters.lostBytes += bytes;
    agent.droppedFrames++;
  });
  pod.retime(uplink);
  pod.kernel.schedule(pod.now + MEND_NS, rank.timer, eventKind.mend, neighbour, 0);
  pod.note('fault', `link:${Math.min(...ends)}-${Math.max(...ends)}`, 'the cable is cut');
}

/** Somebody asks for a move: to a host of the same pod, or to the pod of that host. */
function moveByHand(pod: Pod, id: number, to: number): void {
  const { hosts, vms } = pod.tables;
  const row = pod.tables.findVm(id);
  if (row === NOBODY) return;
  const host = to - pod.options.firstHost;
  if (vms.state(row) !== vmState.running || vms.migration(row) !== NOBODY) {
    pod.note('refused', `vm:${id}`, 'it moves already, or does not run');
    return;
  }
  if (host >= 0 && host < hosts.count) {
    const fits = host !== vms.host(row) && hosts.state[host] === hostState.up && pod.tables.memoryFree(host) >= vms.memory(row);
    if (fits) moveWithin(pod, row, host);
    else pod.note('refused', `vm:${id}`, `${pod.hostName(host)} cannot take it`);
    return;
  }
  const neighbour = pod.options.neighbours.findIndex((it) => it.firstHost <= to && to < it.firstHost + it.hostCount);
  if (neighbour >= 0) moveAbroad(pod, row, neighbour);
  else pod.note('refused', `vm:${id}`, 'its pod has no cable to the pod of that host');
}

/** An aggregate VM goes to a host with real memory, where it is paged or emulated. */
function promote(pod: Pod, { id, to, fidelity = 'paged' }: RequestArguments): void {
  const { vms } = pod.tables;
  const row = pod.tables.findVm(Number(id));
  if (row === NOBODY) return;
  const neighbour = pod.agent.singles.find((it) => pod.options.neighbours[it]!.process === Number(to));
  const isEmulated = fidelity === 'emulated';
  if (neighbour === undefined) pod.note('refused', `vm:${id}`, 'its pod has no cable to that host');
  else if (isEmulated && profileAt(vms.profile(row)).guest === '') pod.note('refused', `vm:${id}`, 'its workload is no guest program');
  else if (vms.state(row) !== vmState.running || vms.migration(row) !== NOBODY) {
    pod.note('refused', `vm:${id}`, 'it moves already, or does not run');
  } else moveAbroad(pod, row, neighbour, isEmulated ? fidelityCode.emulated : fidelityCode.paged);
}
