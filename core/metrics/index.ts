export * from './sample-ring.ts';
export * from './sample-rows.ts';
