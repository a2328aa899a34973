// Goal: whatever bytes a program, a kernel, an initial RAM disk or a device tree has, the board is refused with one line
// that names the file and the place, or it runs, in no more memory than was declared. Method: a thousand mutations
// of each file with fixed seeds, all laid out; every 25th runs a program that walks the files, in the long form all
// do, and OpenSBI reads the mutated trees. Good files and canaries show that both branches are met.
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { makePrng } from '../base/index.ts';
import { buildDeviceTree, type CpioEntry, parseDeviceTree, renderDeviceTreeError, writeCpio } from '../formats/index.ts';
import { findKernelFault } from '../platform/boot-files.ts';
import { boardTreeBytes } from '../platform/device-tree.ts';
import { RAM_ADDRESS } from '../platform/memory-map.ts';
import { assembleElf } from '../testing/bare-metal-program.ts';
import { damage, type DamageOptions, unclear } from '../testing/mutate-bytes.ts';
import { compileHostModule } from '../wasm/index.ts';
import { type BootRequest, layOutBoot, renderBootError } from './boot-image.ts';
import { VirtMachine } from './virt-machine.ts';

const compiled = compileHostModule();
const VERIFY = process.env['GLASSHOUSE_VERIFY'] !== undefined;
const MUTATIONS = 1_000;
const RUN_EVERY = VERIFY ? 1 : 25;
const INSTRUCTIONS_MAX = 60_000;
const MIB = 1024 * 1024;

/**
 * Walks the device tree at a1 token by token as its words say, with the RAM disk that /chosen names, and calls the
 * kernel 2 MiB into RAM; any trap ends it. What it reads is not checked: that is the point.
 */
const WALKER = `
    la   t0, trap
    csrw mtvec, t0
    lwu  t0, 8(a1)
    jal  swap
    add  s0, a1, t0              # structure block
    lwu  t0, 36(a1)
    jal  swap
    add  s1, s0, t0              # its end
    li   s2, 0
1:  bgeu s0, s1, 3f
    lwu  t0, 0(s0)
    jal  swap
    addi s0, s0, 4
    li   t1, 9
    beq  t0, t1, 3f
    li   t1, 3
    bne  t0, t1, 1b
    lwu  t0, 0(s0)               # a property: its length, its value's sum
    jal  swap
    addi s0, s0, 8
    add  t2, s0, t0
2:  bgeu s0, t2, 4f
    lbu  t3, 0(s0)
    add  s2, s2, t3
    addi s0, s0, 1
    j    2b
4:  addi s0, s0, 3
    andi s0, s0, -4
    j    1b
3:  li   t0, 0x80600000          # the RAM disk's place
    li   t1, 0x80601000
5:  ld   t2, 0(t0)
    add  s2, s2, t2
    addi t0, t0, 8
    bltu t0, t1, 5b
    li   t0, 0x80200000
    jalr t0                      # the kernel, whatever it is
    j    end
    .balign 4
trap:
end:
    li   t0, 0x100000
    li   t1, 0x5555
    sw   t1, 0(t0)
6:  j    6b
swap:                            # t0: 32 bits the other way round
    rev8 t0, t0
    srli t0, t0, 32
    ret
`;

const ENTRIES: readonly CpioEntry[] = [
  { name: 'bin', kind: 'folder', mode: 0o755 },
  { name: 'bin/sh', kind: 'file', mode: 0o755, bytes: new Uint8Array(3_000).fill(0x41) },
  { name: 'init', kind: 'link', target: 'bin/sh' },
];

/** A kernel Image with its header (boot-image-header.rst) whose first instruction returns. */
function makeImage(): Uint8Array {
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x0000_8067, true); // ret
  view.setBigUint64(8, 0x20_0000n, true);
  view.setBigUint64(16, 0x3000n, true);
  view.setUint32(32, 2, true);
  view.setUint32(56, 0x0543_5352, true);
  return bytes;
}

const ORIGIN = { ramBytes: 8 * MIB, hartCount: 1, profile: 'rv64gc' } as const;
const GOOD = {
  program: { name: 'program.elf', bytes: assembleElf(WALKER, 'program.elf', RAM_ADDRESS) },
  kernel: { name: 'Image', bytes: makeImage() },
  initrd: { name: 'initrd.cpio', bytes: writeCpio(ENTRIES) },
  deviceTree: { name: 'board.dtb', bytes: boardTreeBytes({ ...ORIGIN, bootArguments: 'quiet', initrd: { start: 0x8060_0000, end: 0x8060_1000 } }) },
} as const;

/** Lays the files out, runs the machine for at most `instructionsMax` when not 0; says what came of it. */
function attempt(request: BootRequest, file: string, instructionsMax: number): string {
  const image = layOutBoot(request);
  if (!image.ok) {
    const sentence = renderBootError(image.error);
    // An entry that has moved moves the RAM disk: the sentence is about that file then.
    const fault = unclear(sentence, file);
    if (fault !== undefined && unclear(sentence, 'initrd.cpio') !== undefined) throw new Error(fault);
    return 'refused';
  }
  const end = RAM_ADDRESS + request.ramBytes;
  for (const { what, address, bytes, size } of image.value.pieces) {
    if (address < RAM_ADDRESS || address + size > end || bytes.length > size) throw new Error(`${what} lies outside RAM`);
  }
  if (instructionsMax === 0) return 'laid out';
  const machine = new VirtMachine(image.value, { ...ORIGIN, compiled, transmit: () => undefined });
  const how = machine.advance(1e10, instructionsMax);
  expect(machine.memory.frames.frameCount).toBeLessThan((1.1 * request.ramBytes) / 4096);
  return how === 'ended' ? `ended ${machine.ended()!.how}` : how;
}

/** Laying a machine out with all good files but one, damaged; gives how often what happened. */
function campaign(file: keyof typeof GOOD, seed: number, options: DamageOptions): ReadonlyMap<string, number> {
  const prng = makePrng({ seed, stream: 9 });
  const seen = new Map<string, number>();
  for (let round = 0; round < MUTATIONS; round++) {
    const bytes = damage(prng, GOOD[file].bytes, options);
    const outcome = attempt({ ...ORIGIN, ...GOOD, [file]: { name: GOOD[file].name, bytes } }, GOOD[file].name, round % RUN_EVERY === 0 ? INSTRUCTIONS_MAX : 0);
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
  }
  return seen;
}

const count = (seen: ReadonlyMap<string, number>, ...outcomes: readonly string[]) => outcomes.reduce((sum, it) => sum + (seen.get(it) ?? 0), 0);
const ran = (seen: ReadonlyMap<string, number>) => count(seen, 'ended pass', 'ended fail', 'ended reset', 'asleep', 'instructions', 'reached');

test('good files run to the end; a kernel that loops has its instructions', () => {
  expect(attempt({ ...ORIGIN, ...GOOD }, 'program.elf', INSTRUCTIONS_MAX)).toBe('ended pass');
  const loop = makeImage();
  new DataView(loop.buffer).setUint32(0, 0x0000_006f, true);
  expect(attempt({ ...ORIGIN, ...GOOD, kernel: { name: 'Image', bytes: loop } }, 'Image', INSTRUCTIONS_MAX)).toBe('instructions');
});

test('a thousand damaged programs', () => {
  const seen = campaign('program', 1, { head: 180, littleEndian: true });
  expect(count(seen, 'refused')).toBeGreaterThan(300);
  expect(ran(seen)).toBeGreaterThan(5);
}, 600_000);

test('a thousand damaged kernels that are ELF files', () => {
  const good = { name: 'vmlinux', bytes: assembleElf('ret', 'vmlinux', RAM_ADDRESS + 2 * MIB) };
  const prng = makePrng({ seed: 7, stream: 9 });
  const outcomes = new Set<string>();
  for (let round = 0; round < MUTATIONS; round++) {
    const kernel = { name: 'vmlinux', bytes: damage(prng, good.bytes, { head: 180, littleEndian: true }) };
    outcomes.add(attempt({ ...ORIGIN, ...GOOD, kernel }, 'vmlinux', round % RUN_EVERY === 0 ? INSTRUCTIONS_MAX : 0));
  }
  expect(outcomes).toContain('refused');
  expect(outcomes).toContain('ended pass');
}, 600_000);

test('a thousand damaged kernel images, by header and by content; a VM refuses with a sentence what it cannot start', () => {
  const seen = campaign('kernel', 2, { head: 64, littleEndian: true });
  expect(ran(seen)).toBeGreaterThan(20);
  const prng = makePrng({ seed: 2, stream: 10 });
  let refused = 0;
  for (let round = 0; round < MUTATIONS; round++) {
    const fault = findKernelFault({ name: 'Image', bytes: damage(prng, GOOD.kernel.bytes, { head: 64, littleEndian: true }) });
    if (fault === undefined) continue;
    refused++;
    expect(unclear(renderBootError(fault), 'Image')).toBeUndefined();
  }
  expect(refused).toBeGreaterThan(200);
  expect(refused).toBeLessThan(900);
}, 600_000);

test('a thousand damaged RAM disks: their bytes are the guest’s affair', () => {
  const seen = campaign('initrd', 3, { head: 110 });
  expect(count(seen, 'refused')).toBe(0);
  expect(count(seen, 'ended pass')).toBe(ran(seen));
}, 600_000);

test('a thousand damaged device trees', () => {
  const seen = campaign('deviceTree', 4, { head: 200 });
  expect(count(seen, 'refused')).toBeGreaterThan(300);
  expect(ran(seen)).toBeGreaterThan(5);
}, 600_000);

test('every cause to refuse a device tree is met, and each sentence says at which byte', () => {
  const prng = makePrng({ seed: 5, stream: 9 });
  const kinds = new Set<string>();
  for (let round = 0; round < 6_000; round++) {
    const parsed = parseDeviceTree(damage(prng, GOOD.deviceTree.bytes, { head: round % 2 === 0 ? 40 : 400 }));
    if (parsed.ok) continue;
    kinds.add(parsed.error.kind);
    expect(renderDeviceTreeError(parsed.error, 'x')).toMatch(/^x: .*\bbyte \d+.*\.$/);
  }
  expect([...kinds].sort()).toEqual(['bad-magic', 'bad-name', 'bad-token', 'misaligned', 'truncated', 'unbalanced', 'unsupported-version']);
});

test('a tree whose properties all share one endless name is refused soon, and so is a huge one', () => {
  // A reader that looks for the end of each name would take 2 GiB of steps here.
  const name = 'n'.repeat(60_000);
  const properties = Array.from({ length: 30_000 }, () => ({ name, value: new Uint8Array(0) }));
  const blob = buildDeviceTree({ name: '', properties, children: [] });
  expect(parseDeviceTree(blob)).toMatchObject({ ok: false, error: { kind: 'bad-name' } });
  expect(parseDeviceTree(new Uint8Array(3 << 20))).toMatchObject({ ok: false, error: { kind: 'too-large' } });
});

test('canary: answers without the file’s name, of two lines, or without an end are told apart', () => {
  expect(unclear('x: one line.', 'x')).toBeUndefined();
  for (const bad of ['one line.', 'x: two\nlines.', 'x: no end', `x: ${'long '.repeat(100)}.`]) expect(unclear(bad, 'x')).toBeDefined();
});

const FIRMWARE = '/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.elf';
const why = !VERIFY ? ' (under npm run verify)' : existsSync(FIRMWARE) ? '' : ' (left out: OpenSBI, Debian package opensbi, is not installed)';

test.skipIf(why !== '')(`OpenSBI reads two hundred damaged trees${why}`, () => {
  const firmware = { name: 'fw_dynamic.elf', bytes: new Uint8Array(readFileSync(FIRMWARE)) };
  const prng = makePrng({ seed: 6, stream: 9 });
  const seen = new Map<string, number>();
  for (let round = 0; round < 200; round++) {
    const deviceTree = { name: 'board.dtb', bytes: damage(prng, GOOD.deviceTree.bytes) };
    const outcome = attempt({ ...ORIGIN, program: firmware, kernel: GOOD.kernel, deviceTree }, 'board.dtb', 2_000_000);
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
  }
  expect(count(seen, 'refused')).toBeGreaterThan(20);
  expect(ran(seen)).toBeGreaterThan(50);
}, 600_000);
