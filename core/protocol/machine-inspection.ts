/**
 * What an inspector shows of a machine, a VM's or a bare one: the processor's mode, a translation step by step,
 * interrupts with their files and controllers, devices and their queues. Plain values that cross threads; numbers
 * that may exceed 2^53 are hexadecimal text with 0x.
 */

/** A field of a register, decoded. */
export interface RegisterField {
  readonly name: string;
  readonly value: string;
  /** One sentence part: what the value means. */
  readonly text: string;
}

/** What an address-translation register says. */
export interface TranslationRegister {
  readonly name: string; //       'satp', 'vsatp', 'hgatp'
  readonly value: string;
  readonly mode: string; //       'Bare', 'Sv39', 'Sv48', 'Sv39x4', 'Sv48x4'
  readonly rootAddress: string; // of the root table; '' for Bare
  readonly id: number; //         ASID or VMID
}

export interface ProcessorFacts {
  readonly view: 'processor';
  readonly hart: string; //       'vCPU 0 of vm', 'hart 0'
  readonly profile: string;
  readonly privilege: string; //  'M', 'HS', 'S', 'U', 'VS', 'VU'
  readonly virtual: boolean; //   V
  readonly pc: string;
  readonly state: string; //      'runs', 'waits for an interrupt', …
  readonly translation: readonly TranslationRegister[];
  readonly status: readonly RegisterField[];
  readonly traps: readonly RegisterField[];
}

/** One table entry that a walk reads. */
export interface WalkEntry {
  readonly stage: 'S' | 'VS' | 'G';
  readonly level: number;
  readonly index: number; //      of the entry in its table
  readonly address: string; //    where the stage sees it: guest physical for VS
  readonly physical: string; //   where it was read
  readonly value: string;
  readonly flags: string; //      'DAGUXWRV', a dot for a bit that is 0
  readonly kind: 'pointer' | 'leaf' | 'invalid';
  readonly target: string; //     address of the next table or of the page
  readonly pageBytes: number; //  of a leaf, else 0
  readonly sets: string; //       'A', 'D', 'AD': what the access would set here; '' nothing
  readonly fault: string; //      why the walk ends here; '' it does not
}

/** An address that a walk needs in physical memory: an entry of the first stage, or the page itself. */
export interface WalkRow {
  readonly purpose: 'table' | 'update' | 'page';
  readonly level: number; //      of the first stage's entry; −1 for the page
  readonly guest: string; //      guest physical address; '' without a second stage
  readonly second: readonly WalkEntry[];
  readonly physical: string; //   '' when it was not reached
  readonly entry: WalkEntry | null; // what the first stage read there; null for update and page
}

export type WalkAccess = 'fetch' | 'load' | 'store';

/** How a walk ends. */
export type WalkEnd =
  | { readonly ended: 'translated'; readonly guest: string; readonly physical: string; readonly pageBytes: number }
  | {
      readonly ended: 'fault';
      readonly stage: 'S' | 'VS' | 'G' | 'protection';
      readonly cause: number; //     exception code
      readonly name: string; //      'load page fault'
      readonly reason: string;
      readonly guest: string; //     guest physical address that htval would tell; '' for none
      readonly implicit: '' | 'read' | 'write'; // of the walk's own accesses
    };

export interface WalkFacts {
  readonly address: string;
  readonly access: WalkAccess;
  readonly rows: readonly WalkRow[];
  readonly end: WalkEnd;
}

export interface TranslationFacts extends WalkFacts {
  readonly view: 'translation';
  readonly hart: string;
  readonly privilege: string;
  readonly registers: readonly TranslationRegister[];
  /** What lies at the end: 'page 17 of 256 of the VM, in host frame 300', or the device that answers. */
  readonly lands: string;
}

/** An interrupt of a hart. */
export interface InterruptRow {
  readonly code: number;
  readonly name: string;
  readonly pending: boolean;
  readonly enabled: boolean;
  readonly goesTo: string; //     'M', 'HS', 'VS'
  readonly source: string; //     who raises it
  readonly dueNs: number; //      when it is next raised by itself; −1 for not known or never
}

/** One interrupt file of an IMSIC. */
export interface InterruptFileFacts {
  readonly name: string; //       'machine', 'supervisor', 'guest 1'
  readonly delivers: boolean;
  readonly threshold: number; //  0 = none
  readonly identityCount: number;
  readonly pending: readonly number[];
  readonly enabled: readonly number[];
  readonly top: number; //        identity that *topei tells; 0 = none
}

export interface ControllerSource {
  readonly source: number;
  readonly name: string; //       of the device on the wire; '' nobody
  readonly level: boolean;
  readonly pending: boolean;
  readonly claimed: boolean;
  readonly priority: number;
  readonly enabledFor: readonly string[]; // contexts
}

export interface ControllerFacts {
  readonly name: string; //       'PLIC', 'APLIC of S level'
  readonly address: string;
  readonly sourceCount: number;
  /** Those that do something: wired, pending, enabled, or with a priority. */
  readonly sources: readonly ControllerSource[];
  readonly contexts: readonly { readonly name: string; readonly threshold: number; readonly top: number; readonly signals: boolean }[];
}

export interface InterruptFacts {
  readonly view: 'interrupts';
  readonly hart: string;
  readonly privilege: string;
  readonly registers: readonly { readonly name: string; readonly value: string }[];
  readonly rows: readonly InterruptRow[];
  /** What the hart would do at its next instruction, in a sentence. */
  readonly next: string;
  readonly files: readonly InterruptFileFacts[];
  /** Why there are none, or '' . */
  readonly noFiles: string;
  readonly controllers: readonly ControllerFacts[];
}

/** A queue of a device in brief. Entries count modulo 65,536. */
export interface QueueFacts {
  readonly queue: number;
  readonly name: string; //       'requests', 'receive', …
  readonly size: number;
  readonly ready: boolean;
  readonly waiting: number; //    made available, not taken
  readonly inFlight: number; //   taken, not returned
  readonly fault: string; //      why its rings cannot be read; ''
}

export interface DeviceFacts {
  readonly name: string;
  readonly address: string;
  readonly byteCount: number;
  readonly source: number; //     of the interrupt controller; 0 = none
  readonly slot: number; //       virtio slot, −1 for others
  readonly status: readonly string[]; // bits of a virtio device that are set
  readonly features: readonly string[]; // common ones that were agreed on
  readonly failure: string;
  readonly queues: readonly QueueFacts[];
  readonly counters: readonly { readonly name: string; readonly value: number }[];
}

export interface DevicesFacts {
  readonly view: 'devices';
  readonly devices: readonly DeviceFacts[];
}

export interface RingDescriptor {
  readonly index: number;
  readonly address: string;
  readonly byteCount: number;
  readonly flags: string; //      'NEXT WRITE INDIRECT'
  readonly next: number; //       −1 when there is none
  readonly indirect: boolean; //  it lies in an indirect table
}

export interface RingChain {
  readonly head: number;
  readonly place: 'waiting' | 'in flight' | 'returned';
  readonly slot: number; //       of the available ring (returned: of the used ring)
  readonly descriptors: readonly RingDescriptor[];
  readonly readableBytes: number;
  readonly writableBytes: number;
  readonly written: number; //    bytes that the device says it wrote; −1 while it has the chain
  readonly fault: string;
}

/** A split virtqueue as its bytes lie in guest memory, and how far the device is. */
export interface RingFacts {
  readonly view: 'queue';
  readonly device: string;
  readonly slot: number;
  readonly queue: number;
  readonly name: string;
  readonly size: number;
  readonly ready: boolean;
  readonly descriptorAddress: string;
  readonly availableAddress: string;
  readonly usedAddress: string;
  readonly availableIndex: number; // the driver's head, as in guest memory; −1 cannot be read
  readonly nextAvailable: number; //  the device's tail
  readonly usedIndex: number; //      the device's head, as in guest memory; −1 cannot be read
  readonly nextUsed: number;
  readonly usedEvent: number; //      the driver wants to hear when this is passed; −1 not agreed on
  readonly availableFlags: number;
  readonly usedFlags: number;
  readonly waiting: number; //        made available, not taken
  readonly inFlight: number; //       taken, not returned
  /** A letter a descriptor: 'w' of a chain that waits, 'f' of one in flight, '.' free. */
  readonly descriptorStates: string;
  readonly chains: readonly RingChain[];
  readonly chainsLeftOut: number;
  /** What is wrong with the rings as a whole; '' nothing. */
  readonly fault: string;
}
