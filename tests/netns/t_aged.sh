#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A container, and an address of one that stays, age out, and are back: whatever happened to the daemon
# meanwhile they have their ifIndex and all they ever counted, to the octet, and while they are gone
# their usage is reported.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
lab_set inventory.retire-after 1
lab_set inventory.interval 1
lab_set ledger.checkpoint 1
lab_start

traffic() {
	lab_flow 198.51.100.2 192.0.2.103 100 28-1500
	lab_flow 2001:db8:1::103 2001:db8:f::2 100 48-1500
	lab_flow 192.0.2.112 198.51.100.1 100 28-1500
	lab_flow 198.51.100.2 192.0.2.101 100 28-1500
}
without() { # all but container 103 and the second address of 102
	printf '%s\n' '101 192.0.2.101 2001:db8:1::101' '102 192.0.2.102' | lab_inventory
}
gone() { ! snmp_number "$(oid_ct 103 ct-ifindex)" && ! snmp_number "$(oid_addr 102 192.0.2.112 status)"; }
# Of the ledger, which takes no reading as a poll does: then each checkpoint is a tick.
aged_out() { [ "$("$B/tests/netns/dblock" "$LAB/ledger.db" 'SELECT count(*) FROM address WHERE state = 3')" = 3 ]; }
usage() { ctmeter report --ip "$1" --format csv --bytes | tail -n 1; } # ADDR
served_sum() { snmp_get "$(oid_ct 102 node-out.octets)"; }

index=$(snmp_get "$(oid_ct 103 ct-ifindex)")
for way in killed 'a new container came meanwhile'; do
	step "aged out, $way, back"
	traffic
	book_check "$way: before"
	without
	assert_await "$way: aged out" 20 aged_out
	assert_await "$way: not served" 5 gone
	assert_eq "$way: a container keeps what its address counted" "${BOOK['102 - node-out.octets']}" "$(served_sum)"
	assert_match "$way: what is gone is reported" "(^|,)${BOOK['103 192.0.2.103 fwd-in.octets']}(,|$)" \
		"$(usage 192.0.2.103)"
	case $way in
	killed) lab_ctmeterd_kill9 && lab_ctmeterd_start && await 10 snmp_serves ;;
	*came*)
		{ cat "$LAB/inventory"; echo '107 192.0.2.107'; } >"$LAB/more"
		lab_inventory <"$LAB/more"
		assert_ok refresh ctmeter refresh
		assert_eq 'it has another ifIndex' $((index + 1)) "$(snmp_get "$(oid_ct 107 ct-ifindex)")"
		;;
	esac
	lab_inventory_usual
	assert_ok refresh ctmeter refresh
	traffic
	book_check "$way: after"
	assert_eq "$way: its ifIndex" "$index" "$(snmp_get "$(oid_ct 103 ct-ifindex)")"
	assert_eq "$way: no discontinuity" 0 "$(snmp_get "$(oid_ct 103 disc-count)")"
done
assert_ok 'the ledger is whole' eval "[ \"\$('$B/tests/netns/dblock' '$LAB/ledger.db' 'PRAGMA integrity_check')\" = ok ]"
lab_end
