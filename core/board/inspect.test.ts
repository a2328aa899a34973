// Goal: a board's harts, interrupt files, controllers, translations and queues are shown as they are; looking changes nothing.
// Method: a program that gives guest file 2 an enabled, a pending and a threshold and stays in VS mode under both stages; what is shown is
// held against what it wrote; a state saved before looking equals the one after.
import { expect, test } from 'vitest';
import type { HartProfileId } from '../isa/table/index.ts';
import type { AiaChoice } from '../platform/memory-map.ts';
import { assembleElf } from '../testing/bare-metal-program.ts';
import { TWO_STAGE_SOURCE } from '../testing/two-stage-program.ts';
import { compileHostModule } from '../wasm/index.ts';
import { layOutBoot, renderBootError } from './boot-image.ts';
import { deviceFacts, interruptFacts, processorFacts, queueFacts, translationFacts } from './inspect.ts';
import { entropySlot } from './virtio-slots.ts';
import { VirtMachine } from './virt-machine.ts';

const compiled = compileHostModule();

function boot(source: string, profile: HartProfileId, aia: AiaChoice): VirtMachine {
  const options = { ramBytes: 4 * 1024 * 1024, hartCount: 1, profile, aia };
  const image = layOutBoot({ program: { name: 'program', bytes: assembleElf(source, 'program', 0x8000_0000) }, ...options });
  if (!image.ok) throw new Error(renderBootError(image.error));
  return new VirtMachine(image.value, { ...options, compiled, transmit: () => undefined, slots: [entropySlot(1)] });
}

test('a hart with guests: mode, both stages, what an access would set, guest interrupt files with VGEIN', () => {
  const machine = boot(TWO_STAGE_SOURCE, 'rv64gch-sstc-aia', 'aplic-imsic');
  machine.advance(Number.POSITIVE_INFINITY, 400);
  const before = machine.harts.saveHart(0);
  const memory = machine.ram.read(0x8020_0000, 0x8000);
  const processor = processorFacts(machine, 0, 'board');
  expect(processor).toMatchObject({ hart: 'hart 0 of board', privilege: 'VS', virtual: true, state: 'runs' });
  expect(processor.translation.map(({ name, mode, rootAddress }) => `${name} ${mode} ${rootAddress}`)).toEqual(['satp Bare ', 'vsatp Sv39 0x80200000', 'hgatp Sv39x4 0x80204000']);
  const store = translationFacts(machine, 0, 'board', 0x8010_0000n, 'store');
  expect(store.rows.map(({ purpose, guest, physical, second }) => ({ purpose, guest, physical, levels: second.length }))).toEqual([
    { purpose: 'table', guest: '0x80200010', physical: '0x80200010', levels: 1 },
    { purpose: 'update', guest: '0x80200010', physical: '0x80200010', levels: 1 },
    { purpose: 'page', guest: '0x80100000', physical: '0x80100000', levels: 1 },
  ]);
  // The spinning set A already; the store would set D.
  expect(store.rows[0]!.entry).toMatchObject({ stage: 'VS', level: 2, index: 2, flags: '·A··XWRV', sets: 'D', pageBytes: 2 ** 30 });
  expect(store).toMatchObject({ end: { ended: 'translated', pageBytes: 2 ** 30 }, lands: 'page 256 of 1024 of RAM' });
  expect(translationFacts(machine, 0, 'board', 0x4000_0000n, 'load')).toMatchObject({ end: { ended: 'fault', cause: 13, stage: 'VS' }, lands: '' });
  const interrupts = interruptFacts(machine, 0, 'board');
  expect(interrupts.files.map(({ name }) => name)).toEqual(['machine', 'supervisor', 'guest 1', 'guest 2 (hstatus.VGEIN)', 'guest 3']);
  expect(interrupts.files[3]).toEqual({ name: 'guest 2 (hstatus.VGEIN)', delivers: true, threshold: 60, identityCount: 255, pending: [5, 9], enabled: [5, 70], top: 5 });
  expect(interrupts.files[2]).toMatchObject({ delivers: false, pending: [], enabled: [], top: 0 });
  // Its signal is hgeip bit 2, and with VGEIN 2 mip.VSEIP, which hideleg gives to VS.
  expect(interrupts.registers.find(({ name }) => name === 'hgeip')!.value).toBe('0x0000000000000004');
  expect(interrupts.rows.find(({ code }) => code === 10)).toMatchObject({ pending: true, enabled: false, goesTo: 'VS' });
  expect(interrupts.rows.find(({ code }) => code === 9)).toMatchObject({ goesTo: 'M' });
  expect(interrupts.next).toBe('Nothing is both pending and enabled.');
  expect(interrupts.controllers.map(({ name }) => name)).toEqual(['APLIC (machine), sends messages', 'APLIC (supervisor), sends messages']);
  expect(machine.harts.saveHart(0)).toEqual(before);
  expect(machine.ram.read(0x8020_0000, 0x8000)).toEqual(memory);
});

test('machine mode: MIE holds an interrupt up, then lets it through; a PLIC has two contexts a hart', () => {
  const timer = (mie: number) => `
    li   t0, 0x2004000           # mtimecmp is due at once
    sd   zero, 0(t0)
    li   t0, 1 << 7
    csrw mie, t0
    li   t0, ${mie}
    csrs mstatus, t0
1:  j    1b`;
  const masked = boot(timer(0), 'rv64gc', 'none');
  masked.advance(Number.POSITIVE_INFINITY, 100);
  const told = interruptFacts(masked, 0, 'board');
  expect(told.rows.map(({ code }) => code)).toEqual([1, 3, 5, 7, 9, 11]); // none of guests
  expect(told.rows[3]).toMatchObject({ name: 'machine timer interrupt', pending: true, enabled: true, goesTo: 'M' });
  expect(told.next).toBe('What is pending and enabled waits: the mode that would take it has masked its interrupts.');
  expect(told.files).toEqual([]);
  expect(told.noFiles).toContain('no interrupt files');
  expect(told.controllers.map(({ name, contexts }) => [name, contexts.map((it) => it.name)])).toEqual([['PLIC', ['hart 0, M mode', 'hart 0, S mode']]]);
  expect(processorFacts(masked, 0, 'board').status.map(({ name }) => name).slice(0, 3)).toEqual(['MIE', 'MPP', 'MPRV']);
  // Up to the instruction that opens the mask, and not one more.
  const open = boot(timer(8), 'rv64gc', 'none');
  let next = '';
  for (let count = 1; count < 40 && !next.includes('is taken'); count++) {
    open.advance(Number.POSITIVE_INFINITY, count);
    next = interruptFacts(open, 0, 'board').next;
  }
  expect(next).toBe('The machine timer interrupt is taken before the next instruction, to M mode.');
});

test('devices of the bus and queues of slots; in machine mode an address is physical', () => {
  const machine = boot('1: j 1b', 'rv64gc', 'aplic');
  machine.advance(Number.POSITIVE_INFINITY, 20);
  const devices = deviceFacts(machine);
  expect(devices[0]).toMatchObject({ name: 'virtio entropy', slot: 0, source: 1, address: '0x10001000', status: [] });
  expect(devices.map(({ name }) => name)).toEqual(expect.arrayContaining(['serial', 'rtc', 'test', 'aplic (machine)', 'aplic (supervisor)']));
  expect(queueFacts(machine, 0, 0)).toMatchObject({ device: 'entropy', ready: false, size: 8, chains: [], fault: '' });
  expect(queueFacts(machine, 3, 0)).toBeUndefined();
  expect(interruptFacts(machine, 0, 'board').controllers[0]!.contexts.map((it) => it.name)).toEqual(['hart 0']);
  const register = translationFacts(machine, 0, 'board', 0x1000_0005n, 'load');
  expect(register).toMatchObject({ privilege: 'M', registers: [{ name: 'satp', mode: 'Bare' }], lands: 'the device “serial” on the bus, register 0x5' });
  expect(translationFacts(machine, 0, 'board', 0x20n, 'load').lands).toBe('nothing answers: the hart gets an access fault');
  expect(translationFacts(machine, 0, 'board', 1n << 57n, 'load').end).toMatchObject({ ended: 'fault', cause: 5, stage: 'protection' });
});
