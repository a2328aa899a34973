#!/bin/busybox sh
# The first program of our guests, in the initial RAM disk and in the root image. Words on the kernel's command line:
#   root=/dev/vda                goes on in the root image there
#   glasshouse.run=check         runs a program (check; workload, of the programs' image) and powers off, instead of a shell
#   glasshouse.address=a         the card's address, with /24; by DHCP when not given
#   glasshouse.peer=a            whom the check pings; the router when not given
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/ TERM=linux
B=/bin/busybox
$B mkdir -p /dev /proc /sys /tmp /run
# The kernel may have mounted /dev itself.
[ -c /dev/null ] || $B mount -t devtmpfs dev /dev
$B mount -t proc proc /proc
$B mount -t sysfs sys /sys
$B mount -t tmpfs tmp /tmp
# Names of all programs of the busybox, once: where the image has none yet.
[ -e /bin/ls ] || $B --install -s /bin

for word in $(cat /proc/cmdline); do
  case $word in
    root=*) root=${word#root=} ;;
    glasshouse.run=*) run=${word#*=} ;;
  esac
done

# Drivers, in an order in which each finds what it needs; a kernel that has them built in has no list.
if [ -e /lib/modules/boot.list ]; then
  while read -r module; do insmod "/lib/modules/$module"; done < /lib/modules/boot.list
fi

if [ -n "$root" ] && [ ! -e /etc/glasshouse-root ]; then
  load-modules disk
  mkdir -p /root
  if mount -t ext4 "$root" /root; then
    umount /tmp /proc
    exec switch_root /root /sbin/init
  fi
  echo "glasshouse: there is no root on $root; the initial RAM disk goes on"
fi

ifconfig lo 127.0.0.1 up
if [ -n "$run" ]; then
  $run
  [ ! -e /etc/glasshouse-root ] || mount -o remount,ro /
  poweroff -f
fi
echo "glasshouse: the shell is ready"
# A shell with job control on the console; another when one ends.
while true; do setsid cttyhack sh; done
