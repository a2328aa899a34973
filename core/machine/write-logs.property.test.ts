// Goal: the dirty log and the hash log never miss a written page, whoever writes it. Method: a
// guest under paging runs random stores (plain, misaligned, across pages, AMO, SC, A/D updates by
// the walker) between random hypervisor writes and takes of the logs; every page whose bytes differ
// from the copy made at the last take must be in the log. Canaries: five writers that forget.
import { expect, test } from 'vitest';
import { makePrng, nextBelow, type Prng } from '../base/prng.ts';
import { GUEST_RAM_ADDRESS } from '../memory/index.ts';
import { makeSmallGuest, type SmallGuest } from '../testing/small-guest.ts';

const VERIFY = process.env['GLASSHOUSE_VERIFY'] !== undefined;
/** Guest pages: 0 … 15 program, 16 … 18 page tables (root, middle, leaf), 20 … 31 data. */
const PAGES = 32;
const DATA_FIRST = 20;
const DATA_COUNT = 12;
const DATA_VIRTUAL = 0x4000_0000;
const table = (page: number) => GUEST_RAM_ADDRESS + page * 4096;
const pointer = (page: number, flags: number) => BigInt((0x80000 + page) * 1024 + flags);

/** A random program: turns paging on, then writes for ever. Each pass stores other values. */
function program(prng: Prng): string {
  const lines = [
    `li t0, ${(8n << 60n) | 0x80010n}`,
    'csrw satp, t0',
    'sfence.vma',
    'li s1, 1',
    'again:',
    'addi s1, s1, 7',
  ];
  const pick = (bound: number) => nextBelow(prng, bound);
  for (let index = 0; index < 120; index++) {
    const size = 1 << pick(4);
    const page = DATA_VIRTUAL + pick(DATA_COUNT) * 4096;
    const aligned = page + pick(4096 / size) * size;
    const dataEnd = DATA_VIRTUAL + DATA_COUNT * 4096;
    const acrossPages = Math.min(page + 4096 - pick(size), dataEnd - size);
    const kind = pick(10);
    lines.push(`li t1, ${kind < 3 ? page + pick(4088) : kind === 3 ? acrossPages : aligned}`);
    if (kind < 5) lines.push(`s${'bhwd'[Math.log2(size)]} s1, 0(t1)`);
    else if (kind === 5)
      lines.push('andi t1, t1, -8', `amo${['add', 'swap', 'xor'][pick(3)]}.d t2, s1, (t1)`);
    else if (kind === 6)
      lines.push('andi t1, t1, -8', 'lr.d t2, (t1)', 'add t2, t2, s1', 'sc.d t3, t2, (t1)');
    else if (kind === 7)
      lines.push(
        `li t2, ${table(18) + pick(DATA_COUNT) * 8}`,
        'ld t3, 0(t2)',
        'andi t4, t3, -193',
        'sd t4, 0(t2)',
        'sfence.vma',
      );
    else if (kind === 8) lines.push('ld t3, 0(t1)');
    else lines.push(`li t2, ${table(12)}`, 'sw s1, 64(t2)');
    lines.push('addi s1, s1, 1');
  }
  lines.push('j again');
  return lines.join('\n');
}

function build(prng: Prng): SmallGuest {
  const guest = makeSmallGuest({ source: program(prng), pageCount: PAGES });
  const entry = (page: number, index: number, value: bigint) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    guest.vm.write(table(page) + index * 8, bytes, 'hypervisor');
  };
  entry(16, 2, BigInt(0x80000 * 1024 + 0x0f)); // identity map of RAM, a 1 GiB page, A and D clear
  entry(16, 1, pointer(17, 1));
  entry(17, 0, pointer(18, 1));
  for (let page = 0; page < DATA_COUNT; page++) entry(18, page, pointer(DATA_FIRST + page, 0x07));
  return guest;
}

/** Pages that differ from `before`. */
function changedSince(guest: SmallGuest, before: Uint8Array): number[] {
  const now = guest.vm.read(GUEST_RAM_ADDRESS, PAGES * 4096)!;
  const changed: number[] = [];
  for (let page = 0; page < PAGES; page++) {
    const same = Buffer.compare(
      now.subarray(page * 4096, (page + 1) * 4096),
      before.subarray(page * 4096, (page + 1) * 4096),
    );
    if (same !== 0) changed.push(page);
  }
  return changed;
}

const snapshot = (guest: SmallGuest) => guest.vm.read(GUEST_RAM_ADDRESS, PAGES * 4096)!;

/** What a log left out or got wrong, as sentences. `spoil` may break the guest's writer. */
function misses(seed: number, steps: number, spoil?: (guest: SmallGuest) => void): string[] {
  const prng = makePrng({ seed, stream: 0 });
  const guest = build(prng);
  const { vm, machine, system } = guest;
  spoil?.(guest);
  const wrong: string[] = [];
  let faults = 0;
  system.writer.ports.onModelFault = () => faults++;
  vm.dirtyLog.arm();
  system.takeWrittenPages(() => undefined);
  let atDirty = snapshot(guest);
  let atHash = snapshot(guest);
  const bitmap = new Uint32Array(1);
  for (let step = 0; step < steps; step++) {
    const outcome = machine.run(0, 1 + nextBelow(prng, 300));
    if (outcome.exit !== 1) wrong.push(`the guest left with ${outcome.exit}`);
    const page = DATA_FIRST + nextBelow(prng, DATA_COUNT);
    const bytes = new Uint8Array(1 + nextBelow(prng, 200)).fill(step);
    switch (nextBelow(prng, 7)) {
      case 0:
        vm.write(table(page - 1) + 4000, bytes, 'device');
        break;
      case 1:
        vm.writePage(page, new Uint8Array(4096).fill(step), 'restore');
        break;
      case 2:
        vm.writeZeroPage(page, 'migration');
        break;
      case 3:
        system.tools.advanceHeatEpoch();
        break;
      case 4: {
        const count = vm.dirtyLog.count();
        const changed = changedSince(guest, atDirty);
        if (vm.dirtyLog.takeAndRearm(bitmap) !== count) wrong.push('the count of the log changed');
        if (popCount(bitmap[0]!) !== count) wrong.push('the count is not the number of bits');
        for (const at of changed)
          if (((bitmap[0]! >>> at) & 1) === 0) wrong.push(`dirty log missed page ${at}`);
        atDirty = snapshot(guest);
        break;
      }
      case 5: {
        const written = new Set<number>();
        const changed = changedSince(guest, atHash);
        system.takeWrittenPages((_slot, at) => written.add(at));
        for (const at of changed) if (!written.has(at)) wrong.push(`hash log missed page ${at}`);
        atHash = snapshot(guest);
        break;
      }
      default:
    }
  }
  if (faults === 0 && spoil === undefined) wrong.push('no store ever faulted');
  return wrong;
}

function popCount(word: number): number {
  let count = 0;
  for (let bits = word; bits !== 0; bits &= bits - 1) count++;
  return count;
}

test('no log misses a written page', () => {
  for (let seed = 0; seed < (VERIFY ? 2_000 : 40); seed++)
    expect([seed, ...misses(seed, 60)]).toEqual([seed]);
}, 3_600_000);

/** Ways to forget. Each must be found within a few seeds. */
const CANARIES: Record<string, (guest: SmallGuest) => void> = {
  'the walker does not announce its A and D updates': ({ system }) => {
    const { observe } = system.writer;
    system.writer.observe = (...all) => {
      if (all[5] !== 'walker') observe.apply(system.writer, all);
    };
  },
  'the second half of a store across pages is not announced': ({ system }) => {
    const { observe } = system.writer;
    system.writer.observe = (...all) => {
      if (all[5] !== 'vcpu' || all[3] !== 0 || all[4] >= 4) observe.apply(system.writer, all);
    };
  },
  'a device write is not announced': ({ system }) => {
    const { observe } = system.writer;
    system.writer.observe = (...all) => {
      if (all[5] !== 'device') observe.apply(system.writer, all);
    };
  },
  'taking the dirty log leaves the write TLBs as they are': ({ system }) => {
    system.tlb.flushWritesOfVm = () => undefined;
  },
  'a hash point leaves the write TLBs as they are': ({ system }) => {
    system.tlb.flushWritesOfAll = () => undefined;
  },
};

for (const [what, spoil] of Object.entries(CANARIES)) {
  test(`canary: ${what}`, () => {
    let found: string[] = [];
    for (let seed = 0; seed < 40 && found.length === 0; seed++) found = misses(seed, 60, spoil);
    expect(found.join()).toMatch(/missed page/);
  });
}

test('every round hands out just the pages written in it', () => {
  const guest = build(makePrng({ seed: 5, stream: 0 }));
  guest.machine.run(0, 5_000);
  guest.vm.dirtyLog.arm();
  const bitmap = new Uint32Array(1);
  guest.vm.write(table(25), new Uint8Array(1), 'device');
  expect([guest.vm.dirtyLog.takeAndRearm(bitmap), bitmap[0]]).toEqual([1, 1 << 25]);
  expect([guest.vm.dirtyLog.takeAndRearm(bitmap), bitmap[0]]).toEqual([0, 0]);
  guest.machine.run(0, 5_000);
  const count = guest.vm.dirtyLog.takeAndRearm(bitmap);
  // Data pages, the leaf table, page 12; never the program itself nor the upper tables, whose A and
  // D are set by now.
  expect(count).toBeGreaterThan(DATA_COUNT);
  expect(bitmap[0]! & 0x0003_0fff).toBe(0);
});
