/** The VM's console as a terminal. What is typed goes to the guest as a logged command. */
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { useEffect, useRef } from 'react';
import { useApp, useAppState } from '../session/react.ts';
import { findVm } from '../session/store.ts';
import { readColours } from '../styles/colours.ts';

export function ConsolePanel() {
  const { loop, controller, commands } = useApp();
  const box = useRef<HTMLDivElement>(null);
  const vm = useAppState((state) => findVm(state)?.vm.id ?? 0);
  const theme = useAppState((state) => state.theme);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of theme or density must read the colours again
  useEffect(() => {
    const { css } = readColours(document.documentElement);
    const terminal = new Terminal({
      convertEol: true, fontSize: 13, scrollback: 5000, screenReaderMode: true, cursorBlink: false,
      fontFamily: 'ui-monospace, "DejaVu Sans Mono", monospace',
      theme: { background: css.stage, foreground: css.ink, cursor: css.ink, selectionBackground: css.clean },
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.open(box.current!);
    terminal.textarea?.setAttribute('aria-label', 'Console input');
    fit.fit();
    const observer = new ResizeObserver(() => fit.fit());
    observer.observe(box.current!);
    // A terminal answers what programs ask it (where the cursor is, what it is): a run must not depend on whether it is watched.
    for (const final of ['n', 'c']) terminal.parser.registerCsiHandler({ final }, () => true);
    const typed = terminal.onData((text) => void commands.run('console-input', { vm, text: text.replaceAll('\r', '\n') }));
    let log = controller.console;
    let { cuts } = log;
    let from = 0;
    const remove = loop.add('terminal', 40, () => {
      if (log !== controller.console || cuts !== log.cuts) {
        log = controller.console;
        cuts = log.cuts;
        from = 0;
        terminal.reset();
      }
      const { text, end } = log.textFrom(vm, from);
      if (end === from) return;
      from = end;
      terminal.write(text);
    }, 'words');
    return () => {
      remove();
      typed.dispose();
      observer.disconnect();
      terminal.dispose();
    };
  }, [loop, controller, commands, vm, theme]);
  return <div className="terminal" ref={box} data-entity={`vm:${vm}`} />;
}
