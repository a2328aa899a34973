/**
 * The service worker: after the first visit the page works without a network. Files of one build live in
 * one cache, named by the build; answers keep the headers with which they were served, so that isolation
 * and the content policy hold offline too. The page itself is asked for from the network first, so that a
 * new build is seen; its hashed files come from the cache. The build writes the list below.
 */
const worker = self as unknown as ServiceWorkerGlobalScope;

/** Replaced by the build (workers/node/offline-list.mjs): name of the build and its files, relative to the scope. */
const BUILD: { readonly version: string; readonly files: readonly string[] } = JSON.parse('{"version":"unbuilt","files":[]}');
const CACHE = `glasshouse-${BUILD.version}`;
const PAGE = './';

worker.addEventListener('install', (event) => event.waitUntil(fill()));
worker.addEventListener('activate', (event) => event.waitUntil(takeOver()));
worker.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || url.origin !== worker.location.origin) return;
  event.respondWith(event.request.mode === 'navigate' ? page(event.request) : file(event.request));
});

/** All files of the build, or none: a cache with holes would break later, far from here. */
async function fill(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll([PAGE, ...BUILD.files].map((path) => new Request(path, { cache: 'no-cache' })));
  await worker.skipWaiting();
}

/** Older builds go; pages that are open are served from now on. */
async function takeOver(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith('glasshouse-') && name !== CACHE).map((name) => caches.delete(name)));
  await worker.clients.claim();
}

async function page(request: Request): Promise<Response> {
  try {
    const fresh = await fetch(request);
    if (fresh.ok) return fresh;
  } catch {
    // no network: the page of the build that is kept
  }
  return (await caches.match(PAGE, { cacheName: CACHE })) ?? Response.error();
}

async function file(request: Request): Promise<Response> {
  return (await caches.match(request, { cacheName: CACHE, ignoreSearch: true })) ?? (await fetch(request));
}
