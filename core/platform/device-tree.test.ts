// Goal: software built for QEMU's virt machine finds this board. Method: the tree against QEMU's own (recorded
// facts here, the whole of it where QEMU is installed), and dtc without a complaint where that is installed.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type DeviceTreeNode, parseDeviceTree } from '../formats/index.ts';
import { boardTree, boardTreeBytes } from './device-tree.ts';

const MIB = 1024 * 1024;
const OPTIONS = { ramBytes: 128 * MIB, hartCount: 2, profile: 'rv64gc' } as const;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const find = (node: DeviceTreeNode, path: string): DeviceTreeNode | undefined =>
  path.split('/').filter(Boolean).reduce<DeviceTreeNode | undefined>((at, name) => at?.children.find((child) => child.name === name), node);
const property = (node: DeviceTreeNode, path: string, name: string) =>
  hex(find(node, path)!.properties.find((each) => each.name === name)!.value);

/** Every path with its properties; phandles by the path they lead to, so that their numbers do not matter. */
function describe(root: DeviceTreeNode): Map<string, string> {
  const handles = new Map<number, string>();
  const walk = (node: DeviceTreeNode, path: string, visit: (node: DeviceTreeNode, path: string) => void) => {
    visit(node, path);
    for (const child of node.children) walk(child, `${path}/${child.name}`, visit);
  };
  const cellOf = (bytes: Uint8Array, index: number) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(4 * index);
  walk(root, '', (node, path) => {
    const handle = node.properties.find(({ name }) => name === 'phandle');
    if (handle !== undefined) handles.set(cellOf(handle.value, 0), path);
  });
  const found = new Map<string, string>();
  walk(root, '', (node, path) => {
    for (const { name, value } of node.properties) {
      if (name === 'phandle') continue;
      const cells = Array.from({ length: value.length >> 2 }, (_, index) => cellOf(value, index));
      const refers = ['interrupt-parent', 'regmap', 'cpu', 'riscv,children', 'riscv,delegate', 'msi-parent'].includes(name);
      const shown = refers
        ? [handles.get(cells[0]!), ...cells.slice(1)].join(' ')
        : name === 'interrupt-map'
          ? cells.map((cell, index) => (index % (cells.length / 16) === 4 ? handles.get(cell) : cell)).join(' ')
        : name === 'interrupts-extended'
          ? cells.map((cell, index) => (index % 2 === 0 ? handles.get(cell) : cell)).join(' ')
          : hex(value);
      found.set(`${path}:${name}`, shown ?? '');
    }
  });
  return found;
}

test('places and interrupt numbers are those of the virt machine', () => {
  const root = boardTree(OPTIONS);
  expect(property(root, 'memory@80000000', 'reg')).toBe('00000000800000000000000008000000');
  expect(property(root, 'soc/serial@10000000', 'interrupts')).toBe('0000000a');
  expect(property(root, 'soc/rtc@101000', 'interrupts')).toBe('0000000b');
  expect(property(root, 'soc/virtio_mmio@10008000', 'interrupts')).toBe('00000008');
  expect(property(root, 'soc/plic@c000000', 'riscv,ndev')).toBe('00000060');
  expect(property(root, 'soc/clint@2000000', 'reg')).toBe('00000000020000000000000000010000');
  expect(Buffer.from(property(root, 'chosen', 'stdout-path'), 'hex').toString()).toBe('/soc/serial@10000000\0');
});

test('the blob reads back, with command line and RAM disk when they are given', () => {
  const initrd = { start: 0x8400_0000, end: 0x8400_1234 };
  const blob = boardTreeBytes({ ...OPTIONS, bootArguments: 'console=ttyS0', initrd });
  const parsed = parseDeviceTree(blob);
  if (!parsed.ok) throw new Error('the blob is a device tree');
  expect(property(parsed.value, 'chosen', 'linux,initrd-end')).toBe('0000000084001234');
  expect(property(parsed.value, 'chosen', 'bootargs')).toBe(Buffer.from('console=ttyS0\0').toString('hex'));
});

const dtc = spawnSync('dtc', ['--version']).status === 0;
test.skipIf(!dtc)(`dtc reads it without a complaint${dtc ? '' : ' (left out: dtc, Debian package device-tree-compiler, is not installed)'}`, () => {
  for (const hartCount of [1, 2, 8]) {
    const done = spawnSync('dtc', ['-I', 'dtb', '-O', 'dts', '-'], { input: boardTreeBytes({ ...OPTIONS, hartCount }) });
    expect([done.status, done.stderr.toString()]).toEqual([0, '']);
  }
});

const qemu = spawnSync('qemu-system-riscv64', ['--version']).status === 0;
test.skipIf(!qemu).each([['none', 0], ['aplic', 0], ['aplic-imsic', 0], ['aplic-imsic', 3]] as const)(`aia=%s, %i guest interrupt files a hart: every node of it is QEMU's, property by property${qemu ? '' : ' (left out: qemu-system-riscv64, Debian package qemu-system-misc, is not installed)'}`, (aia, guests) => {
  const folder = mkdtempSync(join(tmpdir(), 'glasshouse-tree-'));
  try {
    const file = join(folder, 'virt.dtb');
    execFileSync('qemu-system-riscv64', ['-M', `virt,aia=${aia}${guests === 0 ? '' : `,aia-guests=${guests}`},dumpdtb=${file}`, '-display', 'none', '-m', '128M', '-smp', '2'], { stdio: 'ignore' });
    const theirs = parseDeviceTree(new Uint8Array(readFileSync(file)));
    if (!theirs.ok) throw new Error("QEMU's blob is a device tree");
    const [ours, known] = [describe(boardTree({ ...OPTIONS, ...(guests === 0 ? {} : { profile: 'rv64gch-sstc-aia' as const }), aia })), describe(theirs.value)];
    // What the harts can do differs, and the PCIe bridge has no I/O and no 64-bit window; newer bindings come on top; QEMU writes no empty command line.
    const own = /:(riscv,isa(-base|-extensions)?|mmu-type|bootargs|ranges)$|interrupt-controller:#address-cells$/;
    for (const [where, value] of ours) if (!own.test(where)) expect(known.get(where), where).toBe(value);
    // And nothing of QEMU's is missing but the devices that the board does not have.
    const absent = /^\/(pmu|fw-cfg@|flash@|platform-bus@)|:rng-seed$|\/pci@30000000:msi-parent$/;
    for (const where of known.keys()) if (!absent.test(where) && !own.test(where)) expect(ours.has(where), where).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
