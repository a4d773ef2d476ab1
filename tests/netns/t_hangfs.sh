#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The file system of an inventory hangs, and who touches it cannot even be killed (a dead NFS server, here
# FUSE): SNMP and the control socket answer as ever, what was counted is counted, no second process
# follows the first into it, it is told once, and all is as before when it answers again. At the start and
# at the end too.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/netns/watch.sh
. "$(dirname "$0")/watch.sh"
lab_enter "$@"

HANG=$LAB/hang
mkdir "$LAB/fs"
lab_inventory_usual
"$B/tests/netns/hangfs" "$LAB/fs" "$LAB/inventory" "$HANG" </dev/null >"$LAB/hangfs.log" 2>&1 &
HANGFS_PID=$!
is_mounted() { [ -r "$LAB/fs/inventory" ] || ! kill -0 "$HANGFS_PID"; }
await 5 is_mounted
[ -r "$LAB/fs/inventory" ] || skip "no FUSE here ($(head -n 1 "$LAB/hangfs.log"))"

hang() {
	: >"$HANG"
	await 10 test -e "$HANG.waits" || fail 'nobody waits for the file system'
}
unhang() {
	rm -f "$HANG"
	await 10 test ! -e "$HANG.waits" || fail 'somebody still waits for the file system'
}
still_hangs() { assert_ok "$1: it still hangs" test -e "$HANG.waits"; }
# Processes of ours that sleep where no signal reaches them.
stuck() { ps -eo stat=,comm= | awk '/^D.*ctmeter/ { n++ } END { print n + 0 }'; }
says() { ctmeter status 2>/dev/null | grep -qE -- "$1"; } # REGEX
answers() { patiently "$B/ctmeter" -c "$LAB/ctmeter.conf" "$@" >"$LAB/said" 2>&1; }

lab_set inventory.source "file:$LAB/fs/inventory"
lab_set inventory.interval 1
lab_network
lab_snmpd_start
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'
assert_ok refresh ctmeter refresh
lab_flow 198.51.100.2 192.0.2.101 50 28-1500
book_check 'before'

step 'polls while it hangs'
hang
polled() { snmp_is "$(oid_scalar 3)" 3; }
for ((polls = 0; polls < 70; polls++)); do polled || break; done
assert_eq 'of 70 polls, those answered' 70 "$polls"
answers status
assert_match 'status answers' 'sources?:' "$(<"$LAB/said")"
assert_ok 'list answers' answers list
assert_match 'list knows the containers' '192\.0\.2\.101' "$(<"$LAB/said")"
lab_flow 198.51.100.2 192.0.2.101 50 28-1500
book_check 'while it hangs'
assert_await 'status tells' 15 says 'fs/inventory: .*does not answer'
answers list
assert_match 'what it said last stays' '192\.0\.2\.103 .* counting' "$(<"$LAB/said")"
failed=$(ctmeter status | sed -n 's/.*failed looks: *//p')
looked_on() { [ "$(ctmeter status | sed -n 's/.*failed looks: *//p')" -ge $((failed + 3)) ]; }
assert_await 'it is looked at on' 15 looked_on
assert_eq 'by one process' 1 "$(stuck)"
still_hangs polls
unhang
assert_await 'it recovers by itself' 15 eval "! says 'does not answer'"
assert_eq 'told once' 1 "$(grep -c 'fs/inventory.* does not answer' "$LAB/ctmeterd.log")"
assert_eq 'and its end' 1 "$(grep -c 'fs/inventory: answers again' "$LAB/ctmeterd.log")"
book_check 'after'

step 'the end, while a look hangs'
hang
ended() { ! kill -0 "$CTMETERD_PID"; }
kill -TERM "$CTMETERD_PID"
assert_await 'it ends' 5 ended
wait "$CTMETERD_PID"
assert_eq 'cleanly' 0 $?
CTMETERD_PID=
still_hangs 'the end'

step 'the start, while it hangs'
lab_ctmeterd_start
assert_ok 'nobody else is there' kill -0 "$CTMETERD_PID"
lab_flow 198.51.100.2 192.0.2.101 50 28-1500
answers status
assert_match 'status answers' 'sources?:' "$(<"$LAB/said")"
still_hangs 'the start'
unhang
assert_await 'it is read' 15 eval "! says 'fs/inventory: (does not|not looked)'"
await 40 snmp_serves || fail 'the tables are not served'
book_check 'all that was counted meanwhile'

step 'a program on it'
# By the helper, and by the daemon itself where there is none.
program_hangs() { # LABEL
	lab_ctmeterd_start
	await 10 ctmeter refresh >/dev/null 2>&1 || fail "$1: refresh"
	hang
	answers status
	assert_match "$1: status answers" 'source:' "$(<"$LAB/said")"
	assert_await "$1: status tells" 20 says 'fs/inventory: .*(did not end in time|has not ended yet)'
	failed=$(ctmeter status | sed -n 's/.*failed looks: *//p')
	assert_await "$1: it is looked at on" 15 looked_on
	assert_eq "$1: by one process" 1 "$(ps -eo stat= | awk '/^D/ { n++ } END { print n + 0 }')"
	still_hangs "$1"
	unhang
	assert_await "$1: it recovers by itself" 15 eval "! says 'fs/inventory: .*(did not end in time|has not ended yet)'"
	lab_ctmeterd_stop
}
lab_ctmeterd_stop
{
	printf '#!/bin/sh\ncat <<END\n'
	cat "$LAB/inventory"
	echo END
} >"$LAB/program"
chmod +x "$LAB/program"
mv "$LAB/program" "$LAB/inventory"
lab_set inventory.source "command:$LAB/fs/inventory"
program_hangs 'the helper'
lab_set inventory.helper "$LAB/no/helper"
program_hangs 'no helper'
lab_set inventory.source "file:$LAB/fs/inventory"
lab_inventory_usual
lab_ctmeterd_start
assert_await 'it is read' 15 ctmeter refresh

step 'the configuration on it'
mkdir "$LAB/etc"
HANG_ETC=$LAB/hang.etc
"$B/tests/netns/hangfs" "$LAB/etc" "$LAB/ctmeter.conf" "$HANG_ETC" </dev/null >>"$LAB/hangfs.log" 2>&1 &
await 5 test -r "$LAB/etc/inventory" || fail 'no second file system'
lab_ctmeterd_stop
"$B/ctmeterd" -c "$LAB/etc/inventory" </dev/null >>"$LAB/ctmeterd.log" 2>&1 9>&- &
CTMETERD_PID=$!
await 10 ctmeter refresh >/dev/null 2>&1 || fail 'refresh'
await 10 snmp_serves || fail 'the tables are not served'
: >"$HANG_ETC"
kill -HUP "$CTMETERD_PID"
for ((polls = 0; polls < 20; polls++)); do polled || break; done
assert_eq 'of 20 polls, those answered' 20 "$polls"
assert_ok 'the file system hangs' test -e "$HANG_ETC.waits"
answers status
assert_match 'status tells' 'configuration: .*etc/inventory does not answer' "$(<"$LAB/said")"
assert_await 'the log too' 5 grep -q 'cfg: .*etc/inventory does not answer.* in force stays' "$LAB/ctmeterd.log"
assert_eq 'one process hangs' 1 "$(stuck)"
rm "$HANG_ETC"
assert_await 'it recovers' 10 eval "! says 'configuration: '"
kill -HUP "$CTMETERD_PID"
assert_await 'a reload is possible again' 5 grep -q 'cfg: reloaded .*etc/inventory' "$LAB/ctmeterd.log"

step 'the configuration on it, slow and not hanging'
reloads() { grep -c 'cfg: reloaded .*etc/inventory' "$LAB/ctmeterd.log"; }
before=$(reloads)
reloaded() { [ "$(reloads)" -gt "$before" ]; }
for _ in {1..10}; do # it is waited for 10 s: once more where this shell takes as long
	began=$SECONDS
	: >"$HANG_ETC"
	kill -HUP "$CTMETERD_PID"
	await 5 says 'configuration: .*etc/inventory does not answer' || fail 'status does not tell'
	rm "$HANG_ETC"
	[ $((SECONDS - began)) -lt 8 ] && break
done
assert_await 'reloaded when it has been read' 10 reloaded
assert_await 'and status tells no more' 10 eval "! says 'configuration: '"

step 'teardown, while it hangs'
hang
assert_ok teardown answers teardown
assert_eq 'no rule is left' 0 "$(iptables-legacy-save -t mangle | grep -c ctm-)"
unhang
lab_end
