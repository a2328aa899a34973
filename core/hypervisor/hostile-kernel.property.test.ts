// Goal: whatever bytes a guest's program, kernel or RAM disk has, its VM is refused with one line that names the file, or it runs
// in its own RAM while host and other VM go on as if it were not there. Method: a thousand mutations of each with
// fixed seeds through the door of createVm; every 50th runs beside a witness, in the long form every fifth.
import { expect, test } from 'vitest';
import { hashHex, makeHash, makePrng } from '../base/index.ts';
import { writeCpio } from '../formats/index.ts';
import { assembleElf } from '../testing/bare-metal-program.ts';
import { damage, type DamageOptions, unclear } from '../testing/mutate-bytes.ts';
import { type GuestImage, Host, vmErrorSentence } from './index.ts';
import { prepareImage } from './boot.ts';

const MUTATIONS = 1_000;
const RUN_EVERY = process.env['GLASSHOUSE_VERIFY'] === undefined ? 50 : 5;
const RAM_BYTES = 8 << 20;
const RUN_NS = 300_000;
const NEEDS = { profile: 'rv64gc', vcpuCount: 1 } as const;

/** Counts for ever. */
const WITNESS: GuestImage = { kind: 'assembly', name: 'witness', source: 'li t0, 0\n1: addi t0, t0, 1\n j 1b' };

/** Sums its RAM disk, of which the device tree at a1 is no matter, and shuts down by SBI. */
const SUMMER = `
    li   t0, 0x80600000
    li   t1, 0x80601000
    li   s2, 0
1:  ld   t2, 0(t0)
    add  s2, s2, t2
    addi t0, t0, 8
    bltu t0, t1, 1b
    li   a7, 0x53525354
    li   a6, 0
    li   a0, 0
    li   a1, 0
    ecall
2:  j    2b`;

function makeImage(): Uint8Array {
  const elf = assembleElf(`j 1f\n.org 64\n1: ${SUMMER}`, 'Image', 0x8020_0000);
  const start = new DataView(elf.buffer, elf.byteOffset).getUint32(72, true); // p_offset of the one segment
  const bytes = new Uint8Array(4096);
  bytes.set(elf.subarray(start, start + 200));
  const view = new DataView(bytes.buffer);
  view.setBigUint64(8, 0x20_0000n, true);
  view.setBigUint64(16, 0x1000n, true);
  view.setUint32(32, 2, true);
  view.setUint32(56, 0x0543_5352, true);
  return bytes;
}

const INITRD = writeCpio([{ name: 'init', kind: 'file', mode: 0o755, bytes: new Uint8Array(2_000).fill(0x42) }]);

/** Refused with a clear line, laid out, or run: then what became of the VM. The witness always runs on. */
function attempt(image: GuestImage, file: string, runs: boolean): string {
  const prepared = prepareImage(image, NEEDS.profile, RAM_BYTES);
  if (!prepared.ok || !runs) {
    if (prepared.ok) return 'laid out';
    const fault = unclear(vmErrorSentence(prepared.error), file);
    if (fault !== undefined) throw new Error(fault);
    return 'refused';
  }
  const host = new Host({ id: 0, name: 'test', frameCount: 2_400, processorCount: 2, seed: 1 });
  const witness = host.createVm({ ...NEEDS, id: 1, name: 'witness', image: WITNESS, ramBytes: 1 << 16 });
  if (!witness.ok) throw new Error(vmErrorSentence(witness.error));
  const made = host.createVm({ ...NEEDS, id: 2, name: 'guest', image, ramBytes: RAM_BYTES, devices: {} });
  if (!made.ok) {
    const fault = unclear(vmErrorSentence(made.error), file);
    if (fault !== undefined && unclear(vmErrorSentence(made.error), 'guest') !== undefined) throw new Error(fault);
    return 'refused';
  }
  host.run(RUN_NS);
  expect(witness.value.state).toBe('running');
  const hash = makeHash();
  witness.value.hashInto(hash);
  expect(hashHex(hash)).toBe(UNDISTURBED);
  return made.value.state;
}

/** The witness's state after as long a run without a neighbour. */
const UNDISTURBED = (() => {
  const host = new Host({ id: 0, name: 'test', frameCount: 2_400, processorCount: 2, seed: 1 });
  const alone = host.createVm({ ...NEEDS, id: 1, name: 'witness', image: WITNESS, ramBytes: 1 << 16 });
  if (!alone.ok) throw new Error(vmErrorSentence(alone.error));
  host.run(RUN_NS);
  const hash = makeHash();
  alone.value.hashInto(hash);
  return hashHex(hash);
})();

function campaign(file: string, good: Uint8Array, seed: number, options: DamageOptions, make: (bytes: Uint8Array) => GuestImage) {
  const prng = makePrng({ seed, stream: 12 });
  const seen = new Map<string, number>();
  for (let round = 0; round < MUTATIONS; round++) {
    const outcome = attempt(make(damage(prng, good, options)), file, round % RUN_EVERY === 0);
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
  }
  return seen;
}

const IMAGE = makeImage();
const kernel = (bytes: Uint8Array, initrd: Uint8Array): GuestImage => ({ kind: 'kernel', name: 'Image', bytes, initrd: { name: 'initrd.cpio', bytes: initrd } });

test('the good kernel sums its RAM disk and shuts down', () => {
  expect(attempt(kernel(IMAGE, INITRD), 'Image', true)).toBe('stopped');
});

test('a thousand damaged programs', () => {
  const good = assembleElf(SUMMER, 'guest.elf', 0x8000_0000);
  const seen = campaign('guest.elf', good, 1, { head: 180, littleEndian: true }, (bytes) => ({ kind: 'elf', name: 'guest.elf', bytes }));
  expect(seen.get('refused')).toBeGreaterThan(300);
  expect(seen.get('laid out')).toBeGreaterThan(100);
}, 300_000);

test('a thousand damaged kernel images', () => {
  const seen = campaign('Image', IMAGE, 2, { head: 128, littleEndian: true }, (bytes) => kernel(bytes, INITRD));
  expect(seen.get('refused')).toBeGreaterThan(200);
  expect(seen.get('stopped')).toBeGreaterThan(3);
}, 300_000);

test('a thousand damaged RAM disks', () => {
  const seen = campaign('initrd.cpio', INITRD, 3, { head: 110 }, (bytes) => kernel(IMAGE, bytes));
  expect(seen.get('refused')).toBeUndefined();
  expect(seen.get('stopped')).toBe(MUTATIONS / RUN_EVERY);
}, 300_000);
