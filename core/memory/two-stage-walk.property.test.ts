// Goal: the walk agrees with the manual's algorithm on random tables. Method: random entries in
// both stages, walked a second time by a BigInt transcription of Privileged 20240411 §12.3.2 and
// §18.5; fault, address and all changed bytes must be equal. The account for inspectors is held
// against both: it says beforehand what the walk then does.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csrSlot, HART_ADDRESS, hartOffset } from '../protocol/host-memory-layout.ts';
import { GUEST_RAM_ADDRESS } from './guest-map.ts';
import { accountForGuestWalk } from './guest-walk-account.ts';
import { frameAddress } from './host-memory.ts';
import { MemorySystem } from './memory-system.ts';
import { type AccessKind, TwoStageWalk, walkFault } from './two-stage-walk.ts';
import type { VmMemory } from './vm-memory.ts';

const PAGES = 12;
const VERIFY = process.env['GLASSHOUSE_VERIFY'] !== undefined;

/**
 * What the model says of one access. Addresses: host physical for a success, guest physical for a
 * refusal.
 */
type Outcome =
  | { kind: 'page' }
  | { kind: 'guest'; address: bigint; write: boolean }
  | { kind: 'ok'; address: bigint };

interface Model {
  read(hostPhysical: bigint): bigint;
  write(hostPhysical: bigint, value: bigint): void;
  root: bigint;
  satp: bigint;
  user: boolean;
  sum: boolean;
  mxr: boolean;
}

const bit = (value: bigint, index: number) => ((value >> BigInt(index)) & 1n) === 1n;
const [V, R, W, X, U, A, D] = [0, 1, 2, 3, 4, 6, 7];

/**
 * One stage's algorithm; `read`, `write` see this stage's physical addresses and give undefined for
 * a refused access.
 */
function modelStage(options: {
  root: bigint;
  levels: number[];
  virtual: bigint;
  widened: number;
  store: boolean;
  read(address: bigint): bigint | undefined;
  write(address: bigint, value: bigint): boolean;
  allowed(entry: bigint): boolean;
}): bigint | 'fault' | 'refused' {
  let table = options.root;
  for (const level of options.levels) {
    const width = level === 2 ? options.widened : 9;
    const vpn = (options.virtual >> BigInt(12 + 9 * level)) & ((1n << BigInt(width)) - 1n);
    const at = table + vpn * 8n;
    const entry = options.read(at);
    if (entry === undefined) return 'refused';
    if (!bit(entry, V) || (!bit(entry, R) && bit(entry, W)) || entry >> 54n !== 0n) return 'fault';
    const ppn = (entry >> 10n) & ((1n << 44n) - 1n);
    if (!bit(entry, R) && !bit(entry, X)) {
      if (level === 0 || bit(entry, A) || bit(entry, D) || bit(entry, U)) return 'fault';
      table = ppn << 12n;
      continue;
    }
    if (!options.allowed(entry)) return 'fault';
    const low = (1n << BigInt(9 * level)) - 1n;
    if ((ppn & low) !== 0n) return 'fault';
    const next = entry | (1n << 6n) | (options.store ? 1n << 7n : 0n);
    if (next !== entry && !options.write(at, next)) return 'refused';
    const page = ppn | ((options.virtual >> 12n) & low);
    return (page << 12n) | (options.virtual & 0xfffn);
  }
  return 'fault';
}

function modelTranslate(model: Model, virtual: bigint, access: AccessKind): Outcome {
  let refused: Outcome = { kind: 'page' };
  const guest = (address: bigint, kind: AccessKind): bigint | undefined => {
    const found =
      address >> 41n !== 0n
        ? 'fault'
        : modelStage({
            root: model.root,
            levels: [2, 1, 0],
            virtual: address,
            widened: 11,
            store: kind === 2,
            read: model.read,
            write: (at, value) => {
              model.write(at, value);
              return true;
            },
            allowed: (entry) => bit(entry, U) && bit(entry, [X, R, W][kind]!),
          });
    if (typeof found === 'bigint') return found;
    refused = { kind: 'guest', address, write: kind === 2 };
    return undefined;
  };
  let physical: bigint | 'fault' | 'refused' = virtual;
  if (model.satp >> 60n === 8n) {
    if (BigInt.asUintN(64, BigInt.asIntN(39, virtual)) !== virtual) return { kind: 'page' };
    physical = modelStage({
      root: (model.satp & ((1n << 44n) - 1n)) << 12n,
      levels: [2, 1, 0],
      virtual,
      widened: 9,
      store: access === 2,
      read: (address) => {
        const host = guest(address, 1);
        return host === undefined ? undefined : model.read(host);
      },
      write: (address, value) => {
        const host = guest(address, 2);
        if (host !== undefined) model.write(host, value);
        return host !== undefined;
      },
      allowed: (entry) => {
        if (model.user ? !bit(entry, U) : bit(entry, U) && (access === 0 || !model.sum))
          return false;
        return bit(entry, [X, R, W][access]!) || (access === 1 && model.mxr && bit(entry, X));
      },
    });
  }
  if (physical === 'fault') return { kind: 'page' };
  if (physical === 'refused') return refused;
  const host = guest(physical, access);
  return host === undefined ? refused : { kind: 'ok', address: host };
}

/** A random VS-stage entry: mostly valid, pointing at tables 1 … 5, data pages, or nowhere. */
const entryArbitrary = fc.record({
  flags: fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom(0x01, 0xcf, 0xdf, 0xd7, 0x1f, 0x5f, 0x0f, 0x4f, 0x4b, 0x09, 0x59),
    },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 0x3ff }) },
  ),
  page: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: PAGES - 1 }).map((page) => 0x80000 + page) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        0x80000,
        0x40000,
        0,
        0x80200,
        0x1fff_ffff,
        0x2000_0000,
        0x3ff_ffff_ffff,
      ),
    },
  ),
  high: fc.oneof(
    { weight: 30, arbitrary: fc.constant(0n) },
    { weight: 1, arbitrary: fc.bigInt({ min: 1n, max: 1023n }) },
  ),
});

/** Virtual page numbers from a handful of indices, so that walks get deep. */
const indexArbitrary = fc.constantFrom(0, 1, 2, 511);
const addressArbitrary = fc.oneof(
  {
    weight: 20,
    arbitrary: fc
      .tuple(indexArbitrary, indexArbitrary, indexArbitrary, fc.integer({ min: 0, max: 4095 }))
      .map(([two, one, zero, offset]) =>
        BigInt.asUintN(
          64,
          BigInt.asIntN(39, (BigInt(two) << 30n) | BigInt((one << 21) | (zero << 12) | offset)),
        ),
      ),
  },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }) },
  {
    weight: 4,
    arbitrary: fc
      .integer({ min: 0, max: PAGES * 4096 })
      .map((offset) => BigInt(GUEST_RAM_ADDRESS + offset)),
  },
);

const caseArbitrary = fc.record({
  tables: fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), indexArbitrary, entryArbitrary), {
    minLength: 10,
    maxLength: 26,
  }),
  stage: fc.array(
    fc.tuple(fc.integer({ min: 0, max: PAGES - 1 }), fc.integer({ min: 0, max: 255 })),
    { maxLength: 3 },
  ),
  absent: fc.array(fc.integer({ min: 5, max: PAGES - 1 }), { maxLength: 2 }),
  paged: fc.integer({ min: 0, max: 9 }).map((value) => value > 0),
  accesses: fc.array(
    fc.record({
      address: addressArbitrary,
      access: fc.constantFrom<AccessKind>(0, 1, 2),
      user: fc.boolean(),
      sum: fc.boolean(),
      mxr: fc.boolean(),
    }),
    { minLength: 8, maxLength: 8 },
  ),
});

type Case = typeof caseArbitrary extends fc.Arbitrary<infer T> ? T : never;

function build(system: MemorySystem, sample: Case): { vm: VmMemory; satp: bigint } {
  const made = system.createVm({ vmId: 1, pageCount: PAGES, allocated: true });
  if (!made.ok) throw new Error(made.error.kind);
  const vm = made.value;
  const bytes = new Uint8Array(8);
  for (const [table, index, entry] of sample.tables) {
    new DataView(bytes.buffer).setBigUint64(
      0,
      (entry.high << 54n) | (BigInt(entry.page) << 10n) | BigInt(entry.flags),
      true,
    );
    vm.write(GUEST_RAM_ADDRESS + table * 4096 + index * 8, bytes, 'hypervisor');
  }
  for (const page of sample.absent) vm.release(page);
  // Poke G-stage leaves: other permissions, A and D clear, reserved encodings.
  for (const [page, flags] of sample.stage) {
    const leafTable =
      (system.host.words[(frameAddress(system.host, vm.gStage.rootFrame) >> 2) + 4]! >>> 10) | 0;
    const middle = frameAddress(system.host, leafTable) >> 2;
    const leaf = (frameAddress(system.host, system.host.words[middle]! >>> 10) >> 2) + page * 2;
    system.host.words[leaf] = (system.host.words[leaf]! & ~0xff) | flags;
  }
  return { vm, satp: sample.paged ? (8n << 60n) | 0x80000n : 0n };
}

/** What the account for inspectors says of an access, in the model's words. */
function accountOf(system: MemorySystem, vm: VmMemory, hart: number, { address, access }: Case['accesses'][number]) {
  const kind = (['fetch', 'load', 'store'] as const)[access];
  const { end, rows } = accountForGuestWalk(system.host, vm, hart, address, kind);
  if (end.ended === 'translated') {
    const leaf = rows.findLast(({ purpose }) => purpose === 'table')?.entry;
    return { kind: 'ok', address: BigInt(end.physical), superpage: (leaf?.pageBytes ?? 0) > 4096 };
  }
  if (end.cause < 20) return { kind: 'page', superpage: false };
  return { kind: 'guest', address: BigInt(end.guest), write: end.implicit === '' ? access === 2 : end.implicit === 'write', superpage: false };
}

/** Runs a case on both sides and counts the kinds of outcome in `seen`. */
function compare(system: MemorySystem, sample: Case, seen: Map<string, number>): void {
  const { vm, satp } = build(system, sample);
  try {
    compareAccesses(system, vm, satp, sample, seen);
  } finally {
    vm.destroy();
  }
}

function compareAccesses(
  system: MemorySystem,
  vm: VmMemory,
  satp: bigint,
  sample: Case,
  seen: Map<string, number>,
): void {
  const walk = new TwoStageWalk(system.host, system.writer);
  const hart = HART_ADDRESS;
  const longs = system.host.longs;
  const ram = system.host.layout.ramAddress;
  const copy = new Uint8Array(system.host.bytes.slice(ram, ram + 40 * 4096).buffer);
  const copyView = new DataView(copy.buffer);
  for (const access of sample.accesses) {
    longs[(hart + hartOffset.csr + 8 * csrSlot.vsatp) >> 3] = BigInt.asIntN(64, satp);
    longs[(hart + hartOffset.csr + 8 * csrSlot.vsstatus) >> 3] = BigInt(
      (access.sum ? 1 << 18 : 0) | (access.mxr ? 1 << 19 : 0),
    );
    system.host.words[(hart + hartOffset.privilege) >> 2] = access.user ? 0 : 1;
    const expected = modelTranslate(
      {
        read: (at) => copyView.getBigUint64(Number(at), true),
        write: (at, value) => copyView.setBigUint64(Number(at), value, true),
        root: BigInt(vm.gStage.rootFrame) << 12n,
        satp,
        user: access.user,
        sum: access.sum,
        mxr: access.mxr,
      },
      access.address,
      access.access,
    );
    const low = Number(BigInt.asIntN(32, access.address));
    const told = accountOf(system, vm, hart, access);
    const fault = walk.translate(
      vm,
      hart,
      low,
      Number(BigInt.asIntN(32, access.address >> 32n)),
      access.access,
    );
    const found: Outcome =
      fault === walkFault.page
        ? { kind: 'page' }
        : fault === walkFault.none
          ? { kind: 'ok', address: BigInt(walk.hostPage - ram + (low & 0xfff)) }
          : {
              kind: 'guest',
              address: (BigInt(walk.guestPage) << 12n) | BigInt(walk.guestOffset),
              write: walk.refusedWrite,
            };
    expect(found).toEqual(expected);
    expect(told).toEqual({ ...expected, superpage: expected.kind === 'ok' && walk.superpage });
    seen.set(found.kind, (seen.get(found.kind) ?? 0) + 1);
  }
  const changed = system.host.bytes.slice(ram, ram + 40 * 4096);
  expect(Buffer.compare(changed, copy)).toBe(0);
}

test('walks agree with the manual’s algorithm, in result and in every byte', () => {
  const seen = new Map<string, number>();
  const numRuns = VERIFY ? 50_000 : 2_000;
  const system = new MemorySystem(40);
  fc.assert(
    fc.property(caseArbitrary, (sample) => compare(system, sample, seen)),
    { seed: 42, numRuns },
  );
  for (const kind of ['page', 'guest', 'ok']) expect(seen.get(kind)).toBeGreaterThan(numRuns / 10);
}, 3_600_000);

test('canary: a walker that sees SUM always set is told apart', () => {
  const statusWord = String((HART_ADDRESS + hartOffset.csr + 8 * csrSlot.vsstatus) >> 2);
  const find = (alwaysSet: number) => {
    const system = new MemorySystem(40);
    const words = new Proxy(system.host.words, {
      get: (target, key) => {
        const value = Reflect.get(target, key) as number;
        return key === statusWord ? value | alwaysSet : value;
      },
      set: (target, key, value) => Reflect.set(target, key, value),
    });
    const seenByWalker = Object.assign(Object.create(system) as MemorySystem, {
      host: { ...system.host, words },
    });
    fc.assert(
      fc.property(caseArbitrary, (sample) => compare(seenByWalker, sample, new Map())),
      { seed: 42, numRuns: 150 },
    );
  };
  expect(() => find(0)).not.toThrow();
  expect(() => find(1 << 18)).toThrow();
});

test('inspecting a walk changes nothing and shows every entry', () => {
  const system = new MemorySystem(40);
  const sample: Case = {
    tables: [
      [0, 0, { flags: 1, page: 0x80001, high: 0n }],
      [1, 1, { flags: 1, page: 0x80002, high: 0n }],
      [2, 2, { flags: 0x0f, page: 0x80003, high: 0n }],
    ],
    stage: [],
    absent: [],
    paged: true,
    accesses: [],
  };
  const { vm, satp } = build(system, sample);
  system.host.longs[(HART_ADDRESS + hartOffset.csr + 8 * csrSlot.vsatp) >> 3] = BigInt.asIntN(
    64,
    satp,
  );
  system.host.words[(HART_ADDRESS + hartOffset.privilege) >> 2] = 1;
  const before = system.host.bytes.slice();
  const steps: string[] = [];
  const walk = new TwoStageWalk(system.host, system.writer);
  const fault = walk.inspect(vm, HART_ADDRESS, 0x0020_2abc, 0, 2, (step) =>
    steps.push(`${step.stage}${step.level}`),
  );
  expect(fault).toBe(walkFault.none);
  expect(steps.join(' ')).toBe('G2 G1 G0 VS2 G2 G1 G0 VS1 G2 G1 G0 VS0 G2 G1 G0');
  expect(walk.guestPage).toBe(0x80003);
  expect(Buffer.compare(Buffer.from(before), Buffer.from(system.host.bytes.slice()))).toBe(0);
});
