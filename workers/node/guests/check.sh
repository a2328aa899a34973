#!/bin/busybox sh
# What a guest does to show that machine, disk and network work: it prints the same on every machine that is right,
# whatever its speed. Each line says what was found; the last one says whether all was as it should be.
failures=0
say() { echo "check: $*"; }
expect() { # what, found, expected
  if [ "$2" = "$3" ]; then say "$1: $2"; else say "$1: $2, EXPECTED $3"; failures=$((failures + 1)); fi
}
digest() { sha256sum "$@" | cut -c 1-64; }
complaints() { dmesg -r | grep -c '^<[0-3]>'; }
say begin
before=$(complaints)
mkdir -p /tmp/check
cd /tmp/check || exit 1

# A file, and what it hashes to.
seq 1 10000 > numbers
expect "hash of a file" "$(digest numbers)" 8060aa0ac20a3e5db2b67325c98a0122f2d09a612574458225dcb9a086f87cc3

# The work of a compiler: a text is made, read word by word into a table of symbols, written out, sorted, packed.
awk 'BEGIN {
  x = 1
  for (line = 0; line < 100; line++) {
    text = ""
    for (word = 0; word < 6; word++) { x = (x * 16807) % 2147483647; text = text " name" (int(x / 65536) % 500) " = " (x % 97) ";" }
    print "int" text
  }
}' > source
awk '{ for (i = 2; i <= NF; i += 3) { if (!($i in symbols)) symbols[$i] = ++count; print "store", symbols[$i], $(i + 2) } }
  END { for (name in symbols) print "symbol", symbols[name], name }' source | sort > object
gzip -c object > packed
gunzip -c packed | cmp - object && say "packed and unpacked"
expect "hash of what was compiled" "$(digest object)" 19ab4b47e14a736da91273ff92d52f1e69a41358333ebc5bdddaff400e8d26fd

# Programs that run side by side.
for number in 1 2 3 4; do (seq 1 2000 | md5sum | cut -c 1-32 > "part$number") & done
wait
expect "four programs at once" "$(cat part1 part2 part3 part4 | sort | uniq -c | sed 's/^ *//')" "4 ea4d0a24dabcaa11f9aa979b872d162b"

# The disk: a file is written and flushed, and is there when the file system is mounted again.
if [ -b /dev/vda ]; then
  load-modules disk
  mkdir -p /tmp/disk
  if mount -t ext4 /dev/vda /tmp/disk; then
    dd if=numbers of=/tmp/disk/numbers bs=4096 conv=fsync 2> /dev/null
    umount /tmp/disk
    mount -t ext4 /dev/vda /tmp/disk
    expect "file on the disk" "$(digest /tmp/disk/numbers)" 8060aa0ac20a3e5db2b67325c98a0122f2d09a612574458225dcb9a086f87cc3
    umount /tmp/disk
  else
    expect "the disk's file system" "not mounted" mounted
  fi
else
  say "no disk"
fi

# The network: a peer answers.
if network; then
  for word in $(cat /proc/cmdline); do
    case $word in glasshouse.peer=*) peer=${word#*=} ;; esac
  done
  [ -n "$peer" ] || peer=$(cat /tmp/router)
  expect "answers of $peer" "$(ping -c 3 -W 5 "$peer" | grep -o '[0-9]* packets received')" "3 packets received"
else
  say "no network"
fi

expect "complaints of the kernel meanwhile" "$(($(complaints) - before))" 0
cd /
rm -r /tmp/check
if [ $failures = 0 ]; then say "all as it should be"; else say "$failures FAILED"; fi
