// Goal: the page works in a frame of another page, isolated or not, with one run hash. Method: a host page served by this test from
// another origin, with and without isolation headers; the frame is driven as a script drives the page.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, type Frame, type Page, test } from '@playwright/test';

let server: Server;
let origin = '';

test.beforeAll(async ({ baseURL }) => {
  server = createServer((request, response) => {
    const isolated = request.url === '/isolated';
    const sandbox = request.url === '/sandboxed' ? ' sandbox="allow-scripts allow-same-origin"' : '';
    response.writeHead(200, {
      'Content-Type': 'text/html; charset=utf-8',
      ...(isolated ? { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' } : {}),
    });
    response.end(`<!doctype html><title>Course</title><h1>Course</h1><iframe title="Lab" width="1100" height="600" allow="cross-origin-isolated"${sandbox} src="${baseURL}"></iframe>`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
test.afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())));

async function frameOf(page: Page, path: string): Promise<Frame> {
  await page.goto(`${origin}${path}`);
  const frame = (await (await page.waitForSelector('iframe')).contentFrame())!;
  await frame.waitForFunction(() => window.glasshouse !== undefined);
  await frame.evaluate(() => window.glasshouse.ready());
  return frame;
}

async function hashIn(frame: Frame): Promise<string> {
  expect(await frame.evaluate(() => window.glasshouse.load({ seed: 5, autoplay: false }))).toBe('');
  expect(await frame.evaluate(() => window.glasshouse.runCommand('migrate', { vm: 1, to: 1 }, { at: 50_000_000 }))).toBe('');
  await frame.evaluate(() => window.glasshouse.advanceTo(200_000_000));
  return await frame.evaluate(() => window.glasshouse.runHash());
}

test('in an isolated page, a plain page and a sandboxed frame, with one hash', async ({ page }) => {
  const isolated = await frameOf(page, '/isolated');
  expect(await isolated.evaluate(() => crossOriginIsolated)).toBe(true);
  const hash = await hashIn(isolated);
  expect(hash).toMatch(/^[0-9a-f]{16}$/);
  for (const path of ['/plain', '/sandboxed']) {
    const frame = await frameOf(page, path);
    expect(await frame.evaluate(() => crossOriginIsolated)).toBe(false);
    expect(await hashIn(frame)).toBe(hash);
    await expect(frame.getByRole('button', { name: /Move it|Cancel the move/ })).toBeVisible();
  }
});
