/**
 * How the networks of a world's guests are one: every host that can be reached has a switch, frames go between them over the emulated
 * cables in datagrams from host to host, and the gateway is at the first host.
 */
import type { NetworkWays } from '../hypervisor/host-network.ts';
import { makeTunnelFrame } from '../network/index.ts';
import { addressOf, macOf } from './cabling.ts';
import type { HostProcess } from './host-process.ts';

/** See the file's head. Ways are there in worlds in which a VM has a network card. */
export function guestNetworkWays({ id, scenario, cabling }: HostProcess): NetworkWays {
  const isUsed = scenario.vms.some((vm) => vm.boot?.network === true);
  const others = isUsed ? scenario.hosts.filter((host) => host.id !== id && cabling.linkTo(host.id) !== undefined) : [];
  return {
    peers: others.map(({ id: host, name }) => ({ host, name })),
    hasGateway: scenario.hosts.every((host) => host.id >= id) || others.length === 0,
    send(host, frame, nowNs, isLate) {
      const addresses = {
        sourceMac: macOf(id), destinationMac: macOf(host), sourceAddress: addressOf(id), destinationAddress: addressOf(host),
      };
      cabling.transmit(makeTunnelFrame(addresses, { frame, isLate }), host, nowNs);
    },
  };
}
