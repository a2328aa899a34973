/** The story of a lab that has none of its own: its contract's sentence, and what its walkthrough does first. */
import type { Command } from '../../core/protocol/command.ts';
import type { StoryButton, StoryTold } from '../labs/lab-view.ts';
import type { AppState } from '../session/store.ts';

const NO_BUTTON: StoryButton = { id: '', args: {}, title: '', primary: false };

/** The page's command for a command of the protocol, as a walkthrough names it. */
export function pageCommand(command: Command): { readonly id: string; readonly args: Readonly<Record<string, unknown>> } {
  const { kind, ...args } = command;
  return command.kind === 'ask' ? { id: 'ask', args: { request: command.ask, arguments: command.arguments } } : { id: kind, args };
}

export function genericStory(state: Pick<AppState, 'lab'>): StoryTold {
  const { contract, walkthrough } = state.lab;
  const step = walkthrough.steps.find((it) => it.do !== undefined && it.button !== undefined);
  const button = step?.do === undefined ? NO_BUTTON : { ...pageCommand(step.do), title: step.button ?? '', primary: true };
  return { sentence: contract.sentence, button };
}
