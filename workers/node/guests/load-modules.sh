#!/bin/busybox sh
# Loads the modules of a list under /lib/modules, in its order: load-modules disk
list=/lib/modules/$1.list
[ -e "$list" ] || exit 0
while read -r module; do
  name=${module%.ko}
  [ -d "/sys/module/$(echo "$name" | tr - _)" ] || insmod "/lib/modules/$module"
done < "$list"
