#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a service manager is told, by a listener on a notify socket: ready when the rules are in place of
# what was known before, whether snmpd and the inventory's sources are there or not; alive while the loop turns and only then; reloads and the end. And
# how the log looks in the journal.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"

TOLD=$LAB/told
EAR_PID=
listen() { # SOCKET
	stop_process "$EAR_PID"
	rm -f "$TOLD" "$LAB/notify"
	"$B/tests/netns/notified" "$1" >"$TOLD" </dev/null 9>&- &
	EAR_PID=$!
	await 5 ear_is_open || fail "nobody listens at $1"
}
ear_is_open() { grep -q notify /proc/net/unix; }
start() { # SOCKET: 3 s of watchdog
	NOTIFY_SOCKET=$1 WATCHDOG_USEC=3000000 lab_ctmeterd_start "${@:2}"
}
told() { grep -q -- "$1" "$TOLD"; } # REGEX
count() { grep -c -- "$1" "$TOLD"; }
more() { [ "$(count "$1")" -gt "$2" ]; } # REGEX THAN
has_rules() { iptables-legacy-save -t mangle 2>/dev/null | grep -q -- '-d 192.0.2.101/32 '; }

lab_network
lab_inventory_usual

step 'ready without snmpd and without an answer of any source'
listen "$LAB/notify"
printf '#!/bin/sh\nexec sleep 1000\n' >"$LAB/mute"
chmod +x "$LAB/mute"
lab_set inventory.source "command:$LAB/mute"
start "$LAB/notify"
assert_await 'ready' 3 told '^READY=1$'
# After 5 s it is ready anyway. It is alive each second of its loop's time, so that is after 4 beats or more.
beats() { sed '/^READY=1/q' "$TOLD" | grep -c ^WATCHDOG=1; }
assert_ge 'at once; beats before it' "$(beats)" 3
assert_match 'says what it waits for' 'mute: not polled yet' "$(grep STATUS= "$TOLD")"
lab_ctmeterd_stop

step 'not before the rules are in place of what was known before'
lab_set inventory.source "file:$LAB/inventory"
start "$LAB/notify"
assert_ok 'it learns' ctmeter refresh
lab_ctmeterd_stop
assert_ok 'the rules go' ctmeter teardown
lab_set inventory.source "command:$LAB/mute"
# Whoever holds the xtables lock holds up the commit. (No child of ours inherits 9.) On a machine so
# slow that it became ready by the clock, once more.
held_up() {
	listen "$LAB/notify"
	exec 9>/run/xtables.lock
	flock -x 9
	start "$LAB/notify"
	await 5 told '^WATCHDOG=1$' || fail 'it is not alive while it waits'
	assert_eq 'alive before it is ready' WATCHDOG=1 "$(grep -oE '^(WATCHDOG|READY)=1' "$TOLD" | head -n 1)"
	assert_ok 'no rules yet' eval '! has_rules'
	exec 9>&-
	assert_await 'ready' 10 told '^READY=1$'
	[ "$(beats)" -le 3 ]
}
for _ in {1..20}; do
	held_up && break
	lab_ctmeterd_stop
	assert_ok 'the rules go again' ctmeter teardown
done
assert_ge 'ready with the rules, not by the clock; beats before it' "$(beats)" 3
assert_ok 'the rules are in place' has_rules
lab_set inventory.source "file:$LAB/inventory"
lab_write_conf
kill -HUP "$CTMETERD_PID"
assert_await 'the inventory is there' 5 ctmeter refresh
lab_ctmeterd_stop
assert_ok 'the rules go' ctmeter teardown
listen "$LAB/notify"
start "$LAB/notify"
assert_await 'ready' 5 told '^READY=1$'
assert_await 'its status, once the source was asked' 10 told '^STATUS=3 containers, 6 addresses; snmpd: no session'
assert_eq 'none is told twice' '' "$(grep ^STATUS= "$TOLD" | uniq -d)"
lab_snmpd_start
assert_await 'the status says that snmpd came' 15 told '^STATUS=3 containers, 6 addresses$'

step 'no child inherits it'
cat >"$LAB/lister" <<-END
	#!/bin/sh
	env >$LAB/env
	echo '104 192.0.2.104'
END
chmod +x "$LAB/lister"
lab_set inventory.source "command:$LAB/lister"
lab_write_conf

step 'a reload'
kill -HUP "$CTMETERD_PID"
assert_await 'reloading, then ready' 5 more '^READY=1$' 1
assert_match 'with its time' '^RELOADING=1\|MONOTONIC_USEC=[1-9][0-9]+$' "$(grep RELOADING "$TOLD")"
assert_await 'the new source is run' 5 test -s "$LAB/env"
assert_eq 'without the socket' '' "$(grep -E 'NOTIFY|WATCHDOG' "$LAB/env")"
echo 'nonsense = 1' >>"$LAB/ctmeter.conf"
kill -HUP "$CTMETERD_PID"
assert_await 'a bad one ends too' 5 more '^READY=1$' 2
assert_await 'and is told' 15 told '^STATUS=.*configuration: refused.*nonsense'
lab_write_conf

step 'a stopped daemon is found'
n=$(count ^WATCHDOG=1)
assert_await 'the watchdog is told' 5 more ^WATCHDOG=1 "$n"
# 4 s are longer than the 3 after which a manager would act; nothing may come within them.
quiet_for_4s() {
	local before
	before=$(count ^WATCHDOG=1)
	sleep 4
	[ "$(count ^WATCHDOG=1)" = "$before" ]
}
kill -STOP "$CTMETERD_PID"
assert_ok 'stopped: silence' quiet_for_4s
n=$(count ^WATCHDOG=1)
kill -CONT "$CTMETERD_PID"
assert_await 'it goes on' 5 more ^WATCHDOG=1 "$n"

step 'a hung loop is found, though another thread runs'
"$B/tests/netns/hang" "$CTMETERD_PID" >"$LAB/hung" 2>&1 &
HANG_PID=$!
if await 5 test -s "$LAB/hung" && grep -q hung "$LAB/hung"; then
	assert_ok 'hung: silence' quiet_for_4s
	n=$(count ^WATCHDOG=1)
	stop_process "$HANG_PID"
	assert_await 'it goes on' 5 more ^WATCHDOG=1 "$n"
else
	echo "SKIP of this step: no ptrace here ($(head -n 1 "$LAB/hung"))"
	stop_process "$HANG_PID"
fi

step 'a silent snmpd and a held lock are no reason'
exec 9>/run/xtables.lock
flock -x 9
lab_snmpd_pause
n=$(count ^WATCHDOG=1)
assert_await 'the watchdog is told all the while' 10 more ^WATCHDOG=1 $((n + 5))
exec 9>&-
lab_snmpd_resume

step 'the end'
lab_ctmeterd_stop
assert_eq 'the last words' STOPPING=1 "$(tail -n 1 "$TOLD" | cut -d'|' -f1)"

step 'an abstract socket, and an inventory that does not come'
listen "@notify-$$"
lab_set inventory.source "file:$LAB/none"
start "@notify-$$"
assert_await 'ready with what there is' 10 told '^READY=1$'
assert_await 'says what is missing' 5 told 'STATUS=.*none: cannot read'
lab_ctmeterd_stop

step 'the journal'
mkfifo "$LAB/journal"
cat "$LAB/journal" >"$LAB/journal.log" &
CAT_PID=$!
exec {journal}>"$LAB/journal"
stream=$(stat -L -c %d:%i "/proc/$$/fd/$journal")
lab_write_conf
JOURNAL_STREAM=$stream "$B/ctmeterd" -c "$LAB/ctmeter.conf" </dev/null 2>&"$journal" >&2 &
CTMETERD_PID=$!
exec {journal}>&-
assert_await 'it runs' 10 ctmeterd_answers
assert_await 'an error' 10 grep -q '^<3>inv: file:.*cannot read' "$LAB/journal.log"
lab_ctmeterd_stop
wait "$CAT_PID"
assert_eq 'each line has a priority' 0 "$(grep -vc '^<[3467]>[a-z]*: ' "$LAB/journal.log")"
assert_ok 'an information' grep -q '^<6>engine: ctmeterd .* started' "$LAB/journal.log"
# stderr went elsewhere since: as everywhere.
: >"$LAB/ctmeterd.log"
JOURNAL_STREAM=$stream lab_ctmeterd_start
assert_await 'not the journal' 10 grep -q '^error inv: file:.*cannot read' "$LAB/ctmeterd.log"
lab_ctmeterd_stop
assert_eq 'no colour' 0 "$(grep -c $'\033' "$LAB/ctmeterd.log")"

stop_process "$EAR_PID"
lab_end
