/** What can be asked of a mark of the flow picture, and what can be broken there. Menus render when their offers change, not when rates do. */
import { Menu } from '@base-ui/react/menu';
import { MoreHorizontal } from 'lucide-react';
import { memo, type ReactNode } from 'react';
import { useApp } from '../../session/react.ts';
import { popupHome } from '../../widgets/popup-home.ts';
import { FaultsOf } from '../mark-menus.tsx';
import type { FlowFacts, FlowWorkload } from './flow-facts.ts';

function MarkMenu({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <Menu.Root>
      <Menu.Trigger className="button flow__menu" aria-label={`Menu of ${name}`}><MoreHorizontal size={16} aria-hidden="true" /></Menu.Trigger>
      <Menu.Portal container={popupHome()}>
        <Menu.Positioner sideOffset={4} className="popup-layer">
          <Menu.Popup className="menu">{children}</Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

/** What can be broken here. `entities` of the contract's fault rows, joined by spaces; `target`: what they strike, '' for all. */
export const FaultMenu = memo(function FaultMenu({ name, entities, target = '' }: { readonly name: string; readonly entities: string; readonly target?: string }) {
  return (
    <MarkMenu name={name}>
      <FaultsOf entities={entities.split(' ')} {...(target === '' ? {} : { target })} />
    </MarkMenu>
  );
});

/** Gateways that a workload may go through instead, and why not. */
interface Way {
  readonly gateway: number;
  readonly name: string;
  readonly refusal: string; // '' when it may
}

/** The ways as text, so that equal offers are equal. */
export function waysOf(workload: FlowWorkload, facts: FlowFacts): string {
  const ways: readonly Way[] = facts.gateways
    .filter((it) => it.side === 0 && it.id !== workload.gateway)
    .map((it) => ({ gateway: it.id, name: it.name, refusal: workload.refusals[it.id] ?? '' }));
  return JSON.stringify(ways);
}

/** Sends a workload through another gateway, or breaks something at it. `ways` from {@link waysOf}, `rehome` names request and arguments. */
export const WorkloadMenu = memo(function WorkloadMenu({ workload, name, ways, request, asWorkload, asGateway }: {
  readonly workload: number;
  readonly name: string;
  readonly ways: string;
  readonly request: string;
  readonly asWorkload: string;
  readonly asGateway: string;
}) {
  const { commands } = useApp();
  return (
    <MarkMenu name={name}>
      {(JSON.parse(ways) as Way[]).map((it) => (
        <Menu.Item
          key={it.gateway} className="menu__item" disabled={it.refusal !== ''} title={it.refusal}
          onClick={() => void commands.run('ask', { request, arguments: { [asWorkload]: workload, [asGateway]: it.gateway } })}
        >
          Through {it.name}{it.refusal !== '' && <span className="soft"> · {it.refusal}</span>}
        </Menu.Item>
      ))}
      <Menu.Separator className="menu__rule" />
      <FaultsOf entities={['workload', 'site']} />
    </MarkMenu>
  );
});
