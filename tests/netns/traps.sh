# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real snmptrapd in the lab, and what it has received: one line a notification in $LAB/traps,
# "SECURITY|OID VALUE;OID VALUE;...", numeric. It takes v2c traps and v3 informs. Needs lab.sh.

TRAPS_PORT=162
TRAPS_COMMUNITY=traps$RANDOM$RANDOM
TRAPS_KEY=key-$RANDOM$RANDOM$RANDOM
TRAPS_PID=

traps_listening() { grep -qi "^ *[0-9]*: [0-9A-F]*:$(printf '%04X' $TRAPS_PORT) " /proc/net/udp; }

traps_start() {
	mkdir -p "$LAB/snmptrapd"
	cat >"$LAB/snmptrapd.conf" <<-END
		snmpTrapdAddr udp:127.0.0.1:$TRAPS_PORT
		authCommunity log $TRAPS_COMMUNITY
		createUser informer SHA-256 $TRAPS_KEY AES $TRAPS_KEY
		authUser log informer priv
		format2 %V;%P|%v\n
	END
	: >"$LAB/traps"
	MIBS='' SNMP_PERSISTENT_DIR=$LAB/snmptrapd SNMPCONFPATH=$LAB/snmptrapd snmptrapd -f -n -X -C \
		-c "$LAB/snmptrapd.conf" -m '' -M '' -Onqt -A -Lf "$LAB/traps" </dev/null \
		>"$LAB/snmptrapd.log" 2>&1 9>&- &
	TRAPS_PID=$!
	await 10 traps_listening || fail "snmptrapd does not listen"
}

traps_stop() { stop_process "$TRAPS_PID"; TRAPS_PID=; }

# snmpd's side, lines for lab_snmpd_start. An inform is sent again when its answer is late: so that
# a busy machine makes no second one, it may be very late.
traps_sinks() {
	printf '%s\n' "trap2sink 127.0.0.1:$TRAPS_PORT $TRAPS_COMMUNITY" \
		"trapsess -v 3 -Ci -t 30 -u informer -l authPriv -a SHA-256 -A $TRAPS_KEY -x AES -X $TRAPS_KEY udp:127.0.0.1:$TRAPS_PORT"
}

# The lines of a version about a notification: its OID, or its number in CTMETER-MIB.
traps_of() { # v2c|v3 OID|NUMBER
	local oid=$2
	[[ $oid == .* ]] || oid=.$BASE.0.$oid
	grep -F "SNMP $1" "$LAB/traps" | grep -F ";.1.3.6.1.6.3.1.1.4.1.0 $oid;"
}

traps_count() { traps_of "$1" "$2" | wc -l; } # v2c|v3 OID|NUMBER

# Both versions have come that often.
traps_are() { # NUMBER TIMES
	[ "$(traps_count v2c "$1")" = "$2" ] && [ "$(traps_count v3 "$1")" = "$2" ]
}

# The objects of a notification: "OID VALUE" lines, values as snmp_get prints them.
traps_objects() { # LINE
	tr ';' '\n' <<<"${1#*|}" | sed -E '1,2d; s/ "(.*)"$/ \1/'
}
