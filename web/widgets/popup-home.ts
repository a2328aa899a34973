/** Where menus and lists open: a named region of the page, so that they are part of its landmarks. */

/** The element, or undefined before the page stands (the body is used then). */
export function popupHome(): HTMLElement | undefined {
  return document.getElementById('popups') ?? undefined;
}
