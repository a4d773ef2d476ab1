#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The cost of a walk, of ctmeterd and of what else could serve the same figures:
#
#   ctmeterd   all tables of CTMETER-MIB
#   stock      the same cells as constants, from net-snmp's own subagent library
#   script     the same cells as constants, from a pass_persist script
#   collectd   the counters of its iptables plugin through its snmp_agent plugin: two rules a
#              container, two counters and two index columns a rule
#
# Each has an snmpd of its own. Everything, including the walker, runs on one CPU, one after the
# other. "full" is snmpbulkwalk over everything, "four" the four columns of forwarded traffic in
# each GETBULK, "ports" (ctmeterd only) the same four of the switch view's ifXTable.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/bench/bench.sh
. "$(dirname "$0")/bench.sh"
lab_enter "$@"
go_first

REPETITIONS=$(times 9 3)
BULKWALK=$B/tests/bench/bulkwalk
PART=3400 # cells of a slow candidate's walk that are enough
COLLECTD_MAX=1000 # rows: its library looks through all cells for each one
COLLECTD_WAIT=240
PINNED=(taskset -c "$BENCH_CPU") # becomes the command, so a background job's pid is the command's
PYTHON=/usr/bin/python3
[ -x $PYTHON ] || PYTHON=$(command -v python3)

declare -A PORT=([ctmeterd]=1161 [stock]=1162 [script]=1163 [collectd]=1164)
declare -A MASTER AGENT # pids
FOUR=("$BASE".1.3.1.{6,7,8,9})
PORTS=(1.3.6.1.2.1.31.1.1.1.{6,10,7,11})

# ---- the candidates ---------------------------------------------------------------------------

start_master() { # CANDIDATE [CONFIGURATION LINE...]
	local LAB=$LAB/$1 SNMP_PORT=${PORT[$1]} candidate=$1
	shift
	mkdir -p "$LAB"
	lab_snmpd_start "$@" || return 1
	pin "$SNMPD_PID"
	MASTER[$candidate]=$SNMPD_PID
}

served() { # CANDIDATE CELL
	local SNMP_PORT=${PORT[$1]}
	snmp_number "$2"
}

start_ctmeterd() { # N
	bench_inventory "$1" | lab_inventory
	bench_defaults "$1"
	lab_set agentx.socket "$LAB/ctmeterd/agentx.sock"
	start_master ctmeterd && lab_ctmeterd_start "${PINNED[@]}" || return 1
	AGENT[ctmeterd]=$CTMETERD_PID
	ctmeter refresh >/dev/null && await 10 served ctmeterd "$(oid_scalar 4)" || return 1
	"$BULKWALK" -d "${PORT[ctmeterd]}" "$COMMUNITY" 40 "$BASE.1" >"$LAB/dump"
	CELLS=$(wc -l <"$LAB/dump")
}

start_stock() {
	start_master stock || return 1
	SNMP_PERSISTENT_DIR=$LAB/stock MIBS='' "${PINNED[@]}" "$B/tests/bench/stock_subagent" "$LAB/stock/agentx.sock" \
		"$BASE.1.1" "$BASE.1.2.1" "$BASE.1.3.1" <"$LAB/dump" >"$LAB/stock/log" 2>&1 &
	AGENT[stock]=$!
	await 30 served stock "$(oid_scalar 4)" || { cat "$LAB/stock/log"; return 1; }
}

start_script() {
	start_master script "pass_persist .$BASE.1 $PYTHON $LAB_TOP/tests/bench/pass_persist.py $LAB/dump" &&
		await 30 served script "$(oid_scalar 4)" || return 1
	AGENT[script]=$(pgrep -P "${MASTER[script]}")
}

# The wiki's rules, with the comments that collectd needs.
collectd_rules() { # N
	bench_inventory "$1" | awk 'BEGIN { print "*filter\n:FORWARD ACCEPT" }
		{
			print "-A FORWARD -s " $2 " -m comment --comment " $1 "-out"
			print "-A FORWARD -d " $2 " -m comment --comment " $1 "-in"
		}
		END { print "COMMIT" }' | iptables-legacy-restore
}

# It reads once, when it starts: only serving is measured. It takes the type of each object from the
# loaded MIB, so it borrows columns of ctmContainerTable, indexed by chain and comment.
collectd_config() {
	cat <<-END
		Hostname node
		FQDNLookup false
		BaseDir "$LAB/collectd"
		PIDFile "$LAB/collectd/pid"
		TypesDB "/usr/share/collectd/types.db"
		Interval 86400
		LoadPlugin iptables
		LoadPlugin snmp_agent
		<Plugin iptables>
			Chain filter FORWARD
		</Plugin>
		<Plugin snmp_agent>
			<Table rules>
				<Data chain>
					Plugin iptables
					<IndexKey>
						Source PluginInstance
					</IndexKey>
					OIDs "$BASE.1.2.1.2"
				</Data>
				<Data rule>
					Plugin iptables
					<IndexKey>
						Source TypeInstance
					</IndexKey>
					OIDs "$BASE.1.2.1.3"
				</Data>
				<Data octets>
					Plugin iptables
					Type ipt_bytes
					OIDs "$BASE.1.2.1.6"
				</Data>
				<Data pkts>
					Plugin iptables
					Type ipt_packets
					OIDs "$BASE.1.2.1.8"
				</Data>
			</Table>
		</Plugin>
	END
}

start_collectd() { # N
	local dir=$LAB/collectd
	collectd_rules "$1" && start_master collectd || return 1
	collectd_config >"$dir/collectd.conf"
	echo "agentXSocket $dir/agentx.sock" >"$dir/snmp_agent.conf"
	MIBDIRS=$B/mibs/flat MIBS=CTMETER-MIB SNMPCONFPATH=$dir SNMP_PERSISTENT_DIR=$dir \
		"${PINNED[@]}" collectd -f -C "$dir/collectd.conf" </dev/null >"$dir/log" 2>&1 &
	AGENT[collectd]=$!
	await "$COLLECTD_WAIT" served collectd "$(collectd_last "$1")" || { tail -n 5 "$dir/log"; return 1; }
	rest collectd
}

collectd_last() { # N: the last of its cells to be registered
	printf '%s.1.2.1.8.%s.%s' "$BASE" "$(oid_of_id filter-FORWARD)" "$(oid_of_id $((100000 + $1))-in)"
}

# collectd polls for requests thousands of times a second even when there are none, so it is stopped
# while others are measured.
rest() { [ "$1" != collectd ] || kill -STOP "${AGENT[collectd]}"; }
wake() { [ "$1" != collectd ] || kill -CONT "${AGENT[collectd]}"; }

stop_ctmeterd() {
	ctmeter teardown >/dev/null
	wait "$CTMETERD_PID"
	CTMETERD_PID=
	rm -f "$LAB"/ledger.db*
}
stop_stock() { stop_process "${AGENT[stock]}"; }
stop_script() { :; } # ends with its snmpd
stop_collectd() {
	wake collectd
	stop_process "${AGENT[collectd]}" KILL # it would take leave of each cell by itself
	iptables-legacy -F FORWARD
}

stop() { # CANDIDATE
	"stop_$1"
	stop_process "${MASTER[$1]}"
}

# ---- measuring --------------------------------------------------------------------------------

# A walk prints "CELLS MICROSECONDS".
walk_snmpbulkwalk() { # PORT
	local began=${EPOCHREALTIME/./}
	pinned snmpbulkwalk -v2c -c "$COMMUNITY" -t 20 -r 0 -m '' -M '' -Cr50 -On "127.0.0.1:$1" ".$BASE.1" \
		>/dev/null && echo "$CELLS $((${EPOCHREALTIME/./} - began))"
}
walk_columns() { # PORT REPETITIONS OID...
	local port=$1 cells us
	shift
	read -r cells _ us < <(pinned "$BULKWALK" -n "$LIMIT" "$port" "$COMMUNITY" "$@") && echo "$cells $us"
}

walk() { # CANDIDATE full|four
	local port=${PORT[$1]}
	case $1-$2 in
	collectd-full) walk_columns "$port" 50 "$BASE.1.2" ;;
	collectd-four) walk_columns "$port" 50 "$BASE".1.2.1.{6,8} ;;
	ctmeterd-ports) COMMUNITY=$COMMUNITY-ct walk_columns "$port" 25 "${PORTS[@]}" ;;
	script-full) walk_columns "$port" 50 "$BASE.1" ;;
	*-full) walk_snmpbulkwalk "$port" ;;
	*) walk_columns "$port" 25 "${FOUR[@]}" ;;
	esac
}

# One walk of one candidate: its rate, and the CPU time that each process spent per cell.
measure() { # CANDIDATE full|four|ports N
	local master agent cells us LIMIT=$((4 * $3 < PART ? 4 * $3 : PART))
	[ "$1" = script ] || [ "$1" = collectd ] || LIMIT=1000000000
	wake "$1"
	master=$(cpu_ns "${MASTER[$1]}") agent=$(cpu_ns "${AGENT[$1]}")
	read -r cells us < <(walk "$1" "$2") || { fail "the $2 walk of $1 at $3"; return 1; }
	master=$(($(cpu_ns "${MASTER[$1]}") - master))
	agent=$(($(cpu_ns "${AGENT[$1]}") - agent))
	rest "$1"
	row snmp "$2, $1" "$3" "$(calc "$cells * 1e6 / $us")" 'cells/s'
	row snmp "$2, $1: own CPU a cell" "$3" "$(calc "$agent / $cells / 1e3")" us
	row snmp "$2, $1: snmpd's CPU a cell" "$3" "$(calc "$master / $cells / 1e3")" us
}

compare() { # full|four N
	ratio snmp "$1, ctmeterd over stock" "$2" "$1, ctmeterd" "$1, stock" '>= 1.3'
	ratio snmp "$1, own CPU over stock's" "$2" "$1, ctmeterd: own CPU a cell" \
		"$1, stock: own CPU a cell" '<= 0.45'
	ratio snmp "$1, snmpd's CPU over stock's" "$2" "$1, ctmeterd: snmpd's CPU a cell" \
		"$1, stock: snmpd's CPU a cell"
	ratio snmp "$1, ctmeterd over script" "$2" "$1, ctmeterd" "$1, script"
	[ "$2" -gt $COLLECTD_MAX ] || ratio snmp "$1, ctmeterd over collectd" "$2" "$1, ctmeterd" "$1, collectd"
}

# All walks must return the same, or the comparison is meaningless.
verify() {
	local c
	for c in stock script; do
		"$BULKWALK" -d "${PORT[$c]}" "$COMMUNITY" 40 "$BASE.1" | cmp -s - "$LAB/dump" ||
			fail "$c does not serve what ctmeterd does"
	done
}

of_size() { # N
	local n=$1 c walk i candidates=(ctmeterd stock script)
	[ "$n" -gt $COLLECTD_MAX ] || candidates+=(collectd)
	for c in "${candidates[@]}"; do
		progress "$c, $n addresses"
		"start_$c" "$n" && continue
		[ "$c" = collectd ] || { fail "$c does not come up"; return 1; }
		note snmp "collectd had not registered its cells within $COLLECTD_WAIT s: left out"
		stop collectd
		candidates=(ctmeterd stock script)
	done
	verify
	for ((i = 1; i <= REPETITIONS; i++)); do
		progress "repetition $i of $REPETITIONS"
		for walk in full four; do
			for c in "${candidates[@]}"; do measure "$c" $walk "$n" || return 1; done
		done
		measure ctmeterd ports "$n" || return 1
	done
	compare full "$n"
	compare four "$n"
	ratio snmp 'the switch view over the tables, four columns' "$n" 'ports, ctmeterd' 'four, ctmeterd'
	for c in "${candidates[@]}"; do stop "$c"; done
}

lab_quieten node
for n in 1000 10000; do of_size $n || break; done
note snmp "full: snmpbulkwalk -Cr50 of all tables; of script and collectd only the first $PART cells, by \
tests/bench/bulkwalk"
note snmp 'four: columns 6 to 9 of ctmAddressTable, 25 rows a GETBULK; of collectd the two of each rule'
note snmp 'ports: octets and unicast packets of ifXTable, in the context of the switch view'
note snmp "collectd registers each cell by itself and searches them in a row: beyond $COLLECTD_MAX containers \
it is not measured"
note snmp "ctmeterd's own CPU has the readings of the counters in it that a walk asks for"
bench_end
