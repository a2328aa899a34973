// Goal: no order of deliveries, losses, repeats, timeouts and crashes lets two copies run, and a VM is lost only
// with a host that had taken it. Method: every reachable state of source, destination and wire is visited
// (two terms), with the ledger's own functions as the destination; canaries break one rule each.
import { expect, test } from 'vitest';
import {
  answerQuery,
  entryOf,
  issueTerm,
  type Ledger,
  recordGranted,
  recordVoid,
  takeOrVoid,
} from './handover.ts';

const VM = 1;
const TERM_MAX = 2;
const ALWAYS = Number.MAX_SAFE_INTEGER;

interface State {
  source: 'runs' | 'stands' | 'granted' | 'gone';
  term: number; //         of the source's present stop
  destination: 'nothing' | 'ready' | 'runs';
  readyTerm: number;
  sourceLedger: Ledger;
  ledger: Ledger; //       the destination's: survives its crashes
  wire: string[]; //       sorted: 'grant 1', 'query 1', 'taken 1', 'void 1', 'ready 1', 'state 1'
}

/** A rule to break, for canaries. */
type Broken = 'none' | 'query-forgets' | 'source-runs-unasked' | 'ledger-forgets';

function copyOf(state: State): State {
  return structuredClone(state);
}

function send(state: State, message: string): void {
  if (state.wire.includes(message)) return; // copies of one message are one: it may be delivered again
  state.wire = [...state.wire, message].sort();
}

/** What the source may do by itself. */
function sourceMoves(state: State, broken: Broken): State[] {
  const moves: State[] = [];
  const next = copyOf(state);
  if (state.source === 'runs' && state.term < TERM_MAX) {
    next.term = issueTerm(next.sourceLedger, VM);
    next.source = 'stands';
    send(next, `state ${next.term}`);
    moves.push(next);
  } else if (state.source === 'stands') {
    next.source = 'runs'; // undo, failure, call-off: all before the grant
    moves.push(next);
  } else if (state.source === 'granted') {
    if (broken === 'source-runs-unasked') next.source = 'runs';
    else send(next, `query ${state.term}`);
    moves.push(next);
  }
  return moves;
}

/** What the destination may do by itself: give up waiting, or crash. */
function destinationMoves(state: State, broken: Broken): State[] {
  const moves: State[] = [];
  if (state.destination === 'ready') {
    const next = copyOf(state);
    recordVoid(next.ledger, VM, state.readyTerm);
    next.destination = 'nothing';
    moves.push(next);
  }
  const crashed = copyOf(state);
  crashed.destination = 'nothing';
  if (broken === 'ledger-forgets') crashed.ledger = {};
  moves.push(crashed);
  return moves;
}

function deliver(state: State, message: string, broken: Broken): State {
  const next = copyOf(state);
  const [kind, text] = message.split(' ');
  const term = Number(text);
  if (kind === 'state' && state.destination === 'nothing') {
    next.destination = 'ready';
    next.readyTerm = term;
    send(next, `ready ${term}`);
  } else if (kind === 'ready' && state.source === 'stands' && term === state.term) {
    recordGranted(next.sourceLedger, VM, term);
    next.source = 'granted';
    send(next, `grant ${term}`);
  } else if (kind === 'grant') {
    const mayRun = state.destination === 'ready' && state.readyTerm === term;
    const grant = { term, deadlineNs: ALWAYS, runsAtNs: 0 };
    if (mayRun && takeOrVoid(next.ledger, VM, grant)) {
      next.destination = 'runs';
      send(next, `taken ${term}`);
    } else if (entryOf(next.ledger, VM).takenTerm < term) {
      recordVoid(next.ledger, VM, term);
      send(next, `void ${term}`);
    }
  } else if (kind === 'query') {
    const before = copyOf(next);
    send(next, `${answerQuery(next.ledger, VM, term)} ${term}`);
    if (broken === 'query-forgets') next.ledger = before.ledger;
  } else if (state.source === 'granted' && term === state.term) {
    if (kind === 'taken') next.source = 'gone';
    if (kind === 'void') next.source = 'runs';
  }
  return next;
}

/** Visits every reachable state; gives the first fault found, and how many states there are. */
function explore(broken: Broken): { readonly fault: string | undefined; readonly count: number } {
  const first: State = {
    source: 'runs',
    term: 0,
    destination: 'nothing',
    readyTerm: 0,
    sourceLedger: {},
    ledger: {},
    wire: [],
  };
  const seen = new Set([JSON.stringify(first)]);
  const queue = [first];
  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    if (state.source === 'runs' && state.destination === 'runs') {
      return { fault: `two copies run: ${JSON.stringify(state)}`, count: seen.size };
    }
    if (state.source === 'gone' && entryOf(copyOf(state).ledger, VM).takenTerm !== state.term) {
      return { fault: `the VM is lost: ${JSON.stringify(state)}`, count: seen.size };
    }
    const lost = state.wire.map((message) => ({
      ...copyOf(state),
      wire: state.wire.filter((other) => other !== message),
    }));
    const delivered = state.wire.map((message) => deliver(state, message, broken));
    const moves = [...sourceMoves(state, broken), ...destinationMoves(state, broken)];
    for (const next of [...lost, ...delivered, ...moves]) {
      const key = JSON.stringify(next);
      if (seen.has(key)) continue;
      seen.add(key);
      queue.push(next);
    }
  }
  return { fault: undefined, count: seen.size };
}

test('in every reachable state one copy runs or none, and none is lost', () => {
  const { fault, count } = explore('none');
  expect(fault).toBeUndefined();
  expect(count).toBeGreaterThan(1_000);
});

test.each(['query-forgets', 'source-runs-unasked', 'ledger-forgets'] as const)(
  'canary: %s is found',
  (broken) => expect(explore(broken).fault).toMatch(/two copies run|the VM is lost/),
);

test('a grant after its deadline is void, for good; terms only grow', () => {
  const ledger: Ledger = {};
  expect(takeOrVoid(ledger, VM, { term: 3, deadlineNs: 100, runsAtNs: 101 })).toBe(false);
  expect(takeOrVoid(ledger, VM, { term: 3, deadlineNs: 100, runsAtNs: 100 })).toBe(false);
  expect(takeOrVoid(ledger, VM, { term: 2, deadlineNs: ALWAYS, runsAtNs: 0 })).toBe(false);
  expect(answerQuery(ledger, VM, 3)).toBe('void');
  expect(issueTerm(ledger, VM)).toBe(4);
  expect(takeOrVoid(ledger, VM, { term: 5, deadlineNs: 100, runsAtNs: 100 })).toBe(true);
  expect([answerQuery(ledger, VM, 5), answerQuery(ledger, VM, 4)]).toEqual(['taken', 'taken']);
  expect(issueTerm(ledger, VM)).toBe(6);
});
