export * from './capture-tap.ts';
export * from './checksum.ts';
export * from './ethernet.ts';
export * from './ipv4.ts';
export * from './link.ts';
export * from './tcp-segment.ts';
export type { ConnectionId, TcpState, TimerKind } from './tcp/connection.ts';
export * from './tcp/context.ts';
export * from './tcp/stack.ts';
