// Goal: stock Debian boots on the board under Debian's OpenSBI, checks itself (a hash, the work of a compiler, programs
// side by side, a disk that is written and flushed, pings), and prints what it prints under QEMU; its disk is clean
// afterwards. Method: the guests of `npm run guests`, through the command's function; QEMU where it is installed, beside
// it, with the same files. Canary: a byte of the disk's file system changed is seen by the judge.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkQcow2, createQcow2, MemoryStore } from '../../../core/formats/index.ts';
import { GUEST_CHECK, GUEST_READY, GUEST_WORKLOAD, GUESTS } from '../../../core/protocol/guest-library.ts';
import { type ChosenGuest, chooseGuest, listGuests } from '../guest-choice.ts';
import { runMachine } from '../headless-machine.ts';
import { checkLines, recordedCheck } from '../../../core/testing/recorded-check.ts';

const folder = mkdtempSync(join(tmpdir(), 'glasshouse-boot-'));
afterAll(() => rmSync(folder, { recursive: true }));

const has = (tool: string) => spawnSync(tool, ['--version']).error === undefined;
const qemu = has('qemu-system-riscv64');
/** What .ci/run asks for has to be there: the test then runs, and fails where it is not. */
const required = process.env['GLASSHOUSE_GUESTS'] !== undefined;
const offered = listGuests().there.map(({ id }) => id);

const RECORDED = recordedCheck();

/** A new disk over the guest's, which stays as it is. */
function makeDisk(name: string, guest: ChosenGuest): string {
  const path = join(folder, name);
  const store = new MemoryStore({ bytesMax: 1 << 24 });
  const diskBytes = new DataView(readFileSync(guest.paths.disk).buffer).getUint32(28); // qcow2: the size, low word
  expect(createQcow2(store, { diskBytes, backing: { name: guest.paths.disk, format: 'qcow2' } }).ok).toBe(true);
  writeFileSync(path, store.bytes());
  return path;
}

function run(...args: string[]) {
  let [out, err] = ['', ''];
  const status = runMachine(args, {
    out: (bytes) => { out += Buffer.from(bytes).toString('latin1'); },
    error: (sentence) => { err += sentence; },
  });
  return { status, out, err };
}

function startQemu(guest: ChosenGuest, console: string): ChildProcess {
  const { firmware, kernel, initrd } = guest.paths;
  const file = openSync(console, 'w');
  const child = spawn('qemu-system-riscv64', [
    '-M', 'virt', '-m', String(guest.entry.ramBytes / 2 ** 20), '-display', 'none', '-serial', 'stdio', '-monitor', 'none', '-no-reboot',
    '-bios', firmware.replace(/elf$/, 'bin'), '-kernel', kernel, '-initrd', initrd, '-append', `console=ttyS0 ${guest.entry.append} ${GUEST_CHECK}`,
    '-drive', `file=${makeDisk('qemu.qcow2', guest)},if=none,id=disk,format=qcow2`, '-device', 'virtio-blk-device,drive=disk',
    '-netdev', 'user,id=net', '-device', 'virtio-net-device,netdev=net',
  ], { stdio: ['ignore', file, 'ignore'] });
  closeSync(file);
  return child;
}

/** What e2fsck finds in a disk; undefined where the tools are missing. */
function judgeDisk(disk: string): { readonly status: number | null; readonly text: string } | undefined {
  const path = `${process.env['PATH']}:/usr/sbin:/sbin`;
  const options = { encoding: 'utf8', env: { ...process.env, PATH: path } } as const;
  if (spawnSync('e2fsck', ['-V'], options).error !== undefined || !has('qemu-img')) return undefined;
  const raw = `${disk}.raw`;
  expect(spawnSync('qemu-img', ['convert', '-O', 'raw', disk, raw]).status).toBe(0);
  const { status, stdout } = spawnSync('e2fsck', ['-fn', raw], options);
  return { status, text: stdout };
}

for (const { id, title } of GUESTS) {
  // Nothing asks for the small one to be built: it takes ten minutes.
  const there = offered.includes(id);
  const runs = there || (required && id === 'debian');
  const reason = there ? (qemu ? '' : ' (held to the recorded lines only: no qemu-system-riscv64)') : ` (left out: guests not fetched; run ${GUESTS.find((it) => it.id === id)!.command})`;

  test.skipIf(!runs)(`${title}: boots under OpenSBI, checks itself, prints what it prints under QEMU${reason}`, async () => {
    const guest = chooseGuest(id);
    const console = join(folder, `${id}-qemu.log`);
    const judge = qemu ? startQemu(guest, console) : undefined;
    const ended = new Promise((resolve) => judge?.on('close', resolve) ?? resolve(undefined));
    try {
      const disk = makeDisk('ours.qcow2', guest);
      const ours = run('--guest', id, '--net', '--disk', disk, '--append', GUEST_CHECK, '--max-instructions', '2000000000');
      expect([ours.status, ours.err]).toEqual([0, '']);
      expect(checkLines(ours.out)).toEqual(RECORDED);
      expect(ours.out).toContain('OpenSBI v');
      expect(ours.out).not.toMatch(/Oops|BUG:|WARNING:|Call Trace/);
      if (judge !== undefined) {
        await ended;
        expect(checkLines(readFileSync(console, 'latin1'))).toEqual(checkLines(ours.out));
      }
      const bytes = readFileSync(disk);
      expect(checkQcow2(new MemoryStore({ bytesMax: bytes.length, bytes }))).toMatchObject({ value: { leaks: 0, damages: 0, flagFaults: 0 } });
      const verdict = judgeDisk(disk);
      if (verdict !== undefined) {
        expect(verdict).toMatchObject({ status: 0, text: expect.not.stringContaining('Fix?') });
        const raw = readFileSync(`${disk}.raw`);
        raw[1024 + 16] = raw[1024 + 16]! ^ 0xff; // free inodes, in the superblock
        writeFileSync(`${disk}.raw`, raw);
        expect(spawnSync('e2fsck', ['-fn', `${disk}.raw`], { env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` } }).status).not.toBe(0);
      }
    } finally {
      judge?.kill();
    }
  });

  // The stock kernel takes too long for each of these.
  test.skipIf(!there || id !== 'small').each([
    ['in its least RAM', ['--ram', '16M']],
    ['with two harts, on the console of the firmware', ['--harts', '2', '--append', 'console=hvc0']],
  ])(`${title}: %s${reason}`, (_, more) => {
    const [added = ''] = more.filter((it) => it.startsWith('console'));
    const args = more.map((it) => (it === added ? `${added} ${GUEST_CHECK}` : it)).concat(added === '' ? ['--append', GUEST_CHECK] : []);
    const done = run('--guest', id, '--net', ...args, '--max-instructions', '1000000000');
    expect([done.status, done.err]).toEqual([0, '']);
    expect(checkLines(done.out)).toEqual(RECORDED);
    const { ramBytesMin } = chooseGuest(id).entry;
    expect(() => run('--guest', id, '--ram', String(ramBytesMin - 4096))).toThrow(`needs ${ramBytesMin / 2 ** 20} MiB`);
  });

  test.skipIf(!there || id !== 'small')(`${title}: redis, sqlite and lua at work in the root image${reason}`, () => {
    const done = run('--guest', id, '--programs', '--ram', '64M', '--append', GUEST_WORKLOAD, '--max-instructions', '1000000000');
    expect([done.status, done.err]).toEqual([0, '']);
    expect(done.out.split(/[\r\n]+/).filter((line) => line.startsWith('workload: '))).toEqual([
      'begin', 'redis: answers: 500 OK', 'redis: keys: 500', 'redis: a value: value2247', 'sqlite: rows and sum: 500|242250', 'sqlite: by index: 5',
      'sqlite: its check: ok', 'lua: 673160914', 'file on the disk: the same', 'all as it should be',
    ].map((line) => `workload: ${line}`));
  });

  test.skipIf(!there || id !== GUESTS.findLast((it) => offered.includes(it.id))?.id)(`${title}: a shell takes commands${reason}`, () => {
    const keys = join(folder, 'keys');
    writeFileSync(keys, 'echo $((6 * 7)) | tee /tmp/answer; md5sum < /tmp/answer; poweroff -f\n');
    const done = run('--guest', id, '--input', keys, '--max-instructions', '2000000000');
    expect([done.status, done.err]).toEqual([0, '']);
    expect(done.out).toContain(GUEST_READY);
    expect(done.out).toMatch(/\n42\r?\n50a2fabfdd276f573ff97ace8b11c5f4 {2}-/);
    expect(run('--guest', id, '--expect', 'words that nobody says', '--max-instructions', '2000000')).toMatchObject({ status: 1, err: expect.stringContaining('did not show') });
  });
}
