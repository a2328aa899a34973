/** The TCP stack of a host: its timers are the host's events, its segments leave by the host's network. */
import { makePrng } from '../base/index.ts';
import { type Ipv4Address, TcpStack } from '../network/index.ts';
import { rank } from '../sim/rank.ts';
import type { Host } from './host.ts';
import type { HostOptions } from './host-options.ts';

/** Made with the host, before anything is scheduled there. */
export function makeHostTcp(options: HostOptions, host: Host): TcpStack {
  const { network } = options;
  return new TcpStack(
    {
      address: network?.address ?? 0,
      mac: network?.mac ?? 0,
      neighbours: network?.neighbours ?? new Map(),
      random: makePrng({ seed: options.seed, stream: options.id }),
    },
    {
      transmit: (frame, destination, now) => network?.transmit(frame, destination, now),
      ...(network?.transmitRoom === undefined
        ? {}
        : { transmitRoom: (to: Ipv4Address) => network.transmitRoom!(to) }),
      scheduleTimer: (timeNs, connection, timer) => host.schedule(timeNs, rank.timer, 'tcp.timer', { connection, timer }),
      event: (event, now) => host.onTcpEvent(event, now),
    },
  );
}
