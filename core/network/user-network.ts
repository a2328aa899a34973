/**
 * The network that guests see without any of their own: a switch whose ports are cards of VMs and the
 * cables to other hosts, and on it a gateway that hands out addresses, answers ARP and pings, echoes
 * UDP, and speaks TCP through the host's stack. There is no way out to a real network. Everything that
 * crosses a port can be captured.
 *
 * The switch learns where addresses are (IEEE 802.1Q §8.7) and floods what it does not know. Addresses
 * are rows of a table known beforehand: DHCP tells a card its row.
 * A trunk leads to a switch of another host; every switch has one to every other.
 * Left out: VLANs, spanning tree (cables must not form a circle), ageing, routing, DNS, IPv6.
 */
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { ARP_REPLY, ARP_REQUEST, makeArpFrame, parseArp } from './arp.ts';
import { completeChecksums } from './checksum.ts';
import type { CaptureTap } from './capture-tap.ts';
import { makeEchoFrame, makeUdpFrame, parseEcho, parseUdp, type UdpDatagram } from './datagram.ts';
import { answerDhcp, DHCP_CLIENT_PORT, DHCP_SERVER_PORT, dhcpType, makeDhcpReply, parseDhcpRequest } from './dhcp.ts';
import { BROADCAST_MAC, ETHERNET_HEADER_SIZE, ETHERTYPE_IPV4, etherType, type MacAddress, readMac } from './ethernet.ts';
import { type Ipv4Address, type Ipv4Header, parseIpv4Header, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from './ipv4.ts';

/** Hardware addresses that the switch remembers: a guest that invents more makes it flood, no more. */
export const LEARNED_MAX = 1024;
/** UDP service that sends back what it gets (RFC 862). */
export const ECHO_PORT = 7;
const GROUP_BIT = 0x0100_0000_0000;

/** Where frames leave the switch. A frame does not change afterwards. */
export interface SwitchPort {
  readonly name: string;
  /** Leads to another switch of the same kind, which floods by itself: nothing goes from one such port to another. */
  readonly isTrunk?: boolean;
  /** `isLate`: see {@link UserNetwork.forward}. */
  deliver(frame: Uint8Array, nowNs: number, isLate: boolean): void;
}

/** The gateway's end of the host: TCP frames for its address. */
export interface GatewayPorts {
  onTcp?(frame: Uint8Array, nowNs: number): void;
}

/** What a network is made from. */
export interface UserNetworkOptions {
  readonly gatewayMac: MacAddress;
  readonly gatewayAddress: Ipv4Address;
  readonly mask: Ipv4Address;
  /** Address of each card that DHCP serves. */
  readonly leases: ReadonlyMap<MacAddress, Ipv4Address>;
  /** Hosts that do not speak ARP themselves: the gateway answers for them. */
  readonly neighbours?: ReadonlyMap<Ipv4Address, MacAddress>;
  /** False: the gateway is at another switch; its address is one like any other here. */
  readonly hasGateway?: boolean;
}

/** Counters since the network was made. */
export interface UserNetworkCounters {
  frames: number;
  flooded: number;
  /** Too short to be frames, or from a group address. */
  malformed: number;
  arpReplies: number;
  leases: number;
  pings: number;
  echoes: number;
}

/** Port number of the gateway itself. */
const GATEWAY = 0;

/** See the file's head. */
export class UserNetwork {
  static readonly [checkpointRules]: CheckpointRules = {
    gateway: 'outside', tap: { capture: 'outside' }, ports: 'values', options: { leases: 'value', neighbours: 'value' },
  };
  readonly counters: UserNetworkCounters = {
    frames: 0, flooded: 0, malformed: 0, arpReplies: 0, leases: 0, pings: 0, echoes: 0,
  };
  private readonly options: UserNetworkOptions;
  private readonly gateway: GatewayPorts;
  private readonly ports: (SwitchPort | undefined)[] = [undefined];
  private readonly learned = new Map<MacAddress, number>();
  private tap: { readonly capture: CaptureTap; readonly interfaces: number[] } | undefined;

  constructor(options: UserNetworkOptions, gateway: GatewayPorts = {}) {
    this.options = options;
    this.gateway = gateway;
  }

  /** Adds a port; gives its number, which {@link receive} takes. A capture under way takes it in. */
  addPort(port: SwitchPort): number {
    this.tap?.interfaces.push(this.tap.capture.addInterface({ name: port.name }));
    return this.ports.push(port) - 1;
  }

  /** Captures what enters and leaves at every port from now on: 'in' is what a card sends. */
  capture(capture: CaptureTap): void {
    const interfaces = this.ports.map((port) => capture.addInterface({ name: port?.name ?? 'gateway' }));
    this.tap = { capture, interfaces };
  }

  /** A frame enters at a port. It is kept and must not change. `isLate`: it comes by a detour and says nothing of where its sender is. */
  receive(port: number, frame: Uint8Array, nowNs: number, isLate = false): void {
    this.counters.frames++;
    this.record(port, 'in', frame, nowNs);
    const source = frame.length >= ETHERNET_HEADER_SIZE ? readMac(frame, 6) : BROADCAST_MAC;
    if (isGroup(source)) {
      this.counters.malformed++;
      return;
    }
    if (!isLate && (this.learned.has(source) || this.learned.size < LEARNED_MAX)) this.learned.set(source, port);
    const destination = readMac(frame, 0);
    const hasGateway = this.options.hasGateway !== false;
    if (hasGateway && destination === this.options.gatewayMac) {
      this.serve(port, frame, nowNs);
      return;
    }
    const known = isGroup(destination) ? undefined : this.learned.get(destination);
    if (known !== undefined) {
      if (known !== port && !this.joinsTrunks(port, known)) this.send(known, frame, nowNs);
      return;
    }
    this.counters.flooded++;
    for (let other = 1; other < this.ports.length; other++) {
      if (other !== port && !this.joinsTrunks(port, other)) this.send(other, frame, nowNs);
    }
    if (hasGateway && destination === BROADCAST_MAC) this.serve(port, frame, nowNs);
  }

  /** A frame that was kept here follows its destination; who sent it may be anywhere. Dropped when the destination is not known. */
  forward(frame: Uint8Array, nowNs: number): void {
    const known = this.learned.get(readMac(frame, 0));
    if (known !== undefined) this.send(known, frame, nowNs, true);
  }

  /** The port behind which an address was seen last. */
  portOf(mac: MacAddress): number | undefined {
    return this.learned.get(mac);
  }

  /** A frame of the gateway's own (the host's TCP) goes to whoever has its destination. */
  transmit(frame: Uint8Array, nowNs: number): void {
    const known = this.learned.get(readMac(frame, 0));
    if (known !== undefined) this.send(known, frame, nowNs);
    else for (let port = 1; port < this.ports.length; port++) this.send(port, frame, nowNs);
  }

  private joinsTrunks(one: number, other: number): boolean {
    return this.ports[one]?.isTrunk === true && this.ports[other]?.isTrunk === true;
  }

  private send(port: number, frame: Uint8Array, nowNs: number, isLate = false): void {
    if (port === GATEWAY) return;
    // The host's stack leaves the TCP checksum to its card; a guest's card has no such offload.
    const complete = completeChecksums(frame);
    this.record(port, 'out', complete, nowNs);
    this.ports[port]!.deliver(complete, nowNs, isLate);
  }

  private record(port: number, direction: 'in' | 'out', frame: Uint8Array, nowNs: number): void {
    const { tap } = this;
    if (tap !== undefined) tap.capture.record(tap.interfaces[port]!, direction, frame, nowNs);
  }

  /** What the gateway does with a frame for it or for everybody. */
  private serve(port: number, frame: Uint8Array, nowNs: number): void {
    if (etherType(frame) !== ETHERTYPE_IPV4) {
      this.answerArp(port, frame, nowNs);
      return;
    }
    const ip = parseIpv4Header(frame);
    if (ip === undefined) return;
    if (ip.protocol === PROTOCOL_UDP) this.serveUdp(port, frame, ip, nowNs);
    if (ip.destination !== this.options.gatewayAddress || isGroup(readMac(frame, 0))) return;
    if (ip.protocol === PROTOCOL_ICMP) this.answerPing(port, frame, ip, nowNs);
    else if (ip.protocol === PROTOCOL_TCP) this.gateway.onTcp?.(frame, nowNs);
  }

  private answerArp(port: number, frame: Uint8Array, nowNs: number): void {
    const packet = parseArp(frame);
    if (packet === undefined || packet.operation !== ARP_REQUEST) return;
    const { gatewayAddress, gatewayMac, neighbours } = this.options;
    const { targetAddress, senderMac, senderAddress } = packet;
    const mac = targetAddress === gatewayAddress ? gatewayMac : neighbours?.get(targetAddress);
    if (mac === undefined || mac === senderMac) return;
    this.counters.arpReplies++;
    const reply = { operation: ARP_REPLY, senderMac: mac, senderAddress: targetAddress, targetMac: senderMac, targetAddress: senderAddress };
    this.send(port, makeArpFrame(reply, senderMac), nowNs);
  }

  private back(frame: Uint8Array, ip: Ipv4Header) {
    return {
      sourceMac: this.options.gatewayMac, destinationMac: readMac(frame, 6),
      sourceAddress: this.options.gatewayAddress, destinationAddress: ip.source,
    };
  }

  private answerPing(port: number, frame: Uint8Array, ip: Ipv4Header, nowNs: number): void {
    const echo = parseEcho(frame, ip);
    if (echo === undefined || !echo.isRequest) return;
    this.counters.pings++;
    this.send(port, makeEchoFrame(this.back(frame, ip), { isRequest: false, content: echo.content }), nowNs);
  }

  private serveUdp(port: number, frame: Uint8Array, ip: Ipv4Header, nowNs: number): void {
    const datagram = parseUdp(frame, ip);
    if (datagram === undefined) return;
    if (datagram.destinationPort === DHCP_SERVER_PORT) this.answerDhcp(port, datagram, nowNs);
    const isEcho = datagram.destinationPort === ECHO_PORT && datagram.sourcePort !== ECHO_PORT;
    if (!isEcho || ip.destination !== this.options.gatewayAddress) return;
    this.counters.echoes++;
    const { sourcePort, destinationPort, payload } = datagram;
    const reply = { sourcePort: destinationPort, destinationPort: sourcePort, payload };
    this.send(port, makeUdpFrame(this.back(frame, ip), reply), nowNs);
  }

  private answerDhcp(port: number, datagram: UdpDatagram, nowNs: number): void {
    const request = parseDhcpRequest(datagram.payload);
    const lease = request === undefined ? undefined : this.options.leases.get(request.mac);
    if (request === undefined || lease === undefined) return;
    const { gatewayAddress: server, gatewayMac, mask } = this.options;
    const reply = answerDhcp(request, lease, { server, mask });
    if (reply === undefined) return;
    if (reply.type === dhcpType.ack) this.counters.leases++;
    // RFC 2131 §4.1: a client that has no address yet is reached by its hardware address, or by all.
    const everybody = request.wantsBroadcast || reply.type === dhcpType.nak;
    const to = request.clientAddress !== 0 ? request.clientAddress : reply.address;
    const addresses = {
      sourceMac: gatewayMac, sourceAddress: server,
      destinationMac: everybody ? BROADCAST_MAC : request.mac,
      destinationAddress: everybody ? 0xffff_ffff : to,
    };
    const payload = makeDhcpReply(request, reply);
    this.send(port, makeUdpFrame(addresses, { sourcePort: DHCP_SERVER_PORT, destinationPort: DHCP_CLIENT_PORT, payload }), nowNs);
  }
}

/** Whether an address stands for several cards: the lowest bit of its first byte. */
function isGroup(address: MacAddress): boolean {
  return Math.floor(address / GROUP_BIT) % 2 === 1;
}
