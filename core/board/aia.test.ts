// Goal: who may reach the AIA's registers, and when they exist. Method: programs that try each register, count the
// illegal ones in their trap handler and tell the count by the finisher's code.
import { expect, test } from 'vitest';
import type { HartProfileId } from '../isa/table/index.ts';
import { assembleElf } from '../testing/bare-metal-program.ts';
import { compileHostModule } from '../wasm/index.ts';
import { layOutBoot, renderBootError } from './boot-image.ts';
import type { AiaChoice } from '../platform/memory-map.ts';
import { VirtMachine } from './virt-machine.ts';

const compiled = compileHostModule();

/** Runs `body` with a handler that counts illegal instructions in s11 and skips them; gives s11 at the end. */
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
    beq  t6, t5, 2f              # the call from U mode that ends it
    li   t5, 2
    bne  t6, t5, 3f
    addi s11, s11, 1
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

test('writes: only the read-only ones are refused', () => {
  const write = (names: readonly string[]) => names.map((name) => `csrw ${name}, zero`).join('\n');
  expect(countIllegal(write(['mvien', 'mvip', 'miselect', 'mtopei', 'siselect', 'stopei']), 'rv64gc-aia', 'aplic-imsic')).toBe(0);
  expect(countIllegal(write(['mtopi', 'stopi']), 'rv64gc-aia', 'aplic-imsic')).toBe(2);
});
