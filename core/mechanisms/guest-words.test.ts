// Goal: labs talk to each guest in its own words and not before it listens, and what a guest prints witnesses its run. Method: a
// small bundle in place of the fetched files; consoles by hand. Canaries: lines that redis under load cannot have printed there.
import { expect, test } from 'vitest';
import { packBundle } from '../formats/index.ts';
import type { Vm } from '../hypervisor/vm.ts';
import { LAB_GUESTS, labGuestBoot, LABS_WITH_GUESTS } from '../protocol/lab-guests.ts';
import type { ProcessSnapshot } from '../protocol/snapshot.ts';
import { CATALOG } from './catalog.ts';
import { checkConsole } from './console-check.ts';
import { findStep, readEcho } from './guest-witness.ts';
import { GUEST_KNOBS, listens, tellKnob } from './guest-words.ts';
import type { HostPorts } from './host-ports.ts';
import { findLab } from './labs.ts';

const MS = 1_000_000;
const [REDIS] = LAB_GUESTS;

test('knobs of guests are rows of the labs that take them, and no others', () => {
  const ids = ['dirtier', ...LAB_GUESTS.map(({ id }) => id)];
  expect(Object.keys(GUEST_KNOBS).toSorted()).toEqual(ids.toSorted());
  for (const contract of CATALOG) {
    const typed = contract.knobs.filter((row) => row.guest !== undefined);
    const expected = LABS_WITH_GUESTS.includes(contract.id) ? ids.flatMap((guest) => GUEST_KNOBS[guest]!.map(({ knob, own }) => `${guest} ${knob} ${own}`)) : [];
    expect(typed.map((row) => `${row.guest} ${row.id} ${row.default}`)).toEqual(expected);
  }
});

test('a lab gives its VM what the bundle boots; turned knobs stand on the kernel’s command line, and it begins when the load is on', () => {
  for (const lab of LABS_WITH_GUESTS) {
    const { contract, scenario } = findLab(lab)!;
    const knobs = { ...Object.fromEntries(contract.knobs.map((row) => [row.id, row.default])), 'request-rate': 2_000, 'dirty-rate': 7 };
    for (const baseline of ['', ...contract.baselines.map(({ id }) => id)]) {
      const made = scenario({ seed: 1, knobs, baseline, guestFile: 'guest.elf', boot: labGuestBoot(REDIS!) });
      expect(made.vms[0]).toMatchObject({ guest: 'redis', fromFile: true, profile: 'rv64gc', bootInput: '' });
      expect(made.vms[0]!.boot?.append).toBe(`${REDIS!.append} glasshouse.rate=2000`);
      expect(made.begins).toEqual({ vm: 1, said: REDIS!.ready });
      const own = scenario({ seed: 1, knobs, baseline });
      expect(own.vms[0]).toMatchObject({ guest: 'dirtier', fromFile: false, bootInput: 'rate 7\n' });
      expect(own.begins).toBeUndefined();
    }
  }
  expect(packBundle(new Map(), labGuestBoot(REDIS!)).length).toBeGreaterThan(0);
});

function vmThatSaid(guest: string, text: string): Vm {
  return { id: 1, guest, debugConsole: { text: () => text } } as unknown as Vm;
}

test('a guest that boots listens once it says so; on another host its first line says it', () => {
  expect(listens(vmThatSaid('dirtier', ''))).toBe(true);
  expect(listens(vmThatSaid('redis', '[    0.04] Run /init\nredis: the server'))).toBe(false);
  expect(listens(vmThatSaid('redis', `[    0.04] Run /init\n${REDIS!.ready}, 1000 requests/s`))).toBe(true);
  expect(listens(vmThatSaid('redis', '00 requests/s  ok\nredis 1.250 s  1000 requests/s'))).toBe(true);
});

test('a knob that is turned before the guest listens is typed when it does, with the value of then', () => {
  let text = '';
  let rate = 500;
  const typed: string[] = [];
  const asked: number[] = [];
  const ports = {
    scenario: { vms: [{ id: 1 }] }, host: { findVm: () => vmThatSaid('redis', text) }, now: () => 0, knob: () => rate,
    typeInto: (_vm: number, line: string) => typed.push(line), schedule: (timeNs: number) => asked.push(timeNs),
  } as unknown as HostPorts;
  tellKnob(ports, 'dirty-rate');
  tellKnob(ports, 'request-rate');
  expect([typed, asked.length]).toEqual([[], 1]);
  text = `${REDIS!.ready}\n`;
  rate = 700;
  tellKnob(ports, 'request-rate');
  expect([typed, asked.length]).toEqual([['rate 700\n'], 1]);
});

const status = (ms: number, done: number) => `redis ${(ms / 1000).toFixed(3)} s  1000 requests/s  keys 4096  done ${done}  verified ${done >> 1}  gap 2.104 ms  ok\n`;
const LINES = ['[    0.04] Run /init\r\n', `${REDIS!.ready}, 1000 requests/s\n`, status(400, 50), 'redis clock stepped 26.300 ms\n', status(450, 99), 'redis echo 12\n', status(501, 150)];

/** A console of one host on which the VM runs all the time; `restoredMs`: when another took its place. */
function judged(lines: readonly string[], restoredMs = -1): string {
  const event = (timeNs: number, kind: string) => ({ timeNs, kind, entity: 'vm:1', text: '' });
  const events = [event(0, 'vm-runs'), ...(restoredMs < 0 ? [] : [event(restoredMs * MS, 'restored')])];
  const chunks = lines.map((text, index) => ({ vm: 1, timeNs: (360 + 30 * index) * MS, text }));
  const snapshot = { process: 0, console: chunks, events, mechanisms: {} } as unknown as ProcessSnapshot;
  const { holds, found } = checkConsole([snapshot], { vm: 1, guest: 'redis' });
  return holds ? '' : found;
}

test('lines of redis under load witness the run', () => {
  expect(judged(LINES)).toBe('');
  expect(judged([...LINES, '[    0.52] Oops\n'])).toContain('a broken line');
  expect(judged([...LINES, status(400, 160)])).toContain('after one of 501 ms');
  expect(judged([...LINES, status(550, 149)])).toContain('go back at 550 ms');
  expect(judged([...LINES, status(690, 160)])).toContain('no line between 501 ms and 690 ms');
  // Its clock began some milliseconds after the VM's: the first line of the one that was put back may seem to be of before.
  expect(judged([...LINES, status(560, 70)], 570)).toBe('');
  // What was typed out by the VM that was, and by the one that took its place.
  const torn = [...LINES, status(550, 180).slice(0, 20), status(380, 60).slice(30), status(650, 70)];
  expect(judged(torn)).toContain('a broken line');
  expect(judged(torn, 580)).toBe('');
});

test('steps of clocks and echoes are read of both guests', () => {
  expect(findStep('redis clock stepped 26.300 ms')).toEqual({ guest: 'redis', stepNs: 26_300_000 });
  expect(findStep('dirtier clock stepped 2.001 ms')).toEqual({ guest: 'dirtier', stepNs: 2_001_000 });
  expect(findStep('ticker clock stepped 2.001 ms')).toBeUndefined();
  expect([readEcho('redis echo 77'), readEcho('dirtier echo 78'), readEcho('echo 79')]).toEqual([77, 78, -1]);
});
