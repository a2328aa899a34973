// Goal: the serial port's registers do what the PC16550D data sheet says. Method: register by register, as a
// driver sees them; then random register traffic against invariants of the interrupt line.
import { expect, test } from 'vitest';
import { makePrng, nextUint32 } from '../base/index.ts';
import { Uart16550 } from './uart-16550.ts';

function makeUart() {
  const sent: number[] = [];
  const line = { level: false };
  const uart = new Uart16550({ transmit: (byte) => sent.push(byte), line: { set: (level) => { line.level = level; } } });
  const write = (register: number, value: number) => uart.write(register, 1, value);
  return { uart, sent, line, write, read: (register: number) => uart.read(register) };
}
const [DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR] = [0, 1, 2, 3, 4, 5, 6, 7];
const FCR = IIR;

test('after reset: nothing received, transmitter empty, no interrupt, the other end ready', () => {
  const { read, line } = makeUart();
  expect([IER, IIR, LCR, MCR, LSR, SCR].map(read)).toEqual([0, 1, 0, 0, 0x60, 0]);
  expect(read(MSR)).toBe(0xb0);
  expect(line.level).toBe(false);
});

test('bytes written to the holding register leave in order; the divisor latch hides it', () => {
  const { write, read, sent } = makeUart();
  for (const byte of [0x48, 0x69, 0x1ff]) write(DATA, byte);
  write(LCR, 0x83);
  write(DATA, 0x12);
  write(IER, 0x34);
  expect([read(DATA), read(IER)]).toEqual([0x12, 0x34]);
  write(LCR, 3);
  expect([read(IER), read(LCR)]).toEqual([0, 3]);
  expect(sent).toEqual([0x48, 0x69, 0xff]);
});

test('without FIFOs a second byte overruns and replaces the first; reading LSR clears the overrun', () => {
  const { uart, read } = makeUart();
  expect(uart.room()).toBe(1);
  uart.receive(1);
  uart.receive(2);
  expect(read(LSR)).toBe(0x63);
  expect(read(LSR)).toBe(0x61);
  expect(read(DATA)).toBe(2);
  expect(read(LSR)).toBe(0x60);
});

test('with FIFOs sixteen bytes wait, the seventeenth is lost', () => {
  const { uart, write, read } = makeUart();
  write(FCR, 1);
  expect(read(IIR)).toBe(0xc1);
  for (let byte = 1; byte <= 17; byte++) uart.receive(byte);
  expect(uart.room()).toBe(0);
  expect(read(LSR)).toBe(0x63);
  expect(Array.from({ length: 17 }, () => read(DATA))).toEqual([...Array.from({ length: 16 }, (_, index) => index + 1), 0]);
  uart.receive(9);
  write(FCR, 3); // clear the receiver
  expect(read(LSR)).toBe(0x60);
  uart.receive(9);
  write(FCR, 0); // leaving FIFO mode empties it
  expect(read(LSR)).toBe(0x60);
});

test.each([[0, 1], [1, 4], [2, 8], [3, 14]])('trigger %i: received data from %i bytes on, the timeout below', (trigger, level) => {
  const { uart, write, read, line } = makeUart();
  write(FCR, 1 | (trigger << 6));
  write(IER, 1);
  for (let count = 1; count <= 16; count++) {
    uart.receive(count);
    expect(read(IIR) & 15).toBe(count >= level ? 4 : 12);
    expect(line.level).toBe(true);
  }
  for (let count = 16; count > 0; count--) read(DATA);
  expect([read(IIR) & 15, line.level]).toEqual([1, false]);
});

test('transmit interrupt: at its enabling and after each byte; reading IIR takes it', () => {
  const { write, read, line } = makeUart();
  write(IER, 2);
  expect(line.level).toBe(true);
  expect(read(IIR)).toBe(2);
  expect([line.level, read(IIR)]).toEqual([false, 1]);
  write(DATA, 65);
  expect([line.level, read(IIR), line.level]).toEqual([true, 2, false]);
  write(IER, 0);
  write(IER, 2);
  expect(line.level).toBe(true);
});

test('priorities: line status, received data, transmitter, modem status', () => {
  const { uart, write, read } = makeUart();
  write(MCR, 0x10); // loopback: all inputs fall
  write(MCR, 0);
  write(IER, 15);
  write(DATA, 1);
  uart.receive(1);
  uart.receive(2);
  expect(read(IIR)).toBe(6);
  read(LSR);
  expect(read(IIR)).toBe(4);
  read(DATA);
  expect(read(IIR)).toBe(2);
  expect(read(IIR)).toBe(0);
  expect(read(MSR)).toBe(0xbb);
  expect(read(IIR)).toBe(1);
});

test('loopback: what is sent is received, nothing leaves, outputs are the inputs', () => {
  const { uart, write, read, sent } = makeUart();
  write(MCR, 0x1f & ~4);
  expect(read(MSR) & 0xf0).toBe(0xb0);
  write(MCR, 0x12); // RTS → CTS
  expect(read(MSR) & 0xf0).toBe(0x10);
  write(MCR, 0x1a); // RTS, OUT2 → CTS, DCD: what Linux looks for
  expect(read(MSR) & 0xf0).toBe(0x90);
  write(DATA, 0x5a);
  uart.receive(0x33); // from outside: the receiver is disconnected
  expect([read(LSR) & 1, read(DATA), read(LSR) & 1]).toEqual([1, 0x5a, 0]);
  expect(sent).toEqual([]);
  write(MCR, 0x14); // OUT1 → RI on
  read(MSR);
  write(MCR, 0x10);
  expect(read(MSR)).toBe(0x04); // trailing edge of RI, and no other change
});

test('random traffic: bytes in range, and the line is on exactly when IIR names an interrupt', () => {
  const prng = makePrng({ seed: 7, stream: 1 });
  const { uart, line } = makeUart();
  for (let step = 0; step < 4_000; step++) {
    const register = nextUint32(prng) % 8;
    const kind = nextUint32(prng) % 3;
    if (kind === 0) uart.receive(nextUint32(prng) & 0xff);
    else if (kind === 1) expect(uart.write(register, 1, nextUint32(prng))).toBe(true);
    const before = line.level;
    const value = uart.read(kind === 2 ? register : IIR!);
    expect(value >= 0 && value <= 255).toBe(true);
    if (kind !== 2) expect((value & 1) === 0).toBe(before);
  }
});
