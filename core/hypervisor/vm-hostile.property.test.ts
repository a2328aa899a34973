// Goal: nothing that a guest does to the devices of its VM throws, hangs, or reaches another VM of the host. Method: random accesses of all widths
// from a program in S mode, random words and mutated programs as code beside a VM that works; each run twice, in one piece and in pieces.
// Canary: the neighbour's console of a run in which it was made otherwise.
import { expect, test } from 'vitest';
import { makePrng, nextBelow, nextUint32, type Prng } from '../base/index.ts';
import { openDiskBytes } from '../formats/index.ts';
import { cardMac } from '../network/index.ts';
import { DISK_PROGRAM, DISK_PROGRAM_SECTORS } from '../testing/disk-program.ts';
import { ECHO_PROGRAM } from '../testing/echo-program.ts';
import { NET_PROGRAM } from '../testing/net-program.ts';
import { program } from '../testing/bare-metal-program.ts';
import { asSupervisor } from '../testing/supervisor-program.ts';
import { compileHostModule } from '../wasm/index.ts';
import { Host, type VmSpec } from './index.ts';

const compiled = compileHostModule();
const VERIFY = process.env['GLASSHOUSE_VERIFY'] !== undefined;

/** Does what a table of 16 bytes a row says: an address and a value, whose low bits say what: bit 0 stores, bits 1 and 2 the width. */
const POKER = asSupervisor(program('poker', { console: '' }, `
    la   t0, trap
    csrw stvec, t0
    li   s0, 0x80080000          # where the table is written
    li   s1, 400
1:  ld   a0, 0(s0)
    ld   a1, 8(s0)
    addi s0, s0, 16
    addi s1, s1, -1
    beqz s1, pass
    andi a2, a1, 7
    slli a2, a2, 3
    la   a3, kinds
    add  a3, a3, a2
    jr   a3
    .balign 8
kinds:
    lb   a4, 0(a0)
    j    1b
    sb   a1, 0(a0)
    j    1b
    lh   a4, 0(a0)
    j    1b
    sh   a1, 0(a0)
    j    1b
    lw   a4, 0(a0)
    j    1b
    sw   a1, 0(a0)
    j    1b
    ld   a4, 0(a0)
    j    1b
    sd   a1, 0(a0)
    j    1b
    .balign 4
trap:
    csrr t1, sepc
    addi t1, t1, 4
    csrw sepc, t1
    sret
`));
const TABLE_ADDRESS = 0x8008_0000;
const ROWS = 400;

const WINDOWS = [[0x10_0000, 0x1000], [0x10_1000, 0x1000], [0xc00_0000, 0x60_0000], [0x1000_0000, 0x100], [0x1000_1000, 0x8000], [0x2000_0000, 0x1000]] as const;

/** Rows for the poker. */
function makeTable(prng: Prng): Uint8Array {
  const bytes = new Uint8Array(16 * ROWS);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += 16) {
    const [address, size] = WINDOWS[nextBelow(prng, WINDOWS.length)]!;
    const offset = nextBelow(prng, 2) === 0 ? nextBelow(prng, 0x100) : nextBelow(prng, size);
    const value = nextBelow(prng, 3) === 0 ? 0x8000_0000 + nextBelow(prng, 1 << 20) : nextUint32(prng);
    view.setBigUint64(at, BigInt(address + offset), true);
    view.setBigUint64(at + 8, (BigInt(value) & ~7n) | BigInt(nextBelow(prng, 8)), true);
  }
  return bytes;
}

function mutant(prng: Prng, round: number): VmSpec['image'] {
  const from = asSupervisor([DISK_PROGRAM, NET_PROGRAM, ECHO_PROGRAM][nextBelow(prng, 3)]!);
  if (from.kind !== 'elf') throw new Error('programs are ELF files');
  const bytes = from.bytes.slice();
  const first = new DataView(bytes.buffer).getUint16(52, true) + new DataView(bytes.buffer).getUint16(56, true) * 56; // behind the headers
  for (let count = round % 3 === 0 ? 200 : 4; count > 0; count--) {
    bytes[first + nextBelow(prng, Math.min(bytes.length - first, 900))] = nextBelow(prng, 256);
  }
  return { ...from, bytes };
}

function disk() {
  const made = openDiskBytes(new Uint8Array(DISK_PROGRAM_SECTORS * 512), 'disk');
  if (!made.ok) throw new Error(made.error);
  return made.value.image;
}

/** A host with the hostile VM and its neighbour; what both came to. */
function run(image: VmSpec['image'], neighbour: VmSpec['image'], cutNs: number, table: Uint8Array = new Uint8Array(0)) {
  const host = new Host({ id: 0, name: 'h', frameCount: 1_500, processorCount: 2, seed: 1, compiled });
  const devices = (id: number) => ({ disks: [disk()], network: { mac: cardMac(id - 1) }, console: true, entropy: { seed: 1, stream: id }, balloon: true });
  const [hostile, other] = [image, neighbour].map((it, index) => {
    const id = index + 1;
    return host.createVm({ id, name: `v${id}`, image: it, ramBytes: 1 << 20, vcpuCount: 2, profile: 'rv64gc', devices: devices(id) });
  });
  if (other?.ok !== true) throw new Error('the neighbour fits');
  if (hostile?.ok === true) {
    hostile.value.memory.write(TABLE_ADDRESS, table, 'hypervisor');
    hostile.value.type('typed');
  }
  for (const untilNs = 600_000; host.now() < untilNs; ) host.run(Math.min(untilNs, host.now() + cutNs));
  const said = hostile?.ok === true ? hostile.value : undefined;
  return {
    hostile: said === undefined ? 'refused' : `${said.state} ${said.reason} ${said.debugConsole.text()} ${said.vcpus.map((it) => it.instructionCount)}`,
    accesses: said?.snapshot().exits['device'] ?? 0,
    other: `${other.value.state} ${other.value.debugConsole.text()}`,
  };
}

const GOOD = asSupervisor(DISK_PROGRAM);

test('random accesses, random words and mutated programs: the same in pieces, and the neighbour does not notice', () => {
  const prng = makePrng({ seed: 41, stream: 2 });
  const states = new Set<string>();
  let accesses = 0;
  for (let round = 0; round < (VERIFY ? 1_000 : 12); round++) {
    const image = round % 2 === 0 ? POKER : mutant(prng, round);
    const table = makeTable(prng);
    const whole = run(image, GOOD, 1_000_000_000, table);
    expect(run(image, GOOD, 23_333, table)).toEqual(whole);
    expect(whole.other).toBe(`stopped ${DISK_PROGRAM.console}`);
    accesses += whole.accesses;
    states.add(whole.hostile.split(' ')[0]!);
  }
  expect([...states].length).toBeGreaterThan(1);
  expect(accesses).toBeGreaterThan(500);
  expect(run(POKER, asSupervisor(ECHO_PROGRAM), 1_000_000).other).not.toBe(`stopped ${DISK_PROGRAM.console}`); // canary
});
