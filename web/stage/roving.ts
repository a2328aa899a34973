/**
 * One tab stop for the stage's marks (hosts, VM, link): left and right arrows walk them in the order in
 * which they stand. The page map keeps its arrows for pages.
 */

/** Marks in order of their place, left to right. */
function marksOf(root: HTMLElement): HTMLElement[] {
  const marks = [...root.querySelectorAll<HTMLElement>('[data-roving]')].filter((mark) => mark.offsetParent !== null);
  return marks.sort((a, b) => a.getBoundingClientRect().left - b.getBoundingClientRect().left);
}

/** Binds the stage; gives the function that unbinds. */
export function bindRoving(root: HTMLElement): () => void {
  const settle = (active: HTMLElement | undefined) => {
    for (const mark of root.querySelectorAll<HTMLElement>('[data-roving]')) mark.tabIndex = mark === active ? 0 : -1;
  };
  const ensure = () => {
    const marks = marksOf(root);
    if (!marks.some((mark) => mark.tabIndex === 0)) settle(marks[0]);
    else if (marks.filter((mark) => mark.tabIndex === 0).length > 1) settle(marks.find((mark) => mark === document.activeElement) ?? marks[0]);
  };
  const onKey = (event: KeyboardEvent) => {
    const current = (event.target as HTMLElement).closest<HTMLElement>('[data-roving]');
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (current === null || step === undefined) return;
    const marks = marksOf(root);
    const next = marks[(marks.indexOf(current) + step + marks.length) % marks.length];
    settle(next);
    next?.focus();
    event.preventDefault();
  };
  const onFocus = (event: FocusEvent) => {
    const mark = (event.target as HTMLElement).closest<HTMLElement>('[data-roving]');
    if (mark !== null) settle(mark);
  };
  // Texts change all the time; only marks that come or go are worth a look at where they stand.
  const isMark = (node: Node) => node instanceof Element && (node.matches('[data-roving]') || node.querySelector('[data-roving]') !== null);
  const observer = new MutationObserver((records) => {
    if (records.some(({ addedNodes, removedNodes }) => [...addedNodes, ...removedNodes].some(isMark))) ensure();
  });
  observer.observe(root, { childList: true, subtree: true });
  ensure();
  root.addEventListener('keydown', onKey);
  root.addEventListener('focusin', onFocus);
  return () => {
    observer.disconnect();
    root.removeEventListener('keydown', onKey);
    root.removeEventListener('focusin', onFocus);
  };
}
