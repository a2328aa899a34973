// Goal: what a VM boots is a kernel that this machine can start, and one sentence says which file is not and why. Method: headers around each
// check; a thousand mutations of a header give a place inside RAM or a sentence. On the board: core/board/boot-image.test.ts.
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../base/index.ts';
import { Host, vmErrorSentence } from '../hypervisor/index.ts';
import { findKernelFault, renderBootError } from './boot-files.ts';

const MIB = 1024 * 1024;

/** A kernel with a header: jumps over it, then sleeps. */
function makeImage(change: (view: DataView) => void = () => undefined, size = 4096): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x0400_006f, true); // j 64
  view.setBigUint64(8, BigInt(2 * MIB), true);
  view.setBigUint64(16, 0x3000n, true);
  view.setUint32(32, 2, true);
  view.setUint32(56, 0x0543_5352, true);
  for (let at = 64; at < Math.min(size, 4096); at += 4) view.setUint32(at, 0x1050_0073, true); // wfi
  change(view);
  return bytes;
}

test.each([
  ['a gzip file', new Uint8Array(100).fill(0x8b).map((byte, at) => (at === 0 ? 0x1f : byte)), 'a gzip file, which must be unpacked first'],
  ['a text', new TextEncoder().encode('hello'), 'a RISC-V Image was expected, found 5 bytes.'],
  ['another machine', makeImage((view) => view.setUint32(56, 0x644d_5241, true)), 'found 0x644d5241 in place of 0x5435352 at byte 56'],
  ['big endian', makeImage((view) => view.setBigUint64(24, 1n, true)), 'a big-endian kernel'],
  ['a later header', makeImage((view) => view.setUint32(32, 0x1_0000, true)), 'version 1 of the header'],
  ['another offset', makeImage((view) => view.setBigUint64(8, 0x8_0000n, true)), 'a load offset of 524288 in place of 2097152 bytes'],
  ['nothing', new Uint8Array(0), 'the file is empty'],
])('%s is no kernel', (_, bytes, words) => {
  const fault = findKernelFault({ name: 'boot/Image', bytes });
  expect(fault === undefined ? '' : renderBootError(fault)).toContain(words);
  expect(fault === undefined ? '' : renderBootError(fault)).toContain('boot/Image');
});

/** A host's answer to a VM of 16 MiB with a kernel and a RAM disk. */
function boot(bytes: Uint8Array, initrdBytes = 0, ramBytes = 16 * MIB) {
  const host = new Host({ id: 0, name: 'h', frameCount: 5_000, processorCount: 1, seed: 1 });
  const initrd = { name: 'initrd', bytes: new Uint8Array(initrdBytes).fill(7) };
  const image = { kind: 'kernel', name: 'Image', bytes, ...(initrdBytes === 0 ? {} : { initrd }) } as const;
  const made = host.createVm({ id: 1, name: 'web', image, ramBytes, profile: 'rv64gc', devices: {} });
  host.run(10_000);
  return made;
}

test('kernel, RAM disk and tree lie in RAM, or one sentence says what does not', () => {
  const made = boot(makeImage(), 5_000);
  expect(made.ok && made.value.memory.read(0x8020_0000, 4)).toEqual(makeImage().slice(0, 4));
  expect(made.ok && made.value.memory.read(0x80a0_0000, 2)).toEqual(new Uint8Array([7, 7]));
  expect(made.ok && made.value.state).toBe('running');
  const refused = (answer: ReturnType<typeof boot>) => (answer.ok ? '' : vmErrorSentence(answer.error));
  expect(refused(boot(makeImage((view) => view.setBigUint64(16, 2n ** 40n, true))))).toContain('Image: Image takes 1099511627776 bytes');
  expect(refused(boot(makeImage(), 7 * MIB))).toContain('Image: initrd takes 7340032 bytes at 0x80a00000, outside RAM');
  expect(refused(boot(makeImage((view) => view.setBigUint64(16, BigInt(9 * MIB), true)), 4_096))).toContain('Image and initrd overlap');
  expect(refused(boot(makeImage(undefined, 14 * MIB)))).toContain('needs at least');
});

test('a thousand mutations of a header: a VM that runs or a sentence', () => {
  const prng = makePrng({ seed: 5, stream: 1 });
  let refused = 0;
  for (let round = 0; round < 1_000; round++) {
    const bytes = makeImage(undefined, 256);
    for (let count = 1 + nextBelow(prng, 4); count > 0; count--) bytes[nextBelow(prng, 72)] = nextBelow(prng, 256);
    const fault = findKernelFault({ name: 'k', bytes });
    if (fault !== undefined) {
      expect(renderBootError(fault)).toMatch(/^[^\n]+[.]$/);
      refused++;
    } else if (round % 25 === 0) {
      const made = boot(bytes);
      expect(made.ok ? 'runs.' : vmErrorSentence(made.error)).toMatch(/[.]$/);
    }
  }
  expect(refused).toBeGreaterThan(100);
});
