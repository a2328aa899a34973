// Goal: wall speed of the whole path that a migrated page takes: send buffer, segment, link, reassembly,
// reader. Method: `npx vitest bench core/network`; one iteration carries 256 MB in page records over 400 Gb/s.
import { bench, describe } from 'vitest';
import { ADDRESSES, Cable } from '../../testing/cable.ts';

const PAGE_RECORD_BYTES = 4096 + 16;
const PAGES = 62_500;

/** Moves the pages; returns the virtual time that it took. Unit: ns. */
function movePages(lossPerMillion: number): number {
  const cable = new Cable({ seed: 1, bandwidthBitsPerSecond: 4e11, latencyNs: 50_000, lossPerMillion });
  const [sender, receiver] = cable.stacks;
  const record = new Uint8Array(PAGE_RECORD_BYTES).fill(0xa5);
  let pages = 0;
  let received = 0;
  let sum = 0;
  const write = (now: number): void => {
    while (pages < PAGES && sender.sendSpace(id) >= PAGE_RECORD_BYTES) {
      sender.send(id, record, now, true);
      pages += 1;
    }
    sender.flush(id, now);
    if (pages < PAGES) cable.at(now + 20_000, () => write(cable.now));
  };
  cable.onEvent = (side, event, now) => {
    if (side === 0 && event.kind === 'connected') write(now);
    if (side !== 1 || event.kind !== 'readable') return;
    for (let view = receiver.peek(event.connection); view.length > 0; view = receiver.peek(event.connection)) {
      for (let at = 0; at < view.length; at += 4096) sum += view[at] ?? 0; // touches every page
      received += view.length;
      receiver.consume(event.connection, view.length, now);
    }
  };
  receiver.listen(7000);
  const id = sender.connect(ADDRESSES[1], 7000, 0);
  cable.run();
  if (received !== PAGES * PAGE_RECORD_BYTES || sum === 0) throw new Error('pages were lost');
  return cable.now;
}

describe('256 MB of pages through two stacks and a link', () => {
  bench('no loss', () => void movePages(0), { iterations: 10, warmupIterations: 2, time: 0, warmupTime: 0 });
  bench('0.1 % loss', () => void movePages(1000), { iterations: 5, warmupIterations: 1, time: 0, warmupTime: 0 });
});
