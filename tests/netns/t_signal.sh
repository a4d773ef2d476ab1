#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# SIGHUP reloads, and keeps the old configuration when the new one is bad; SIGTERM leaves the rules
# counting; whatever way the daemon ends, its next start goes on from what the kernel holds.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
lab_start

status_is() { snmp_is "$(oid_addr "$1" "$2" status)" "$3"; } # CTID ADDR STATUS
alive() { kill -0 "$CTMETERD_PID"; }

step 'SIGHUP: another source'
{ cat "$LAB/inventory" && echo '300 203.0.113.30'; } >"$LAB/other"
lab_set inventory.source "file:$LAB/other"
lab_write_conf
kill -HUP "$CTMETERD_PID"
assert_await 'the new source is read' 5 status_is 300 203.0.113.30 2
assert_ok 'the same process goes on' alive

step 'SIGHUP with a bad configuration keeps the good one'
cp "$LAB/ctmeter.conf" "$LAB/good.conf"
printf 'nonsense = here\n' >>"$LAB/ctmeter.conf"
said() { grep -q nonsense "$LAB/ctmeterd.log"; }
kill -HUP "$CTMETERD_PID"
assert_await 'the log says so' 5 said
cp "$LAB/good.conf" "$LAB/ctmeter.conf"
echo '301 203.0.113.31' >>"$LAB/other"
assert_ok refresh ctmeter refresh
assert_await 'the source set before is still looked at' 5 status_is 301 203.0.113.31 2

traffic() {
	lab_flow 198.51.100.2 192.0.2.101 300 28-1500
	lab_flow 2001:db8:1::103 2001:db8:f::1 300 48-1500
}
traffic
book_check 'after the reloads'

step 'SIGTERM: a clean end, the rules stay and count'
kill -TERM "$CTMETERD_PID"
wait "$CTMETERD_PID"
assert_eq 'exit status' 0 $?
CTMETERD_PID=
assert_ok 'no control socket is left' test ! -e "$LAB/control.sock"
traffic
lab_ctmeterd_start
assert_await 'the tables are back' 10 snmp_serves
book_check 'counted while no daemon ran'

step 'kill -9: nothing is lost'
traffic
lab_ctmeterd_kill9
traffic
lab_ctmeterd_start
assert_await 'the tables are back' 10 snmp_serves
book_check 'counted over the kill'

lab_end
