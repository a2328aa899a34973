/** The stage's scene for React components: context, placement, and re-render on layout or level changes. */
import { createContext, type RefCallback, useCallback, useContext, useRef, useSyncExternalStore } from 'react';
import type { Level, Rect, StageLayout } from './stage-layout.ts';
import type { AnchorMode, DragPicture, StageScene } from './stage-scene.ts';

export const SceneContext = createContext<StageScene | null>(null);

/** The scene that the component stands on. */
export function useScene(): StageScene {
  const scene = useContext(SceneContext);
  if (scene === null) throw new Error('this component must stand on the stage');
  return scene;
}

/** Places the element from the layout, from the moment it stands, and keeps it there while the camera moves. */
export function useAnchor<E extends HTMLElement>(rect: (layout: StageLayout) => Rect, mode: AnchorMode): RefCallback<E> {
  const scene = useScene();
  const latest = useRef(rect);
  latest.current = rect;
  return useCallback(
    (element: E | null) => (element === null ? undefined : scene.anchor(element, (layout) => latest.current(layout), mode)),
    [scene, mode],
  );
}

/** The present level of detail. */
export function useLevel(): Level {
  const scene = useScene();
  return useSyncExternalStore((listener) => scene.subscribe(listener), () => scene.level);
}

/** The present layout; renders again when it changes. */
export function useLayout(): StageLayout {
  const scene = useScene();
  return useSyncExternalStore((listener) => scene.subscribe(listener), () => scene.layout);
}

/** What is being dragged over the stage, or null. */
export function useDrag(): DragPicture | null {
  const scene = useScene();
  return useSyncExternalStore((listener) => scene.subscribe(listener), () => scene.drag);
}
