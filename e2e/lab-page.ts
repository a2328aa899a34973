/** What the end-to-end tests share: opening a lab, and reading the stage as a person does. */
import { expect, type Page } from '@playwright/test';
import type { Glasshouse } from '../web/app/glasshouse.ts';

/** The page's door for scripts, declared on window by the page itself. */
export type { Glasshouse };

/** Opens a lab and waits until it is alive and painted. `hash` is the part after #, '' for the first screen. */
export async function openLab(page: Page, hash = ''): Promise<void> {
  await page.goto(hash === '' ? './' : `./#${hash}`);
  await page.waitForFunction(() => window.glasshouse !== undefined);
  await page.evaluate(() => window.glasshouse.ready());
}

/** The one sentence of the stage. */
export function story(page: Page) {
  return page.locator('[data-story]');
}

/** Starts a paused run with these knobs at time 0. */
export async function loadPaused(page: Page, options: { seed?: number; knobs?: Record<string, number> } = {}): Promise<void> {
  const sentence = await page.evaluate((it) => window.glasshouse.load({ ...it, autoplay: false }), options);
  expect(sentence).toBe('');
}

/** Runs a command of the page at a virtual time; expects it to be accepted. */
export async function commandAt(page: Page, id: string, args: Record<string, unknown>, at: number): Promise<void> {
  const sentence = await page.evaluate(({ id, args, at }) => window.glasshouse.runCommand(id, args, { at }), { id, args, at });
  expect(sentence).toBe('');
}

/** Where VM 1 runs, as the stage shows it. */
export function vmOn(page: Page, host: 'host-a' | 'host-b') {
  return page.getByRole('button', { name: new RegExp(`Memory of .* on ${host},`) });
}
