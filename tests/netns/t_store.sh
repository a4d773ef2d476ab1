#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The ledger's disk full, read-only, locked, damaged, removed: counting and serving go on, it is
# said once, and everything is written when it can be.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
DISK=$LAB/disk
mkdir -p "$DISK"
mount -t tmpfs -o size=2m tmpfs "$DISK" || skip 'no tmpfs can be mounted here'
lab_set ledger.path "$DISK/ledger.db"
lab_set ledger.checkpoint 1
lab_start

IN101=$(oid_addr 101 192.0.2.101 fwd-in.octets)
STORE_STATE=$(oid_scalar 11)
sent=0
flow() {
	lab_flow 198.51.100.2 192.0.2.101 20 1000
	sent=$((sent + 20000))
}
serves_all() { snmp_is "$IN101" "$sent"; }
stored() { [ "$("$B/tests/netns/dblock" "$DISK/ledger.db" \
	"SELECT sum(in_octets) FROM address WHERE ip = '192.0.2.101'")" = "$sent" ]; }
says() { grep -c "$1" "$LAB/ctmeterd.log"; }

# What is broken by $2 and mended by $3: between, traffic is served though it cannot be stored.
trouble() { # LABEL BREAK MEND
	local said
	step "$1"
	flow
	assert_await "$1: stored before" 10 stored
	said=$(says 'counting goes on in memory')
	eval "$2"
	flow
	assert_await "$1: told in the MIB" 15 snmp_is "$STORE_STATE" 2
	assert_await "$1: served" 5 serves_all
	assert_match "$1: told in status" 'ledger' "$(ctmeter status | sed -n '/problem/,$p')"
	assert_eq "$1: logged once" $((said + 1)) "$(says 'counting goes on in memory')"
	flow
	assert_await "$1: served on" 5 serves_all
	eval "$3"
	assert_await "$1: told that it is over" 15 snmp_is "$STORE_STATE" 1
	assert_await "$1: everything is stored" 10 stored
}

assert_await 'all is well to begin with' 10 snmp_is "$STORE_STATE" 1

# Rows that have to be written while the disk has not an octet left.
crowded() {
	local i lines=()
	for i in {1..120}; do lines+=("$((2000 + i)) 203.0.113.$i"); done
	lab_inventory_usual "${lines[@]}"
	ctmeter refresh >/dev/null
}
trouble 'disk full' \
	'dd if=/dev/zero of="$DISK/fill" bs=1k 2>/dev/null; crowded' \
	'rm "$DISK/fill"'
lab_inventory_usual

lock() {
	mkfifo "$LAB/hold.$1"
	"$B/tests/netns/dblock" "$DISK/ledger.db" <"$LAB/hold.$1" >"$LAB/locked" 2>&1 9>&- &
	exec 7>"$LAB/hold.$1"
	await 10 grep -q locked "$LAB/locked" || fail 'the database cannot be locked'
}
trouble 'locked by another program' 'lock 1' 'exec 7>&-'

step 'read-only from the start'
flow
assert_await 'stored' 10 stored
lab_ctmeterd_stop
mount -o remount,bind,ro "$DISK" || fail 'cannot be made read-only'
lab_ctmeterd_start
assert_await 'the old totals are served' 10 serves_all
assert_await 'told in the MIB' 15 snmp_is "$STORE_STATE" 2
flow
assert_await 'counting goes on' 5 serves_all
mount -o remount,bind,rw "$DISK" || fail 'cannot be made writable'
assert_await 'told that it is over' 15 snmp_is "$STORE_STATE" 1
assert_await 'everything is stored' 10 stored

step 'the file is removed'
flow
assert_await 'stored' 10 stored
rm -f "$DISK"/ledger.db*
flow
assert_await 'served' 5 serves_all
assert_await 'stored whole in a new file' 15 stored

step 'two daemons, in two network namespaces, and one ledger'
lab_inventory_usual
assert_ok 'the usual ones' ctmeter refresh
flow
sed "s|^socket = $LAB/control.sock|socket = $LAB/second/control.sock|; s|^source = .*|source = file:$LAB/inventory.second|" \
	"$LAB/ctmeter.conf" >"$LAB/second.conf"
echo '201 203.0.113.201' >"$LAB/inventory.second"
in_ns outside timeout $((PATIENCE_S * SLOW)) "$B/ctmeterd" -c "$LAB/second.conf" </dev/null >"$LAB/second.log" 2>&1 9>&-
assert_eq 'the second: exit status' 1 $?
assert_match 'and why' "$DISK/ledger.db: process $CTMETERD_PID keeps its ledger there" "$(<"$LAB/second.log")"
assert_eq "the first one's containers stay" 'counting' "$(ctmeter list | awk '$1 == "192.0.2.101" { print $NF }')"
flow
assert_await 'it goes on storing' 10 stored
assert_ok 'nobody is in the way of a reader' test -n "$(ctmeter report --format csv)"
lab_ctmeterd_kill9
lab_ctmeterd_start
flow
assert_await 'nor after a kill' 10 stored

step 'damaged while no daemon runs'
lab_ctmeterd_stop
printf 'this is no database at all, but long enough to be looked at as one%01000d' 0 >"$DISK/ledger.db"
rm -f "$DISK"/ledger.db-*
lab_ctmeterd_start
assert_await 'a new one is begun' 10 snmp_is "$STORE_STATE" 1
assert_match 'its new name is logged' 'set aside as .*ledger.db.damaged' "$(<"$LAB/ctmeterd.log")"
assert_ok 'it is kept' test -e "$(echo "$DISK"/ledger.db.damaged*)"
assert_await 'what the rules counted is nobody'"'"'s: the addresses may have changed hands' 5 snmp_is "$IN101" 0
assert_eq 'and the row says so' 1 "$(snmp_get "$(oid_addr 101 192.0.2.101 disc-count)")"
sent=0
flow
assert_await 'what comes is served' 5 serves_all

step 'killed at once after a checkpoint failed: the kernel holds the rest'
lab_ctmeterd_kill9
lab_ctmeterd_start
flow
assert_await 'served' 10 serves_all

lab_end
