#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Reboots (fresh tables, another boot id, an empty /run), restarts of snmpd, and a wall clock that is
# set forth and back: totals go on, nothing is lost or counted twice.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/netns/foreign.sh
. "$(dirname "$0")/foreign.sh"
# shellcheck source=tests/netns/watch.sh
. "$(dirname "$0")/watch.sh"
# shellcheck source=tests/netns/faults.sh
. "$(dirname "$0")/faults.sh"
foreign_tools
lab_enter "$@"

traffic() {
	lab_flow 198.51.100.2 192.0.2.101 200 28-1500
	lab_flow 2001:db8:1::103 2001:db8:f::1 200 48-1500
}
boot_id() {
	echo "$1" >"$LAB/boot_id"
	mountpoint -q /proc/sys/kernel/random/boot_id || mount --bind "$LAB/boot_id" /proc/sys/kernel/random/boot_id
}
fresh_tables() {
	local ipt
	for ipt in iptables-legacy ip6tables-legacy; do
		assert_ok "$ipt -F" "$ipt" -t mangle -F
		assert_ok "$ipt -X" "$ipt" -t mangle -X
		assert_ok "$ipt -Z" "$ipt" -t mangle -Z
	done
}
# The figures are in the ledger once a checkpoint is later than they are.
checkpointed() { sleep 1.5; }

# Where counters were put back by somebody, what came behind cannot be told from it: it may be
# missing, and is told, but never counted twice. The book goes on from what is served.
book_never_more() { # LABEL
	local ct a path wanted served
	snmp_load
	while read -r ct a path wanted served; do
		assert_ge "$1: $ct $a $path: not more than was sent" "$served" "$wanted"
		[ "$wanted" = "$served" ] || [ "$a" = - ] ||
			assert_ge "$1: $ct $a: discontinuities" 1 "$(snmp_get "$(oid_addr "$ct" "$a" disc-count)")"
		BOOK["$ct $a $path"]=$served
	done < <(book_lines)
}

lab_set ledger.checkpoint 1
boot_id 11111111-1111-1111-1111-111111111111
lab_start
stream_sinks
watch_start
traffic
book_check 'to begin with'

n=1
# persist: a boot script puts the rules back that it saved, counting from 0; or, persist-counters,
# from where they were. Then they count before the daemon is there.
reboot_with() { # SIGNAL [persist|persist-counters]
	local c=()
	[ "${2-}" = persist-counters ] && c=(-c)
	n=$((n + 1))
	checkpointed
	stop_process "$CTMETERD_PID" "$1"
	CTMETERD_PID=
	iptables-legacy-save "${c[@]}" -t mangle >"$LAB/rules.4"
	ip6tables-legacy-save "${c[@]}" -t mangle >"$LAB/rules.6"
	fresh_tables
	boot_id "$n$n$n$n$n$n$n$n-1111-1111-1111-111111111111"
	if [ $# -gt 1 ]; then
		iptables-legacy-restore "${c[@]}" <"$LAB/rules.4"
		ip6tables-legacy-restore "${c[@]}" <"$LAB/rules.6"
		traffic
	fi
	lab_snmpd_restart
	lab_ctmeterd_start
	assert_await 'the tables are back' 10 snmp_serves
	[ $# -eq 1 ] || sleep 1.2 # counters that begin at 0 are believed after a second
	assert_ok refresh ctmeter refresh
}

step 'reboot after a clean end'
reboot_with TERM
book_check 'nothing moved over the reboot'
traffic
book_check 'counting again'

step 'reboot without any end (power loss after a checkpoint)'
reboot_with KILL
book_check 'nothing moved over the power loss'
traffic
book_check 'counting again'

step 'reboot, containers are there before the inventory'
# A runtime that waits for us to be ready is asked for the inventory. Known addresses are counted from the
# start, for whom the inventory then names.
printf '#!/bin/sh\nuntil [ -e %s/go ]; do sleep 0.1; done\ncat %s/inventory\n' "$LAB" "$LAB" >"$LAB/waits"
chmod 755 "$LAB/waits"
source=${LAB_CONF[inventory.source]}
lab_set inventory.source "command:$LAB/waits"
checkpointed
lab_ctmeterd_stop
fresh_tables
boot_id 99999999-1111-1111-1111-111111111111
lab_snmpd_restart
{
	echo '101 192.0.2.101 2001:db8:1::101 name=web.example state=running'
	echo '102 192.0.2.102 name=db.example state=running'
	echo '103 192.0.2.103 192.0.2.112 2001:db8:1::103 name=mail.example state=running'
} | lab_inventory
lab_ctmeterd_start
known_have_rules() {
	iptables-legacy-save -t mangle | grep -q -- '-d 192.0.2.112/32 ' &&
		ip6tables-legacy-save -t mangle | grep -q -- '-d 2001:db8:1::103/128 '
}
assert_await 'known addresses have their rules' 5 known_have_rules
traffic
LAB_OWNER[192.0.2.112]=103
lab_flow 198.51.100.2 192.0.2.112 200 28-1500
assert_match 'no source has answered' 'waits: not polled yet' "$(ctmeter status 2>&1)"
lab_ctmeterd_kill9 # what is held for the inventory stays so
lab_flow 198.51.100.2 192.0.2.112 200 28-1500
lab_ctmeterd_start
touch "$LAB/go"
assert_await 'the tables are back' 10 snmp_serves
assert_ok refresh ctmeter refresh
book_check 'counted before the inventory was there'
LAB_OWNER[192.0.2.112]=102
lab_inventory_usual
assert_ok refresh ctmeter refresh
lab_set inventory.source "$source"

step 'reboot, a boot script brings the rules back, counting from 0'
reboot_with TERM persist
book_check 'rules brought back'

# Whoever is late, the inventory or the daemon's doubts about counters at 0, must not wait for the
# other for ever.
step 'the same, and the inventory comes only then'
printf '#!/bin/sh\nsleep 3\ncat %s/inventory\n' "$LAB" >"$LAB/late"
chmod 755 "$LAB/late"
source=${LAB_CONF[inventory.source]}
lab_set inventory.source "command:$LAB/late"
reboot_with TERM persist
book_check 'rules brought back, a late inventory'
lab_set inventory.source "$source"

step 'reboot, a boot script brings the rules back with their counters'
reboot_with TERM persist-counters
book_never_more 'rules brought back with counters'

step 'the same table is flushed without a reboot while no daemon runs'
checkpointed
lab_ctmeterd_kill9
fresh_tables
lab_ctmeterd_start
assert_await 'the tables are back' 10 snmp_serves
assert_ok refresh ctmeter refresh
book_check 'nothing moved'
assert_ge 'what may have been missed is told' 1 "$(snmp_get "$(oid_addr 101 192.0.2.101 disc-count)")"
traffic
book_check 'counting again'

step 'snmpd restarts under traffic'
streams_start 192.0.2.101
for i in 1 2; do lab_snmpd_restart; done
assert_await 'the tables are back' 10 snmp_serves
streams_stop 192.0.2.101
stream_exact 'snmpd restarted' 192.0.2.101

step 'the clock is set forth and back'
if ! lab_cc -shared -fPIC -D_GNU_SOURCE -o "$LAB/stepclock.so" "$LAB_TOP/tests/netns/preload/stepclock.c" 2>"$LAB/cc"; then
	echo "SKIP of this step: no C compiler here ($(head -n 1 "$LAB/cc"))"
else
	lab_ctmeterd_stop
	echo 0 >"$LAB/step"
	STEPCLOCK_FILE=$LAB/step lab_ctmeterd_start env LD_PRELOAD="$LAB/stepclock.so"
	assert_await 'the tables are back' 10 snmp_serves
	lab_inventory_usual '300 203.0.113.30'
	assert_ok refresh ctmeter refresh
	lab_inventory_usual
	assert_ok refresh ctmeter refresh
	streams_start 192.0.2.101
	for by in 7200 -7200 200000 -200000 0; do
		echo "$by" >"$LAB/step"
		sleep 0.6
		assert_ok "it answers with a clock off by $by s" ctmeter list
		assert_eq "the retired row with a clock off by $by s" 6 "$(snmp_get "$(oid_addr 300 203.0.113.30 status)")"
	done
	streams_stop 192.0.2.101
	stream_exact 'clock set' 192.0.2.101
fi

watch_check
lab_end
