/** A question to the run, asked again whenever it has moved on, a few times a second at most; still while it stands. */
import { useEffect, useState } from 'react';
import type { InspectionReply, InspectionRequest } from '../../core/protocol/inspection.ts';
import { useApp } from '../session/react.ts';

/** Least time between two questions of one view while the run goes on. Unit: ms. */
const ASK_MS = 400;

/** What came back; `sentence` says why there is no answer, '' while there is one or none has come yet. */
export interface Inspected<V extends InspectionReply['view']> {
  readonly reply: Extract<InspectionReply, { view: V }> | null;
  readonly sentence: string;
}

/** Asks `request` (null: nothing) for a reply of kind `view`. Only an answer that differs is drawn again. */
export function useInspection<V extends InspectionReply['view']>(request: InspectionRequest | null, view: V): Inspected<V> {
  const { controller, store } = useApp();
  const [told, setTold] = useState<{ readonly key: string; readonly text: string; readonly reply: InspectionReply } | null>(null);
  const key = JSON.stringify(request);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the request
  useEffect(() => {
    if (request === null) return undefined;
    let askedAt = 0;
    let busy = false;
    let again = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    const ask = () => {
      timer = undefined;
      const { session } = controller;
      if (session === null) return;
      askedAt = performance.now();
      busy = true;
      again = false;
      void session.inspect(request).then((reply) => {
        busy = false;
        if (over) return;
        const text = JSON.stringify(reply);
        setTold((before) => (before?.key === key && before.text === text ? before : { key, text, reply }));
        if (again) want();
      });
    };
    const want = () => {
      if (busy) again = true;
      else timer ??= setTimeout(ask, Math.max(0, askedAt + ASK_MS - performance.now()));
    };
    want();
    const unsubscribe = store.subscribe((state, before) => {
      if (state.timeNs !== before.timeNs || state.status !== before.status || state.spec !== before.spec) want();
    });
    return () => {
      over = true;
      clearTimeout(timer);
      unsubscribe();
    };
  }, [key, controller, store]);
  const reply = told?.reply;
  if (reply?.view === view) return { reply: reply as Extract<InspectionReply, { view: V }>, sentence: '' };
  return { reply: null, sentence: reply?.view === 'none' && told?.key === key ? reply.sentence : '' };
}
