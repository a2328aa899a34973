#!/bin/busybox sh
# Real programs at work in the root image (root=/dev/vda): redis, sqlite and lua. Prints the same on every machine that
# is right, whatever its speed: glasshouse.run=workload
failures=0
expect() { # what, found, expected
  if [ "$2" = "$3" ]; then echo "workload: $1: $2"; else echo "workload: $1: $2, EXPECTED $3"; failures=$((failures + 1)); fi
}
echo "workload: begin"

redis-server --save '' --appendonly no --port 6379 --daemonize yes > /dev/null
tries=0
until [ "$(redis-cli ping 2> /dev/null)" = PONG ] || [ $tries = 50 ]; do sleep 0.1; tries=$((tries + 1)); done
seq 1 500 | awk '{ print "SET key" $1 " value" $1 * 7 }' | redis-cli > /tmp/answers
expect "redis: answers" "$(sort /tmp/answers | uniq -c | sed 's/^ *//')" "500 OK"
expect "redis: keys" "$(redis-cli dbsize)" 500
expect "redis: a value" "$(redis-cli get key321)" value2247
redis-cli shutdown nosave

awk 'BEGIN {
  print "create table t (id integer primary key, name text, amount integer); begin;"
  for (i = 1; i <= 500; i++) print "insert into t values (" i ", \"name" (i * 31 % 97) "\", " (i * 17 % 1000) ");"
  print "commit; create index by_name on t (name);"
}' | tr '"' "'" | sqlite3 /tmp/data
expect "sqlite: rows and sum" "$(sqlite3 /tmp/data "select count(*), sum(amount) from t")" "500|242250"
expect "sqlite: by index" "$(sqlite3 /tmp/data "select count(*) from t where name = 'name7'")" 5
expect "sqlite: its check" "$(sqlite3 /tmp/data "pragma integrity_check")" ok

expect "lua" "$(lua5.4 -e 'local x = 1 for i = 1, 20000 do x = (x * 16807) % 2147483647 end print(x)')" 673160914

# Kept on the disk, which is the root.
cp /tmp/data /var/lib/data && sync
expect "file on the disk" "$(cmp /tmp/data /var/lib/data && echo the same)" "the same"
rm /var/lib/data
if [ $failures = 0 ]; then echo "workload: all as it should be"; else echo "workload: $failures FAILED"; fi
