/**
 * Test-only: a program for a board whose harts have guest interrupt files (QEMU's `aia-guests=3`); see
 * bare-metal-programs.ts. M mode sends itself messages for guests 1 and 2, then runs a guest that takes and claims one.
 */
import { type BareMetalProgram, program } from './bare-metal-program.ts';

/** Prints what `instruction` leaves in a0. */
const show = (...instructions: readonly string[]) => `${instructions.join('\n')}\njal print_hex\n`;
const csr = (name: string, value: string) => `li t0, ${value}\ncsrw ${name}, t0\n`;
const window = (select: string, value: string) => csr('vsiselect', select) + csr('vsireg', value);
const vgein = (guest: number) => `li t0, 3 << 12\ncsrc hstatus, t0\nli t0, ${guest} << 12\ncsrs hstatus, t0\n`;
/** Runs the guest's code at `label` in VS mode; goes on at its ecall. */
const enter = (label: string) => `
    la   t0, ${label}
    csrw mepc, t0
    li   t0, 1 << 11
    csrs mstatus, t0
    li   t0, 1 << 39
    csrs mstatus, t0
    la   s0, 1f
    mret
    .balign 4
1:
`;
/** The cause of the trap, printed, that one instruction of the guest's raises; 10 when it raises none. */
const attempt = (name: string, instruction: string) => ({ name, code: `.balign 4\n${name}: ${instruction}\n ecall\n` });

const ATTEMPTS = [
  attempt('priority', 'csrr a0, sireg'), //  with 0x30 in vsiselect
  attempt('delivery', 'csrr a0, sireg'), //  with 0x70
  attempt('odd', 'csrr a0, sireg'), //       with 0x81
  attempt('direct', 'csrr a0, vsireg'),
  attempt('top', 'csrr a0, stopei'),
  attempt('pending', 'csrr a0, sip'),
  attempt('enabled', 'csrw sie, zero'),
  attempt('first', 'csrr a0, stopi'),
];
const tried = (name: string, before = '') => `${before}li s7, 0\n${enter(name)} mv a0, s7\n jal print_hex\n`;

const LINES = [
  '000000000000000e', // hgeie: three guests
  '0000000000000080', // message 7 waits in guest 2's file
  '0000000000000004', // hgeip
  '0000000000000400', // VSEIP by VGEIN = 2
  '0000000000001400', // SGEIP by hgeie
  '0000000000070007', // vstopei
  '0000000000000200', // vsie
  '0000000000090001', // vstopi
  '0000000000001000', // VGEIN = 1: SGEIP alone
  '0000000000000000',
  '0000000000000006', // guest 1 has a message, too
  '0000000000090001',
  '00000000000d0001', // hvictl injects 13, of higher order than an external interrupt
  '00000000000d0005', // priority 5 goes before identity 7
  '0000000000090007', // and 9 behind it
  '00000000000d0009', // alone, external being off
  '0000000000000000', // IID 9: nothing is injected
  '8000000000000009', // the guest: scause, stopi, stopei
  '0000000000090001',
  '0000000000070007',
  '0000000000000002', // the message has been claimed
  // What the guest may not do, by cause.
  '0000000000000016', // a priority array: the hypervisor's to make up
  '000000000000000a', // the file's delivery register
  '0000000000000016', // an odd one
  '0000000000000016', // vsireg by its own number
  '000000000000000a', // stopei
  '0000000000000016', // both without a file
  '0000000000000016',
  '000000000000000a', // sip, sie, stopi
  '000000000000000a',
  '000000000000000a',
  '0000000000000016', // with VTI: not sip, sie; stopi still
  '0000000000000016',
  '000000000000000a',
];

export const GUEST_FILE_PROGRAM: BareMetalProgram = program(
  'messages to guest interrupt files',
  { aia: 'aplic-imsic', guests: 3, console: LINES.map((line) => `${line}\n`).join('') },
  `
    la   t0, trap
    csrw mtvec, t0
    li   t0, -1
    csrw pmpaddr0, t0
    csrwi pmpcfg0, 0x1f
    csrw mideleg, zero           # QEMU 7.2 sets the read-only ones with the first write
    ${csr('hgeie', '-1')}
    ${show('csrr a0, hgeie')}
    csrw hgeie, zero
    ${vgein(2)}
    li   s1, 0x28002000          # the doorbell of guest 2
    li   t0, 7
    sw   t0, 0(s1)
    ${csr('vsiselect', '0x80')}
    ${show('csrr a0, vsireg')}
    ${window('0xc0', '0x82')}
    ${window('0x70', '1')}
    ${show('csrr a0, hgeip')}
    ${show('csrr a0, hip', 'li t0, 0x1400', 'and a0, a0, t0')}
    ${csr('hgeie', '4')}
    ${show('csrr a0, hip', 'li t0, 0x1400', 'and a0, a0, t0')}
    ${show('csrr a0, vstopei')}
    ${csr('hideleg', '0x444')}
    ${csr('vsie', '0x200')}
    ${show('csrr a0, vsie')}
    ${show('csrr a0, vstopi')}
    ${vgein(1)}
    ${show('csrr a0, hip', 'li t0, 0x1400', 'and a0, a0, t0')}
    ${show('csrr a0, vstopi')}
    ${window('0xc0', '0x20')}
    ${window('0x70', '1')}
    li   s2, 0x28001000
    li   t0, 5
    sw   t0, 0(s2)
    ${show('csrr a0, hgeip')}
    ${show('csrr a0, vstopi')}
    ${vgein(2)}
    ${csr('hvictl', '(1 << 30) | (13 << 16)')}
    ${show('csrr a0, vstopi')}
    ${csr('hvictl', '(1 << 30) | (13 << 16) | 0x105')}
    ${show('csrr a0, vstopi')}
    ${csr('hvictl', '(1 << 30) | (13 << 16) | 0x109')}
    ${show('csrr a0, vstopi')}
    csrw vsie, zero
    ${show('csrr a0, vstopi')}
    ${csr('hvictl', '(1 << 30) | (9 << 16)')}
    ${show('csrr a0, vstopi')}
    csrw hvictl, zero
    # the guest takes it
    la   t0, handler
    csrw vstvec, t0
    ${enter('guest')}
    ${show('mv a0, s4')}
    ${show('mv a0, s5')}
    ${show('mv a0, s6')}
    ${show('csrr a0, hgeip')}
    csrw vsstatus, zero
    ${tried('priority', csr('vsiselect', '0x30'))}
    ${tried('delivery', csr('vsiselect', '0x70'))}
    ${tried('odd', csr('vsiselect', '0x81'))}
    ${tried('direct', csr('vsiselect', '0x70'))}
    ${tried('top')}
    ${vgein(0)}
    ${tried('delivery')}
    ${tried('top')}
    ${tried('pending')}
    ${tried('enabled')}
    ${tried('first')}
    ${csr('hvictl', '(1 << 30) | (9 << 16)')}
    ${tried('pending')}
    ${tried('enabled')}
    ${tried('first')}
    j    pass
    .balign 4
guest:
    li   t0, 0x200
    csrw sie, t0
    csrsi sstatus, 2
1:  j    1b
    .balign 4
handler:
    csrr s4, scause
    csrr s5, stopi
    csrrw s6, stopei, zero
    ecall
    ${ATTEMPTS.map(({ code }) => code).join('')}
    .balign 4
trap:
    csrr t0, mcause
    bnez s7, 2f
    mv   s7, t0
2:  li   t1, 1 << 39
    csrc mstatus, t1
    li   t1, 3 << 11
    csrs mstatus, t1
    csrw mepc, s0
    mret
`,
);

/** The serial port's interrupt, through the supervisor's domain of the APLIC, as a message to guest 2's file. */
export const GUEST_DEVICE_PROGRAM: BareMetalProgram = program(
  'a device sends messages to a guest interrupt file',
  { aia: 'aplic-imsic', guests: 3, console: ['0000000000000000', '0000000000000800', '00000000000b000b', '0000000000000004', '00000000000b000b', '0000000000000000'].map((line) => `${line}\n`).join('') },
  `
    .equ LEAF, 0x0d000000
    li   s0, PLIC                # the root lies in the PLIC's place
    li   t1, PLIC + 0x1bc8
    li   t0, 0x28000
    sw   t0, 0(t1)               # base page of the supervisors' files
    li   t0, 2 << 20
    sw   t0, 4(t1)               # four pages a hart
    li   t0, 0x400
    sw   t0, 40(s0)              # source 10 to the child
    li   s1, LEAF
    li   t0, 6
    sw   t0, 40(s1)              # level, active high
    li   t1, LEAF + 0x3000
    li   t0, (2 << 12) | 11
    sw   t0, 40(t1)              # hart 0, guest 2, identity 11
    li   t1, LEAF + 0x1edc
    li   t0, 10
    sw   t0, 0(t1)
    li   t0, 0x100
    sw   t0, 0(s1)
    ${vgein(2)}
    ${window('0xc0', '0x800')}
    ${window('0x70', '1')}
    ${csr('vsiselect', '0x80')}
    ${show('csrr a0, vsireg')}
    li   s6, UART
    li   t0, 2
    sb   t0, 1(s6)               # its transmitter is empty: the line rises
    csrr s4, vsireg
    csrr s5, vstopei
    csrr s7, hgeip
    sb   zero, 1(s6)
    ${show('mv a0, s4')}
    ${show('mv a0, s5')}
    ${show('mv a0, s7')}
    ${show('csrrw a0, vstopei, zero')}
    ${show('csrr a0, hgeip')}
    j    pass
`,
);
