#!/bin/sh
# Makes compressed.txt anew: every 19th of all 16-bit encodings, disassembled by GNU binutils (riscv64-unknown-elf). Run
# from the root of the project. `sh core/isa/vectors/compressed.sh 1` compares all of them with the disassembler.
set -e
here=$(dirname "$0")
work=$(mktemp -d)
awk 'BEGIN { for (w = 0; w < 65536; w++) if (w % 4 != 3) printf ".insn 2, 0x%04x\n", w }' > "$work/words.s"
riscv64-unknown-elf-as -march=rv64imafdc_zicsr -o "$work/words.o" "$work/words.s"
riscv64-unknown-elf-objdump -d -M no-aliases --adjust-vma=0x80000000 "$work/words.o" |
  awk -F'\t' '/^ *[0-9a-f]+:\t/ { sub(/^ */, "", $1); sub(/:/, "", $1); gsub(/ /, "", $2);
    gsub(/ *#.*/, "", $4); print $1 "\t" $2 "\t" $3 ($4 == "" ? "" : " " $4) }' |
  sed -E 's/,([0-9a-f]+) <[^>]*>$/,0x\1/; s/\tc\.j ([0-9a-f]+) <[^>]*>$/\tc.j 0x\1/' |
  awk -v step="${1:-19}" 'NR % step == 1 || step == 1' > "$work/out.txt"
if [ "${1:-19}" = 1 ]; then
  GLASSHOUSE_COMPRESSED="$work/out.txt" npx vitest run core/isa/compressed.test.ts
else
  mv "$work/out.txt" "$here/compressed.txt"
fi
rm -r "$work"
