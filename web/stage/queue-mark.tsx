/** The queue between memory and disk: what it holds, its knobs. The tank itself is on the canvas. */
import { useApp, useAppState, useLab } from '../session/react.ts';
import { findVm } from '../session/store.ts';
import { Knob } from '../widgets/knob.tsx';
import { Quantity } from '../widgets/quantity.tsx';
import { knobsAreShown } from './knobs-shown.ts';
import { useAnchor, useLevel } from './scene-react.ts';
import { placeKnobs } from './stage-shape.ts';

export function QueueMark({ host }: { readonly host: number }) {
  const { controller } = useApp();
  const lab = useLab();
  const area = useAnchor<HTMLDivElement>((layout) => layout.link, 'fill');
  const knobs = useAnchor<HTMLDivElement>((layout) => layout.linkKnobs, 'pin');
  const level = useLevel();
  const shown = useAppState(knobsAreShown);
  const { entity, cap } = useAppState((state) => ({ entity: `snapshot:${findVm(state)?.vm.id ?? 0}`, cap: state.knobs['queue-cap'] ?? 0 }));
  useAppState((state) => state.timeNs); // the queue's level follows the run
  const held = controller.session?.samplesOf(host).findLatest('queue-bytes');
  const rows = placeKnobs(lab).between;
  return (
    <>
      <div ref={area} className="queue" data-mark="queue" hidden={level === 'map' || level === 'page'} data-entity={entity}>
        <Quantity className="queue__held" value={held !== undefined && Number.isFinite(held) ? held : 0} unit="bytes" entity={entity} />
        <Quantity className="queue__cap soft" value={cap} unit="bytes" entity={entity} />
      </div>
      <div ref={knobs} className="link__knobs link__knobs--two" hidden={level !== 'site' || !shown} data-mark="knobs" data-no-zoom>
        {rows.map(({ id }) => <Knob key={id} id={id} entity={entity} />)}
      </div>
    </>
  );
}
