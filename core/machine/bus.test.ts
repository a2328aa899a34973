// Goal: an access reaches its device aligned and in a width it takes, or is refused. Method: a device that
// remembers its accesses; every address and width around two windows against the rule said in one line.
import { expect, test } from 'vitest';
import { Bus, type BusDevice } from './bus.ts';

class Recorder implements BusDevice {
  readonly name = 'recorder';
  readonly calls: string[] = [];
  readonly size: number;
  readonly widths: number;
  constructor(size: number, widths: number) {
    this.size = size;
    this.widths = widths;
  }
  read(offset: number, byteCount: number): number | undefined {
    this.calls.push(`r${byteCount}@${offset}`);
    return offset === 12 ? undefined : 0x1000 + offset;
  }
  write(offset: number, byteCount: number, value: number): boolean {
    this.calls.push(`w${byteCount}@${offset}=${value.toString(16)}`);
    return offset !== 12;
  }
}

test('every width at every place: answered when aligned, inside and listed; refused otherwise', () => {
  const bus = new Bus();
  const devices = [new Recorder(8, 1 | 2 | 4), new Recorder(24, 4 | 8)];
  bus.attach(100 * 8, devices[0]!);
  bus.attach(104 * 8, devices[1]!);
  const into = { low: 0, high: 0 };
  for (let address = 99 * 8; address < 108 * 8; address++) {
    for (const byteCount of [1, 2, 4, 8]) {
      const inFirst = address >= 800 && address + byteCount <= 808 && byteCount <= 4;
      const inSecond = address >= 832 && address + byteCount <= 856 && byteCount >= 4;
      const at = address - 832;
      const deviceRefuses = inSecond && (at === 12 || (at === 8 && byteCount === 8));
      const expected = (inFirst || inSecond) && address % byteCount === 0 && !deviceRefuses;
      expect(bus.read(address, byteCount, into), `${byteCount} bytes at ${address}`).toBe(expected);
      expect(bus.write(address, byteCount, 0, 0)).toBe(expected);
    }
  }
});

test('eight bytes are two words, low first; narrow writes are cut to their width', () => {
  const bus = new Bus();
  const device = new Recorder(16, 15);
  bus.attach(0x1000, device);
  const into = { low: 0, high: 0 };
  expect(bus.read(0x1000, 8, into)).toBe(true);
  expect(into).toEqual({ low: 0x1000, high: 0x1004 });
  bus.write(0x1000, 8, -1, 0x8000_0000 | 0);
  bus.write(0x1001, 1, 0x1234, -1);
  bus.write(0x1002, 2, -2, -1);
  expect(device.calls).toEqual(['r4@0', 'r4@4', 'w4@0=ffffffff', 'w4@4=80000000', 'w1@1=34', 'w2@2=fffe']);
});

test('windows are found at their first and last byte, not beyond, and never overlap', () => {
  const bus = new Bus();
  for (const index of [3, 1, 2, 0]) bus.attach(index * 0x2000, new Recorder(0x1000, 4));
  expect(bus.windows().map(({ address }) => address)).toEqual([0, 0x2000, 0x4000, 0x6000]);
  for (let page = 0; page < 8; page++) {
    const expected = page % 2 === 0 ? page * 0x1000 : undefined;
    expect(bus.find(page * 0x1000)?.address).toBe(expected);
    expect(bus.find(page * 0x1000 + 0xfff)?.address).toBe(expected);
  }
  expect(bus.find(2 ** 52)).toBeUndefined();
  expect(() => bus.attach(0x2fff, new Recorder(2, 1))).toThrow();
});
