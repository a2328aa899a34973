/** What has been opened around the picture: inspector at the right, the others below; all can be resized by keyboard. */
import { X } from 'lucide-react';
import { lazy, type ReactNode, Suspense } from 'react';
import { Group, Panel, Separator } from 'react-resizable-panels';
import { NewsContext, useApp, useAppState } from '../session/react.ts';
import type { PanelId } from '../session/store.ts';
import './panels.css';

const Inspector = lazy(() => import('../inspector/inspector.tsx').then((it) => ({ default: it.Inspector })));
const ConsolePanel = lazy(() => import('./console-panel.tsx').then((it) => ({ default: it.ConsolePanel })));
const Timeline = lazy(() => import('../timeline/timeline.tsx').then((it) => ({ default: it.Timeline })));
const Tables = lazy(() => import('./tables.tsx').then((it) => ({ default: it.Tables })));
const Snapshots = lazy(() => import('./snapshots-panel.tsx').then((it) => ({ default: it.SnapshotsPanel })));
const Samples = lazy(() => import('../charts/charts-panel.tsx').then((it) => ({ default: it.ChartsPanel })));

const BELOW: readonly { readonly id: PanelId; readonly title: string; readonly Content: React.LazyExoticComponent<() => ReactNode> }[] = [
  { id: 'timeline', title: 'Timeline', Content: Timeline },
  { id: 'samples', title: 'Charts', Content: Samples },
  { id: 'tables', title: 'Tables', Content: Tables },
  { id: 'snapshots', title: 'Snapshots', Content: Snapshots },
  { id: 'console', title: 'Console', Content: ConsolePanel },
];

export function Panels({ children }: { readonly children: ReactNode }) {
  const panels = useAppState((state) => state.panels);
  const below = BELOW.filter(({ id }) => panels[id]);
  return (
    <Group orientation="horizontal" className="panels">
      <Panel id="left" minSize="40%">
        <Group orientation="vertical">
          <Panel id="picture" minSize="40%">{children}</Panel>
          {below.length > 0 && (
            <>
              <Separator className="panels__rule panels__rule--across" aria-label="Height of the panels below" />
              <Panel id="below" defaultSize="32%" minSize="15%">
                <div className="panels__below">
                  {below.map(({ id, title, Content }) => (
                    <PanelFrame key={id} id={id} title={title}><Content /></PanelFrame>
                  ))}
                </div>
              </Panel>
            </>
          )}
        </Group>
      </Panel>
      {panels.inspector && (
        <>
          <Separator className="panels__rule" aria-label="Width of the inspector" />
          <Panel id="inspector" defaultSize="30%" minSize="20%">
            <PanelFrame id="inspector" title="Inspector"><Inspector /></PanelFrame>
          </Panel>
        </>
      )}
    </Group>
  );
}

function PanelFrame({ id, title, children }: { readonly id: PanelId; readonly title: string; readonly children: ReactNode }) {
  const { commands } = useApp();
  return (
    <section className="panel" aria-label={title} data-panel={id}>
      <header className="panel__head">
        <h2>{title}</h2>
        <button type="button" className="button panel__close" aria-label={`Close ${title}`} onClick={() => void commands.run(`toggle-${id}`)}>
          <X size={16} aria-hidden="true" />
        </button>
      </header>
      <div className="panel__body" role="group" aria-label={title} tabIndex={0}>
        <NewsContext value="panels"><Suspense fallback={null}>{children}</Suspense></NewsContext>
      </div>
    </section>
  );
}
