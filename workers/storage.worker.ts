/** What the page keeps on this machine: snapshots, in the browser's own file system. The page talks to it over Comlink. */
import * as Comlink from 'comlink';
import { KeptBlobs } from './storage/kept-blobs.ts';
import { openOpfsRegion } from './storage/opfs-region.ts';

/** Name of the store, and of the lock that tabs share. */
const NAME = 'snapshots';
/** Room that snapshots may take until the page says otherwise: eight VMs of 64 MiB. Unit: byte. */
const BOUND_BYTES = 512 << 20;

const kept = new KeptBlobs(
  {
    open: () => openOpfsRegion(NAME),
    // Without the lock (an old browser) the file system itself lets one tab in and refuses the others.
    exclusive: (work) => (navigator.locks === undefined ? work() : navigator.locks.request(`glasshouse-${NAME}`, work)),
  },
  BOUND_BYTES,
);

Comlink.expose(kept);
