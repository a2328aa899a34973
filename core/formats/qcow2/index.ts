export { checkQcow2, type Qcow2Check } from './check.ts';
export { CHAIN_MAX, createQcow2, isQcow2, type NewImage, openQcow2Chain } from './create.ts';
export { type Qcow2Error, type Qcow2Header, readQcow2Header, renderQcow2Error } from './header.ts';
export { openQcow2, Qcow2Image, type Qcow2Options } from './image.ts';
