/** What the end-to-end tests share: opening a lab, and reading the stage as a person does. */
import { expect, type Page } from '@playwright/test';
import { findWalkthrough } from '../core/mechanisms/catalog.ts';
import type { Glasshouse } from '../web/app/glasshouse.ts';

/** The page's door for scripts, declared on window by the page itself. */
export type { Glasshouse };

/** Labs that are opened small: two worlds of ten thousand hosts in each of two tabs are more than a shared machine has. */
const SMALL: Readonly<Record<string, string>> = { 'datacenter-scale': 'knobs=hosts:400,vms-per-host:6,paged-vms:10' };

function sized(hash: string): string {
  const small = SMALL[/^\/lab\/([^?]+)/.exec(hash)?.[1] ?? ''];
  return small === undefined || hash.includes('knobs=') ? hash : `${hash}${hash.includes('?') ? '&' : '?'}${small}`;
}

/** Opens a lab and waits until it is alive and painted. `hash` is the part after #, '' for the first screen; 'whole': never small. */
export async function openLab(page: Page, hash = '', size: 'small' | 'whole' = 'small'): Promise<void> {
  await page.goto(hash === '' ? './' : `./#${size === 'whole' ? hash : sized(hash)}`);
  await page.waitForFunction(() => window.glasshouse !== undefined);
  await page.evaluate(() => window.glasshouse.ready());
}

/** The one sentence of the stage. */
export function story(page: Page) {
  return page.locator('[data-story]');
}

/** The story's button. */
export function storyButton(page: Page) {
  return page.locator('[data-story] ~ [data-primary]');
}

/** Presses the story's button and waits until the run has taken the command. Gives the button's words. */
export async function act(page: Page): Promise<string> {
  const entries = () => page.evaluate(async () => (JSON.parse(await window.glasshouse.exportRun()) as { log: unknown[] }).log.length);
  const before = await entries();
  const words = (await storyButton(page).textContent()) ?? '';
  await storyButton(page).click();
  await expect.poll(entries, { message: `“${words}” is in the command log` }).toBeGreaterThan(before);
  return words;
}

/** A moment of a lab, by how often its story is looked at: a guest's milliseconds, a site's seconds. Unit: ns. */
export function momentOf(lab: string, looks: number): number {
  return looks * (findWalkthrough(lab)?.lookNs ?? 20_000_000);
}

/** Looks until guests have booted and sites are at work; until a first command has shown itself. */
export const LOOKS_FIRST = 15;
export const LOOKS_LATER = 18;

/** Opens a lab paused, when its guests have booted: the same picture in every run. */
export async function openPaused(page: Page, lab: string, atNs = momentOf(lab, LOOKS_FIRST)): Promise<void> {
  await openLab(page, `/lab/${lab}?autoplay=0`);
  await page.evaluate((ns) => window.glasshouse.advanceTo(ns), atNs);
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
