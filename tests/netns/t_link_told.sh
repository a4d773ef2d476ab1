#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What others do to our programs on the containers' links while traffic runs. What misses nothing shows
# nothing. Where packets may have passed uncounted, exactly the rows of that link have one discontinuity
# more, no more is served than was sent, and what comes then is exact.

BACKEND='link'
# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
# shellcheck source=tests/netns/gens.sh
. "$LAB_TOP/tests/netns/gens.sh"
export RATE=200

# The rows of each container, which has one link.
C1=(192.0.2.101 2001:db8:1::101) C2=(192.0.2.102 192.0.2.112) C3=(192.0.2.103 2001:db8:1::103)
declare -A LOST=() STAMPS=() # what is known: octets lost by "COLUMN SUBIDS", discontinuities by address
declare -A SUBIDS=()
for a in "${LAB_ADDRESSES[@]}"; do SUBIDS[$a]=$(oid_of_address "$a"); done

# ---- traffic, and what became of it ---------------------------------------------------------

all() { # +|-
	local a
	for a in "${LAB_ADDRESSES[@]}"; do tell "$1 $a" fwd-in "fwd-out.${LAB_HOME[$a]}"; done
}

# "COLUMN SUBIDS OCTETS" of what was sent but is not served, if it is not 0 (octets of both directions).
lost_rows() {
	awk '$1 != 6 && $1 != 7 { next }
		NR == FNR { lost[$1 " " $2] += $3; next } ($1 " " $2) in lost { lost[$1 " " $2] -= $3 }
		END { for (k in lost) print k, lost[k] }' "$LAB/sent" "$LAB/served"
}
served_now() { snmp_load && sum_rows >"$LAB/served"; }

# Nothing is lost since `LOST` but by these addresses.
settled() { # [ADDR...]
	local column subids lost
	served_now || return 1
	while read -r column subids lost; do
		[[ " $* " != *" $subids "* ]] || continue
		[ "$lost" = "${LOST["$column $subids"]:-0}" ] || return 1
	done < <(lost_rows)
}

stamps() { # "ADDR DISCONTINUITIES" lines
	local a oids=()
	for a in "${LAB_ADDRESSES[@]}"; do oids+=("$(oid_addr "${LAB_OWNER[$a]}" "$a" disc-count)"); done
	snmp_get "${oids[@]}" | paste -d ' ' <(printf '%s\n' "${LAB_ADDRESSES[@]}") -
}

RISEN=''
rises() { # ADDR: its octets in are more than at the last call
	local was=$RISEN
	RISEN=$(snmp_get "$(oid_addr "${LAB_OWNER[$1]}" "$1" fwd-in.octets)")
	[ -n "$was" ] && [ "$RISEN" -gt "$was" ]
}
counted() { # LABEL ADDR
	RISEN=''
	assert_await "$1: $2 is counted" 20 rises "$2"
}
quiet() { ! ctmeter --json status | grep -q 'disturbed\|taken off\|precede'; }

stamped() { [ "$(stamps | sed -n "s/^$1 //p")" -gt "${STAMPS[$1]}" ]; } # ADDR

# Run COMMAND while everybody sends and hears. The rows of these addresses have one discontinuity more.
told() { # LABEL "ADDR..." COMMAND...
	local label=$1 rows=" $2 " concerned=${2%% *} a was now column subids lost ids=() wanted sum=0
	shift 2
	step "$label"
	for a in $rows; do ids+=("${SUBIDS[$a]}"); done
	all +
	counted "$label, before" "${concerned:-192.0.2.101}"
	while read -r a was; do STAMPS[$a]=$was; done < <(stamps)
	"$@" || fail "$label: failed: $*"
	sleep 0.2 # packets pass
	# tcx announces nothing, so it may take a second until the daemon looks.
	[ -z "$concerned" ] || assert_await "$label: noticed" 20 stamped "$concerned"
	ctmeter refresh >/dev/null || fail "$label: refresh"
	assert_await "$label: in place again" 20 quiet
	counted "$label, after" "${concerned:-192.0.2.101}"
	all -
	sleep 0.1 # the last are under way
	ctmeter refresh >/dev/null
	sent_rows >"$LAB/sent"
	await 5 settled "${ids[@]}"
	while read -r column subids lost; do
		was=${LOST["$column $subids"]:-0}
		if [[ " ${ids[*]} " = *" $subids "* ]]; then assert_ge "$label: $subids lost" 0 $((lost - was))
		else assert_eq "$label: $subids lost" 0 $((lost - was)); fi
		sum=$((sum + lost - was))
		LOST["$column $subids"]=$lost
	done < <(lost_rows)
	while read -r a now; do
		wanted=0
		[[ $rows != *" $a "* ]] || wanted=1
		assert_eq "$label: discontinuities of $a" $wanted $((now - ${STAMPS[$a]}))
	done < <(stamps)
	printf '   %d octets missed\n' $sum
}

# ---- what others do ---------------------------------------------------------------------------

# A program of somebody else stands at a hook: before ours, and is gone before anybody looks; or after it, and
# is seen there. (What comes and goes between two looks may have been before ours, for all anybody can tell.)
stand_by() { # LINK HOOK first|last VERDICT
	coproc STRANGER { exec "$B/tests/netns/tcprog" "$@" 9>&-; }
	read -r -t 5 -u "${STRANGER[0]}" _ || return 1
	sleep 0.3
	[ "$3" = first ] || { sleep 1; ctmeter refresh; }
	kill "$STRANGER_PID"
	wait "$STRANGER_PID" 2>/dev/null
	return 0
}
qdiscs() { # LINK: come and go
	tc qdisc add dev "$1" clsact && tc qdisc del dev "$1" clsact &&
		tc qdisc add dev "$1" handle ffff: ingress && tc qdisc del dev "$1" ingress
}
rulesets() {
	nft flush ruleset 2>/dev/null
	iptables-legacy -t mangle -F 2>/dev/null
	return 0
}
renamed() { ip link set vc1 name elsewhere && sleep 0.3 && ip link set elsewhere name vc1; }
off() { "$B/tests/netns/tcprog" "$@" off; } # LINK HOOK
# While nobody looks.
unseen() { # COMMAND...
	lab_ctmeterd_kill9
	"$@" || return 1
	sleep 0.2
	lab_ctmeterd_start
}
pins() { rm -rf /sys/fs/bpf/ctmeter; }

lab_network
for ns in outside c1 c2 c3; do
	ns_exec $ns "$B/tests/netns/udpgen" sink --port $GEN_PORT --duration 1000 --ready "$LAB/ready.$ns" \
		</dev/null >/dev/null 9>&- &
	await 5 test -e "$LAB/ready.$ns" || fail "no sink in $ns"
done
generator fwd-in outside in 198.51.100.2 2001:db8:f::2 $((RATE * 2)) 1
for ns in c1 c2 c3; do generator fwd-out.$ns $ns out 198.51.100.2 2001:db8:f::2 $RATE 2; done
lab_inventory_usual
lab_snmpd_start
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'
assert_ok refresh ctmeter refresh

told 'nothing happens' '' true
told 'qdiscs come and go' '' qdiscs vc1
told 'tables are flushed' '' rulesets
told 'a link has another name for a moment' '' renamed
# What is before ours may take packets or not: nobody can tell.
told 'a program before ours that lets packets go on' "${C1[*]}" stand_by vc1 ingress first next
told 'a program after ours that takes packets' '' stand_by vc2 ingress last pass
told 'a program before ours that takes packets from a container' "${C1[*]}" stand_by vc1 ingress first pass
told 'the same of those to a container' "${C2[*]}" stand_by vc2 egress first pass
told 'ours is taken off a link' "${C3[*]}" off vc3 ingress
told 'killed' '' unseen true
told 'killed, and ours is taken off meanwhile' "${C3[*]}" unseen off vc3 egress
told 'the pins are removed' '' pins
told 'killed, and the pins are removed meanwhile' "${C1[*]} ${C2[*]} ${C3[*]}" unseen pins

step 'as on a kernel without tcx'
lab_ctmeterd_stop
assert_ok teardown ctmeter teardown
export CTMETER_LINK_ATTACH=clsact
lab_ctmeterd_start
await 10 snmp_serves || fail 'the tables are not served'
assert_ok refresh ctmeter refresh
served_now
sent_rows >"$LAB/sent"
told 'clsact: nothing happens' '' true
told 'clsact: the qdisc is deleted' "${C1[*]}" tc qdisc del dev vc1 clsact
told 'clsact: killed, and the qdisc is deleted meanwhile' "${C2[*]}" unseen tc qdisc del dev vc2 clsact

lab_end
