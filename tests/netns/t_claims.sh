#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whose an address is when several claim it and not all run; and that no host name has a say in it.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"

status_of() { snmp_get "$(oid_addr "$1" "$2" status)"; } # CTID ADDR

lab_network
lab_inventory_usual
lab_snmpd_start
lab_ctmeterd_start
assert_await 'the tables are served' 10 snmp_serves
assert_ok refresh ctmeter refresh

step 'a stopped container wins no address against one that runs'
two_claim() { # STATE-OF-102 STATE-OF-107
	lab_inventory <<-END
		101 192.0.2.101 2001:db8:1::101 name=web.example state=running
		102 192.0.2.102 192.0.2.112 name=db.example state=$1
		103 192.0.2.103 2001:db8:1::103 name=mail.example state=running
		107 192.0.2.112 state=$2
	END
	assert_ok refresh ctmeter refresh
}
octets_of() { snmp_get "$(oid_addr "$1" 192.0.2.112 fwd-in.octets)"; } # CTID
two_claim running stopped
assert_eq 'who runs has it' '2 5' "$(status_of 102 192.0.2.112) $(status_of 107 192.0.2.112)"
in_102=$(octets_of 102)
# A stream while it changes hands, twice: each octet is in one of both.
port=$((LAB_PORT++))
lab_sink_start 192.0.2.112 "$port" 4000
ns_exec outside "$B/tests/netns/udpgen" send --from 198.51.100.2 --to 192.0.2.112 --port "$port" \
	--count 4000 --rate 1000 --size 500 --seed 7 >"$LAB/sent" 9>&- &
sender=$!
received() { [ "$(octets_of "$1")" -gt "$2" ]; } # CTID OCTETS
assert_await 'the stream is counted' 5 received 102 "$in_102"
two_claim stopped running
assert_eq 'who runs gets it' '5 2' "$(status_of 102 192.0.2.112) $(status_of 107 192.0.2.112)"
assert_await 'and its traffic' 5 received 107 0
left_102=$(octets_of 102)
two_claim running running
assert_eq 'and keeps it while both run' '5 2' "$(status_of 102 192.0.2.112) $(status_of 107 192.0.2.112)"
wait "$sender" "$SINK_PID"
assert_eq 'all arrived' '4000 2000000' "$(<"$LAB/sink.$port")"
all_booked() { [ $(($(octets_of 102) - in_102 + $(octets_of 107))) -eq 2000000 ]; }
assert_await 'each octet is booked once' 5 all_booked
assert_eq 'to the stopped one none since' "$left_102" "$(octets_of 102)"
assert_ok 'the log tells who has it' grep -q \
	'192.0.2.112, claimed by several containers, is now counted for 107, the only one that runs' "$LAB/ctmeterd.log"
assert_eq 'no discontinuity' '0 0' "$(snmp_get "$(oid_addr 102 192.0.2.112 17)") $(snmp_get "$(oid_addr 107 192.0.2.112 17)")"
lab_inventory_usual '107 192.0.2.112 state=stopped'
assert_ok refresh ctmeter refresh
book_add 102 192.0.2.112 fwd-in "$((($(octets_of 102) - in_102) / 500))" "$(($(octets_of 102) - in_102))"
lab_flow 198.51.100.2 192.0.2.112 10 1000
assert_await 'it comes back when the other stops' 5 snmp_is "$(oid_addr 102 192.0.2.112 fwd-in.octets)" "$((left_102 + 10000))"
lab_inventory_usual
assert_ok refresh ctmeter refresh

lab_ctmeterd_stop

step 'OpenVZ 7: a host name is a name, whatever is in it'
if [ -d /proc/vz ] || command -v vzlist prlctl >/dev/null; then skip 'this is an OpenVZ node'; fi
mount -t tmpfs tmpfs /usr/local/sbin || skip 'cannot mount a private /usr/local/sbin'
cp "$LAB_TOP/tests/netns/fake_vzlist.sh" /usr/local/sbin/vzlist
vz_node() { # HOSTNAME-OF-102: what vzlist says from now on
	cat >/usr/local/sbin/vzlist.new <<-END
		101|running|web.example|192.0.2.101 2001:db8:1::101
		102|running|$1|192.0.2.102 192.0.2.112
		103|stopped||192.0.2.103 2001:db8:1::103
	END
	mv /usr/local/sbin/vzlist.new /usr/local/sbin/vzlist.containers
}
vz_node db.example
lab_set inventory.source vz
lab_set inventory.interval 1
lab_ctmeterd_start
assert_await 'the tables are served' 10 snmp_serves
assert_ok refresh ctmeter refresh
assert_eq 'names come in a call of their own' 'web.example db.example' \
	"$(snmp_get "$(oid_ct 101 ct-name)") $(snmp_get "$(oid_ct 102 ct-name)")"
odd() { # LABEL HOSTNAME
	vz_node "$2"
	assert_ok "$1: refresh" ctmeter refresh
	assert_eq "$1: the inventory is read" '3 containers, 6 addresses: 24 rules are in place' "$(ctmeter refresh 2>&1)"
	assert_eq "$1: no address is in conflict" '2 2 2' \
		"$(status_of 101 192.0.2.101) $(status_of 102 192.0.2.102) $(status_of 102 192.0.2.112)"
	assert_eq "$1: it is the name" "$(printf '%.255s' "$2")" "$(ctmeter --json list |
		jq -r '.containers[] | select(.id == "102") | .name')"
	lab_flow 198.51.100.2 192.0.2.101 10 1000
	book_check "$1"
}
odd 'a quote, and an address where the next column would be' 'evil"                            192.0.2.101'
odd 'JSON of another container' 'x"}, {"ctid": "101", "hostname": "forged", "status": "running", "configured_ip": ["192.0.2.112"]'
odd 'a thousand octets' "$(printf 'h%.0s' {1..1000})"
odd 'an ordinary one' db.example

lab_end
