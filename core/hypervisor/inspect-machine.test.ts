// Goal: a VM's mode, interrupts, controller, devices and queues are shown as they are, at every moment, and looking changes nothing.
// Method: the disk and echo programs are looked at between instructions and held against the devices' own state; the same run with and
// without looking has one hash. Canary: a reader that reads a register as a guest
// does is told apart by that hash.
import { expect, test } from 'vitest';
import { hashBytes, hashHex, makeHash } from '../base/index.ts';
import { openDiskBytes } from '../formats/index.ts';
import type { InspectionReply } from '../protocol/inspection.ts';
import { DISK_PROGRAM, DISK_PROGRAM_SECTORS } from '../testing/disk-program.ts';
import { ECHO_PROGRAM } from '../testing/echo-program.ts';
import { asSupervisor, makeDeviceHost, supervisorElf } from '../testing/supervisor-program.ts';
import { assembly, makeTestHost } from '../testing/test-host.ts';
import { type Host, inspectVm, type Vm, type VmDeviceSpec } from './index.ts';

function shown<View extends InspectionReply['view']>(reply: InspectionReply, view: View) {
  if (reply.view !== view) throw new Error(`${view} is shown, not ${JSON.stringify(reply)}`);
  return reply as Extract<InspectionReply, { readonly view: View }>;
}

function diskSpec(): VmDeviceSpec {
  const made = openDiskBytes(new Uint8Array(DISK_PROGRAM_SECTORS * 512), 'disk');
  if (!made.ok) throw new Error(made.error);
  return { disks: [made.value.image], diskLatencyNs: 50_000, entropy: { seed: 1, stream: 0 } };
}

/** Everything that could be asked of a VM. */
function lookAtAll(host: Host): void {
  const at = { vm: 1, vcpu: 0 } as const;
  for (const view of ['registers', 'processor', 'interrupts'] as const) inspectVm(host, { view, ...at });
  for (const address of ['0x80000000', '0x10001000', '0xc201004', '0xffffffffffffffff']) {
    for (const access of ['fetch', 'load', 'store'] as const) inspectVm(host, { view: 'translation', ...at, address, access });
  }
  inspectVm(host, { view: 'devices', vm: 1 });
  for (const slot of [0, 1, 2]) for (const queue of [0, 1]) inspectVm(host, { view: 'queue', vm: 1, slot, queue });
}

function runHash(look: (host: Host, vm: Vm) => void): string {
  const { host, vm } = makeDeviceHost(asSupervisor(DISK_PROGRAM), diskSpec());
  while (host.now() < 3_000_000) {
    host.run(host.now() + 20_000);
    look(host, vm);
  }
  const hash = makeHash();
  vm.hashInto(hash);
  for (let page = 0; page < vm.pageCount; page++) hashBytes(hash, vm.memory.readPage(page)!);
  hashBytes(hash, vm.devices!.saveRecord());
  hashBytes(hash, host.memory.host.bytes.subarray(0x10000, 0x20000)); // the first hart's record and TLBs
  return hashHex(hash);
}

test('looking at everything after every 20 µs changes nothing, not even a TLB', () => {
  const still = runHash(() => undefined);
  expect(runHash(lookAtAll)).toBe(still);
  // Canary: reading a register as a guest does is no looking.
  expect(runHash((_host, vm) => void vm.devices!.read(0xc20_0004, 4, { low: 0, high: 0 }))).not.toBe(still);
});

test('a disk’s queue is seen waiting, in flight and returned, as the device counts it', () => {
  const { host, vm } = makeDeviceHost(asSupervisor(DISK_PROGRAM), diskSpec());
  const places = new Set<string>();
  let seenInFlight = false;
  for (let at = 0; at < 400; at++) {
    host.run(host.now() + 5_000);
    const ring = shown(inspectVm(host, { view: 'queue', vm: 1, slot: 0, queue: 0 }), 'queue');
    const state = vm.devices!.slots[0]!.core.queues[0]!;
    expect([ring.size, ring.nextAvailable, ring.nextUsed, ring.fault]).toEqual([state.size, state.nextAvailable, state.nextUsed, '']);
    for (const chain of ring.chains) {
      places.add(chain.place);
      if (chain.place !== 'in flight') continue;
      seenInFlight = true;
      // A block request: header to read, then data or nothing, then the status byte to write.
      expect(chain.descriptors.at(-1)).toMatchObject({ byteCount: 1, flags: 'WRITE', next: -1 });
      expect(chain.descriptors[0]).toMatchObject({ byteCount: 16, flags: 'NEXT' });
      expect(chain.writableBytes + chain.readableBytes).toBe(chain.descriptors.reduce((sum, it) => sum + it.byteCount, 0));
      expect(chain.descriptors.every((it) => ring.descriptorStates[it.index] === 'f')).toBe(true);
    }
  }
  expect(seenInFlight).toBe(true);
  expect([...places]).toContain('returned');
  const devices = shown(inspectVm(host, { view: 'devices', vm: 1 }), 'devices').devices;
  expect(devices.map(({ name, source }) => `${name} ${source}`)).toEqual(['plic 0', 'serial 10', 'rtc 11', 'test 0', 'virtio block 1', 'virtio entropy 2']);
  expect(devices[4]).toMatchObject({ status: ['acknowledged', 'driver found', 'features agreed', 'driver ready'], failure: '', features: ['version 1'] });
  expect(shown(inspectVm(host, { view: 'queue', vm: 1, slot: 7, queue: 0 }), 'none').sentence).toBe('VM guest has no virtio device in slot 7.');
  expect(shown(inspectVm(host, { view: 'queue', vm: 1, slot: 0, queue: 3 }), 'none').sentence).toBe('virtio block has no queue 3.');
});

test('an address of a device names it, with its register', () => {
  const { host } = makeDeviceHost(asSupervisor(DISK_PROGRAM), diskSpec());
  host.run(10_000);
  const walk = shown(inspectVm(host, { view: 'translation', vm: 1, vcpu: 0, address: '0x10001050', access: 'store' }), 'translation');
  expect(walk.end).toMatchObject({ ended: 'fault', cause: 23, stage: 'G' });
  expect(walk.lands).toBe('the hypervisor answers with the device “virtio block”, register 0x50');
});

test('typed bytes raise the serial port’s source, and the vCPU’s interrupt with it', () => {
  const { host, vm } = makeDeviceHost(asSupervisor(ECHO_PROGRAM), {}, { vcpuCount: 2, processorCount: 2 });
  host.run(2_000_000);
  const look = (vcpu: number) => shown(inspectVm(host, { view: 'interrupts', vm: 1, vcpu }), 'interrupts');
  const quiet = look(1);
  expect(quiet.controllers[0]!.sources.find(({ source }) => source === 10)).toEqual({
    source: 10, name: 'serial port', level: false, pending: false, claimed: false, priority: 1, enabledFor: ['vCPU 1'],
  });
  expect(quiet.rows.map(({ code, pending, enabled, goesTo }) => [code, pending, enabled, goesTo])).toEqual([[1, false, false, 'VS'], [5, false, false, 'VS'], [9, false, true, 'VS']]);
  expect(shown(inspectVm(host, { view: 'processor', vm: 1, vcpu: 1 }), 'processor')).toMatchObject({ privilege: 'VS', virtual: true, state: 'waits for an interrupt (wfi)' });
  vm.type('x');
  const seen: string[] = [];
  for (let step = 0; step < 2_000; step++, host.run(host.now() + 5)) {
    const { rows, controllers } = look(1);
    const serial = controllers[0]!.sources.find(({ source }) => source === 10)!;
    const state = vm.devices!.plic.sourceState(10);
    expect([serial.level, serial.pending, serial.claimed]).toEqual([state.level, state.pending, state.claimed]);
    expect(controllers[0]!.contexts[1]!.signals).toBe(vm.devices!.isExternal(1));
    const what = `${rows[2]!.pending ? 'pending' : '-'} ${serial.pending ? 'source' : '-'} ${serial.claimed ? 'claimed' : '-'}`;
    if (seen.at(-1) !== what) seen.push(what);
  }
  expect(seen).toEqual(expect.arrayContaining(['- source -', '- - claimed']));
  expect(seen.at(-1)).toBe('- - -');
});

test('a guest that never claims: the wire, the source and the vCPU’s interrupt stay pending', () => {
  const { host, vm } = makeDeviceHost(supervisorElf('deaf', `
    li t0, 0x10000000
    li t1, 1
    sb t1, 1(t0)
    li t0, 0xc000000
    sw t1, 40(t0)
    li t1, 0x400
    li t0, 0xc002000
    sw t1, 0(t0)
    li t0, 0x200
    csrs sie, t0
w:  j w
`), {});
  host.run(100_000);
  vm.type('x');
  host.run(200_000);
  const told = shown(inspectVm(host, { view: 'interrupts', vm: 1, vcpu: 0 }), 'interrupts');
  expect(told.rows[2]).toMatchObject({ code: 9, pending: true, enabled: true, source: 'the PLIC' });
  expect(told.next).toBe('The supervisor external interrupt waits: SIE is 0.');
  expect(told.controllers[0]!.contexts[0]).toEqual({ name: 'vCPU 0', threshold: 0, top: 10, signals: true });
  expect(told.registers.find(({ name }) => name === 'hvip')!.value).toBe('0x0000000000000400');
});

test('a VM without devices says so; SIE, a timer and its time are shown', () => {
  const { host } = makeTestHost({ image: assembly('li a7, 0x54494D45\n li a6, 0\n li a0, 100000\n ecall\n li t0, 0x20\n csrs sie, t0\nw: j w') });
  host.run(20_000);
  const early = shown(inspectVm(host, { view: 'interrupts', vm: 1, vcpu: 0 }), 'interrupts');
  expect(early.rows[1]).toMatchObject({ code: 5, pending: false, enabled: true });
  expect(early.rows[1]!.dueNs).toBeGreaterThan(20_000);
  expect([early.next, early.controllers, early.files]).toEqual(['Nothing is both pending and enabled.', [], []]);
  host.run(early.rows[1]!.dueNs + 1_000);
  expect(shown(inspectVm(host, { view: 'interrupts', vm: 1, vcpu: 0 }), 'interrupts').next).toBe('The supervisor timer interrupt waits: SIE is 0.');
  expect(shown(inspectVm(host, { view: 'devices', vm: 1 }), 'devices').devices).toEqual([]);
});
