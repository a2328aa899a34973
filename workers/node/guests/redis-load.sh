#!/bin/busybox sh
# redis under a load whose rate and working set can be changed while it runs, with a witness of its data and of the
# clock: glasshouse.run=redis-load. Words on the kernel's command line: glasshouse.rate=n (requests/s), glasshouse.keys=n.
#   looks   this shell: every 2 ms it looks at the clock, and says how many requests are due
#   typed   another, which waits for lines at the console and wakes the first one
#   asks    an awk that writes these requests: SET of a key drawn among the first `keys`, GET of one key after the other
#   client  redis-cli; all that redis answers passes through it in the order in which it was asked
#   holds   an awk that knows what each answer must be, and prints whatever is printed below
# Lines that may be typed: rate <requests/s>, keys <n>, stop <n> (no more than n requests), sum (a digest of all data),
# echo <text> (goes through redis, behind the requests that wait). A line a request prints nothing; a status comes each 50 ms:
#   redis 1.250 s  1000 requests/s  keys 4096  done 1034  verified 517  gap 2.104 ms  ok
ALL=4096 # keys that there are
rate=1000 keys=4096 stop=999999999
for word in $(cat /proc/cmdline); do
  case $word in
    glasshouse.rate=*) rate=${word#*=} ;;
    glasshouse.keys=*) keys=${word#*=} ;;
  esac
done
stty -echo -onlcr 2> /dev/null
redis-server --save '' --appendonly no --enable-debug-command yes --daemonize yes < /dev/null > /dev/null
tries=0
until [ "$(redis-cli ping < /dev/null 2> /dev/null)" = PONG ]; do
  tries=$((tries + 1))
  [ $tries -lt 500 ] || { echo "redis: the server does not answer"; exit 1; }
  usleep 2000
done
redis-cli eval "local pad = string.rep('x', 1000) for k = 0, $ALL - 1 do redis.call('SET', 'key:' .. k, '0:' .. k .. ':' .. pad) end" 0 < /dev/null > /dev/null

# Of both awks: the draw of the next key, and the rest of a value. `turn` is 1 when a key is set, 0 when one is read.
common='
function draw() { seed = seed * 16807 % 2147483647; return seed % keys }
BEGIN { seed = 4711; turn = 0; next_read = 0; for (i = 0; i < 1000; i++) pad = pad "x" }'
asks='
$1 == "n" {
  for (i = 0; i < $2; i++) {
    count++
    turn = !turn
    if (turn) { k = draw(); print "SET key:" k " " count ":" k ":" pad }
    else { print "GET key:" next_read; next_read = (next_read + 1) % all }
  }
  print "ECHO \"= mark\""; fflush(); next
}
$1 == "keys" { keys = $2 }
{ print "ECHO \"= " $0 "\"" }
$1 == "sum" { print "DEBUG DIGEST" }
{ fflush() }'
holds='
function bad(what) { wrong++; print "CORRUPT " what; fflush() }
sum_comes { print "redis sum " $0 " after " count " requests"; sum_comes = 0; fflush(); next }
$1 == "=" {
  if ($2 == "mark") { print count > "/tmp/done"; close("/tmp/done") }
  else if ($2 == "sum") sum_comes = 1
  else if ($2 == "status") print "redis " $3 " s  " $4 " requests/s  keys " $5 "  done " count + 0 "  verified " verified + 0 "  gap " $6 " ms  " (wrong ? "CORRUPT " wrong : "ok")
  else { if ($2 == "keys") keys = $3; $1 = "redis"; print }
  fflush(); next
}
{
  count++
  turn = !turn
  if (turn) { last[draw()] = count; if ($0 != "OK") bad("answer " count ": " $0) }
  else {
    if ($0 == last[next_read] + 0 ":" next_read ":" pad) verified++
    else bad("key:" next_read " expected version " last[next_read] + 0 " found " substr($0, 1, 40))
    next_read = (next_read + 1) % all
  }
}'
mkfifo /tmp/asked /tmp/woken /tmp/typed
echo 0 > /tmp/done
awk -v all=$ALL -v keys="$keys" "$common$asks" < /tmp/asked | redis-cli | awk -v all=$ALL -v keys="$keys" "$common$holds" &
exec 3> /tmp/asked
renice -n -15 $$ > /dev/null
# A line that is read against a deadline would lose what was read of it before: so what has the deadline is one byte.
exec 4<> /tmp/woken 5<> /tmp/typed 6<&0
while read -r line; do echo "$line" >&5; echo >&4; done <&6 &

# Microseconds since the kernel's start (it has no other clock): 1.250123 as 1250123.
look() { now=$EPOCHREALTIME; now=$((${now%.*} * 1000000 + 1${now#*.} - 1000000)); }
thousandths() { # microseconds as milliseconds, into shown
  fraction=$((1000 + $1 % 1000))
  shown=$(($1 / 1000)).${fraction#1}
}
tell() { echo "$*" >&3; }
pace() { # from now on
  since=$now sent_before=$sent
}
sent=0 gap=0
look
before=$now next_status=$(((now / 50000 + 1) * 50000))
pace
echo "redis: under load, $rate requests/s among $keys of $ALL keys"
while true; do
  if read -r -t 0.002 -u 4 nothing; then
    read -r -u 5 word value rest
    case "$word $value $rest" in
      "sum  ") tell sum ;;
      *[!0-9A-Za-z\ ._-]*) echo "redis does not know that line" ;;
      rate\ *[!0-9\ ]* | keys\ *[!0-9\ ]* | stop\ *[!0-9\ ]*) echo "redis wants a number after $word" ;;
      rate\ ?*) rate=$value; look; pace; tell "rate $value requests/s" ;;
      keys\ ?*) keys=$value
        [ "$keys" -ge 1 ] || keys=1
        [ "$keys" -le $ALL ] || keys=$ALL
        tell "keys $keys" ;;
      stop\ ?*) stop=$value; tell "stop $value" ;;
      echo\ ?*) tell "echo $value" ;;
      *) echo "redis does not know '$word'" ;;
    esac
  fi
  look
  step=$((now - before)) before=$now
  [ $step -le $gap ] || gap=$step
  if [ $step -gt 6000 ]; then thousandths $step; echo "redis clock stepped $shown ms"; fi
  if [ $now -ge $next_status ]; then
    next_status=$(((now / 50000 + 1) * 50000))
    thousandths $((now / 1000)); seconds=$shown
    thousandths $gap
    tell "status $seconds $rate $keys $shown"
  fi
  due=$(((now - since) * rate / 1000000 + sent_before - sent))
  [ $due -gt 0 ] || continue
  read -r done < /tmp/done
  room=$((rate / 20 + 16 - sent + done))
  if [ $due -gt $room ]; then
    due=$room
    pace # what there was no time for is not made up for
  fi
  [ $((sent + due)) -le $stop ] || due=$((stop - sent))
  if [ $due -gt 0 ]; then tell "n $due"; sent=$((sent + due)); fi
done
