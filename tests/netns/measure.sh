#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Print the budgets' figures; asserts nothing. measure.sh [CONTAINERS] [SECONDS]

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
N=${1:-1000} SECONDS_IDLE=${2:-30}

cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$CTMETERD_PID/stat"; }
status_field() { ctmeter --json status | sed -nE "s/.*\"$1\": ?\"?([^,\"}]*).*/\1/p" | head -n 1; }
show() { printf '%-44s %s\n' "$1" "$2"; }
served() { snmp_is "$(oid_scalar 4)" "$N"; }
idle() { # LABEL
	local before after
	before=$(cpu_ticks)
	sleep "$SECONDS_IDLE"
	after=$(cpu_ticks)
	show "$1" "$(awk -v t=$((after - before)) -v hz="$(getconf CLK_TCK)" -v s="$SECONDS_IDLE" \
		'BEGIN { printf "%.2f %% of a core", 100 * t / hz / s }')"
}

lab_network
for ((i = 0; i < N; i++)); do
	if ((i % 2)); then echo "$((1000 + i)) 2001:db8:7::$(printf %x $i)"
	else echo "$((1000 + i)) 10.$((i >> 16 & 255)).$((i >> 8 & 255)).$((i & 255))"; fi
done | sed 's/ 10\.0\.0\.0$/ 10.99.0.0/' | lab_inventory
lab_set inventory.interval 10
lab_snmpd_start
began=${EPOCHREALTIME/./}
lab_ctmeterd_start
await 30 served || fail "not all $N are served"
show "$N containers served after" "$(((${EPOCHREALTIME/./} - began) / 1000)) ms"
assert_ok refresh ctmeter refresh
show 'counting rules' "$(snmp_get "$(oid_scalar 6)")"
show 'commits, both families' "$(status_field commits)"
show 'the last commit took' "$(status_field last_commit_ms) ms"
show 'resident' "$(sed -n 's/^VmRSS:[ \t]*//p' "/proc/$CTMETERD_PID/status")"
show 'resident, at its highest' "$(sed -n 's/^VmHWM:[ \t]*//p' "/proc/$CTMETERD_PID/status")"
idle "idle CPU over $SECONDS_IDLE s, nobody polls"

began=${EPOCHREALTIME/./}
cells=$(snmp_walk ".$BASE" | wc -l)
show "a walk of all $cells cells took" "$(((${EPOCHREALTIME/./} - began) / 1000)) ms"
show 'resident after it' "$(sed -n 's/^VmRSS:[ \t]*//p' "/proc/$CTMETERD_PID/status")"
lab_end
