#!/bin/sh
# Makes objdump.txt anew: 12 words of each row, disassembled by GNU binutils (riscv64-unknown-elf). Run from the root of the
# project. The words come from the golden file itself when it exists, so that a new binutils shows its differences.
set -e
here=$(dirname "$0")
work=$(mktemp -d)
cut -f2 "$here/objdump.txt" | sed 's/^/.insn 4, 0x/' > "$work/words.s"
riscv64-unknown-elf-as -march=rv64imafdh_svinval_zicbom_zicboz_zicsr_zifencei_zba_zbb_zbs -o "$work/words.o" "$work/words.s"
riscv64-unknown-elf-objdump -d -M no-aliases --adjust-vma=0x80000000 "$work/words.o" |
  awk -F'\t' '/^ *[0-9a-f]+:\t/ { sub(/^ */, "", $1); sub(/:/, "", $1); gsub(/ /, "", $2);
    gsub(/ *#.*/, "", $4); print $1 "\t" $2 "\t" $3 ($4 == "" ? "" : " " $4) }' |
  sed -E 's/,([0-9a-f]+) <[^>]*>$/,0x\1/' > "$work/out.txt"
mv "$work/out.txt" "$here/objdump.txt"
rm -r "$work"
