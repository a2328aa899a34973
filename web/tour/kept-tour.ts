/** Whether this tab keeps a tour: looked at before the tour's own code is loaded. */

/** Name under which session storage keeps it. */
export const TOUR_KEY = 'glasshouse.tour';

/** True when something is kept; storage that is forbidden keeps nothing. */
export function hasKeptTour(shelf: Pick<Storage, 'getItem'>): boolean {
  try {
    return shelf.getItem(TOUR_KEY) !== null;
  } catch {
    return false;
  }
}
