export { PciConfigSpace, pciCommand, type PciIdentity } from './config-space.ts';
export { type HostBridgeOptions, PcieHostBridge, type PciFunction } from './host-bridge.ts';
