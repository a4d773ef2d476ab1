#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A long life, made short: containers that come, go, age out and come back, ticks, polls, commits and
# checkpoints each second, reloads, restarts of snmpd. Between a warm-up of WARM_S seconds (60) and the end
# of LIFE_S more (60) memory and descriptors stay as they are, and a container that stayed has counted all.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
: "${LIFE_S:=60}" "${WARM_S:=60}" "${GROWTH_KB:=1024}"
export LIFE_S WARM_S GROWTH_KB
lab_enter "$@"

CHURN=100 # containers a second
lab_set inventory.interval 1
lab_set inventory.retire-after 1
lab_set ledger.checkpoint 1
lab_start

round=0
inventory() { # the usual three, this round's, and some of a round long ago
	local i
	{
		echo '101 192.0.2.101 2001:db8:1::101'
		echo '102 192.0.2.102 192.0.2.112'
		echo '103 192.0.2.103 2001:db8:1::103'
		for ((i = 0; i < CHURN; i++)); do
			echo "$((100000 + round * CHURN + i)) 10.$((round >> 8 & 255)).$((round & 255)).$i name=guest-$round-$i"
		done
		if ((round > 6)); then
			for ((i = 0; i < 10; i++)); do
				echo "$((100000 + (round - 6) * CHURN + i)) 10.254.$((round & 255)).$i"
			done
		fi
	} | lab_inventory
}

descriptors() { find "/proc/$CTMETERD_PID/fd" -mindepth 1 2>/dev/null | wc -l; }
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$CTMETERD_PID/status"; }
is_calm() { snmp_is "$(oid_scalar 3)" 3 && snmp_is "$(oid_scalar 4)" 6 && [ "$(rows)" = 3 ]; }
rows() { snmp_walk ".$BASE.1.2.1.2" | wc -l; }

poll_until() { # FILE: until it is there
	until [ -e "$1" ]; do snmp_walk ".$BASE" >/dev/null || sleep 0.1; done
}

live_for() { # SECONDS
	local end=$((EPOCHSECONDS + $1)) pid
	rm -f "$LAB/enough"
	poll_until "$LAB/enough" 9>&- &
	pid=$!
	while [ $EPOCHSECONDS -lt $end ]; do
		round=$((round + 1))
		inventory
		ctmeter refresh >/dev/null || fail 'refresh'
		if ((round % 3 == 0)); then kill -HUP "$CTMETERD_PID"; fi
		if ((round % 10 == 0)); then
			lab_snmpd_restart
			await 10 snmp_serves || fail 'not served after a restart of snmpd'
		fi
		if ((round % 5 == 0)); then lab_flow 198.51.100.2 192.0.2.101 20 28-1500; fi
		sleep 0.2
	done
	: >"$LAB/enough"
	wait "$pid"
	lab_inventory_usual
	ctmeter refresh >/dev/null || fail 'refresh'
	assert_await 'all that came has aged out' 30 is_calm
}

measure() { # sets RSS and FDS, of a moment when nothing goes on
	local i
	RSS=$(resident) FDS=$(descriptors)
	for ((i = 0; i < 20; i++)); do # nobody's checkpoint or commit is under way in the lowest
		sleep 0.1
		[ "$(resident)" -ge "$RSS" ] || RSS=$(resident)
		[ "$(descriptors)" -ge "$FDS" ] || FDS=$(descriptors)
	done
}

live_for "$WARM_S"
measure
warm_rss=$RSS warm_fds=$FDS warm_rounds=$round
live_for "$LIFE_S"
measure
echo "$((round * CHURN)) containers came and went, $((warm_rounds * CHURN)) of them before;" \
	"resident $warm_rss kB, then $RSS kB; descriptors $warm_fds, then $FDS;" \
	"database $(($(stat -c %s "$LAB/ledger.db") / 1024)) kB, WAL $(($(stat -c %s "$LAB/ledger.db-wal") / 1024)) kB"
assert_ge 'rounds' $((warm_rounds + LIFE_S / 3)) "$round"
assert_ge "resident: at most $GROWTH_KB kB more than $warm_rss kB, with $RSS kB" "$RSS" $((warm_rss + GROWTH_KB))
assert_eq 'descriptors' "$warm_fds" "$FDS"
assert_ge 'the WAL stays below 8 MB' "$(stat -c %s "$LAB/ledger.db-wal")" $((8 << 20))
book_check 'a container that stayed'
assert_eq 'lines of the log that warn of the ledger' 0 "$(grep -c '^[ew].* ledger: ' "$LAB/ctmeterd.log")"
lab_end
