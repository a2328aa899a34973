/** The page's parts for React: one context with store, controller and frame loop, and a selector hook. */
import { createContext, useContext, useSyncExternalStore } from 'react';
import { useShallow } from 'zustand/react/shallow';
import type { Contract } from '../../core/base/contract.ts';
import type { CommandRegistry } from '../app/commands.ts';
import type { FrameLoop } from '../app/frame-loop.ts';
import type { LoadedLab } from '../labs/lab-view.ts';
import type { RunController } from './run-controller.ts';
import { type NewsGroup, newsOf } from './frame-news.ts';
import type { AppState, AppStore } from './store.ts';

/** What every component may reach. */
export interface AppParts {
  readonly store: AppStore;
  readonly controller: RunController;
  readonly loop: FrameLoop;
  readonly commands: CommandRegistry;
}

export const AppContext = createContext<AppParts | null>(null);

/** With whom the components below hear of the store. */
export const NewsContext = createContext<NewsGroup>('picture');

/** The parts of the page that the component is in. */
export function useApp(): AppParts {
  const parts = useContext(AppContext);
  if (parts === null) throw new Error('this component must stand inside AppContext');
  return parts;
}

/** Part of the state; the component renders again when it changes (shallow comparison). */
export function useAppState<T>(select: (state: AppState) => T): T {
  return useSelected(useShallow(select));
}

function useSelected<T>(select: (state: AppState) => T): T {
  const { store } = useApp();
  const group = useContext(NewsContext);
  const now = () => select(store.getState());
  return useSyncExternalStore(newsOf(store).subscriptionOf(group), now, now);
}

/** The contract of the run's lab. */
export function useContract(): Contract {
  return useSelected((state) => state.lab.contract);
}

/** All of the run's lab: contract, walkthrough, view. */
export function useLab(): LoadedLab {
  return useSelected((state) => state.lab);
}
