// Goal: a bare-metal hart starts in M mode, delegates, returns, reaches devices, and takes interrupts exactly behind the
// instruction that lets them in, however a run is cut. Method: small programs of our assembler with known ends.
import { expect, test } from 'vitest';
import { exitReason } from '../../protocol/host-memory-layout.ts';
import { makeSmallMachine, type SmallMachine } from '../../testing/small-machine.ts';

const OPEN_PMP = `li t0, -1
  csrw pmpaddr0, t0
  li t0, 0x1f
  csrw pmpcfg0, t0`;

/** Runs until `j .` or so many instructions. */
function runTo(small: SmallMachine, budget = 2000): SmallMachine {
  small.run(budget);
  return small;
}

test('M delegates to S, S returns to U, and each trap finds its mode', () => {
  const { machine } = runTo(
    makeSmallMachine({
      source: `${OPEN_PMP}
        la t0, machine_trap
        csrw mtvec, t0
        la t0, supervisor_trap
        csrw stvec, t0
        li t0, 0x100        # ecall from U goes to S
        csrw medeleg, t0
        li t0, 0x800
        csrw mstatus, t0
        la t0, supervisor
        csrw mepc, t0
        mret
        supervisor: la t0, user
        csrw sepc, t0
        csrwi sstatus, 0
        sret
        user: li s0, 7
        ecall
        supervisor_trap: csrr s1, scause
        csrr s2, sepc
        ecall
        machine_trap: csrr s3, mcause
        csrr s4, mstatus
        end: j end`,
    }),
  );
  expect(machine.readRegister(0, 8)).toBe(7n);
  expect(machine.readRegister(0, 9)).toBe(8n);
  expect(machine.readRegister(0, 19)).toBe(9n);
  expect((machine.readRegister(0, 20) >> 11n) & 3n).toBe(1n);
  expect(machine.mode(0)).toEqual({ privilege: 3, isVirtual: false });
  expect(machine.trapCounts(0).exception.slice(8, 10)).toEqual([1, 1]);
});

test('without a PMP entry U and S may nothing, M everything; a locked entry binds M, too', () => {
  const { machine } = runTo(
    makeSmallMachine({
      source: `la t0, trap
        csrw mtvec, t0
        li t0, 0x20000400     # NAPOT, 8 KiB at 0x80001000 & ~0x1fff = 0x80000000
        li t0, 0x200007ff     # 16 KiB from 0x80000000
        la s5, next
        csrw mepc, s5
        csrwi mstatus, 0
        mret
        next: nop
        trap: csrr s0, mcause
        csrr s1, mtval
        la t0, locked
        csrw mtvec, t0
        li t0, 0x20002000
        csrw pmpaddr1, t0     # from 0 to 0x80008000, but pmpaddr0 is 0: TOR
        li t0, 0x8d00         # locked, TOR, R X
        csrw pmpcfg0, t0
        la s2, trap
        sd s2, 0(s2)
        .balign 4
        locked: csrr s3, mcause
        csrr s4, mtval
        end: j end`,
    }),
  );
  expect(machine.readRegister(0, 8)).toBe(1n);
  expect(machine.readRegister(0, 9)).toBe(machine.readRegister(0, 21));
  expect(machine.readRegister(0, 19)).toBe(7n);
  expect(machine.readRegister(0, 20)).toBe(machine.readRegister(0, 18));
});

test('protection that M changes holds for the next access of S, cached or not', () => {
  const { machine } = runTo(
    makeSmallMachine({
      source: `${OPEN_PMP}
        la t0, machine_trap
        csrw mtvec, t0
        li t0, 0x800
        csrw mstatus, t0
        la t0, supervisor
        csrw mepc, t0
        mret
        supervisor: li s0, 0x80008000
        ld s1, 0(s0)
        ld s1, 0(s0)
        ecall
        ld s1, 0(s0)
        .balign 4
        machine_trap: csrr s2, mcause
        li t1, 9
        bne s2, t1, done
        li t0, 0x20002000     # TOR: all below 0x80008000
        csrw pmpaddr0, t0
        li t0, 0x0f
        csrw pmpcfg0, t0
        csrr t0, mepc
        addi t0, t0, 4
        csrw mepc, t0
        mret
        done: j done`,
    }),
  );
  expect(machine.readRegister(0, 18)).toBe(5n);
  expect(machine.readCsr(0, 0x343)).toBe(0x8000_8000n);
});

test('what S writes to satp holds for the next access', () => {
  const { machine } = runTo(
    makeSmallMachine({
      source: `${OPEN_PMP}
        la t0, trap
        csrw mtvec, t0
        li t0, 0x80004000     # two roots: RAM by a 1 GiB page, with and without W
        li t1, 0x200000cf
        sd t1, 16(t0)
        li t0, 0x80005000
        li t1, 0x200000cb
        sd t1, 16(t0)
        li t0, 0x800
        csrw mstatus, t0
        la t0, supervisor
        csrw mepc, t0
        mret
        supervisor: li t2, 8
        slli t2, t2, 60
        li t0, 0x80004
        or t0, t0, t2
        csrw satp, t0
        li s0, 0x80008000
        sd s0, 0(s0)
        sd s0, 0(s0)
        li t0, 0x80005
        or t0, t0, t2
        csrw satp, t0
        sd s0, 8(s0)
        .balign 4
        trap: j trap`,
    }),
  );
  expect(machine.readCsr(0, 0x342)).toBe(15n);
  expect(machine.readCsr(0, 0x343)).toBe(0x8000_8008n);
});

test('devices answer loads and stores of every width; where nobody lives is an access fault', () => {
  const small = makeSmallMachine({
    source: `la t0, trap
      csrw mtvec, t0
      li s0, 0x10000000
      lb s1, 1(s0)
      lbu s2, 1(s0)
      lw s3, 4(s0)
      ld s4, 8(s0)
      sb s1, 3(s0)
      sd s4, 16(s0)
      c.lw a2, 4(s0)
      lw a3, 0x100(s0)
      .balign 4
      trap: csrr s5, mcause
      csrr s6, mtval
      end: j end`,
  });
  const seen: string[] = [];
  small.device = {
    load(_hart, address, byteCount) {
      if (address >= 0x1000_0100) return undefined;
      return byteCount === 1 ? { low: 0x1ff, high: 0 } : { low: -2, high: 5 };
    },
    store(_hart, address, byteCount, { low, high }) {
      seen.push(`${address.toString(16)} ${byteCount} ${low >>> 0} ${high}`);
      return true;
    },
  };
  const { machine } = runTo(small);
  expect([9, 18, 19, 20, 12].map((each) => BigInt.asIntN(64, machine.readRegister(0, each)))).toEqual([
    -1n, 255n, -2n, 0x5_ffff_fffen, -2n,
  ]);
  expect(seen).toEqual(['10000003 1 255 0', '10000010 8 4294967294 5']);
  expect([machine.readRegister(0, 21), machine.readRegister(0, 22)]).toEqual([5n, 0x1000_0100n]);
});

/** A store raises a line, a load raises another; the handler notes mepc. */
const RAISING = `la t0, handler
  csrw mtvec, t0
  li t0, 0x888
  csrw mie, t0
  csrwi mstatus, 8
  li s0, 0x10000000
  sw x0, 0(s0)
  first: addi s1, s1, 1
  csrsi mstatus, 8
  c.lw a0, 0(s0)
  second: addi s1, s1, 1
  end: j end
  .balign 4
  handler: csrr t1, mepc
  csrr t2, mcause
  la t3, first
  la t4, second
  bne t1, t3, 1f
  addi s2, s2, 1
1: bne t1, t4, 2f
  addi s3, s3, 1
2: sw x0, 4(s0)
  mret`;

function raising(): SmallMachine {
  const small = makeSmallMachine({ source: RAISING });
  small.device = {
    load() {
      small.machine.setInterrupt(0, 7, true);
      return { low: 3, high: 0 };
    },
    store(_hart, address) {
      if (address === 0x1000_0000) small.machine.setInterrupt(0, 3, true);
      else for (const line of [3, 7]) small.machine.setInterrupt(0, line, false);
      return true;
    },
  };
  return small;
}

test('an interrupt that a device raises is taken right behind the access, wherever the run is cut', () => {
  const whole = raising();
  whole.run(200);
  expect([9, 18, 19, 10].map((each) => whole.machine.readRegister(0, each))).toEqual([2n, 1n, 1n, 3n]);
  for (const step of [1, 2, 3, 7]) {
    const cut = raising();
    for (let done = 0; done < 200; done += step) cut.run(Math.min(step, 200 - done));
    expect(cut.machine.saveHart(0)).toEqual(whole.machine.saveHart(0));
  }
});

test('wfi waits for a line, wakes when it is enabled, and a device may end the run at once', () => {
  const small = makeSmallMachine({
    source: `li t0, 0x80
      csrw mie, t0
      wfi
      li s1, 1
      li s0, 0x10000000
      sw x0, 0(s0)
      li s2, 1
      end: j end`,
  });
  small.device = {
    load: () => undefined,
    store() {
      small.machine.requestExit(0);
      return true;
    },
  };
  expect(small.run(100).exit).toBe(exitReason.wait);
  expect(small.machine.isWoken(0, 0)).toBe(false);
  small.machine.setInterrupt(0, 7, true);
  expect(small.machine.isWoken(0, 0)).toBe(true);
  const outcome = small.run(100);
  expect(outcome.exit).toBe(exitReason.yield);
  expect([9, 18].map((each) => small.machine.readRegister(0, each))).toEqual([1n, 0n]);
  small.run(1);
  expect(small.machine.readRegister(0, 18)).toBe(1n);
});

test('a saved hart goes on where it was', () => {
  const whole = raising();
  whole.run(17);
  const saved = whole.machine.saveHart(0);
  const other = raising();
  expect(other.machine.loadHart(0, saved)).toBe(true);
  other.clock.start = whole.clock.start;
  whole.run(100);
  other.run(100);
  expect(other.machine.saveHart(0)).toEqual(whole.machine.saveHart(0));
  expect(other.machine.loadHart(0, saved.subarray(1))).toBe(false);
});
