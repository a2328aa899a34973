/**
 * Name and sentence of every lab, for lists: so light that the page carries it from the start, where a contract
 * comes when its lab is opened. Written by `npm run new-mechanism` from the contracts, and held to them by
 * catalog.test.ts; not edited by hand.
 */

/** One lab as a list shows it. */
export interface LibraryRow {
  readonly id: string;
  readonly title: string;
  readonly sentence: string;
}

// biome-ignore format: a row a line
export const LIBRARY: readonly LibraryRow[] = [
  { id: 'datacenter-scale', title: 'Ten thousand hosts', sentence: 'A hundred thousand VMs change their minds. Who moves them before a host has too little CPU?' },
  { id: 'gateway-balancer', title: 'Balancing replication gateways', sentence: 'One gateway gets more than it ships. Let the balancer move work away, losing nothing.' },
  { id: 'live-snapshot', title: 'Live snapshot, copied first', sentence: 'Somebody is typing in this VM. Take a snapshot of it that nobody feels.' },
  { id: 'precopy-migration', title: 'Live migration by pre-copy', sentence: 'This VM is running. Move it to the other host without stopping it.' },
  { id: 'skeleton', title: 'A clock that can be paused', sentence: 'This VM prints a line each period. Pause it, and see the hole in its time.' },
];
