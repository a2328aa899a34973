/**
 * Zoom and pan of the stage through d3-zoom (wheel, pinch, drag on empty ground), and drag of a VM onto
 * another host through d3-drag. Commands move the same camera.
 */
import { drag, type D3DragEvent } from 'd3-drag';
import { select } from 'd3-selection';
import { type D3ZoomEvent, zoom, zoomIdentity } from 'd3-zoom';
import type { AppParts } from '../session/react.ts';
import { findVm } from '../session/store.ts';
import { project } from './stage-layout.ts';
import { findSide, hostAt } from './stage-shape.ts';
import type { StagePainter } from './stage-painter.ts';
import { type DragPicture, PAGE_PX_MAX, type StageScene } from './stage-scene.ts';

/** Moves the camera from outside: 'site', 'host:0', 'map:0', 'page:0:123', or by factors. */
export interface CameraCommands {
  zoomTo(target: string): void;
  zoomBy(factor: number): void;
  panBy(dx: number, dy: number): void;
}

const commandsOf = new WeakMap<StageScene, CameraCommands>();

/** The camera's commands once the stage stands; undefined before. */
export function findCameraCommands(scene: StageScene): CameraCommands | undefined {
  return commandsOf.get(scene);
}

export function bindCamera(element: HTMLElement, scene: StageScene, painter: StagePainter, parts: AppParts): () => void {
  const behaviour = zoom<HTMLElement, unknown>()
    .filter((event: Event) => {
      const target = event.target as Element;
      if (event.type === 'wheel') return target.closest('[data-no-zoom]') === null;
      return target.closest('button, input, [data-no-zoom], [data-drag-vm]') === null && (event as MouseEvent).button === 0;
    })
    .on('zoom', ({ transform }: D3ZoomEvent<HTMLElement, unknown>) => {
      scene.setCamera(transform.k <= 1.001 ? { k: 1, x: 0, y: 0 } : { k: transform.k, x: transform.x, y: transform.y });
    });
  const limit = () => behaviour.scaleExtent([1, PAGE_PX_MAX / scene.layout.cell]);
  limit();
  const unlimit = scene.subscribe(limit);
  // A stage that was rebuilt around opened panels keeps looking where it looked.
  const start = zoomIdentity.translate(scene.camera.x, scene.camera.y).scale(scene.camera.k);
  const selection = select(element).property('__zoom', start).call(behaviour).on('dblclick.zoom', null);
  const move = (camera: { k: number; x: number; y: number }) =>
    behaviour.transform(selection, zoomIdentity.translate(camera.x, camera.y).scale(camera.k));
  commandsOf.set(scene, {
    zoomTo: (target) => {
      const camera = scene.findCamera(target);
      if (camera !== undefined) move(camera);
    },
    zoomBy: (factor) => behaviour.scaleBy(selection, factor, [scene.width / 2, scene.height / 2]),
    panBy: (dx, dy) => behaviour.translateBy(selection, dx / scene.camera.k, dy / scene.camera.k),
  });
  const onClick = (event: MouseEvent) => pickPage(event, element, scene, painter, parts);
  element.addEventListener('click', onClick);
  const unbindDrag = bindVmDrag(element, scene, parts);
  return () => {
    selection.on('.zoom', null);
    unlimit();
    element.removeEventListener('click', onClick);
    unbindDrag();
    commandsOf.delete(scene);
  };
}

/** A click on a map selects the page under it. */
function pickPage(event: MouseEvent, element: HTMLElement, scene: StageScene, _painter: StagePainter, { store }: AppParts): void {
  const target = event.target as Element;
  if (target.closest('[data-map]') === null) return;
  const bounds = element.getBoundingClientRect();
  const state = store.getState();
  const placed = findVm(state);
  if (placed === undefined) return;
  const found = scene.findPage(event.clientX - bounds.left, event.clientY - bounds.top, placed.vm.pageCount);
  const host = state.hosts.find((it) => it.id === hostAt(scene.shape, found?.side ?? 0));
  if (found === undefined || host === undefined || host.vms.length === 0) return;
  store.setState({ selection: `vm:${placed.vm.id}`, selectedPage: found.page });
}

function bindVmDrag(element: HTMLElement, scene: StageScene, parts: AppParts): () => void {
  const { controller, store, commands } = parts;
  let picture: DragPicture | null = null;
  let ghost: HTMLElement | null = null;
  const show = (next: DragPicture | null) => {
    picture = next;
    scene.setDrag(next);
  };
  const hostUnder = (x: number, y: number): number => {
    for (const side of [0, 1] as const) {
      const rect = project(scene.camera, scene.layout.hosts[side]);
      const host = hostAt(scene.shape, side);
      if (findSide(scene.shape, host) !== side) continue;
      if (x >= rect.x && y >= rect.y && x < rect.x + rect.width && y < rect.y + rect.height) return host;
    }
    return -1;
  };
  const behaviour = drag<HTMLElement, unknown>()
    .filter((event: MouseEvent) => event.button === 0 && (event.target as Element).closest('[data-drag-vm]') !== null)
    .container(element)
    .clickDistance(4)
    .on('start', ({ sourceEvent }: D3DragEvent<HTMLElement, unknown, unknown>) => {
      const handle = (sourceEvent.target as Element).closest<HTMLElement>('[data-drag-vm]');
      const vm = Number(handle?.dataset['dragVm'] ?? 0);
      show(null);
      picture = { vm, over: -1, refusals: {} };
      for (const host of store.getState().hosts) {
        void controller.session?.inspect({ view: 'can-migrate', vm, to: host.id }).then((reply) => {
          if (picture === null || reply.view !== 'can-migrate') return;
          picture = { ...picture, refusals: { ...picture.refusals, [host.id]: reply.refused ? reply.sentence : '' } };
          if (ghost !== null) show(picture);
        });
      }
    })
    .on('drag', ({ x, y }: D3DragEvent<HTMLElement, unknown, unknown>) => {
      if (picture === null) return;
      if (ghost === null) {
        ghost = document.createElement('div');
        ghost.className = 'stage__ghost';
        element.append(ghost);
      }
      const size = Math.min(160, scene.layout.maps[0].width * scene.camera.k * 0.4);
      ghost.style.width = `${size}px`;
      ghost.style.height = `${size}px`;
      ghost.style.transform = `translate(${x - size / 2}px, ${y - size / 2}px)`;
      const over = hostUnder(x, y);
      if (over !== picture.over || !ghost.dataset['shown']) {
        ghost.dataset['shown'] = 'yes';
        show({ ...picture, over });
      }
    })
    .on('end', () => {
      const dropped = picture;
      ghost?.remove();
      const moved = ghost !== null;
      ghost = null;
      show(null);
      if (!moved || dropped === null || dropped.over < 0) return;
      const home = findVm(store.getState(), dropped.vm)?.host.id;
      if (dropped.over === home) return;
      const refusal = dropped.refusals[dropped.over] ?? '';
      if (refusal !== '') store.setState({ notice: refusal });
      else void commands.run('migrate', { vm: dropped.vm, to: dropped.over });
    });
  const selection = select(element).call(behaviour);
  return () => {
    selection.on('.drag', null);
    ghost?.remove();
  };
}
