// Goal: whatever reasons hold a page and whoever writes it, the snapshot keeps the old content before the first
// byte changes, then the dirty log notes the page, then code is told; each once; W is open exactly when no reason
// is left. Method: a table of all combinations of reasons and writers over a small machine, real instructions
// for the guest's writers; a canary writer that bypasses the protection is caught.
import { expect, test } from 'vitest';
import { makeSmallGuest, type SmallGuest } from '../testing/small-guest.ts';
import { csrSlot, exitReason, HART_ADDRESS, hartOffset } from '../protocol/host-memory-layout.ts';
import { pteBit } from './g-stage.ts';
import { GUEST_RAM_ADDRESS } from './guest-map.ts';
import type { KeepOutcome, PageKeeper } from './snapshot-protection.ts';
import type { WriteOrigin } from './writer.ts';

/** Pages that the writers below change, from the start of RAM. */
const FIRST = 16;
const SECOND = 17;
const LEAF_TABLE = 20;

/** Keeps copies, and notes in which order things happened. */
class TestKeeper implements PageKeeper {
  readonly kept = new Map<number, Uint8Array>();
  readonly origins: WriteOrigin[] = [];
  private readonly guest: SmallGuest;
  private readonly order: string[];
  room = Number.POSITIVE_INFINITY;

  constructor(guest: SmallGuest, order: string[]) {
    this.guest = guest;
    this.order = order;
  }

  onProtectedWrite(page: number, origin: WriteOrigin): KeepOutcome {
    if (this.room === 0) return 'waiting';
    this.room--;
    this.order.push(`keep ${page}`);
    this.origins.push(origin);
    expect(this.kept.has(page), 'a page is kept once').toBe(false);
    this.kept.set(page, this.guest.vm.readPage(page)!.slice());
    this.guest.vm.protection.release(page);
    return 'kept';
  }
}

/** A writer: what it does, and which pages it changes. `code`: instructions of the guest. */
interface WriterRow {
  readonly name: string;
  readonly pages: readonly number[];
  readonly code?: string;
  readonly paging?: true;
  write?(guest: SmallGuest): void;
}

const address = (page: number, offset = 0) => `0x${(GUEST_RAM_ADDRESS + page * 4096 + offset).toString(16)}`;
const bytes = (count: number) => new Uint8Array(count).fill(0xee);

// biome-ignore format: a row a line
const WRITERS: readonly WriterRow[] = [
  { name: 'sb',                  pages: [FIRST],         code: `li t0, ${address(FIRST, 5)}\n li t1, 0xee\n sb t1, 0(t0)` },
  { name: 'sd',                  pages: [FIRST],         code: `li t0, ${address(FIRST, 8)}\n li t1, -1\n sd t1, 0(t0)` },
  { name: 'sd across two pages', pages: [FIRST, SECOND], code: `li t0, ${address(SECOND, -4)}\n li t1, -1\n sd t1, 0(t0)` },
  { name: 'amoadd.d',            pages: [FIRST],         code: `li t0, ${address(FIRST, 8)}\n li t1, 3\n amoadd.d t2, t1, (t0)` },
  { name: 'amoswap.w',           pages: [FIRST],         code: `li t0, ${address(FIRST, 8)}\n li t1, 3\n amoswap.w t2, t1, (t0)` },
  { name: 'lr.d and sc.d',       pages: [FIRST],         code: `li t0, ${address(FIRST, 8)}\n again: lr.d t2, (t0)\n addi t2, t2, 1\n sc.d t1, t2, (t0)\n bnez t1, again` },
  { name: 'walker sets A and D', pages: [LEAF_TABLE, FIRST], paging: true, code: `li t0, ${address(FIRST, 8)}\n li t1, -1\n sd t1, 0(t0)` },
  { name: 'walker sets A only',  pages: [LEAF_TABLE],    paging: true, code: `li t0, ${address(FIRST, 8)}\n ld t1, 0(t0)` },
  { name: 'SBI writes a buffer', pages: [FIRST, SECOND], write: ({ vm }) => { expect(vm.prepareWrite(GUEST_RAM_ADDRESS + SECOND * 4096 - 8, 16, 'sbi')).toMatchObject({ waitsForPage: -1 }); vm.write(GUEST_RAM_ADDRESS + SECOND * 4096 - 8, bytes(16), 'sbi'); } },
  { name: 'hypervisor',          pages: [FIRST],         write: ({ vm }) => { vm.write(GUEST_RAM_ADDRESS + FIRST * 4096, bytes(16), 'hypervisor'); } },
  { name: 'device DMA',          pages: [FIRST, SECOND], write: ({ vm }) => { vm.write(GUEST_RAM_ADDRESS + SECOND * 4096 - 512, bytes(1024), 'device'); } },
  { name: 'restore',             pages: [FIRST],         write: ({ vm }) => { vm.writePage(FIRST, bytes(4096), 'restore'); } },
  { name: 'migration',           pages: [FIRST],         write: ({ vm }) => { vm.writeZeroPage(FIRST, 'migration'); } },
];

/** Sv39 on: 0x80000000 in 4 KiB pages through one leaf table, A and D of every entry clear except the code's. */
const PAGING = `
    li   t0, ${address(21)}
    li   t1, ${address(22)}
    srli t2, t1, 2
    ori  t2, t2, 1
    sd   t2, 16(t0)
    li   t3, ${address(LEAF_TABLE)}
    srli t2, t3, 2
    ori  t2, t2, 1
    sd   t2, 0(t1)
    li   t2, 0x2000000f
    li   t4, 64
fill:
    sd   t2, 0(t3)
    addi t2, t2, 1024
    addi t3, t3, 8
    addi t4, t4, -1
    bnez t4, fill
    li   t3, ${address(LEAF_TABLE)}
    li   t2, 0x200000cf
    sd   t2, 0(t3)
    srli t0, t0, 12
    li   t1, 8
    slli t1, t1, 60
    or   t0, t0, t1
    csrw satp, t0
    sfence.vma
`;

function prepare(row: WriterRow): SmallGuest {
  const source = `${row.paging === true ? PAGING : ''}
    nop
ready: wfi
    ${row.code ?? 'nop'}
    wfi
    j ready
`;
  const guest = makeSmallGuest({ source });
  for (const page of [FIRST, SECOND]) {
    const content = Uint8Array.from({ length: 4096 }, (_, index) => (index * 7 + page) & 0xff);
    guest.vm.writePage(page, content, 'hypervisor');
  }
  // Up to `ready`: everything is decoded, nothing is armed.
  for (let run = 0; run < 4 && guest.machine.run(0, 2_000).exit !== exitReason.wait; run++);
  return guest;
}

function perform(guest: SmallGuest, row: WriterRow): void {
  if (row.write !== undefined) {
    row.write(guest);
    return;
  }
  const hart = guest.machine;
  for (let run = 0; run < 20; run++) if (hart.run(0, 200).exit === exitReason.wait) return;
  throw new Error('the guest does not come to its end');
}

const REASONS = ['none', 'dirty log', 'snapshot', 'snapshot and dirty log', 'dirty log, then snapshot'] as const;
const TABLE = WRITERS.flatMap((row) => REASONS.map((reasons) => [row.name, reasons, row] as const));

test.each(TABLE)('%s under %s', (_name, reasons, row) => {
  const guest = prepare(row);
  const { vm, system } = guest;
  const before = Array.from({ length: vm.pageCount }, (_, page) => vm.readPage(page)!.slice());
  const order: string[] = [];
  const keeper = new TestKeeper(guest, order);
  const mark = vm.dirtyLog.mark.bind(vm.dirtyLog);
  vm.dirtyLog.mark = (page) => {
    order.push(`log ${page}`);
    mark(page);
  };
  const code = system.writer.ports.onCodeWrite;
  system.writer.ports.onCodeWrite = (frame, offset, count) => {
    order.push('code');
    code(frame, offset, count);
  };
  const logs = reasons.includes('dirty log');
  const snapshots = reasons.includes('snapshot');
  if (reasons === 'dirty log, then snapshot') vm.dirtyLog.arm();
  if (snapshots) vm.protection.arm(keeper);
  if (logs && !vm.dirtyLog.armed()) vm.dirtyLog.arm();
  perform(guest, row);

  const changed = before.flatMap((content, page) => (content.every((byte, index) => byte === vm.readPage(page)![index]) ? [] : [page]));
  expect(changed.sort()).toEqual([...row.pages].sort());
  if (snapshots) {
    for (const page of changed) expect(keeper.kept.get(page), `page ${page} is as it was`).toEqual(before[page]);
  }
  for (const page of changed) {
    expect(order.filter((it) => it === `keep ${page}`)).toHaveLength(snapshots ? 1 : 0);
    expect(order.filter((it) => it === `log ${page}`)).toHaveLength(logs ? 1 : 0);
    if (snapshots && logs) expect(order.indexOf(`keep ${page}`)).toBeLessThan(order.indexOf(`log ${page}`));
  }
  for (let page = 0; page < vm.pageCount; page++) {
    const writable = (vm.gStage.leaf(page) & pteBit.write) !== 0;
    const held = (snapshots && !keeper.kept.has(page)) || (logs && !vm.dirtyLog.has(page));
    expect(writable, `W of page ${page}`).toBe(!held);
  }
  if (row.name.startsWith('walker') && snapshots) expect(keeper.origins).toContain('walker');
  if (row.code !== undefined && reasons !== 'none') expectTrap(guest, row);
});

/** What HS-mode would see of the last write that met a cleared W bit: cause, instruction, guest physical page. */
function expectTrap({ system }: SmallGuest, row: WriterRow): void {
  const csr = (slot: number) => system.host.unsigned[(HART_ADDRESS + hartOffset.csr + 8 * slot) >> 2]!;
  const isLoad = row.name === 'walker sets A only';
  expect(csr(csrSlot.scause)).toBe(isLoad ? 21 : 23);
  // 0x3020: a 64-bit write of the walk itself; a store by the instruction is not transformed here.
  expect(csr(csrSlot.htinst)).toBe(isLoad ? 0x3020 : 0);
  expect(csr(csrSlot.htval) >>> 10).toBe(GUEST_RAM_ADDRESS / 4096 + row.pages.at(-1)!);
}

test('a page that holds code is kept before its decoded instructions are dropped', () => {
  const guest = makeSmallGuest({ source: `li t0, ${address(0, 2048)}\n wfi\n sd zero, 0(t0)\n wfi\n` });
  const order: string[] = [];
  guest.machine.run(0, 100);
  guest.vm.protection.arm(new TestKeeper(guest, order));
  const code = guest.system.writer.ports.onCodeWrite;
  guest.system.writer.ports.onCodeWrite = (frame, offset, count) => {
    order.push('code');
    code(frame, offset, count);
  };
  guest.machine.run(0, 100);
  expect(order).toEqual(['keep 0', 'code']);
});

test('without room the store does not happen, and does once there is room; the other half of a straddling one is kept once', () => {
  const row = WRITERS.find(({ name }) => name === 'sd across two pages')!;
  const guest = prepare(row);
  const keeper = new TestKeeper(guest, []);
  keeper.room = 1;
  guest.vm.protection.arm(keeper);
  let waits = 0;
  guest.system.writer.ports.onModelFault = (_vm, what) => {
    if (what !== 'snapshotWait') return;
    waits++;
    guest.system.host.words[(0x1_0000 + 284) >> 2] = exitReason.yield;
  };
  const before = guest.vm.readPage(FIRST)!.slice();
  expect(guest.machine.run(0, 100).exit).toBe(exitReason.yield);
  expect(waits).toBe(1);
  expect(guest.vm.readPage(FIRST)).toEqual(before);
  keeper.room = 1;
  expect(guest.machine.run(0, 100).exit).toBe(exitReason.wait);
  expect([...keeper.kept.keys()].sort()).toEqual([FIRST, SECOND]);
  expect(guest.vm.readPage(FIRST)).not.toEqual(before);
});

test('canary: a writer that bypasses the arbiter is caught by the copies', () => {
  const guest = prepare(WRITERS[0]!);
  const keeper = new TestKeeper(guest, []);
  const before = guest.vm.readPage(FIRST)!.slice();
  guest.vm.protection.arm(keeper);
  const { vm, system } = guest;
  system.host.bytes[system.host.layout.ramAddress + vm.frame(FIRST) * 4096] = 0x5a; // nobody was told
  perform(guest, WRITERS[0]!);
  expect(keeper.kept.get(FIRST)).not.toEqual(before);
});
