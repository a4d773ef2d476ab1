#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The ledger's disk answers nobody for a while: polls are answered and fresh, containers that come are
# counted, and a kill -9 before a take-over is stored neither loses an octet nor takes one back.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/netns/watch.sh
. "$(dirname "$0")/watch.sh"
lab_enter "$@"

lab_cc -shared -fPIC -D_GNU_SOURCE -o "$LAB/stuckdisk.so" \
	"$LAB_TOP/tests/netns/preload/stuckdisk.c" 2>"$LAB/cc" ||
	skip "no C compiler here ($(head -n 1 "$LAB/cc"))"
STUCK=$LAB/stuck
start() { STUCKDISK_FILE=$STUCK lab_ctmeterd_start env LD_PRELOAD="$LAB/stuckdisk.so"; }
stick() {
	: >"$STUCK"
	await 10 test -e "$STUCK.waits" || fail 'nobody waits for the disk'
}
unstick() {
	rm -f "$STUCK"
	await 10 test ! -e "$STUCK.waits" || fail 'somebody waits for the disk still'
}
still_stuck() { assert_ok "$1: the disk is still stuck" test -e "$STUCK.waits"; }

STORE_STATE=$(oid_scalar 11)
NEW=192.0.2.110 MOVING=192.0.2.112
lab_network
lab_address c3 $NEW
lab_inventory_usual
lab_set ledger.checkpoint 1
lab_snmpd_start
start
await 10 snmp_serves || fail 'the tables are not served'
assert_ok refresh ctmeter refresh
watch_start
traffic() { lab_flow 198.51.100.2 192.0.2.101 50 28-1500; }

step 'polls'
traffic
book_check 'before'
stick
traffic
book_check 'while it is stuck'
assert_match status 'last reading' "$(ctmeter status)"
still_stuck polls
unstick

step 'a container comes'
stick
LAB_OWNER[$NEW]=110
lab_inventory_usual "110 $NEW"
has_rules() { iptables-legacy-save -t mangle | grep -q -- "-d $NEW/32 "; }
assert_await 'its rules are there' 5 has_rules
lab_flow 198.51.100.2 $NEW 50 28-1500
still_stuck 'a container comes'
assert_await 'it is told that nothing is stored' 15 snmp_is "$STORE_STATE" 2
traffic
book_check 'it is served nevertheless'
still_stuck 'served'
unstick
assert_await 'it is told that it is over' 15 snmp_is "$STORE_STATE" 1
book_check 'everything is served'

step 'killed before a take-over is stored'
# What it counts is the sum over its owners.
sum_of_owners() {
	local o n=0 octets
	for o in 102 103; do
		octets=$(snmp_get "$(oid_addr "$o" "$MOVING" fwd-in.octets)")
		[[ ! $octets =~ ^[0-9]+$ ]] || n=$((n + octets))
	done
	echo "$n"
}
all_served() { [ "$(sum_of_owners)" = "$1" ]; }
owner=102
lab_inventory_usual
assert_ok refresh ctmeter refresh
late() { grep -c 'takes longer than' "$LAB/ctmeterd.log"; }
sent=0 done=0
for ((round = 0; round < 12 && done < 4; round++)); do
	was_late=$(late)
	stick
	[ $owner = 102 ] && owner=103 || owner=102
	{
		echo '101 192.0.2.101 2001:db8:1::101'
		for ct in 102 103; do
			echo "$ct 192.0.2.$ct $([ $ct != $owner ] || echo $MOVING)"
		done
	} | lab_inventory
	timeout 5 "$B/ctmeter" -c "$LAB/ctmeter.conf" refresh >/dev/null 2>&1 &
	refresher=$!
	for i in 1 2 3; do
		read -r _ octets < <(in_ns outside "$B/tests/netns/udpgen" send --from 198.51.100.2 --to $MOVING \
			--port 7771 --size 100 --count 20)
		sent=$((sent + octets))
		[ $i = 3 ] || sleep 0.1 # for polls and the look
	done
	lab_ctmeterd_kill9
	rm -f "$STUCK" "$STUCK.waits"
	wait $refresher
	start
	await 10 ctmeter refresh >/dev/null || fail 'refresh after the kill'
	await 10 snmp_serves || fail 'the tables are not served after the kill'
	assert_await "round $round: all that was sent is somebody's" 5 all_served $sent
	# On a slow machine the daemon may have given the disk up: then it goes on without.
	[ "$(late)" != "$was_late" ] || done=$((done + 1))
done
assert_ge 'rounds in which the disk was not given up' 1 $done

step 'a file system that is frozen'
mkdir "$LAB/fs"
if ! { truncate -s 32M "$LAB/fs.img" && mkfs.ext4 -q "$LAB/fs.img" && mount -o loop "$LAB/fs.img" "$LAB/fs"; } \
	>"$LAB/mount" 2>&1 || ! command -v fsfreeze >/dev/null; then
	echo "SKIP of this step: no file system of its own to freeze ($(head -n 1 "$LAB/mount"))"
	watch_check
	lab_end
fi
trap 'fsfreeze -u "$LAB/fs" 2>/dev/null' EXIT
lab_ctmeterd_stop
cp "$LAB"/ledger.db* "$LAB/fs"
lab_set ledger.path "$LAB/fs/ledger.db"
lab_inventory_usual "110 $NEW"
start
await 10 snmp_serves || fail 'the tables are not served'
assert_ok refresh ctmeter refresh
# While it is frozen a container comes: it is counted and served.
frozen() { # LABEL CTID
	NEW=192.0.2.$2
	step "a file system that is frozen $1"
	lab_address c3 "$NEW"
	LAB_OWNER[$NEW]=$2
	assert_await 'all is well before' 10 snmp_is "$STORE_STATE" 1
	[ "$1" = 'at rest' ] || stick
	assert_ok 'frozen' fsfreeze -f "$LAB/fs"
	rm -f "$STUCK"
	assert_await 'it is told that nothing is stored' 15 snmp_is "$STORE_STATE" 2
	lab_inventory_usual "$2 $NEW"
	assert_await 'the rules of one that comes are there' 5 has_rules
	lab_flow 198.51.100.2 "$NEW" 50 28-1500
	assert_await 'it is served' 5 snmp_is "$(oid_addr "$2" "$NEW" fwd-in.octets)" \
		"${BOOK["$2 $NEW fwd-in.octets"]}"
	assert_ok 'frozen no more' fsfreeze -u "$LAB/fs"
	assert_await 'it is told that it is over' 15 snmp_is "$STORE_STATE" 1
}
frozen 'at rest' 111
frozen 'in the middle of a checkpoint' 113
watch_check
lab_end
