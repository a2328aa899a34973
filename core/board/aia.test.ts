// Goal: who may reach the AIA's registers, and when they exist. Method: programs that try each register, count the
// illegal ones in their trap handler and tell the count by the finisher's code.
import { expect, test } from 'vitest';
import { getProfile, type HartProfileId } from '../isa/table/index.ts';
import { GUEST_EXTERNAL_COUNT } from '../machine/index.ts';
import { assembleElf } from '../testing/bare-metal-program.ts';
import { compileHostModule } from '../wasm/index.ts';
import { layOutBoot, renderBootError } from './boot-image.ts';
import { type AiaChoice, guestFileCountOf, guestIndexBits } from '../platform/memory-map.ts';
import { VirtMachine } from './virt-machine.ts';

const compiled = compileHostModule();

/** Runs `body` with a handler that counts illegal instructions in s11, virtual ones as 16, and skips them; gives s11 at the end. */
function countIllegal(body: string, profile: HartProfileId, aia: AiaChoice): number {
  const source = `
    la   t0, handler
    csrw mtvec, t0
    li   s11, 0
    ${body}
end:
    slli s11, s11, 16
    li   t0, 0x3333
    or   s11, s11, t0
    li   t0, 0x100000
    sw   s11, 0(t0)
1:  j    1b
    .balign 4
handler:
    csrr t6, mcause
    li   t5, 8
    beq  t6, t5, 2f              # the call from U or VS mode that ends it
    li   t5, 10
    beq  t6, t5, 2f
    li   t4, 16
    li   t5, 22
    beq  t6, t5, 4f
    li   t4, 1
    li   t5, 2
    bne  t6, t5, 3f
4:  add  s11, s11, t4
    csrr t6, mepc
    addi t6, t6, 4
    csrw mepc, t6
    mret
2:  j    end
3:  li   s11, 999
    j    end`;
  const options = { ramBytes: 1024 * 1024, hartCount: 1, profile, aia };
  const image = layOutBoot({ program: { name: 'aia', bytes: assembleElf(source, 'aia', 0x8000_0000) }, ...options });
  if (!image.ok) throw new Error(renderBootError(image.error));
  const machine = new VirtMachine(image.value, { ...options, compiled, transmit: () => undefined });
  expect(machine.advance(Number.POSITIVE_INFINITY, 100_000)).toBe('ended');
  return machine.ended()!.code;
}

const GUESTS = 'rv64gch-sstc-aia';
const MACHINE = ['mvien', 'mvip', 'miselect', 'mtopei', 'mtopi'];
const SUPERVISOR = ['siselect', 'stopei', 'stopi'];
const readAll = (names: readonly string[]) => names.map((name) => `csrr a0, ${name}`).join('\n');
const window = (select: number, level: 'm' | 's') => `li a1, ${select}\ncsrw ${level}iselect, a1\ncsrr a0, ${level}ireg`;
const toMode = (mpp: number, then: string) => `
    li   t0, -1
    csrw pmpaddr0, t0
    li   t0, 0x1f
    csrw pmpcfg0, t0
    li   t0, 3 << 11
    csrc mstatus, t0
    li   t0, ${mpp} << 11
    csrs mstatus, t0
    la   t0, 9f
    csrw mepc, t0
    mret
9:  ${then}
    ecall`;

test('harts without the extension have none of the registers', () => {
  expect(countIllegal(readAll([...MACHINE, ...SUPERVISOR, 'mireg', 'sireg']), 'rv64gc', 'aplic-imsic')).toBe(10);
});

test('with interrupt files all are there; without them no top external interrupt', () => {
  expect(countIllegal(readAll([...MACHINE, ...SUPERVISOR]), 'rv64gc-aia', 'aplic-imsic')).toBe(0);
  expect(countIllegal(readAll([...MACHINE, ...SUPERVISOR]), 'rv64gc-aia', 'aplic')).toBe(2);
});

test.each(['m', 's'] as const)('the %s window: priorities at even numbers are zeros, the file from 0x70, all else is illegal', (level) => {
  for (const [select, illegal] of [[0, 1], [0x2f, 1], [0x30, 0], [0x31, 1], [0x3e, 0], [0x40, 1], [0x6f, 1], [0x70, 0], [0x71, 0], [0x7f, 0], [0x80, 0], [0x81, 1], [0xbe, 0], [0xc0, 0], [0xff, 1]] as const) {
    expect(countIllegal(window(select, level), 'rv64gc-aia', 'aplic-imsic'), `0x${select.toString(16)}`).toBe(illegal);
  }
  expect(countIllegal(window(0x70, level), 'rv64gc-aia', 'aplic')).toBe(1);
});

test('user mode reaches nothing', () => {
  expect(countIllegal(toMode(0, readAll([...MACHINE, ...SUPERVISOR])), 'rv64gc-aia', 'aplic-imsic')).toBe(8);
});

/** hstatus.VGEIN ← `vgein`, then `then` in VS mode. */
const inGuest = (vgein: number, then: string) => `
    li   t0, ${vgein} << 12
    csrw hstatus, t0
    li   t0, 1 << 39
    csrs mstatus, t0
    ${toMode(1, then)}`;
const guestWindow = (select: number) => `li a1, ${select}\ncsrw siselect, a1\ncsrr a0, sireg`;
const HYPERVISOR = ['hvien', 'hvictl', 'hviprio1', 'hviprio2', 'vsiselect', 'vstopi', 'hgeie', 'hgeip'];

test('as many guest interrupt files as the hart has guest external interrupts', () => {
  expect(guestFileCountOf(getProfile(GUESTS).extensions)).toBe(GUEST_EXTERNAL_COUNT);
  expect(guestFileCountOf(getProfile('rv64gch-sstc').extensions)).toBe(0);
  expect([0, 1, 2, 3, 4, 63].map(guestIndexBits)).toEqual([0, 1, 2, 2, 3, 6]);
});

test('the registers for guests exist with H and the AIA; those of the file while VGEIN names one (AIA 1.0 §2.3)', () => {
  expect(countIllegal(readAll([...HYPERVISOR, 'vsireg', 'vstopei']), 'rv64gc-aia', 'aplic-imsic')).toBe(10);
  expect(countIllegal(readAll(HYPERVISOR), GUESTS, 'aplic-imsic')).toBe(0);
  const top = (vgein: number) => `li t0, ${vgein} << 12\ncsrw hstatus, t0\ncsrr a0, vstopei`;
  expect([0, 1, 2, 3].map((vgein) => countIllegal(top(vgein), GUESTS, 'aplic-imsic'))).toEqual([1, 0, 0, 0]);
  expect(countIllegal(top(1), GUESTS, 'aplic')).toBe(1);
});

test('from a guest: what its hypervisor may make up is a virtual instruction, what is reserved an illegal one (AIA 1.0 §2.3)', () => {
  const cases = [[0x2f, 1, 1], [0x30, 16, 16], [0x31, 16, 16], [0x3f, 16, 16], [0x40, 1, 1], [0x6f, 1, 1], [0x70, 0, 16], [0x72, 0, 16], [0x73, 0, 16],
    [0x80, 0, 16], [0x81, 16, 16], [0xbe, 0, 16], [0xff, 16, 16], [0x100, 1, 1], [0x1ff, 1, 1]] as const;
  for (const [select, chosen, unchosen] of cases) {
    const what = `0x${select.toString(16)}`;
    expect(countIllegal(inGuest(3, guestWindow(select)), GUESTS, 'aplic-imsic'), what).toBe(chosen);
    expect(countIllegal(inGuest(0, guestWindow(select)), GUESTS, 'aplic-imsic'), what).toBe(unchosen);
  }
  expect(countIllegal(inGuest(1, readAll(['stopei', 'stopi', 'siselect'])), GUESTS, 'aplic-imsic')).toBe(0);
  expect(countIllegal(inGuest(0, readAll(['stopei', 'stopi', 'siselect'])), GUESTS, 'aplic-imsic')).toBe(16);
  expect(countIllegal(inGuest(1, readAll([...HYPERVISOR, 'vsireg', 'vstopei'])), GUESTS, 'aplic-imsic')).toBe(16 * 10);
  expect(countIllegal(inGuest(1, readAll(MACHINE)), GUESTS, 'aplic-imsic')).toBe(5);
});

test('vsip shows what the chosen file signals, hvip only what the hypervisor wrote (H, hgeip and hvip)', () => {
  // s11 gathers vsip.SEIP, hvip.VSEIP and hip.SGEIP one after the other.
  const look = `csrr a0, vsip
    srli a0, a0, 9
    andi s11, a0, 1
    csrr a0, hvip
    srli a0, a0, 9
    andi a0, a0, 2
    or   s11, s11, a0
    csrr a0, hip
    srli a0, a0, 10
    andi a0, a0, 4
    or   s11, s11, a0`;
  const told = (vgein: number, hgeie: number) => countIllegal(`
    li   t0, 0x400
    csrw hideleg, t0
    li   t0, 2 << 12
    csrw hstatus, t0
    li   t0, 0xc0
    csrw vsiselect, t0
    li   t0, 0x80
    csrw vsireg, t0
    li   t0, 0x70
    csrw vsiselect, t0
    csrwi vsireg, 1
    li   t0, 0x28002000
    li   t1, 7
    sw   t1, 0(t0)
    li   t0, ${vgein} << 12
    csrw hstatus, t0
    csrwi hgeie, ${hgeie}
    ${look}`, GUESTS, 'aplic-imsic');
  expect([told(2, 4), told(2, 2), told(1, 4), told(0, 0)]).toEqual([5, 1, 4, 0]);
});

test('writes: only the read-only ones are refused', () => {
  const write = (names: readonly string[]) => names.map((name) => `csrw ${name}, zero`).join('\n');
  expect(countIllegal(write(['mvien', 'mvip', 'miselect', 'mtopei', 'siselect', 'stopei']), 'rv64gc-aia', 'aplic-imsic')).toBe(0);
  expect(countIllegal(write(['mtopi', 'stopi']), 'rv64gc-aia', 'aplic-imsic')).toBe(2);
});
