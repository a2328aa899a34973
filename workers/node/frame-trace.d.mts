/** Types of frame-trace.mjs. */
import type { Page } from '@playwright/test';
export declare function traceFrameWork(page: Page, meanwhile: () => Promise<void>): Promise<number[]>;
export declare function percentileOf(sorted: readonly number[], part: number): number;
