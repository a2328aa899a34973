/** Whether this tab keeps a tour: looked at before the tour's own code is loaded. */

/** Name under which session storage keeps it. */
export const TOUR_KEY = 'glasshouse.tour';

/** This tab's storage; where a page may have none (a frame without an origin), one that keeps nothing. */
export function tabShelf(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> {
  try {
    return window.sessionStorage;
  } catch {
    return { getItem: () => null, setItem: () => undefined, removeItem: () => undefined };
  }
}

/** True when something is kept. */
export function hasKeptTour(): boolean {
  return tabShelf().getItem(TOUR_KEY) !== null;
}
