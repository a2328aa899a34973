#!/bin/sh
# Makes assembler.txt anew: assembler.s through GNU as and ld, as words. Run from the root of the project; needs binutils for
# riscv64-unknown-elf.
set -e
here=$(dirname "$0")
work=$(mktemp -d)
riscv64-unknown-elf-as -march=rv64imah_zicsr_zifencei_zihintpause -mno-relax -o "$work/a.o" "$here/assembler.s"
riscv64-unknown-elf-ld --no-relax -N -e 0x80000000 -Ttext=0x80000000 --no-warn-rwx-segments -o "$work/a.elf" "$work/a.o"
riscv64-unknown-elf-objcopy -O binary -j .text "$work/a.elf" "$work/a.bin"
od -An -v -t x4 -w4 "$work/a.bin" | tr -d ' ' > "$here/assembler.txt"
rm -r "$work"
