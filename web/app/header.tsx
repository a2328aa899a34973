/** The top line: name, breadcrumbs when there is a way back, what kind of run this is, and the page's menu. */
import { Menu } from '@base-ui/react/menu';
import { FlaskConical, Search, Settings2 } from 'lucide-react';
import { useSyncExternalStore } from 'react';
import { EMULATED } from '../labs/lab-view.ts';
import { useApp, useAppState } from '../session/react.ts';
import { findVm } from '../session/store.ts';
import type { StageScene } from '../stage/stage-scene.ts';
import { hostAt } from '../stage/stage-shape.ts';
import { RAM_BASE } from '../stage/page-marker.tsx';
import { popupHome } from '../widgets/popup-home.ts';
import { TOUR_MENU } from '../tour/tour-commands.ts';
import { formatAddress } from './quantity.ts';

export function Header({ scene }: { readonly scene: StageScene }) {
  const { commands } = useApp();
  const fidelity = useAppState((state) => state.lab.view.fidelity ?? EMULATED);
  return (
    <header className="header">
      <h1 className="header__name">Glasshouse</h1>
      <Breadcrumbs scene={scene} />
      <div className="header__tools">
        <TourButton />
        <button
          type="button" className="button badge" title={`${fidelity.help}; what is left out is one click away`}
          onClick={() => void commands.run('leaves-out')}
        >
          {fidelity.badge}
        </button>
        <button type="button" className="button" aria-label="Open a lab" title="Open a lab (O)" onClick={() => void commands.run('labs')}>
          <FlaskConical size={18} aria-hidden="true" />
        </button>
        <button type="button" className="button" aria-label="All commands" title="All commands (Ctrl+K)" onClick={() => void commands.run('palette')}>
          <Search size={18} aria-hidden="true" />
        </button>
        <PageMenu />
      </div>
    </header>
  );
}

/** The way into the tour, and back into one that was left. */
function TourButton() {
  const { commands } = useApp();
  const { left, on, alive } = useAppState(({ tour, status }) => ({ left: tour !== null && !tour.on, on: tour?.on === true, alive: status === 'live' }));
  if (on || !alive) return null;
  return (
    <button type="button" className="button" data-tour-button title="The presenter’s PageDown does the same" onClick={() => void commands.run(left ? 'resume-tour' : 'start-tour')}>
      {left ? 'Resume the tour' : 'Tour'}
    </button>
  );
}

const MENU: readonly (readonly string[])[] = [
  ['labs'],
  ['density-projector', 'density-lab', 'density-workbench', 'theme'],
  ['toggle-inspector', 'toggle-console', 'toggle-timeline', 'toggle-samples', 'toggle-tables', 'toggle-knobs'],
  ['open-elf', 'boot-debian', 'boot-small', 'open-scenario', 'open-run', 'download-run', 'download-capture', 'download-trace', 'save-stage-png', 'save-stage-svg', 'print'],
  ['share-moment', 'share-link', 'lecture-link', 'presenter-notes', 'freeze', 'pointer-ring', 'blackout', 'event-beat'],
  ['reset', 'help'],
  TOUR_MENU,
];

function PageMenu() {
  const { commands } = useApp();
  return (
    <Menu.Root>
      <Menu.Trigger className="button" aria-label="View, files and help"><Settings2 size={18} aria-hidden="true" /></Menu.Trigger>
      <Menu.Portal container={popupHome()}>
        <Menu.Positioner sideOffset={4} align="end" className="popup-layer">
          <Menu.Popup className="menu">
            {MENU.map((group, index) => (
              <Menu.Group key={group[0]} className={index === 0 ? '' : 'menu__group'}>
                {group.map((id) => {
                  const row = commands.find(id)!;
                  return (
                    <Menu.Item key={id} className="menu__item" onClick={() => void commands.run(id)}>
                      {row.title} {row.hotkey !== undefined && <kbd className="menu__key">{row.hotkey.toUpperCase()}</kbd>}
                    </Menu.Item>
                  );
                })}
              </Menu.Group>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

/** The way from the site to what is zoomed at; nothing at the site itself. */
function Breadcrumbs({ scene }: { readonly scene: StageScene }) {
  const { commands } = useApp();
  const level = useSyncExternalStore((listener) => scene.subscribe(listener), () => scene.level);
  const { hosts, selectedPage, selection } = useAppState((state) => ({ hosts: state.hosts, selectedPage: state.selectedPage, selection: state.selection }));
  if (level === 'site') return null;
  const centre = (scene.width / 2 - scene.camera.x) / scene.camera.k;
  const side = centre > scene.width / 2 && hostAt(scene.shape, 1) >= 0 ? 1 : 0;
  const host = hosts.find((it) => it.id === hostAt(scene.shape, side));
  const vm = findVm({ hosts: hosts.filter((it) => it === host) })?.vm;
  const steps: { title: string; entity: string }[] = [{ title: 'site', entity: 'site' }];
  if (host !== undefined) steps.push({ title: host.name, entity: `host:${host.id}` });
  if (level !== 'host' && vm !== undefined) steps.push({ title: vm.name, entity: `vm:${vm.id}` });
  if (selectedPage >= 0 && selection.startsWith('vm:')) steps.push({ title: formatAddress(RAM_BASE + selectedPage * 4096), entity: `page:${selectedPage}` });
  return (
    <nav className="crumbs" aria-label="Where the stage looks">
      {steps.map((step, index) => (
        <button
          key={step.entity} type="button" className="button" data-entity={step.entity}
          aria-current={index === steps.length - 1 ? 'location' : undefined}
          onClick={() => void commands.run('zoom-to', { entity: step.entity.startsWith('page') ? selection : step.entity })}
        >
          {index > 0 && <span aria-hidden="true">› </span>}{step.title}
        </button>
      ))}
    </nav>
  );
}
