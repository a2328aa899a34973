/**
 * Test-only: a bare-metal program in our assembler's language with its recorded run, and how it becomes a file. It
 * runs in M mode from the start of RAM; a few subroutines stand behind it.
 */
import { type ElfProgram, writeElf } from '../formats/index.ts';
import { assemble, renderAssemblyError } from '../isa/assemble.ts';

/** A program and its recorded run. */
export interface BareMetalProgram {
  readonly name: string;
  readonly hartCount: number;
  readonly source: string;
  readonly console: string;
  readonly status: number;
  /** Ended by the host-target interface, which QEMU's virt machine does not have. */
  readonly onlyHere?: true;
  /** Interrupt controller of the board; a PLIC when not given. */
  readonly aia?: 'aplic' | 'aplic-imsic';
  /** Guest interrupt files of each hart, which then has the H extension; with interrupt files only. */
  readonly guests?: 3;
}

const ORIGIN = 0x8000_0000;

const PLACES = `
    .equ UART, 0x10000000
    .equ CLINT, 0x02000000
    .equ PLIC, 0x0c000000
`;

/** Subroutines: they use t0 … t3 and a0 … a1. */
const RUNTIME = `
putchar:                         # a0
    li   t0, UART
1:  lbu  t1, 5(t0)
    andi t1, t1, 0x20
    beqz t1, 1b
    sb   a0, 0(t0)
    ret
print:                           # a0: text that ends with 0
    mv   a1, a0
    mv   t3, ra
2:  lbu  a0, 0(a1)
    beqz a0, 3f
    jal  putchar
    addi a1, a1, 1
    j    2b
3:  jr   t3
print_hex:                       # a0 and a line feed
    mv   a1, a0
    mv   t3, ra
    li   t2, 60
4:  srl  a0, a1, t2
    andi a0, a0, 15
    addi a0, a0, '0'
    li   t1, '9'
    ble  a0, t1, 5f
    addi a0, a0, 39
5:  jal  putchar
    addi t2, t2, -4
    bgez t2, 4b
    li   a0, 10
    jal  putchar
    jr   t3
finish:                          # a0: the word for the finisher
    li   t0, 0x100000
    sw   a0, 0(t0)
6:  j    6b
pass:
    li   a0, 0x5555
    j    finish
`;

/** A program from its source: places and subroutines are added. */
export const program = (
  name: string,
  run: { readonly console: string; readonly status?: number; readonly hartCount?: number; readonly onlyHere?: true; readonly aia?: 'aplic' | 'aplic-imsic'; readonly guests?: 3 },
  source: string,
): BareMetalProgram => ({
  name,
  hartCount: run.hartCount ?? 1,
  console: run.console,
  status: run.status ?? 0,
  source: `${PLACES}_start:\n${source}\n${RUNTIME}`,
  ...(run.onlyHere === undefined ? {} : { onlyHere: true }),
  ...(run.aia === undefined ? {} : { aia: run.aia }),
  ...(run.guests === undefined ? {} : { guests: run.guests }),
});

/** A source as an ELF file for harts of profile rv64gc, with its labels. */
export function assembleElf(source: string, name: string, origin: number): Uint8Array {
  const made = assemble(source, { origin, name, profile: 'rv64gc' });
  if (!made.ok) throw new Error(renderAssemblyError(made.error));
  const symbols = [...made.value.symbols].filter(([, address]) => address >= origin).map(([label, address]) => ({ name: label, address }));
  const file: ElfProgram = { entry: origin, segments: [{ physicalAddress: origin, bytes: made.value.bytes }], symbols };
  return writeElf(file);
}

/** The program as an ELF file. */
export function bareMetalElf({ source, name }: Pick<BareMetalProgram, 'source' | 'name'>): Uint8Array {
  return assembleElf(source, name, ORIGIN);
}
