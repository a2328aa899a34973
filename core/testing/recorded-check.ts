/** Test-only: the lines of a guest that checks itself (check.sh), as QEMU 7.2 printed them. `peer`: whom it pings. */
export const recordedCheck = (peer = '10.0.2.2') => [
  'begin',
  'hash of a file: 8060aa0ac20a3e5db2b67325c98a0122f2d09a612574458225dcb9a086f87cc3',
  'packed and unpacked',
  'hash of what was compiled: 19ab4b47e14a736da91273ff92d52f1e69a41358333ebc5bdddaff400e8d26fd',
  'four programs at once: 4 ea4d0a24dabcaa11f9aa979b872d162b',
  'file on the disk: 8060aa0ac20a3e5db2b67325c98a0122f2d09a612574458225dcb9a086f87cc3',
  `answers of ${peer}: 3 packets received`,
  'complaints of the kernel meanwhile: 0',
  'all as it should be',
].map((line) => `check: ${line}`);

/** Those lines of a console. */
export const checkLines = (text: string) => text.split(/[\r\n]+/).filter((line) => line.startsWith('check: '));
