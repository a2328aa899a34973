// Goal: Linux moves to and fro (and is kept by a snapshot) while it checks itself (hashes, the work of a compiler, programs side by side, a disk written and flushed, pings of the
// VM beside it), and nothing shows: the same lines, no complaint of the kernel, a clean disk. Method: the guests of `npm run guests` in VMs of a world of
// two hosts, one and two vCPUs, moved ten times; every copy that goes on is compared with its clone of the stop. Only in the long form (npm run verify).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packBundle } from '../../../core/formats/index.ts';
import { GUEST_CHECK, GUEST_READY, GUESTS, type GuestId } from '../../../core/protocol/guest-library.ts';
import { runTrial, smallScenario } from '../../../core/testing/migration-trial.ts';
import { WorldRun } from '../../../core/testing/run-world.ts';
import { runSnapshotTrial } from '../../../core/testing/snapshot-trial.ts';
import { checkLines, recordedCheck } from '../../../core/testing/recorded-check.ts';
import { chooseGuest, listGuests } from '../guest-choice.ts';

const there = listGuests().there.map(({ id }) => id as string);
const runs = (id: GuestId) => there.includes(id) && process.env['GLASSHOUSE_VERIFY'] !== undefined;
const reason = (id: GuestId) => (there.includes(id) ? '' : ` (left out: guests not fetched; run ${GUESTS.find((it) => it.id === id)!.command})`);
const PEER_ADDRESS = '10.0.2.16';
const MS = 1_000_000;
const SECOND_NS = 1_000_000_000;
const COMPLAINTS = /Oops|BUG:|WARNING:|Call Trace|lost|timed out/;
const SNAPSHOT_MS = 1_415; // its disk is in use
/** From the first program on; the last two while it pings. Unit: ms. */
const MOVES_MS = [420, 590, 760, 930, 1100, 1270, 1440, 1610, 2300, 2900];
/** How often a file of some megabytes is fetched while both ends move. */
const FETCHES = 10;
/** busybox, which both have. */
const FILE = '/bin/busybox';

for (const vcpuCount of [1, 2]) {
  test.skipIf(!runs('small'))(`small Linux with ${vcpuCount} vCPU moves ten times while it checks itself${reason('small')}`, { timeout: 1_200_000 }, () => {
    const { paths, entry } = chooseGuest('small');
    const guest = bundleOf(paths);
    const pageCount = entry.ramBytes / 4096;
    const base = smallScenario({ seed: 5, pageCount: 3 * pageCount });
    const boot = (append: string, disks: readonly string[]) => ({
      kernel: 'Image', initrd: 'initrd', append: `console=ttyS0 ${entry.append} ${append}`, disks, network: true,
    });
    const common = { guest: 'guest', fromFile: true, pageCount, profile: 'rv64gc', bootInput: '' };
    const scenario = {
      ...base,
      lab: 'vm',
      // A tenth of the usual speed: the work lasts as long as the moves.
      hosts: base.hosts.map((host) => ({ ...host, picosecondsPerInstruction: 10_000 })),
      vms: [
        { ...common, id: 1, name: 'checker', host: 0, vcpuCount, boot: boot(`${GUEST_CHECK} glasshouse.peer=${PEER_ADDRESS}`, ['disk.qcow2']) },
        { ...common, id: 2, name: 'peer', host: 1, vcpuCount: 1, boot: boot('', []) },
      ],
    };
    const trial = runTrial({
      scenario, guest, untilNs: 8 * SECOND_NS, settleNs: 8 * SECOND_NS,
      commands: [
        { atNs: 700_000_000, command: { kind: 'console-input', vm: 2, text: 'network\n' } },
        ...MOVES_MS.map((atMs, index) => ({ atNs: atMs * 1_000_000, command: { kind: 'migrate', vm: 1, to: 1 - (index % 2) } as const })),
      ],
    });
    const said = (vm: number) => trial.run.snapshots().flatMap((it) => it.console.filter((chunk) => chunk.vm === vm))
      .toSorted((left, right) => left.timeNs - right.timeNs).map(({ text }) => text).join('');
    expect(trial.faults).toEqual([]);
    expect(checkLines(said(1))).toEqual(recordedCheck(PEER_ADDRESS));
    expect(said(2)).toContain(GUEST_READY);
    expect(said(1) + said(2)).not.toMatch(COMPLAINTS);
    expect(trial.migrations.filter(({ phase }) => phase === 'done')).toHaveLength(MOVES_MS.length);
    const bytes = trial.run.processes.map((it) => it.snapshotFile('disk:1:0')).find((it) => it !== undefined);
    expect(diskFault(bytes!)).toBe('');
  });
}

for (const vcpuCount of [1, 2]) {
  test.skipIf(!runs('debian'))(`stock Debian with ${vcpuCount} vCPU moves ten times while it checks itself; the gateway that it pings stays on the first host${reason('debian')}`, { timeout: 1_200_000 }, () => {
    const { paths, entry } = chooseGuest('debian');
    const pageCount = (160 << 20) / 4096;
    const base = smallScenario({ seed: 5, pageCount });
    const boot = { kernel: 'Image', initrd: 'initrd', append: `console=ttyS0 ${entry.append} ${GUEST_CHECK}`, disks: ['disk.qcow2'], network: true };
    const run = new WorldRun({
      guest: bundleOf(paths),
      scenario: {
        ...base,
        lab: 'vm',
        // Twenty times slower than usual: its 160 MiB take half a second of the cable, and the check lasts as long as ten moves.
        hosts: base.hosts.map((host) => ({ ...host, picosecondsPerInstruction: 20_000 })),
        vms: [{ id: 1, name: 'checker', guest: 'guest', fromFile: true, host: 0, pageCount, vcpuCount, profile: 'rv64gc', bootInput: '', boot }],
      },
    });
    const said = () => run.snapshots().flatMap((it) => it.console).toSorted((left, right) => left.timeNs - right.timeNs).map(({ text }) => text).join('');
    while (!said().includes('check: begin')) run.runTo(run.now() + 100 * MS);
    const moved = () => run.snapshots().flatMap((it) => it.migrations).filter((it) => it.role === 'source').map(({ phase }) => phase);
    for (let count = 1; count <= 10; count++) {
      run.command(run.now(), { kind: 'migrate', vm: 1, to: count % 2 });
      for (let look = 0; look < 100 && moved().filter((it) => it === 'done').length < count; look++) run.runTo(run.now() + 20 * MS);
    }
    expect(checkLines(said()), 'it moved while the check went on').not.toEqual(recordedCheck());
    run.runTo(run.now() + 4 * SECOND_NS);
    expect(moved()).toEqual(Array.from({ length: 10 }, () => 'done'));
    expect(checkLines(said())).toEqual(recordedCheck());
    expect(said()).not.toMatch(COMPLAINTS);
    expect(diskFault(run.processes.map((it) => it.snapshotFile('disk:1:0')).find((it) => it !== undefined)!)).toBe('');
  });
}

test.skipIf(!runs('small'))(`two small Linux move to and fro while they send each other megabytes over TCP: what arrives is what was sent${reason('small')}`, { timeout: 1_200_000 }, () => {
  const { paths, entry } = chooseGuest('small');
  const pageCount = entry.ramBytes / 4096;
  const base = smallScenario({ seed: 7, pageCount: 3 * pageCount });
  const boot = { kernel: 'Image', initrd: 'initrd', append: `console=ttyS0 ${entry.append}`, disks: [], network: true };
  const vm = (id: number, name: string, vcpuCount: number) => ({
    id, name, guest: 'guest', fromFile: true, host: id - 1, pageCount, vcpuCount, profile: 'rv64gc', bootInput: '', boot,
  });
  const run = new WorldRun({ guest: bundleOf(paths), scenario: { ...base, lab: 'vm', vms: [vm(1, 'server', 2), vm(2, 'client', 1)] } });
  const said = (id: number) => run.snapshots().flatMap((it) => it.console.filter((chunk) => chunk.vm === id)).toSorted((left, right) => left.timeNs - right.timeNs).map(({ text }) => text).join('');
  const until = (holds: () => boolean, stepNs: number) => {
    for (let look = 0; !holds(); look++) {
      expect(look, `the guests go on; they said ${said(1).slice(-300)} and ${said(2).slice(-300)}`).toBeLessThan(600);
      run.runTo(run.now() + stepNs);
    }
  };
  const type = (id: number, text: string) => run.command(run.now(), { kind: 'console-input', vm: id, text });
  until(() => [1, 2].every((id) => said(id).includes('~ # ')), 20 * MS);
  // One serves a file that the other fetches again and again, and takes another file meanwhile.
  type(1, `network; sha256sum ${FILE}; httpd -h /bin; echo serving; nc -l -p 5000 | sha256sum; echo taken\n`);
  type(2, 'network; echo up\n');
  until(() => said(1).includes('\nserving') && said(2).includes('\nup'), 20 * MS);
  const sum = /[0-9a-f]{64}/.exec(said(1))![0];
  const fetches = `for i in ${Array.from({ length: FETCHES }, (_, at) => at).join(' ')}; do wget -q -O - http://10.0.2.15/busybox | sha256sum; done`;
  type(2, `(nc 10.0.2.15 5000 < ${FILE}; echo sent) & ${fetches}; wait; echo fetched\n`);
  run.runTo(run.now() + 20 * MS);
  const moved = () => run.snapshots().flatMap((it) => it.migrations).filter((it) => it.role === 'source').map(({ phase }) => phase);
  const place = [0, 1];
  for (let count = 1; count <= 10; count++) {
    const id = count % 3 === 0 ? 2 : 1;
    place[id - 1] = 1 - place[id - 1]!;
    run.command(run.now(), { kind: 'migrate', vm: id, to: place[id - 1]! });
    until(() => moved().filter((it) => it === 'done').length === count, 5 * MS);
  }
  expect(said(2), 'they moved while files were on their way').not.toContain('\nfetched');
  until(() => said(2).includes('\nfetched') && said(1).includes('\ntaken'), 20 * MS);
  expect(said(2).split(sum)).toHaveLength(FETCHES + 1);
  expect(said(1).split(sum), 'its own and what it took').toHaveLength(3);
  expect(moved()).toEqual(Array.from({ length: 10 }, () => 'done'));
  expect(said(1) + said(2)).not.toMatch(COMPLAINTS);
  type(1, 'dmesg -r | grep -c "^<[0-3]>"; echo 1 over\n');
  type(2, 'dmesg -r | grep -c "^<[0-3]>"; echo 2 over\n');
  until(() => said(1).includes('\n1 over') && said(2).includes('\n2 over'), 20 * MS);
  for (const id of [1, 2]) expect(said(id)).toMatch(new RegExp(`\\n0\\r?\\n${id} over`));
});

test.skipIf(!runs('small'))(`small Linux is snapshotted while it checks itself, and goes on from the file${reason('small')}`, { timeout: 1_200_000 }, () => {
  const { paths, entry } = chooseGuest('small');
  const pageCount = entry.ramBytes / 4096;
  const base = smallScenario({ seed: 5, pageCount: 2 * pageCount });
  const boot = { kernel: 'Image', initrd: 'initrd', append: `console=ttyS0 ${entry.append} ${GUEST_CHECK}`, disks: ['disk.qcow2'], network: true };
  const ask = (atMs: number, name: string) => ({ atNs: atMs * 1_000_000, command: { kind: 'ask', ask: name, arguments: { vm: 1, name: 'half way' } } as const });
  const trial = runSnapshotTrial({
    guest: bundleOf(paths),
    scenario: {
      ...base,
      lab: 'vm',
      hosts: base.hosts.map((host) => ({ ...host, picosecondsPerInstruction: 10_000 })),
      vms: [{ id: 1, name: 'checker', guest: 'guest', fromFile: true, host: 0, pageCount, vcpuCount: 2, profile: 'rv64gc', bootInput: '', boot }],
    },
    commands: [ask(SNAPSHOT_MS, 'take-snapshot'), ask(SNAPSHOT_MS + 1_200, 'restore-snapshot')],
    untilNs: 8 * SECOND_NS,
  });
  expect(trial.faults).toEqual([]);
  expect([trial.filesCompared, trial.restoresCompared]).toEqual([1, 1]);
  trial.run.runTo(8 * SECOND_NS);
  const [host] = trial.run.processes;
  const said = trial.run.snapshots().flatMap((it) => it.console).map(({ text }) => text).join('');
  // What it had said before the instant is said once, what came after comes twice.
  expect(checkLines(said).slice(-4)).toEqual(recordedCheck().slice(-4));
  expect(said).not.toMatch(COMPLAINTS);
  expect(diskFault(host!.snapshotFile('disk:1:0')!)).toBe('');
});

function bundleOf(paths: { readonly kernel: string; readonly initrd: string; readonly disk: string }): Uint8Array {
  return packBundle(new Map([['Image', readFileSync(paths.kernel)], ['initrd', readFileSync(paths.initrd)], ['disk.qcow2', readFileSync(paths.disk)]]));
}

/** What qemu-img and e2fsck find in a disk; '' for nothing, or where they are missing. */
function diskFault(bytes: Uint8Array): string {
  const options = { encoding: 'utf8', env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` } } as const;
  if (spawnSync('qemu-img', ['--version'], options).error !== undefined || spawnSync('e2fsck', ['-V'], options).error !== undefined) return '';
  const folder = mkdtempSync(join(tmpdir(), 'glasshouse-moved-'));
  try {
    const [image, raw] = [join(folder, 'disk.qcow2'), join(folder, 'disk.raw')];
    writeFileSync(image, bytes);
    const steps = [['qemu-img', 'check', image], ['qemu-img', 'convert', '-O', 'raw', image, raw], ['e2fsck', '-fn', raw]] as const;
    for (const [tool, ...args] of steps) {
      const { status, stdout, stderr } = spawnSync(tool, args, options);
      if (status !== 0) return `${tool}: ${stdout}${stderr}`;
    }
    return '';
  } finally {
    rmSync(folder, { recursive: true });
  }
}
