/**
 * Runs a bare-metal program on QEMU's virt machine for the makers of golden vectors; tests only. The program ends itself
 * through the test finisher and prints over the 16550 UART.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assemble, renderAssemblyError } from '../assemble.ts';

/** RAM of the virt machine starts here, and with -bios none so does the first instruction, in M mode. */
export const QEMU_ORIGIN = 0x8000_0000;

/** M-mode subroutines that print and end; each uses t0 … t3 and a0 only. */
export const QEMU_RUNTIME = `
print_hex:                       # a0 as 16 digits and a line feed
    li   t0, 0x10000000
    li   t1, 60
1:  srl  t2, a0, t1
    andi t2, t2, 15
    addi t2, t2, '0'
    li   t3, '9'
    ble  t2, t3, 2f
    addi t2, t2, 39
2:  lbu  t3, 5(t0)               # line status, bit 5: ready for a byte
    andi t3, t3, 0x20
    beqz t3, 2b
    sb   t2, 0(t0)
    addi t1, t1, -4
    bgez t1, 1b
    li   t2, 10
3:  lbu  t3, 5(t0)
    andi t3, t3, 0x20
    beqz t3, 3b
    sb   t2, 0(t0)
    ret
finish:                          # ends QEMU
    li   t0, 0x100000
    li   t1, 0x5555
    sw   t1, 0(t0)
1:  j    1b
`;

/** Assembles and runs `source`; gives what it printed, line by line, each a hexadecimal number. */
export function runOnQemu(source: string, name: string): readonly bigint[] {
  const program = assemble(source, { origin: QEMU_ORIGIN, name });
  if (!program.ok) throw new Error(renderAssemblyError(program.error));
  const folder = mkdtempSync(join(tmpdir(), 'vectors-'));
  try {
    const image = join(folder, 'image.bin');
    writeFileSync(image, program.value.bytes);
    const output = execFileSync(
      'qemu-system-riscv64',
      [
        '-machine', 'virt', '-cpu', 'rv64,c=false', '-m', '64M', '-bios', 'none', '-nographic',
        '-monitor', 'none', '-serial', 'stdio', '-device', `loader,file=${image},addr=${QEMU_ORIGIN}`,
      ],
      { encoding: 'utf8', timeout: 60_000, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    return output.trim().split('\n').map((line) => BigInt(`0x${line.trim()}`));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
