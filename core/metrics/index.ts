export * from './sample-ring.ts';
