// Goal: device tree blobs are right. Method: our reader and, where installed, dtc read what the builder
// wrote; the reader is given damaged blobs and must answer with a value, never throw.
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  buildDeviceTree,
  cells,
  type DeviceTreeNode,
  empty,
  parseDeviceTree,
  text,
  wideCells,
} from './fdt.ts';

const machine: DeviceTreeNode = {
  name: '',
  properties: [
    cells('#address-cells', 2),
    cells('#size-cells', 2),
    text('compatible', 'glasshouse,vm', 'riscv-virtio'),
    text('model', 'a test'),
  ],
  children: [
    {
      name: 'cpus',
      properties: [cells('#address-cells', 1), cells('#size-cells', 0), cells('timebase-frequency', 10_000_000)],
      children: [
        {
          name: 'cpu@0',
          properties: [text('device_type', 'cpu'), cells('reg', 0), text('riscv,isa', 'rv64ima'), text('mmu-type', 'riscv,sv39')],
          children: [
            {
              name: 'interrupt-controller',
              properties: [cells('#address-cells', 0), cells('#interrupt-cells', 1), empty('interrupt-controller'), text('compatible', 'riscv,cpu-intc'), cells('phandle', 1)],
              children: [],
            },
          ],
        },
      ],
    },
    {
      name: 'memory@80000000',
      properties: [text('device_type', 'memory'), wideCells('reg', 0x8000_0000, 0x1_0000_0000)],
      children: [],
    },
  ],
};

function dtcIsInstalled(): boolean {
  return spawnSync('dtc', ['--version']).status === 0;
}

test('the reader returns the tree that the builder was given', () => {
  const parsed = parseDeviceTree(buildDeviceTree(machine));
  expect(parsed).toEqual({ ok: true, value: machine });
});

test('the header is that of version 17 with an empty reservation list', () => {
  const blob = buildDeviceTree(machine, { bootHart: 3 });
  const view = new DataView(blob.buffer);
  const word = (index: number): number => view.getUint32(index * 4);
  expect([word(0), word(1), word(5), word(6), word(7)]).toEqual([0xd00dfeed, blob.length, 17, 16, 3]);
  expect(word(4) % 8).toBe(0);
  expect(blob.subarray(word(4), word(4) + 16).every((byte) => byte === 0)).toBe(true);
  expect(word(2) + word(9)).toBe(word(3));
});

test('dtc reads the blob without a warning', ({ skip }) => {
  skip(!dtcIsInstalled(), 'dtc is not on PATH; our own reader has checked the blob above');
  const run = spawnSync('dtc', ['-I', 'dtb', '-O', 'dts', '-'], { input: buildDeviceTree(machine) });
  expect(run.stderr.toString()).toBe('');
  const source = run.stdout.toString();
  expect(source).toContain('reg = <0x00 0x80000000 0x01 0x00>');
  // dtc before 1.7 prints the zero between two strings, later ones print them apart.
  expect(source).toMatch(/compatible = "glasshouse,vm(\\0|", ")riscv-virtio"/);
  expect(source).toContain('interrupt-controller;');
});

test('our reader reads what dtc compiles', ({ skip }) => {
  skip(!dtcIsInstalled(), 'dtc is not on PATH');
  const source = '/dts-v1/; /memreserve/ 0x1000 0x2000; / { a = <1 2>; b@1 { reg = <1>; c = "x"; }; };';
  const run = spawnSync('dtc', ['-q', '-I', 'dts', '-O', 'dtb', '-'], { input: source });
  const parsed = parseDeviceTree(new Uint8Array(run.stdout));
  expect(parsed).toEqual({
    ok: true,
    value: {
      name: '',
      properties: [cells('a', 1, 2)],
      children: [{ name: 'b@1', properties: [cells('reg', 1), text('c', 'x')], children: [] }],
    },
  });
});

test('damaged blobs are refused with a value: every truncation, and 3,000 mutations', () => {
  const blob = buildDeviceTree(machine);
  for (let length = 0; length < blob.length; length++) {
    expect(parseDeviceTree(blob.subarray(0, length)).ok).toBe(false);
  }
  const kinds = new Set<string>();
  const mutation = fc.tuple(fc.nat(blob.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
      const damaged = blob.slice();
      for (const [offset, value] of mutations) damaged[offset] = value;
      const parsed = parseDeviceTree(damaged);
      kinds.add(parsed.ok ? 'ok' : parsed.error.kind);
    }),
    { numRuns: 3000, seed: 17 },
  );
  expect(kinds.size).toBeGreaterThan(4); // the campaign reaches several branches
});

test('a tree deeper than any real one is refused, not recursed into', () => {
  const blob = buildDeviceTree({ name: '', properties: [], children: [] });
  const view = new DataView(new ArrayBuffer(56 + 4 * 20_000));
  for (let index = 0; index < 14; index++) view.setUint32(index * 4, new DataView(blob.buffer).getUint32(index * 4));
  view.setUint32(4, view.byteLength);
  view.setUint32(12, view.byteLength);
  view.setUint32(32, 0);
  view.setUint32(36, view.byteLength - 56);
  for (let at = 56; at < view.byteLength; at += 8) view.setUint32(at, 1);
  const parsed = parseDeviceTree(new Uint8Array(view.buffer));
  expect(parsed).toMatchObject({ ok: false, error: { kind: 'too-deep' } });
});
