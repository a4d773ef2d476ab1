#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A tenant who may choose ids, names, addresses and how many: whatever he says, the others' figures
# stay exact, ctmeterd's memory stays within what the configuration allows, and it is said.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"

ROWS=${ROWS:-500} SHARE=100
# What ctmeterd may take: 12 MiB, and 10 KiB for each address that may be had.
BOUND_KB=$((12 * 1024 + ROWS * 10))

status_of() { snmp_get "$(oid_addr "$1" "$2" status)"; } # CTID ADDR
logged() { grep -qE "$1" "$LAB/ctmeterd.log"; } # REGEX
problem() { ctmeter status | grep -qE "$1"; } # REGEX
figure() { ctmeter status --json | sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p"; } # KEY
says() { lab_inventory_usual && cat >"$LAB/evil.new" && mv "$LAB/evil.new" "$LAB/evil"; } # from stdin
peak_kb() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$CTMETERD_PID/status"; }

# Something to and from each of the others, and it is all theirs.
others_are_exact() { # LABEL
	lab_flow 198.51.100.2 192.0.2.101 200 28-1500
	lab_flow 192.0.2.102 192.0.2.103 150 28-1500
	lab_flow 2001:db8:1::103 2001:db8:f::2 100 48-1500
	lab_flow 198.51.100.1 192.0.2.112 50 28-1500
	book_check "$1"
}

lab_network
ip route add default via 198.51.100.2
lab_set inventory.max-rows "$ROWS"
lab_set inventory.max-addresses "$SHARE"
lab_set inventory.interval 3600
lab_set inventory.source "command:$LAB/source"
printf '#!/bin/sh\necho >>%s/runs\ncat %s/inventory\n. %s/evil\n' "$LAB" "$LAB" "$LAB" >"$LAB/source"
chmod 755 "$LAB/source"
says </dev/null
lab_snmpd_start
lab_ctmeterd_start
assert_await 'the tables are served' 10 snmp_serves
others_are_exact 'before'

step "addresses of everybody's"
says <<-'END'
	echo 'evil 192.0.2.101 2001:db8:1::103 198.51.100.1 2001:db8:f::1 198.51.100.2 198.51.100.255'
	echo 'evil 0.0.0.0 127.0.0.1 224.0.0.1 255.255.255.255 ::1 ff02::1 fe80::1 203.0.113.66'
END
assert_ok refresh ctmeter refresh
assert_eq "another's: his, and in conflict for the claimant" '2 5' \
	"$(status_of 101 192.0.2.101) $(status_of evil 192.0.2.101)"
assert_eq "another's, IPv6" '2 5' "$(status_of 103 2001:db8:1::103) $(status_of evil 2001:db8:1::103)"
for a in 198.51.100.1 2001:db8:f::1 198.51.100.2 198.51.100.255; do
	assert_eq "not countable: $a" 4 "$(status_of evil "$a")"
done
assert_eq 'his own' 2 "$(status_of evil 203.0.113.66)"
assert_eq 'no other row of his' 7 "$(snmp_get "$(oid_ct evil ct-addresses)")"
for what in "198.51.100.1, claimed by container evil, is this node's own" \
	"198.51.100.2, claimed by container evil, is this node's gateway" \
	'192.0.2.101 is claimed by containers 101 and evil: counted for 101' \
	'"127.0.0.1" of container evil refused'; do
	assert_ok "the log says: $what" logged "$what"
done
assert_ok 'status says so' problem 'belong to the node'
others_are_exact 'addresses of everybody'
for a in 192.0.2.101 2001:db8:1::103; do
	assert_eq "nothing is booked to the claimant of $a" '0 0' \
		"$(snmp_get "$(oid_addr evil "$a" fwd-in.octets)") $(snmp_get "$(oid_addr evil "$a" node-out.octets)")"
done
assert_eq 'nor of any other of them' '0 0' \
	"$(snmp_get "$(oid_ct evil fwd-in.octets)") $(snmp_get "$(oid_ct evil node-out.octets)")"
lab_ctmeterd_kill9
lab_ctmeterd_start
assert_await 'served again' 10 snmp_serves
assert_eq 'who had it first is remembered' '2 5' \
	"$(status_of 101 192.0.2.101) $(status_of evil 192.0.2.101)"
others_are_exact 'after a kill'

step 'ids and names that are none, or look like others'
long=$(printf 'x%.0s' {1..64})
says <<-END
	printf '.. 203.0.113.1 name=\033[2J\n- 203.0.113.2\n../../etc/passwd 203.0.113.3\n'
	printf 'EVIL 203.0.113.4\nevil 203.0.113.5\n%s 203.0.113.6\n%sx 203.0.113.7\n' $long $long
	printf '10\302\2201 203.0.113.8\n10\0331 203.0.113.9\n\377\376 203.0.113.10\n'
	printf '1\342\200\21301 203.0.113.11\n"101 " 203.0.113.12\n101\\\\n 203.0.113.13\n'
	printf 'turned 203.0.113.15 name=exe\342\200\256gpj\nformula 203.0.113.16 name="=cmd|X!A0"\n'
	printf 'named 203.0.113.14 name='; head -c 60000 /dev/zero | tr '\0' 'n'; echo
	printf 'wide '; head -c 300000 /dev/zero | tr '\0' '7'; echo
	head -c 200000 /dev/urandom | tr -d '\n'; echo
END
ctmeter refresh >"$LAB/refresh" 2>&1
assert_eq 'refresh: exit status, as some lines could not be read' 1 $?
for id in .. - ../../etc/passwd EVIL evil "$long" named; do
	assert_match "an id like any other: ${id:0:20}" '^[0-9]+$' "$(snmp_get "$(oid_ct "$id" status)")"
done
assert_match '65 octets are none' '^No Such' "$(snmp_get "$(oid_ct "${long}x" status)")"
assert_eq 'a name is cut' 255 "$(snmp_get "$(oid_ct named ct-name)" | tr -d '\n' | wc -c)"
assert_eq 'no control character reaches the log' 0 "$(LC_ALL=C grep -c $'[\001-\010\013-\037\177]' "$LAB/ctmeterd.log")"
unseen=$'\302[\200-\237]\|\342\200[\250-\256]\|\342\201[\246-\251]' # C1, and what turns the direction
assert_eq 'nor one that is no ASCII, nor a mark that turns the direction' 0 "$(LC_ALL=C grep -c "$unseen" "$LAB/ctmeterd.log")"
assert_eq 'nor JSON' 0 "$(ctmeter list --json | LC_ALL=C grep -c "$unseen")"
assert_match 'which has it escaped' 'exe\\u202egpj' "$(ctmeter list --json | tr -d '\n')"
assert_eq 'nor SNMP' 'exe?gpj' "$(snmp_get "$(oid_ct turned ct-name)" | tr -d '"')"
csv=$(ctmeter report --format csv)
assert_eq 'nor CSV' 0 "$(LC_ALL=C grep -c "$unseen" <<<"$csv")"
assert_match 'which has it escaped, too' '^turned,exe\\u202egpj,' "$(grep '^turned' <<<"$csv")"
assert_match 'a formula is none' "^formula,'=cmd" "$(grep '^formula' <<<"$csv")"
assert_eq 'nor a terminal' 0 "$(ctmeter list | LC_ALL=C grep -c $'[\001-\010\013-\037\177]')"
others_are_exact 'ids'

step 'more addresses than one may have'
says <<-'END'
	for i in $(seq 20); do for k in $(seq 250); do echo "evil 10.1.$i.$k"; done; done | head -n 1200
	echo '104 203.0.113.104'
END
assert_ok refresh ctmeter refresh
assert_eq 'his share' $SHARE "$(snmp_get "$(oid_ct evil ct-addresses)")"
assert_eq 'a newcomer is counted' 2 "$(status_of 104 203.0.113.104)"
assert_eq 'refused' 1100 "$(figure refused_addresses)"
assert_ok 'the log names him' logged '1100 addresses are not counted.*container evil'
assert_ok 'status says so' problem 'max-rows and max-addresses'
assert_match 'so does check' 'fail.*1100 addresses are not counted' "$(ctmeter check 2>&1)"
others_are_exact 'many addresses'

step 'more containers than there may be'
says <<-'END'
	echo '104 203.0.113.104'
	for i in $(seq 300); do echo "a$i 10.2.0.$((i % 250)) 10.3.$((i / 100)).$((i % 100)) 10.4.$((i / 100)).$((i % 100))"; done
END
assert_ok refresh ctmeter refresh
assert_eq 'no more rows than configured' "$ROWS" "$(figure addresses)"
assert_eq 'who was there still is' '2 2 2' \
	"$(status_of 101 192.0.2.101) $(status_of 103 192.0.2.103) $(status_of 104 203.0.113.104)"
others_are_exact 'many containers'

step 'all of it new at each look'
for i in {1..8}; do
	says <<<"for c in 1 2 3 4; do for k in \$(seq 90); do echo \"evil\$c-$((i % 3)) 10.$i.\$c.\$k\"; done; done"
	assert_ok refresh ctmeter refresh
done
assert_eq 'what is new is let in again' 367 "$(($(figure addresses) + 1))"
snmp_load
served=$(printf '%s\n' "${!SERVED[@]}" | grep -c "^\\.${BASE//./\\.}\\.1\\.3\\.1\\.14\\.")
assert_ge 'some rows are served' "$ROWS" "$served"
assert_ge 'rows served, the retired ones too' "$served" $((2 * ROWS))
others_are_exact 'churn'

step 'a million lines, and lines without end'
failures=$(figure inventory_failures)
for attack in 'seq 1 3000' 'seq 1 1000000' 'yes 1' "yes '1 10.9.9.9'" 'cat /dev/zero' \
	"yes '1 10.9.9.9' | tr -d '\\\\n'"; do
	says <<<"$attack"
	assert_match "not believed: $attack" 'far over max-rows|printed too much' "$(ctmeter refresh 2>&1)"
	assert_eq "nothing goes, nothing comes: $attack" 367 "$(($(figure addresses) + 1))"
done
assert_ge 'counted as failures' $((failures + 6)) "$(figure inventory_failures)"
others_are_exact 'a million lines'
says </dev/null
assert_ok 'and all is well again' ctmeter refresh
others_are_exact 'after all'

step 'a link that comes and goes without end'
runs() { wc -l <"$LAB/runs"; }
ran_since() { [ "$(runs)" -gt "$1" ]; }
flap() { in_ns c4 ip link set eth0 down && in_ns c4 ip link set eth0 up; }
lab_container c4 5
before=$(runs)
flap
assert_await 'a rare event is looked after at once' 5 ran_since "$before"
before=$(runs) began=$SECONDS
for i in {1..100}; do
	flap
	sleep 0.1 # that often
done
took=$((SECONDS - began + 1))
assert_ge 'at first it is prompt' 4 $(($(runs) - before))
assert_ge 'then a look each 5 s is enough' $(($(runs) - before)) $((12 + took / 5))
says <<<"echo '105 203.0.113.105'"
flap
counted() { [ "$(status_of 105 203.0.113.105)" = 2 ]; }
assert_await 'and who really comes is not forgotten' 10 counted

peak=$(peak_kb)
printf '   at its peak %s KiB, allowed are %s\n' "$peak" "$BOUND_KB"
# A sanitizer or valgrind takes memory of its own.
[ "$SLOW" -gt 1 ] || assert_ge 'memory, KiB' "${peak:-999999999}" "$BOUND_KB"
lab_end
