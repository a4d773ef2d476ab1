#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Everything at once, for SOAK_S seconds: traffic to and from many addresses, known to the octet;
# other programs that commit to both tables without pause; containers that come, go and hand
# addresses to each other; kill -9 of the daemon; restarts of snmpd; and a poller that walks without
# pause. At the end the figures served must equal those sent, address by address.
#
#   SOAK_S=60 SEED=... BACKEND=iptables soak.sh      SOAK_KILLS=no does not kill the daemon
#
# 1. All addresses live in one namespace; only the inventory says which container owns them.
# 2. A generator only sends for an address after refresh has reported that its rules are in place,
#    and confirms that it has stopped before the address is removed. An address that changes its
#    owner keeps its rules, so sending continues, and the sum over all owners must be right.
# 3. Each actor is a process of its own and independent of the others.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/netns/watch.sh
. "$(dirname "$0")/watch.sh"
: "${SOAK_S:=60}" "${SEED:=$((EPOCHSECONDS % 100000))}" "${SOAK_KILLS:=yes}"
export SOAK_S SEED SOAK_KILLS
lab_enter "$@"
# shellcheck source=tests/netns/gens.sh
. "$(dirname "$0")/gens.sh"
RANDOM=$SEED
echo "soak: $SOAK_S s, SEED=$SEED, backend $BACKEND"

V4=40 V6=20 OWNERS=12
LINK= # where the guests are; only the link backend needs to be told
[ "$BACKEND" != link ] || LINK=link=vc1
RATE=${SOAK_RATE:-1500} # packets a second from each of the four generators
ADDRS=()
declare -A OWNER=() # of the addresses in the inventory

# ---- the network --------------------------------------------------------------------------------

guests() {
	local i a near=02:00:00:00:01:02
	for ((i = 1; i <= V4; i++)); do ADDRS+=("203.0.113.$i"); done
	for ((i = 1; i <= V6; i++)); do ADDRS+=("2001:db8:2::$(printf %x "$i")"); done
	for a in "${ADDRS[@]}"; do
		if [[ $a == *:* ]]; then echo "addr add $a/128 dev eth0 nodad"; else echo "addr add $a/32 dev eth0"; fi
	done | ip -n c1 -batch -
	for a in "${ADDRS[@]}"; do
		echo "neigh replace $a lladdr $near nud permanent dev vc1"
		if [[ $a == *:* ]]; then echo "route replace $a/128 dev vc1"; else echo "route replace $a/32 dev vc1"; fi
	done | ip -batch -
	ip -n outside route add 203.0.113.0/24 via 198.51.100.1
	ip -n outside route add 2001:db8:2::/64 via 2001:db8:f::1
}

SINKS=()
sinks() { # one wherever packets end, so that no ICMP errors are sent
	local ns
	for ns in c1 node outside; do
		ns_exec $ns "$B/tests/netns/udpgen" sink --port $GEN_PORT --duration 100000 \
			--ready "$LAB/ready.$ns" </dev/null >"$LAB/sink.$ns" 9>&- &
		SINKS+=($!)
		await 5 test -e "$LAB/ready.$ns" || fail "no sink in $ns"
	done
}

generators() {
	generator fwd-in outside in 198.51.100.2 2001:db8:f::2 "$RATE" "$SEED"1
	generator fwd-out c1 out 198.51.100.2 2001:db8:f::2 "$RATE" "$SEED"2
	generator node-in node in 198.51.100.1 2001:db8:f::1 "$RATE" "$SEED"3
	generator node-out c1 out 198.51.100.1 2001:db8:f::1 "$RATE" "$SEED"4
}

# ---- the actors ---------------------------------------------------------------------------------

over() { [ -e "$LAB/over" ]; }
nap() { sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"; } # MILLISECONDS

# Commits to the table where our rules are, or would be.
committer() { # IPTABLES: prints the number of its commits
	local n=0
	until over; do
		"$1" -w -t mangle -A FORWARD -p 90 -j RETURN && n=$((n + 1))
		"$1" -w -t mangle -D FORWARD -p 90 -j RETURN && n=$((n + 1))
	done
	echo $n
}

# Owns the daemon: kills it at a random moment every few seconds and starts it again.
killer() {
	local n=0
	RANDOM=$((SEED + 1))
	lab_ctmeterd_start
	: >"$LAB/daemon.up"
	until over; do
		nap $((1500 + RANDOM % 3500))
		[ "$SOAK_KILLS" = yes ] || continue
		lab_ctmeterd_kill9
		n=$((n + 1))
		echo $n >"$LAB/kills"
		lab_ctmeterd_start
	done
	[ "$FAILED" -eq 0 ] || : >"$LAB/daemon.failed"
	while [ ! -e "$LAB/finished" ]; do nap 100; done
	lab_ctmeterd_stop
}

# Owns snmpd.
snmpd_owner() {
	local n=0 next=$((SECONDS + 8))
	RANDOM=$((SEED + 2))
	lab_snmpd_start
	: >"$LAB/snmpd.up"
	while [ ! -e "$LAB/finished" ]; do
		nap 100
		over || [ $SECONDS -lt $next ] && continue
		over && continue
		lab_snmpd_restart
		n=$((n + 1))
		echo $n >"$LAB/snmpd.restarts"
		next=$((SECONDS + 8 + RANDOM % 10))
	done
	lab_snmpd_stop
}

write_inventory() {
	local o a line
	for ((o = 0; o < OWNERS; o++)); do
		line=$((500 + o))
		for a in "${!OWNER[@]}"; do [ "${OWNER[$a]}" != "$line" ] || echo "$a"; done | sort >"$LAB/of"
		# A container without an address comes and goes too.
		[ -s "$LAB/of" ] || [ $((RANDOM % 2)) -eq 0 ] || continue
		# shellcheck disable=SC2046 # a list of addresses
		echo "$line" $(<"$LAB/of") "name=guest$line.example" $LINK
	done | lab_inventory
}

refresh_once() { timeout 10 "$B/ctmeter" -c "$LAB/ctmeter.conf" refresh; }
refreshed() {
	write_inventory
	await 30 refresh_once || fail 'no refresh succeeded within 30 s'
}

pick() { PICKED=${ADDRS[RANDOM % ${#ADDRS[@]}]}; }

COMES=0 GOES=0 MOVES=0
# One change of the inventory: some addresses come, some go, some change their owner, all at once.
churn() {
	local i coming=() going=()
	for ((i = RANDOM % 5; i > 0; i--)); do
		pick
		if [ -z "${OWNER[$PICKED]-}" ]; then
			coming+=("$PICKED")
			OWNER[$PICKED]=$((500 + RANDOM % OWNERS))
		elif [ $((RANDOM % 2)) -eq 0 ] && [ ${#OWNER[@]} -gt 20 ] && [[ " ${coming[*]} " != *" $PICKED "* ]]; then
			tell "- $PICKED"
			going+=("$PICKED")
		else
			OWNER[$PICKED]=$((500 + RANDOM % OWNERS))
			MOVES=$((MOVES + 1))
		fi
	done
	[ ${#going[@]} -eq 0 ] || nap 100 # the last packets are still under way
	for i in "${going[@]}"; do unset "OWNER[$i]"; done
	refreshed
	for i in "${coming[@]}"; do tell "+ $i"; done
	COMES=$((COMES + ${#coming[@]})) GOES=$((GOES + ${#going[@]}))
}

figure() { if [ -s "$LAB/$1" ]; then cat "$LAB/$1"; else echo 0; fi; } # FILE
progress() {
	totals
	printf '   %4d s: %d packets, %d octets sent; %d added, %d removed, %d moved; %d kills, %d restarts of snmpd\n' \
		$((SECONDS - BEGAN)) "$PKTS" "$OCTETS" $COMES $GOES $MOVES "$(figure kills)" "$(figure snmpd.restarts)"
}

# ---- the main part ---------------------------------------------------------------------------

lab_network
guests
sinks
generators
for a in "${ADDRS[@]}"; do [ $((RANDOM % 4)) -eq 0 ] || OWNER[$a]=$((500 + RANDOM % OWNERS)); done
write_inventory
lab_set inventory.interval 1
lab_set ledger.checkpoint 1
snmpd_owner &
SNMPD_OWNER=$!
await 10 test -e "$LAB/snmpd.up" || fail 'no snmpd'
killer &
KILLER=$!
await 20 test -e "$LAB/daemon.up" || fail 'no ctmeterd'
lab_write_conf
refreshed
await 10 snmp_serves || fail 'the tables are not served'
for a in "${!OWNER[@]}"; do tell "+ $a"; done
watch_start
committer iptables-legacy >"$LAB/commits.4" &
COMMITTER4=$!
committer ip6tables-legacy >"$LAB/commits.6" &
COMMITTER6=$!

BEGAN=$SECONDS SHOWN=$SECONDS
while [ $((SECONDS - BEGAN)) -lt "$SOAK_S" ] && [ "$FAILED" -eq 0 ]; do
	churn
	[ $((SECONDS - SHOWN)) -lt 5 ] || { progress; SHOWN=$SECONDS; }
done

for a in "${!OWNER[@]}"; do tell "- $a"; done
progress
: >"$LAB/over"
wait $COMMITTER4 $COMMITTER6
await 20 refresh_once || fail 'no refresh at the end'
await 20 snmp_serves || fail 'the tables are not served at the end'
sent_rows >"$LAB/sent"
await 5 compare
DIFFERENT=$(wc -l <"$LAB/differ")
head -n 20 "$LAB/differ"
watch_stop
OCTET_COLUMNS=(6 7 10 11) PKT_COLUMNS=(8 9 12 13)
SERVED_OCTETS=$(sum_of served "${OCTET_COLUMNS[@]}") SERVED_PKTS=$(sum_of served "${PKT_COLUMNS[@]}")
kill "${SINKS[@]}"
wait "${SINKS[@]}"
ARRIVED=$(cat "$LAB"/sink.{c1,node,outside} | awk '{ n += $1 } END { printf "%d\n", n }')
DISC=$(disc_sum)
[ ! -e "$LAB/daemon.failed" ] || fail 'ctmeterd did not start after a kill'
: >"$LAB/finished"
wait $KILLER $SNMPD_OWNER

cat <<END
packets sent            $PKTS (arrived: $ARRIVED)
octets sent             $OCTETS
packets reported        $SERVED_PKTS
octets reported         $SERVED_OCTETS
difference              $((OCTETS - SERVED_OCTETS)) octets, $((PKTS - SERVED_PKTS)) packets; $DIFFERENT figures differ
decreases seen          $WATCH_DECREASES in $WATCH_WALKS walks, $WATCH_VALUES values
discontinuities shown   $DISC
foreign commits         $(($(figure commits.4) + $(figure commits.6)))
kills survived          $(figure kills)
snmpd restarts          $(figure snmpd.restarts)
inventory               $COMES addresses added, $GOES removed, $MOVES moved
END
assert_eq 'packets that arrived' "$PKTS" "$ARRIVED"
assert_eq 'figures that differ' 0 "$DIFFERENT"
assert_eq 'octets' "$OCTETS" "$SERVED_OCTETS"
assert_eq 'packets' "$PKTS" "$SERVED_PKTS"
assert_eq 'decreases' 0 "$WATCH_DECREASES"
assert_ge 'walks' 2 "$WATCH_WALKS"
assert_ge 'commits' 10 "$(($(figure commits.4) + $(figure commits.6)))"
[ "$SOAK_KILLS" != yes ] || assert_ge 'kills' 1 "$(figure kills)"
[ "$FAILED" -eq 0 ] || { lab_logs 40; echo "repeat with: SEED=$SEED SOAK_S=$SOAK_S"; }
test_end
