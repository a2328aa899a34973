// Goal: the inspector shows what is there and changes nothing. Method: known programs are inspected; a digest of all memory and
// registers is taken before and after; nonsense is answered with a sentence.
import { expect, test } from 'vitest';
import { hashBytes, hashHex, makeHash } from '../base/index.ts';
import type { InspectionReply } from '../protocol/inspection.ts';
import type { WalkAccess } from '../protocol/machine-inspection.ts';
import { assembly, makeTestHost, runUntilText } from '../testing/test-host.ts';
import { type Host, inspectVm, type Vm } from './index.ts';

function digest(host: Host, vm: Vm): string {
  const hash = makeHash();
  vm.hashInto(hash);
  hashBytes(hash, host.memory.host.bytes.subarray(host.memory.host.layout.ramAddress));
  return hashHex(hash);
}

function shown<View extends InspectionReply['view']>(reply: InspectionReply, view: View) {
  if (reply.view !== view) throw new Error(`${view} is shown, not ${JSON.stringify(reply)}`);
  return reply as Extract<InspectionReply, { readonly view: View }>;
}

test('registers and disassembly around pc', () => {
  const { host, vm } = makeTestHost({
    image: assembly('start: li a3, 77\n addi a4, a3, -1\nw: wfi\n j w'),
  });
  host.run(1000);
  const before = digest(host, vm);
  const registers = shown(inspectVm(host, { view: 'registers', vm: 1, vcpu: 0 }), 'registers');
  expect(registers.privilege).toBe('VS');
  expect(registers.x[13]).toBe('0x000000000000004d');
  expect(registers.x[14]).toBe('0x000000000000004c');
  expect(registers.pc).toBe('0x000000008000000c');
  expect(registers.csrs.map((csr) => csr.name)).toEqual([
    'sstatus', 'sie', 'stvec', 'scounteren', 'senvcfg', 'sscratch', 'sepc', 'scause', 'stval', 'sip', 'satp',
  ]);
  const code = shown(inspectVm(host, { view: 'disassembly', vm: 1, vcpu: 0, before: 8, after: 0 }), 'disassembly');
  expect(code.lines.map((line) => line.text)).toEqual(['addi a3,zero,77', 'addi a4,a3,-1', 'wfi', expect.stringMatching(/^jal zero,0x80000008/)]);
  expect(code.lines[0]).toMatchObject({ address: '0x0000000080000000', word: '0x04d00693' });
  expect(digest(host, vm)).toBe(before);
});

test('a hart with C and F shows instructions of both lengths and its float registers', () => {
  const { host } = makeTestHost({
    image: assembly('li t0, 0x6000\n csrs sstatus, t0\n c.li a3, 5\n fcvt.d.l fa0, a3\n c.addi a3, 1\nw: wfi\n j w'),
    profile: 'rv64gc',
  });
  host.run(1000);
  const registers = shown(inspectVm(host, { view: 'registers', vm: 1, vcpu: 0 }), 'registers');
  expect(registers.f[10]).toBe('0x4014000000000000');
  expect(registers.csrs.at(-1)).toEqual({ name: 'fcsr', value: '0x0000000000000000' });
  const code = shown(inspectVm(host, { view: 'disassembly', vm: 1, vcpu: 0, before: 4, after: 0 }), 'disassembly');
  expect(code.lines.map((line) => line.text.replace(/ <.*/, ''))).toEqual([
    'c.li a3,5', 'fcvt.d.l fa0,a3', 'c.addi a3,1', 'wfi', expect.stringMatching(/^(c\.j|jal zero,)/),
  ]);
  expect(code.lines.at(-1)?.address).toBe(registers.pc);
});

test('a walk shows every entry of both stages, and where it ends', () => {
  const { host, vm } = makeTestHost({ image: { kind: 'program', name: 'ticker' } });
  expect(runUntilText(host, vm, 'tick 1', 20_000_000)).toBe(true);
  const before = digest(host, vm);
  const walk = (address: string, access: WalkAccess = 'load') =>
    shown(inspectVm(host, { view: 'translation', vm: 1, vcpu: 0, address, access }), 'translation');
  const high = walk('0xffffffc080000123');
  // root, 2 MiB page: two VS entries, each and the page itself behind three G entries
  const told = high.rows.map((row) => [...row.second, ...(row.entry === null ? [] : [row.entry])].map((it) => `${it.stage}${it.level}`).join(' '));
  expect(told).toEqual(['G2 G1 G0 VS2', 'G2 G1 G0 VS1', 'G2 G1 G0']);
  expect(high.rows[1]!.entry).toMatchObject({ flags: 'DA··XWRV', kind: 'leaf', target: '0x80000000', pageBytes: 2 << 20, sets: '', fault: '' });
  expect(high.end).toMatchObject({ ended: 'translated', guest: '0x80000123', pageBytes: 4096 });
  expect(high.lands).toMatch(/^page 0 of 256 of the VM’s memory, in frame \d+ of host test$/);
  expect(high.registers.map(({ name, mode }) => `${name} ${mode}`)).toEqual(['vsatp Sv39', 'hgatp Sv39x4']);
  expect(walk('0x0000123456789000').end).toMatchObject({ ended: 'fault', cause: 13, stage: 'VS', reason: expect.stringContaining('bits 63 to 39') });
  const outside = walk('0xffffffc090000000', 'store');
  expect(outside.end).toMatchObject({ ended: 'fault', cause: 23, name: 'store/AMO guest-page fault', stage: 'G', guest: '0x90000000', implicit: '' });
  expect(outside.lands).toContain('the guest gets an access fault');
  expect(digest(host, vm)).toBe(before);
  for (const bad of ['', 'pc', '0x', '12', '0x11112222333344445']) {
    const reply = shown(inspectVm(host, { view: 'translation', vm: 1, vcpu: 0, address: bad, access: 'load' }), 'none');
    expect(reply.sentence).toContain('is not an address');
  }
});

test('guest memory and exits; what is not there is said', () => {
  const { host, vm } = makeTestHost({ image: assembly('w: wfi\n j w\n .byte 1, 2, 3, 4') });
  host.run(1000);
  const memory = (guestPhysicalAddress: number, byteCount: number) =>
    inspectVm(host, { view: 'guest-memory', vm: 1, guestPhysicalAddress, byteCount });
  expect(shown(memory(0x8000_0008, 4), 'guest-memory')).toMatchObject({ bytes: [1, 2, 3, 4], present: true });
  expect(shown(memory(0x800f_fffc, 8), 'guest-memory')).toMatchObject({ bytes: [], present: false });
  expect(shown(memory(0x1000, 8), 'guest-memory').present).toBe(false);
  expect(shown(memory(0x8000_0000, 70_000), 'none').sentence).toContain('65536');
  expect(shown(memory(0.5, 4), 'none').sentence).toContain('whole address');
  const exits = shown(inspectVm(host, { view: 'exits', vm: 1 }), 'exits');
  expect(exits.causes).toEqual([{ cause: 'Wait for interrupt', count: 1, costNs: 1200 }]);
  expect(shown(inspectVm(host, { view: 'exits', vm: 9 }), 'none').sentence).toBe('VM 9 is not on host test.');
  expect(shown(inspectVm(host, { view: 'registers', vm: 1, vcpu: 5 }), 'none').sentence).toBe('VM guest has no vCPU 5.');
  const absent = inspectVm(host, { view: 'disassembly', vm: 1, vcpu: 0, before: 9e9, after: -5 });
  expect(shown(absent, 'disassembly').lines.length).toBeLessThan(10);
  expect(vm.state).toBe('running');
});
