# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The SNMP side of the lab: a private snmpd that is AgentX master, getters, and the OIDs of
# CTMETER-MIB. Needs LAB (a directory of ours) and SNMP_PORT; loads no MIB files.

: "${CTMETER_OID:=1.3.6.1.4.1.8072.9999.9999.1206}"
BASE=$CTMETER_OID
SNMP_PORT=161
COMMUNITY=lab$RANDOM$RANDOM
SNMPD_PID=

# Columns of both tables.
declare -A COL=(
	[ct-text]=2 [ct-name]=3 [ct-ifindex]=4 [ct-addresses]=5
	[addr-label]=3 [addr-text]=4 [addr-ct]=5
	[fwd-in.octets]=6 [fwd-out.octets]=7 [fwd-in.pkts]=8 [fwd-out.pkts]=9
	[node-in.octets]=10 [node-out.octets]=11 [node-in.pkts]=12 [node-out.pkts]=13
	[status]=14 [since]=15 [disc-time]=16 [disc-count]=17 [disc-date]=18 [run-state]=19 [link]=19 [reason]=20
	[period-start]=22 [period-in]=23 [period-out]=24 [quota]=25 [quota-state]=26
)

# Dotted sub-identifiers of an address with its type and length, as an INDEX holds them.
oid_of_address() { # ADDR
	local a=$1 head tail groups=() g out i
	if [[ $a != *:* ]]; then
		printf '1.4.%s' "$a"
		return
	fi
	head=${a%%::*}
	tail=
	[[ $a == *::* ]] && tail=${a#*::}
	IFS=: read -ra groups <<<"$head"
	IFS=: read -ra g <<<"$tail"
	for ((i = ${#groups[@]} + ${#g[@]}; i < 8; i++)); do groups+=(0); done
	out=2.16
	for i in "${groups[@]}" "${g[@]}"; do
		out+=.$((0x$i >> 8)).$((0x$i & 255))
	done
	printf '%s' "$out"
}

# Dotted sub-identifiers of a container id: its length, then its octets.
oid_of_id() { # CTID
	local LC_ALL=C i out=${#1}
	for ((i = 0; i < ${#1}; i++)); do
		printf -v out '%s.%d' "$out" "'${1:i:1}"
	done
	printf '%s' "$out"
}

oid_scalar() { printf '.%s.1.1.%s.0' "$BASE" "$1"; } # NUMBER
oid_ct() { printf '.%s.1.2.1.%s.%s' "$BASE" "${COL[$2]:-$2}" "$(oid_of_id "$1")"; } # CTID COL
oid_addr() { # CTID ADDR COL
	printf '.%s.1.3.1.%s.%s.%s' "$BASE" "${COL[$3]:-$3}" "$(oid_of_id "$1")" "$(oid_of_address "$2")"
}

snmp() { # TOOL ARGS...: one of net-snmp's commands against our agent
	local tool=$1
	shift
	SNMPCONFPATH=$LAB/snmp "$tool" -v2c -c "$COMMUNITY" -t 1 -r 14 -m '' -M '' "${SNMP_OPTS[@]}" \
		"127.0.0.1:$SNMP_PORT" "$@" 2>/dev/null
}

# The bare value; exceptions (noSuchInstance and the like) as their text.
snmp_get() { # OID...
	local SNMP_OPTS=(-Oqvt)
	snmp snmpget "$@" | sed -E 's/^"(.*)"$/\1/'
}

snmp_next() { # OID...: "OID VALUE"
	local SNMP_OPTS=(-Onqt)
	snmp snmpgetnext "$@"
}

snmp_walk() { # OID: "OID VALUE" lines
	local SNMP_OPTS=(-Onqt -Cr20)
	snmp snmpbulkwalk "$@" | grep -v "No more variables left"
}

# Walk both tables into the array SERVED: OID -> value.
declare -A SERVED=()
snmp_load() {
	local oid value
	SERVED=()
	while read -r oid value; do SERVED[$oid]=$value; done < <(snmp_walk ".$BASE.1")
	[ ${#SERVED[@]} -gt 2 ]
}

snmp_is() { [ "$(snmp_get "$1")" = "$2" ]; } # OID VALUE
snmp_answers() {
	local SNMP_OPTS=(-t 0.3 -r 0)
	snmp snmpget .1.3.6.1.2.1.1.3.0
}
snmp_number() { [[ $(snmp_get "$1") =~ ^[0-9]+$ ]]; } # OID: it has a numeric value

# Our tables are there: the address count is a number.
snmp_serves() { snmp_number "$(oid_scalar 4)"; }

snmpd_config() {
	cat <<-END
		agentaddress udp:127.0.0.1:$SNMP_PORT
		master agentx
		dontLogTCPWrappersConnects yes
		agentXSocket $LAB/agentx.sock
		com2sec nodeSec 127.0.0.1 $COMMUNITY
		com2sec -Cn containers ctSec 127.0.0.1 $COMMUNITY-ct
		group nodeGroup v2c nodeSec
		group ctGroup v2c ctSec
		view ctmeter included .$BASE
		view ctmeter included .1.3.6.1.2.1.1
		view ctports included .$BASE
		view ctports included .1.3.6.1.2.1
		access nodeGroup "" any noauth exact ctmeter none none
		access ctGroup containers any noauth exact ctports none none
	END
	[ $# -eq 0 ] || printf '%s\n' "$@"
}

lab_snmpd_start() { # [EXTRA CONFIGURATION LINE...]
	mkdir -p "$LAB/snmp"
	snmpd_config "$@" >"$LAB/snmpd.conf"
	MIBS='' SNMP_PERSISTENT_DIR=$LAB/snmp SNMPCONFPATH=$LAB/snmp snmpd -r -f -C -c "$LAB/snmpd.conf" \
		-I "$SNMPD_MODULES" -Lo </dev/null >>"$LAB/snmpd.log" 2>&1 9>&- &
	SNMPD_PID=$!
	await 10 snmp_answers || { fail "snmpd does not answer"; return 1; }
}
# What reads the node's hardware and disks has no part in these tests, and takes snmpd's time.
SNMPD_MODULES=-smux,hr_filesys,hr_disk,hr_device,hr_network,hr_partition,diskio,hw_sensors

lab_snmpd_stop() { stop_process "$SNMPD_PID"; SNMPD_PID=; }
lab_snmpd_restart() { lab_snmpd_stop; lab_snmpd_start "$@"; }
lab_snmpd_pause() { kill -STOP "$SNMPD_PID"; }
lab_snmpd_resume() { kill -CONT "$SNMPD_PID"; await 10 snmp_answers; }

# End one of our own processes by its pid and wait for it.
stop_process() { # PID [SIGNAL]
	[ -n "$1" ] || return 0
	kill "-${2:-TERM}" "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	return 0
}
