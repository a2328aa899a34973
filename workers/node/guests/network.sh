#!/bin/busybox sh
# Brings the card up: with the address of the kernel's command line, or by DHCP. Called with deconfig, bound or
# renew it is what busybox's DHCP client calls.
case $1 in
  deconfig) ifconfig "$interface" 0.0.0.0; exit 0 ;;
  bound | renew)
    ifconfig "$interface" "$ip" netmask "${subnet:-255.255.255.0}"
    [ -z "$router" ] || route add default gw "$router" dev "$interface"
    echo "$router" > /tmp/router
    exit 0 ;;
esac
[ -d /sys/class/net/eth0 ] || exit 1
for word in $(cat /proc/cmdline); do
  case $word in glasshouse.address=*) address=${word#*=} ;; esac
done
if [ -n "$address" ]; then
  ifconfig eth0 "$address" netmask 255.255.255.0 up
else
  ifconfig eth0 up
  udhcpc -q -n -f -i eth0 -s /bin/network -t 5 -T 1 > /dev/null 2>&1
fi
