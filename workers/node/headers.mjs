/**
 * Headers of every response, in one place: cross-origin isolation (SharedArrayBuffer needs it on every
 * response) and the content security policy. The development server needs inline scripts for hot reload
 * and so gets the isolation headers only.
 */
export const isolationHeaders = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'cross-origin', // an isolated page elsewhere may frame this one; there is nothing private here
};

/** Strict policy of the built page: own files only; WebAssembly may be compiled; styles set from script (canvas, panels, terminal). */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

export const servedHeaders = {
  ...isolationHeaders,
  'Content-Security-Policy': contentSecurityPolicy,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};
