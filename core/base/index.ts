export * from './assert.ts';
export * from './contract.ts';
export * from './hash.ts';
export * from './knob-value.ts';
export * from './prng.ts';
export * from './result.ts';
export * from './units.ts';
