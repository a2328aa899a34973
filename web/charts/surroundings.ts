/** What a drawing depends on besides its data: the size of text, and when colours change under it. */

/** Size of small text at the present density; a picture of more than half a screen gets larger text. Unit: px. */
export function textSizeFor(height: number): number {
  return Math.round(textSize() * (height > 320 ? 1.4 : 1));
}

/** Size of small text at the present density. Unit: px. */
export function textSize(): number {
  const value = Number.parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--text-1'));
  return Number.isFinite(value) ? value : 13;
}

/** Tells when system colours change (dark, forced); gives the function that ends it. The page's own theme is React's to tell. */
export function watchColours(listener: () => void): () => void {
  const queries = ['(prefers-color-scheme: dark)', '(forced-colors: active)'].map((query) => window.matchMedia(query));
  for (const query of queries) query.addEventListener('change', listener);
  return () => {
    for (const query of queries) query.removeEventListener('change', listener);
  };
}
