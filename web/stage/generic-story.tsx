/**
 * The story of a lab that has none of its own: its contract's sentence, then what its walkthrough does, step by
 * step as the person goes on. The chapter is the step that was given last; what it came to is told when its
 * condition has come true.
 */
import { Fragment, type ReactNode } from 'react';
import type { Command } from '../../core/protocol/command.ts';
import type { Walkthrough, WalkthroughStep } from '../../core/protocol/walkthrough.ts';
import { conditionHolds, type PlayerState, startPlayer } from '../../core/protocol/walkthrough-player.ts';
import type { StoryButton, StoryTold } from '../labs/lab-view.ts';
import type { Metrics } from '../session/run-metrics.ts';
import type { AppState } from '../session/store.ts';
import { Quantity } from '../widgets/quantity.tsx';
import { entityName } from './entity-name.ts';

const NO_BUTTON: StoryButton = { id: '', args: {}, title: '', primary: false };

/** The page's command for a command of the protocol, as a walkthrough names it. */
export function pageCommand(command: Command): { readonly id: string; readonly args: Readonly<Record<string, unknown>> } {
  const { kind, ...args } = command;
  return command.kind === 'ask' ? { id: 'ask', args: { request: command.ask, arguments: command.arguments } } : { id: kind, args };
}

/** The chapter that begins when a step is given at a virtual time. */
export function chapterOf(step: string, timeNs: number): string {
  return `${step}@${timeNs}`;
}

interface Place {
  /** Position of the step whose sentence stands. */
  readonly at: number;
  /** The step that was given has not come true yet. */
  readonly open: boolean;
}

/** Where the story is: at the step that was given until it has come true, then at what follows; undefined before the first. */
export function placeOf(walkthrough: Walkthrough, chapter: string, view: { readonly timeNs: number; readonly events: AppState['events']; readonly metrics: Metrics }): Place | undefined {
  const [id, since] = chapter.split('@');
  let at = walkthrough.steps.findIndex((step) => step.id === id);
  if (at < 0 || since === undefined) return undefined;
  const player: PlayerState = { ...startPlayer(walkthrough), beganAtNs: Number(since) };
  const isOver = ({ until }: WalkthroughStep) => until === undefined || conditionHolds(until, player, view);
  let open = true;
  // On to the first step that waits for a hand, or that has not come true.
  while (at + 1 < walkthrough.steps.length && isOver(walkthrough.steps[at]!)) {
    at++;
    open = false;
    if (walkthrough.steps[at]!.do !== undefined) break;
  }
  return { at, open };
}

/** A sentence of the walkthrough with what was measured in place of {metric}. */
function Say({ say, state, metrics }: { readonly say: string; readonly state: AppState; readonly metrics: Metrics }): ReactNode {
  const vm = state.hosts.flatMap((host) => host.vms)[0]?.id ?? 0;
  return say.split(/(\{[a-z0-9-]+\})/).map((piece, index) => {
    const id = /^\{(.*)\}$/.exec(piece)?.[1];
    const row = state.lab.contract.metrics.find((it) => it.id === id);
    const metric = id === undefined ? undefined : metrics[id];
    // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one sentence, each in its place
    if (id === undefined) return <Fragment key={index}>{piece}</Fragment>;
    // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one sentence, each in its place
    if (metric === undefined) return <Fragment key={index}>–</Fragment>;
    // biome-ignore lint/suspicious/noArrayIndexKey: pieces of one sentence, each in its place
    return <Quantity key={index} className="story__number" value={metric.value} unit={metric.unit} entity={entityName(row?.entity ?? 'vm', { vm, host: 0 })} />;
  });
}

export function genericStory(state: AppState, metrics: () => Metrics): StoryTold {
  const { contract, walkthrough } = state.lab;
  const measured = metrics();
  const place = placeOf(walkthrough, state.chapter, { timeNs: state.timeNs, events: state.events, metrics: measured });
  const from = place === undefined ? 0 : place.open ? place.at + 1 : place.at;
  const next = walkthrough.steps.slice(from).find((it) => it.do !== undefined && it.button !== undefined);
  const button: StoryButton = next !== undefined
    ? { id: 'take-step', args: { step: next.id }, title: next.button ?? '', primary: place?.open !== true }
    : place === undefined ? NO_BUTTON : { id: 'reset', args: {}, title: 'Start again', primary: false };
  if (place === undefined) return { sentence: contract.sentence, button };
  return { sentence: <Say say={walkthrough.steps[place.at]!.say} state={state} metrics={measured} />, button };
}
