/**
 * Hotkeys of the command table. Single letters count only while the stage (or nothing) has the focus;
 * typing into a field or the console is never taken.
 */
import type { CommandRegistry } from './commands.ts';

/** The name under which a key event stands in the table: 'Ctrl+K', 'Space', 'Home', 'm'. */
export function keyName(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>): string {
  const key = event.key === ' ' ? 'Space' : event.key;
  if (event.ctrlKey || event.metaKey) return `Ctrl+${key.toUpperCase()}`;
  return event.altKey ? '' : key.length === 1 ? key.toLowerCase() : key;
}

/** Whether a key that lands on `target` belongs to that element and not to the page. */
function ownsKey(target: Element | null, key: string): boolean {
  if (target === null) return false;
  if (target.closest('input:not([type=range]), textarea, select, [contenteditable], [role=dialog], [role=menu], .xterm') !== null) return true;
  if (target.matches('input[type=range], [role=slider]')) {
    if (/^(Home|End|Arrow|Page)/.test(key)) return true;
  }
  // Single letters and marks count only while the stage, the timeline, or nothing, has the focus (WCAG 2.1.4).
  if (key.length === 1 && target !== document.body && target.closest('[data-stage], [data-timeline]') === null) return true;
  // Elsewhere pages are turned: a panel's text, a list.
  if (key.startsWith('Page') && target !== document.body && target.closest('[data-stage], [data-timeline], .transport, .header') === null) return true;
  return key === 'Space' && target.matches('button, [role=button], [role=switch], summary, a');
}

/** Binds the table to the document; gives the function that unbinds. */
export function bindHotkeys(registry: CommandRegistry): () => void {
  const byKey = new Map(registry.rows.flatMap((row) => (row.hotkey === undefined ? [] : [[row.hotkey, row.id] as const])));
  const onKey = (event: KeyboardEvent) => {
    const key = keyName(event);
    const id = byKey.get(key);
    if (id === undefined || event.defaultPrevented) return;
    // Escape leaves what is there to be left, and says nothing when there is nothing.
    if (key === 'Escape' && registry.blockedBecause(id) !== '') return;
    if (!key.startsWith('Ctrl+') && ownsKey(event.target as Element | null, key)) return;
    event.preventDefault();
    void registry.run(id);
  };
  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}
