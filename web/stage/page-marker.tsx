/** The selected page on every map that holds it: a double ink ring, and its name in words. */
import { useAppState } from '../session/react.ts';
import { formatAddress } from '../app/quantity.ts';
import { findVm } from '../session/store.ts';
import { useAnchor, useScene } from './scene-react.ts';

/** First guest physical address of a VM's RAM. */
export const RAM_BASE = 0x8000_0000;

export function PageMarker() {
  const page = useAppState((state) => state.selectedPage);
  const vm = useAppState((state) => findVm(state)?.vm.id);
  const { right } = useScene().shape;
  if (page < 0 || vm === undefined) return null;
  return <><Ring side={0} page={page} />{right !== 'nothing' && <Ring side={1} page={page} />}</>;
}

function Ring({ side, page }: { readonly side: 0 | 1; readonly page: number }) {
  const scene = useScene();
  const ring = useAnchor<HTMLDivElement>(() => scene.pageRect(side, page), 'fill');
  return (
    <div key={page} ref={ring} className="page-ring" data-mark="page">
      <span className="page-ring__name mono" data-entity={`page:${page}`} hidden={side === 1}>{formatAddress(RAM_BASE + page * 4096)}</span>
    </div>
  );
}
