#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each of the notifications but those of billing, by a real cause, through snmpd to a real snmptrapd, as v2c trap
# and as v3 inform: once each with the values that a GET gets, not again while the state lasts,
# in time when there was no session, and bounded in a storm.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/netns/foreign.sh
. "$(dirname "$0")/foreign.sh"
# shellcheck source=tests/netns/traps.sh
. "$(dirname "$0")/traps.sh"
foreign_tools
command -v snmptrapd >/dev/null || skip "the command 'snmptrapd' is not installed"
lab_enter "$@"
lab_set ledger.checkpoint 1

CONFLICT=1 CLEARED=2 REPAIRED=3 INVENTORY_FAILED=4 INVENTORY_RECOVERED=5 STORE_FAILED=6 STORE_RECOVERED=7
SHIP_FAILED=10 SHIP_RECOVERED=11

# Every notification of the kind carries these objects in this order, each with the value that a
# GET gets now.
carries() { # LABEL NUMBER OID...
	local label=$1 number=$2 version line oid value names
	shift 2
	for version in v2c v3; do
		while read -r line; do
			names=
			while read -r oid value; do
				names+="$oid "
				assert_eq "$label: $version value of $oid" "$(snmp_get "$oid")" "$value"
			done < <(traps_objects "$line")
			assert_eq "$label: $version objects" "$* " "$names"
		done < <(traps_of $version "$number")
	done
}

# Of the kind about rows: the objects are of this row, or of that.
row_objects() { # CTID ADDR
	echo "$(oid_addr "$1" "$2" addr-text) $(oid_addr "$1" "$2" addr-ct) $(oid_addr "$1" "$2" status)"
}
rows_told() { # v2c|v3 NUMBER: the objects of each, sorted
	local line
	while read -r line; do
		traps_objects "$line" | cut -d ' ' -f 1 | paste -sd ' '
	done < <(traps_of "$1" "$2") | sort
}
status_told() { # CTID NUMBER
	traps_of v2c "$2" | tr ';' '\n' | sed -n "s/^$(oid_addr "$1" 192.0.2.101 status) //p"
}
carries_row() { # LABEL NUMBER STATE
	local version
	for version in v2c v3; do
		assert_eq "$1: $version row" "$(row_objects 107 192.0.2.101)" \
			"$(rows_told $version "$2")"
	done
	assert_eq "$1: state" "$3" "$(status_told 107 "$2")"
	traps_of v3 "$2" | grep -F "\"192.0.2.101\";$(oid_addr 107 192.0.2.101 addr-ct) \"107\";" >/dev/null ||
		fail "$1: the texts are not there"
}

# Looks, snapshots and answers go on, and nothing more is told.
goes_on() { ctmeter refresh >/dev/null 2>&1; ctmeter list >/dev/null; snmp_get "$(oid_scalar 7)" >/dev/null; }
once() { # LABEL NUMBER TIMES
	assert_await "$1: told" 20 traps_are "$2" "$3"
	goes_on; goes_on; goes_on
	assert_eq "$1: v2c, told once" "$3" "$(traps_count v2c "$2")"
	assert_eq "$1: v3, told once" "$3" "$(traps_count v3 "$2")"
}

hold_database() {
	rm -f "$LAB/hold"
	mkfifo "$LAB/hold"
	"$B/tests/netns/dblock" "$LAB/ledger.db" <"$LAB/hold" >"$LAB/locked" 2>&1 9>&- &
	exec 7>"$LAB/hold"
	await 10 grep -q locked "$LAB/locked" || fail 'the database cannot be locked'
}

step 'the way from snmpd to snmptrapd is open'
lab_network
lab_inventory_usual
traps_start
mapfile -t sinks < <(traps_sinks)
lab_snmpd_start "${sinks[@]}"
assert_await "snmpd's own coldStart comes" 20 traps_are .1.3.6.1.6.3.1.1.5.1 1
lab_ctmeterd_start
assert_await 'the tables are served' 10 snmp_serves
goes_on
for kind in 1 2 3 4 5 6 7 10 11; do
	assert_eq "all is well: nothing told of kind $kind" 0 "$(traps_count v2c $kind)"
done

step 'two containers claim one address'
lab_inventory_usual '107 192.0.2.101 203.0.113.107'
assert_ok refresh ctmeter refresh
once conflict $CONFLICT 1
carries_row conflict $CONFLICT 5
lab_inventory_usual
assert_ok refresh ctmeter refresh
once 'conflict cleared' $CLEARED 1
carries_row 'conflict cleared' $CLEARED 6

step 'somebody flushes the tables of both families'
iptables-legacy -t mangle -F && ip6tables-legacy -t mangle -F
once 'rules repaired' $REPAIRED 1
carries 'rules repaired' $REPAIRED "$(oid_scalar 6)" "$(oid_scalar 8)"
assert_eq 'both repairs are in it' 2 "$(snmp_get "$(oid_scalar 8)")"

step 'a source fails'
mv "$LAB/inventory" "$LAB/inventory.away"
ctmeter refresh >/dev/null 2>&1
once 'inventory failed' $INVENTORY_FAILED 1
assert_match 'inventory failed: its object' "^\\$(oid_scalar 9) [1-9]" \
	"$(traps_objects "$(traps_of v2c $INVENTORY_FAILED)")"
assert_match 'in words' "^file:.*inventory: cannot read .*No such file" "$(snmp_get "$(oid_scalar 12)")"
mv "$LAB/inventory.away" "$LAB/inventory"
assert_ok refresh ctmeter refresh
once 'inventory recovered' $INVENTORY_RECOVERED 1
carries 'inventory recovered' $INVENTORY_RECOVERED "$(oid_scalar 3)" "$(oid_scalar 4)"
mv "$LAB/inventory" "$LAB/inventory.away"
ctmeter refresh >/dev/null 2>&1
mv "$LAB/inventory.away" "$LAB/inventory"
assert_ok refresh ctmeter refresh
once 'fails again within a minute: not told' $INVENTORY_FAILED 1

step 'another program holds the database'
hold_database
once 'store failed' $STORE_FAILED 1
carries 'store failed' $STORE_FAILED "$(oid_scalar 11)"
assert_eq 'it is failing' 2 "$(snmp_get "$(oid_scalar 11)")"
exec 7>&-
once 'store recovered' $STORE_RECOVERED 1
carries 'store recovered' $STORE_RECOVERED "$(oid_scalar 11)"
assert_eq 'it is well' 1 "$(snmp_get "$(oid_scalar 11)")"

if ctmeter ship --help >/dev/null 2>&1; then
	step "the fleet's database does not answer"
	lab_set ship.database 'host=127.0.0.1 port=9 dbname=fleet'
	lab_write_conf
	kill -HUP "$CTMETERD_PID"
	assert_await 'there is one' 10 snmp_is "$(oid_scalar 13)" 1
	ctmeter ship >/dev/null 2>&1 && fail 'it was shipped to nobody'
	once 'ship failed' $SHIP_FAILED 1
	carries 'ship failed' $SHIP_FAILED "$(oid_scalar 13)"
	assert_eq 'it is failing' 2 "$(snmp_get "$(oid_scalar 13)")"
	assert_match 'why' 'ship: nothing is shipped since .*refused' "$(ctmeter status)"
	lab_set ship.database ''
	lab_write_conf
	kill -HUP "$CTMETERD_PID"
	once 'nothing to ship: over' $SHIP_RECOVERED 1
	assert_eq 'it is off' 3 "$(snmp_get "$(oid_scalar 13)")"
else
	echo '   what is told of shipping is left out: ctmeter was built without libpq'
fi

step 'all in all'
for kind in "$CONFLICT 1" "$CLEARED 1" "$REPAIRED 1" "$INVENTORY_FAILED 1" "$INVENTORY_RECOVERED 1" \
	"$STORE_FAILED 1" "$STORE_RECOVERED 1"; do
	assert_ok "kind and number $kind" traps_are "${kind% *}" "${kind#* }"
	printf '   notification %s: %s traps, %s informs\n' "${kind% *}" "$(traps_count v2c "${kind% *}")" \
		"$(traps_count v3 "${kind% *}")"
done
grep -q '|.1.3.6.1.2.1.1.3.0 [1-9][0-9]*;.1.3.6.1.6.3.1.1.4.1.0 ' "$LAB/traps" ||
	fail "sysUpTime is not the first object: $(tail -n 1 "$LAB/traps")"

step 'no snmpd: what lasts is told when it is there, what passed is not'
lab_ctmeterd_stop
lab_snmpd_stop
: >"$LAB/traps"
lab_inventory_usual '107 192.0.2.102'
lab_ctmeterd_start
assert_ok refresh ctmeter refresh
lab_inventory_usual '107 192.0.2.102 192.0.2.103'
assert_ok refresh ctmeter refresh
lab_inventory_usual '107 192.0.2.102'
assert_ok refresh ctmeter refresh
lab_snmpd_start "${sinks[@]}"
assert_await 'the tables are served' 10 snmp_serves
once 'lasting conflict' $CONFLICT 1
assert_eq 'the row of it' "$(row_objects 107 192.0.2.102)" \
	"$(rows_told v2c $CONFLICT)"
assert_eq 'nothing of the other' 0 "$(traps_count v2c $CLEARED)"

step 'switched off'
lab_set agentx.notifications no
lab_write_conf
kill -HUP "$CTMETERD_PID"
await 10 grep -q 'cfg: reloaded ' "$LAB/ctmeterd.log" || fail 'no reload'
lab_inventory_usual
assert_ok refresh ctmeter refresh
assert_await 'the conflict is over' 5 snmp_is "$(oid_addr 107 192.0.2.102 status)" 6
goes_on; goes_on
assert_eq 'nothing is told' 0 "$(traps_count v2c $CLEARED)"
lab_set agentx.notifications yes
lab_write_conf
kill -HUP "$CTMETERD_PID"
once 'switched on again' $CLEARED 1

step 'ten thousand addresses, each claimed by two'
lab_ctmeterd_stop
lab_set inventory.max-addresses 10000
: >"$LAB/traps"
{
	for ct in 201 202; do
		for ((i = 0; i < 100; i++)); do echo "$ct" "10.$i.0."{1..100}; done
	done
} | lab_inventory
lab_ctmeterd_start
assert_await 'the rest is logged' 30 grep -q '19990 more addresses.*at most 10 ' "$LAB/ctmeterd.log"
once storm $CONFLICT 10
assert_eq 'they are in conflict' 20000 "$(ctmeter status --json | sed -n 's/.*"conflicts": *\([0-9]*\).*/\1/p')"
lab_inventory_usual
assert_ok refresh ctmeter refresh
once 'storm over: the end of what was told' $CLEARED 10

lab_end
