/**
 * Registers the service worker once the page runs and has nothing else to do. Where there is none to be had
 * (an embedded page without storage, an old browser, the development server) the page works without it.
 */

/** True when a service worker may be registered here. */
export function canWorkOffline(): boolean {
  try {
    return import.meta.env.PROD && 'serviceWorker' in navigator && window.isSecureContext;
  } catch {
    return false; // a sandboxed frame refuses even the question
  }
}

/** Registers it; resolves to whether that worked. */
export async function workOffline(): Promise<boolean> {
  if (!canWorkOffline()) return false;
  try {
    await navigator.serviceWorker.register('./service-worker.js', { scope: './', updateViaCache: 'none' });
    return true;
  } catch {
    return false; // storage is not allowed here; the page runs all the same
  }
}
