// Goal: the account of a bare-metal walk says what the hart's walker then does: fault, cause, guest address, implicit access, physical
// page; and it changes nothing. Method: random machines of all profiles beside their reference (core/testing/compare-machines.ts); each
// translation that they make is accounted for first. Canary: an account that takes SUM for set.
import { expect, test } from 'vitest';
import type { HartProfileId } from '../../isa/table/index.ts';
import { frameAddress, GUEST_RAM_FIRST_PAGE } from '../../memory/index.ts';
import { compareMachines } from '../../testing/compare-machines.ts';
import type { BareMachine } from '../index.ts';
import { bareSlot, bareWord } from './registers.ts';
import { bareFault, IMPLICIT_READ } from './translation.ts';
import { accountForBareWalk } from './walk-account.ts';

const VERIFY = process.env['GLASSHOUSE_VERIFY'] !== undefined;
const INSTRUCTIONS = VERIFY ? 60_000 : 2_500;
const PROFILES: readonly HartProfileId[] = ['rv64gch-sstc', 'rv64gch', 'rv64gch-sstc-aia', 'rv64gc'];
const ACCESSES = ['fetch', 'load', 'store'] as const;

/** Accounts before each walk of a machine; differences and what was seen go into the lists. */
function watch(machine: BareMachine, differences: string[], seen: Map<string, number>, spoil: boolean): void {
  const { walk } = machine.memory;
  const { context } = machine;
  const translate = walk.translate.bind(walk);
  const { host } = context.system;
  walk.translate = (hart, low, high, access, as) => {
    const address = BigInt.asUintN(64, (BigInt(high) << 32n) | BigInt(low >>> 0));
    const status = bareWord(hart, bareSlot.mstatus);
    const kept = context.words[status]!;
    if (spoil) context.words[status] = kept | (1 << 18);
    const { end, rows } = accountForBareWalk(context, hart, address, ACCESSES[access], as);
    context.words[status] = kept;
    // What it says was read must be there.
    for (const entry of rows.flatMap((row) => [...row.second, ...(row.entry === null ? [] : [row.entry])])) {
      const frame = context.ram.frame(Number(BigInt(entry.physical) >> 12n) - GUEST_RAM_FIRST_PAGE);
      const there = frame < 0 ? undefined : host.view.getBigUint64(frameAddress(host, frame) + Number(BigInt(entry.physical) & 0xfffn), true);
      if (there !== BigInt(entry.value)) differences.push(`${entry.physical} holds ${there}, not ${entry.value}`);
    }
    const fault = translate(hart, low, high, access, as);
    const said = end.ended === 'translated' ? bareFault.none : end.cause >= 20 ? bareFault.guestPage : end.cause >= 12 ? bareFault.page : bareFault.access;
    const name = `${rows.some((row) => row.second.length > 0) ? 'two stages' : 'one stage'}: ${end.ended === 'fault' ? end.name : 'translated'}`;
    seen.set(name, (seen.get(name) ?? 0) + 1);
    const what = `${ACCESSES[access]} of ${address.toString(16)}`;
    if (said !== fault) differences.push(`${what}: the account says ${said}, the walker ${fault}`);
    else if (end.ended === 'translated' && BigInt(end.physical) >> 12n !== BigInt(walk.page)) differences.push(`${what}: page ${walk.page}, not ${end.physical}`);
    else if (end.ended === 'fault' && fault === bareFault.guestPage) {
      const guest = BigInt(walk.guestPage) * 4096n + BigInt(walk.guestOffset);
      const implicit = walk.implicit === 0 ? '' : walk.implicit === IMPLICIT_READ ? 'read' : 'write';
      if (BigInt(end.guest) !== guest || end.implicit !== implicit) differences.push(`${what}: ${end.guest} ${end.implicit}, not ${guest} ${implicit}`);
    }
    return fault;
  };
}

function campaign(spoil: boolean) {
  const seen = new Map<string, number>();
  const differences: string[] = [];
  PROFILES.forEach((profile, index) => {
    const report = compareMachines({ seed: 40 + index, profile, instructions: INSTRUCTIONS, spoil: (machine) => watch(machine, differences, seen, spoil) });
    expect(report.difference).toBeUndefined(); // accounting has changed nothing that the reference does not know
  });
  return { seen, differences };
}

test('each walk of random machines was told before it was made', () => {
  const { seen, differences } = campaign(false);
  expect(differences.slice(0, 5)).toEqual([]);
  for (const name of ['translated', 'load page fault', 'store/AMO page fault', 'instruction page fault']) {
    expect([name, (seen.get(`two stages: ${name}`) ?? 0) > 5, (seen.get(`one stage: ${name}`) ?? 0) > 5]).toEqual([name, true, true]);
  }
  for (const name of ['instruction guest-page fault', 'load guest-page fault', 'store/AMO guest-page fault']) {
    expect([name, (seen.get(`two stages: ${name}`) ?? 0) > 0]).toEqual([name, true]);
  }
}, 3_600_000);

test('canary: an account that takes SUM for set is told apart', () => {
  expect(campaign(true).differences.length).toBeGreaterThan(0);
}, 3_600_000);
