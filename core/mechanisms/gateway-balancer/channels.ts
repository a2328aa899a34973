/** TCP ports of the lab, and message channels made and accepted over them, for the parts of the lab. */
import { type ChannelOwner, MessageChannel } from '../../storage/index.ts';
import type { StreamConnection, StreamHandler } from '../host-ports.ts';
import type { NodePorts } from '../node-ports.ts';

export const TCP_PORTS = {
  gateway: 7001, //  taps and the balancer call gateways here
  pair: 7002, //     production gateways call recovery gateways
  volumes: 7003, //  recovery gateways call the recovery site
  site: 7004, //     the production site calls the recovery site
} as const;

/** Wait before a connection that broke is tried again. Unit: ns. */
export const RETRY_NS = 100_000_000;

/** A channel to `to`; it is up once the owner is told so. */
export function callChannel(ports: NodePorts, owner: ChannelOwner, to: number, port: number): MessageChannel {
  const channel = new MessageChannel(owner, to);
  channel.attach(ports.connect(to, port, channel), false);
  return channel;
}

/** A channel over a connection that was accepted. `peer` is −1 until a message tells. */
export function acceptedChannel(owner: ChannelOwner, connection: StreamConnection): MessageChannel & StreamHandler {
  const channel = new MessageChannel(owner, -1);
  channel.attach(connection, true);
  return channel;
}
