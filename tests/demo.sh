#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make demo [KEEP=1]: containers' traffic, counted and served, to watch.
#
# Builds a node with three containers and an outside host in private namespaces, runs a real snmpd
# and ctmeterd in it, sends traffic of known size, and prints what SNMP serves and whether that is
# what was sent. It does not touch this machine's own network, firewall or snmpd. Beside it each other
# backend that the machine allows counts the same packets, and one TCP stream with all offloads on shows
# where they differ.
#
# 1. The outer process only watches the inner one. The inner one does everything inside the
#    namespaces and reports on descriptor 9; when it ends, everything is gone.
# 2. If the machine has no namespaces, or no backend can count in them (or with DEMO_FORCE=fake), the
#    same path runs on the fake backend with simulated traffic, and every heading says so.
# 3. A ctmeterd for each backend beside the first has mounts of its own (an empty bpffs and
#    /run/ctmeter), and link starts before iptables has rules: none sees that there is another.
# 4. Exit status 0: all figures agree. 1: they do not, or something failed (the ends of the logs are
#    printed).

# shellcheck source=tests/netns/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/netns/lab.sh"
# shellcheck source=tests/netns/meter.sh
. "$(dirname "${BASH_SOURCE[0]}")/netns/meter.sh"

if [ -t 1 ]; then
	BOLD=$'\e[1m' DIM=$'\e[2m' GREEN=$'\e[32m' RED=$'\e[31m' YELLOW=$'\e[33m' PLAIN=$'\e[0m'
else
	BOLD='' DIM='' GREEN='' RED='' YELLOW='' PLAIN=''
fi

title() { printf '\n%s%s%s\n' "$BOLD" "$*" "$PLAIN"; }
note() { printf '%s\n' "$*"; }
begin() { printf '  %-10s' "$1"; } # LABEL: a step; its outcome follows
outcome() { printf '%s\n' "$*"; }
give_up() {
	printf '%sfailed%s: %s\n' "$RED" "$PLAIN" "$*"
	lab_logs 15
	exit 1
}

# 1234567 -> 1,234,567
thousands() {
	local n=$1 out=
	while [ ${#n} -gt 3 ]; do
		out=,${n: -3}$out
		n=${n:0:-3}
	done
	printf '%s' "$n$out"
}

# ---- the inner process: builds, sends, compares -----------------------------------------------

# Simulated traffic: booked as if sent, and given to the fake backend as cumulative counters.
fake_flow() { # FROM TO COUNT SIZE
	local a path ct
	book_flow "$1" "$2" "$3" $(($3 * $4))
	for a in "${LAB_ADDRESSES[@]}"; do
		ct=${LAB_OWNER[$a]}
		for path in "${LAB_PATHS[@]}"; do
			echo "$a $path ${BOOK["$ct $a $path.octets"]:-0} ${BOOK["$ct $a $path.pkts"]:-0}"
		done
	done >"$CTMETER_FAKE_COUNTERS.new"
	mv "$CTMETER_FAKE_COUNTERS.new" "$CTMETER_FAKE_COUNTERS"
}

# FROM TO DATAGRAMS OCTETS-EACH
FLOWS='
198.51.100.2     192.0.2.101      1200 1500
192.0.2.101      198.51.100.2      800  576
2001:db8:f::2    2001:db8:1::101   900 1280
2001:db8:1::101  2001:db8:f::2     600  300
198.51.100.2     192.0.2.102       500 1000
192.0.2.112      198.51.100.2      400  128
192.0.2.101      192.0.2.112       300  700
2001:db8:1::103  2001:db8:1::101   250  900
198.51.100.1     192.0.2.103       150  400
192.0.2.102      198.51.100.1      120   84
2001:db8:f::1    2001:db8:1::103   110  512
2001:db8:1::103  2001:db8:f::1     100   96
'

send_all() {
	local from to count size flows=0 pkts=0 octets=0
	while read -r from to count size; do
		[ -n "$from" ] || continue
		if [ "$MODE" = fake ]; then fake_flow "$from" "$to" "$count" "$size"
		else lab_flow "$from" "$to" "$count" "$size"; fi
		flows=$((flows + 1)) pkts=$((pkts + count)) octets=$((octets + count * size))
	done <<<"$FLOWS"
	SENT="$flows flows, $(thousands $pkts) packets, $(thousands $octets) octets"
}

start_real() {
	begin network
	lab_network 2>"$LAB/network.log" || give_up "$(<"$LAB/network.log")"
	{ meter_tools && link_meter $STREAM_TO && METERED=yes; } >"$LAB/meter.log" 2>&1
	outcome 'outside host -- node -- containers 101, 102, 103 (IPv4 and IPv6, routed)'
}

end_fake() {
	stop_process "$CTMETERD_PID"
	stop_process "$SNMPD_PID"
	rm -rf "$LAB"
}

start_fake() {
	LAB=$(mktemp -d "${TMPDIR:-/tmp}/ctmeter-demo.XXXXXX")
	trap end_fake EXIT
	trap "exit 1" TERM
	lab_defaults
	lab_set netfilter.backend fake
	export CTMETER_FAKE_COUNTERS=$LAB/counters
	: >"$CTMETER_FAKE_COUNTERS"
	begin network
	outcome "none: ${YELLOW}simulated traffic, fake backend$PLAIN"
}

start_snmpd() {
	local try
	begin snmpd
	for try in 1 2 3 4 5; do
		[ "$MODE" = real ] || SNMP_PORT=$((20000 + RANDOM % 30000))
		lab_snmpd_start >/dev/null && break
		lab_snmpd_stop
		[ "$try" -lt 5 ] || give_up 'it does not answer'
	done
	outcome "$(snmpd -v 2>&1 | sed -n 's/.*\(NET-SNMP\|version:\) *//p' | head -1), AgentX master," \
		"udp:127.0.0.1:$SNMP_PORT$([ "$MODE" = real ] && echo " in the node's own network")"
}

# The backends that can count here, in the order of `auto`, and why the others cannot. The first is the one
# that SNMP serves.
BACKENDS=()
declare -A WHY_NOT=()
probe_backends() {
	local b why
	for b in link iptables; do
		if why=$(lab_probe_backend $b); then BACKENDS+=("$b"); else WHY_NOT[$b]=$why; fi
	done
}

conf_of() { if [ "$1" = "${BACKENDS[0]}" ]; then echo "$LAB/ctmeter.conf"; else echo "$LAB/$1.conf"; fi; } # BACKEND
ask() { "$B/ctmeter" -c "$(conf_of "$1")" "${@:2}"; } # BACKEND ARGS...

# A ctmeterd of its own for a further backend, which no poller asks.
start_further() { # BACKEND
	lab_write_conf
	sed "s|^backend = .*|backend = $1|; s|$LAB/ledger.db|$LAB/$1.db|; s|$LAB/control.sock|$LAB/$1.sock|
		s|$LAB/agentx.sock|$LAB/none.sock|" "$LAB/ctmeter.conf" >"$LAB/$1.conf"
	# shellcheck disable=SC2016 # that shell's own
	unshare --mount "$BASH" -c 'mount -t bpf bpf /sys/fs/bpf 2>/dev/null
		mkdir -p /run/ctmeter && mount -t tmpfs tmpfs /run/ctmeter && exec "$@"' further \
		"$B/ctmeterd" -c "$LAB/$1.conf" \
		</dev/null >>"$LAB/$1.log" 2>&1 9>&- &
	await 10 ask "$1" refresh || give_up "ctmeterd with the backend $1: $(tail -n 3 "$LAB/$1.log")"
}

# The link backend must not find the others' rules, so it begins.
start_backends() {
	local b
	[[ ${BACKENDS[1]-} != link ]] || { lab_inventory_usual; start_further link; }
	start_ctmeterd
	[[ ${BACKENDS[1]-} != iptables ]] || start_further iptables
	[ ${#BACKENDS[@]} -lt 2 ] || { begin ''; outcome "another one with the ${BACKENDS[1]} backend, to compare"; }
}

start_ctmeterd() {
	begin ctmeterd
	lab_inventory_usual
	lab_ctmeterd_start >/dev/null || give_up 'it does not start'
	await 10 snmp_serves || give_up 'its tables are not served'
	ctmeter refresh >/dev/null 2>"$LAB/refresh.log" || give_up "$(<"$LAB/refresh.log")"
	outcome "$(snmp_get "$(oid_scalar 2)") backend, $(snmp_get "$(oid_scalar 3)") containers," \
		"$(snmp_get "$(oid_scalar 4)") addresses, $(snmp_get "$(oid_scalar 6)") counting rules"
}

# Selected columns of one of our tables, as snmptable prints them.
show_table() { # NAME COLUMN...
	local name=$1
	shift
	snmptable -v2c -c "$COMMUNITY" -M "$B/mibs/flat" -m CTMETER-MIB -OU -Cb -Ci -Cf '|' \
		"127.0.0.1:$SNMP_PORT" "CTMETER-MIB::$name" 2>>"$LAB/snmptable.log" |
		awk -F '|' -v want="$*" '
			BEGIN { n = split(want, name, " "); rows = 0 }
			!head && /^index\|/ { for (i = 1; i <= NF; i++) { sub(/^ctm(Container|Address)/, "", $i); at[$i] = i }; head = 1
				for (i = 1; i <= n; i++) if (!(name[i] in at)) { print "no column " name[i]; exit 1 } }
			head && NF > 1 { for (i = 1; i <= n; i++) { cell[rows, i] = $at[name[i]]
				if (length(cell[rows, i]) > width[i]) width[i] = length(cell[rows, i]) }; rows++ }
			END { for (r = 0; r < rows; r++) { line = " "
				for (i = 1; i <= n; i++) line = line sprintf(i == 1 ? " %-*s" : "  %*s", width[i], cell[r, i])
				print line } if (!rows) { print "  (nothing)"; exit 1 } }'
}

show_tables() {
	local figures=(InOctets OutOctets InPkts OutPkts NodeInOctets NodeOutOctets)
	title "snmptable CTMETER-MIB::ctmContainerTable$LABEL"
	show_table ctmContainerTable index Name "${figures[@]}" Status || return
	title "snmptable CTMETER-MIB::ctmAddressTable$LABEL"
	show_table ctmAddressTable Label "${figures[@]}" Status
}

# The same containers as ports of a switch, as a monitoring system that does not know our MIB sees
# them.
show_ports() {
	local COMMUNITY=$COMMUNITY-ct if=1.3.6.1.2.1.31.1.1.1 i
	local -a name
	title "IF-MIB in the context \"containers\"$LABEL"
	printf '  %-8s  %-12s  %14s  %14s  %s\n' ifName ifAlias ifHCInOctets ifHCOutOctets ifOperStatus
	while read -r i _; do
		i=${i##*.}
		mapfile -t name < <(snmp_get $if.1."$i" $if.18."$i" $if.6."$i" $if.10."$i" 1.3.6.1.2.1.2.2.1.8."$i")
		[ "${name[4]}" != 1 ] || name[4]=up
		printf '  %-8s  %-12s  %14s  %14s  %s\n' "${name[@]}"
	done < <(snmp_walk $if.1)
}

# One line for each path that carried traffic or differs. Sets AGREE and DIFFER.
compare() {
	local ct a path wanted served octets='' octets_served='' mark
	AGREE=0 DIFFER=0
	printf '  %-9s  %-15s  %-8s  %21s  %21s\n' container address path 'sent octets (pkts)' 'served'
	while read -r ct a path wanted served; do
		if [ "$wanted" = "$served" ]; then AGREE=$((AGREE + 1)); else DIFFER=$((DIFFER + 1)); fi
		if [[ $path == *.octets ]]; then
			octets=$wanted octets_served=$served
			continue
		fi
		mark="$GREEN✓$PLAIN"
		[ "$octets $wanted" = "$octets_served $served" ] || mark="$RED✗$PLAIN"
		[ "$octets $wanted $octets_served $served" != '0 0 0 0' ] || continue
		[ "$a" != - ] || a='all'
		printf '  %-9s  %-15s  %-8s  %21s  %21s  %s\n' "$ct" "$a" "${path%.*}" \
			"$(thousands "$octets") ($(thousands "$wanted"))" \
			"$(thousands "$octets_served") ($(thousands "$served"))" "$mark"
	done < <(book_lines)
}

# ---- every backend beside what was sent --------------------------------------------------------

STREAM_MB=20 STREAM_TO=192.0.2.103

# "IN-OCTETS IN-PKTS OUT-OCTETS OUT-PKTS" of all containers, with node traffic.
sums_of() { # BACKEND
	ask "$1" --json list | awk '
		/"addresses"/ { skip = 1 } skip && /\]/ { skip = 0 }
		!skip && match($0, /"(node_)?(in|out)_(octets|pkts)": *"?[0-9]+/) {
			split(substr($0, RSTART, RLENGTH), part, /": *"?/)
			sub(/^"(node_)?/, "", part[1])
			sum[part[1]] += part[2]
		}
		END { printf "%d %d %d %d\n", sum["in_octets"], sum["in_pkts"], sum["out_octets"], sum["out_pkts"] }'
}

# The same of the book.
sums_booked() {
	local key
	for key in "${!BOOK[@]}"; do echo "$key ${BOOK[$key]}"; done | awk '$2 == "-" {
			sub(/^.*-/, "", $3)
			sum[$3] += $4
		}
		END { printf "%d %d %d %d\n", sum["in.octets"], sum["in.pkts"], sum["out.octets"], sum["out.pkts"] }'
}
sums_are() { [ "$(sums_of "$1")" = "$2" ]; } # BACKEND SUMS

less() { # SUMS SUMS: the first without the second
	local a b
	read -ra a <<<"$1"
	read -ra b <<<"$2"
	echo "$((a[0] - b[0])) $((a[1] - b[1])) $((a[2] - b[2])) $((a[3] - b[3]))"
}

figures() { printf '%21s' "$(thousands "$1") ($(thousands "$2"))"; } # OCTETS PKTS

# A line of the table; exact if what each backend counted is what was sent, or the wire carried.
backends_line() { # LABEL FIELD SENT SUMS-OF-EACH...
	local i sent counts mark
	read -ra sent <<<"$3"
	printf '  %-26s  %s' "$1" "$(figures "${sent[$2]}" "${sent[$2 + 1]}")"
	for i in "${@:4}"; do
		read -ra counts <<<"$i"
		mark="$GREEN✓$PLAIN"
		[ "${counts[$2]} ${counts[$2 + 1]}" = "${sent[$2]} ${sent[$2 + 1]}" ] || mark="$YELLOW≠$PLAIN"
		printf '  %s %s' "$(figures "${counts[$2]}" "${counts[$2 + 1]}")" "$mark"
	done
	echo
}

stream() { # the bulk TCP stream, in
	ns_exec c3 "$B/tests/netns/bulk" sink 5001 "$LAB/ready.bulk" </dev/null 9>&- &
	await 5 test -e "$LAB/ready.bulk" &&
		in_ns outside "$B/tests/netns/bulk" tcp 198.51.100.2 $STREAM_TO 5001 $STREAM_MB
}

# WRONG names the backends that did not count what they must have counted.
show_backends() {
	local b sent wire=() before=() streamed=() since i
	title 'the same packets, counted by each backend'
	for b in "${!WHY_NOT[@]}"; do note "  ${YELLOW}not by $b: ${WHY_NOT[$b]}$PLAIN"; done
	sent=$(sums_booked)
	for b in "${BACKENDS[@]}"; do
		await 5 sums_are "$b" "$sent" || WRONG+=" $b"
		before+=("$(sums_of "$b")")
	done
	printf '  %-26s  %21s' 'octets (packets)' sent
	for b in "${BACKENDS[@]}"; do printf '  %21s  ' "$b"; done
	echo
	backends_line "$(wc -w <<<"$FLOWS" | awk '{ print $1 / 4 }') flows of datagrams, in" 0 "$sent" "${before[@]}"
	backends_line 'the same, out' 2 "$sent" "${before[@]}"
	if [ -z "${METERED-}" ]; then
		note "  No TCP stream, since what the wire carries cannot be measured here: $(tail -n 1 "$LAB/meter.log")"
		return
	fi
	stream || give_up 'the TCP stream failed'
	sleep 0.2 # its last acknowledgements
	read -ra wire <<<"$(meter_of $STREAM_TO)" # out: packets, octets; in: packets, octets
	sent="${wire[3]} ${wire[2]} ${wire[1]} ${wire[0]}"
	for i in "${!BACKENDS[@]}"; do
		b=${BACKENDS[i]}
		ask "$b" refresh >/dev/null
		since=$(less "$(sums_of "$b")" "${before[i]}")
		streamed+=("$since")
		[ "$b" != link ] || [ "$since" = "$sent" ] || WRONG+=" $b"
	done
	backends_line "a TCP stream of $STREAM_MB MB, in" 0 "$sent" "${streamed[@]}"
	backends_line 'its acknowledgements, out' 2 "$sent" "${streamed[@]}"
	note '  iptables counts the packets of the kernel, which offloads make as large as 64 KiB, with one header each;'
	note '  link counts those of the wire. What was sent of the stream is measured there, behind the offloads.'
}

inner() {
	MODE=$1
	LABEL=
	[ "$MODE" = real ] || LABEL=" ${YELLOW}(simulated traffic)$PLAIN"
	"start_$MODE"
	start_snmpd
	start_backends

	begin traffic
	send_all
	[ "$FAILED" -eq 0 ] || give_up 'some packets did not arrive'
	outcome "$SENT$LABEL"
	begin served
	local began=${EPOCHREALTIME/./}
	await 5 book_agrees
	outcome "read back over SNMP after $(((${EPOCHREALTIME/./} - began) / 1000)) ms"

	show_ports
	show_tables || give_up "snmptable: $(tail -n 3 "$LAB/snmptable.log")"
	title "sent and served$LABEL"
	compare
	WRONG=''
	[ "$MODE" = fake ] || show_backends
	echo
	if [ "$DIFFER" -gt 0 ] || [ -n "$WRONG" ]; then
		printf '%s%d of %d figures differ.%s%s\n' "$RED" "$DIFFER" $((AGREE + DIFFER)) \
			"${WRONG:+ Counted something else:$WRONG.}" "$PLAIN"
		lab_logs 15
		exit 1
	fi
	printf '%sall %d figures agree%s (octets and packets, zeros included)%s\n' \
		"$GREEN" "$AGREE" "$PLAIN" "$LABEL"
	# Done. With KEEP, tell the outer process and stay.
	[ -n "${KEEP-}" ] || exit 0
	echo "kept $COMMUNITY $SNMP_PORT $LAB" >&9
	exec 9>&- >/dev/null 2>&1
	trap 'exit 0' TERM
	while :; do
		sleep 1000 &
		wait $!
	done
}

# ---- the outer process ------------------------------------------------------------------------

how_to_look() { # PID COMMUNITY PORT LAB
	local in='' oid=".$BASE" bin="$B/ctmeter -c $4/ctmeter.conf"
	if [ "$MODE" = real ]; then
		in="nsenter -t $1 -m -n -p "
		[[ " ${LAB_UNSHARE[*]} " != *' --user '* ]] || in="nsenter -t $1 -U --preserve-credentials -m -n -p "
	fi
	title 'It keeps running. Look around with:'
	cat <<-END
		  ${in}snmpwalk -v2c -c $2 -m '' 127.0.0.1:$3 $oid
		  ${in}$bin list
		  ${in}$bin status
	END
	if [ "$MODE" = real ]; then
		cat <<-END
			  ${in}iptables-legacy -t mangle -nvxL
			  ${in}nsenter --net=/run/netns/c1 ip address
			  ${in}bash        ${DIM}a shell on the node; files in $4$PLAIN
		END
	fi
	title 'End it with:'
	note "  kill $1"
}

# The pid of the inner process: under unshare(1), that of its first child, which runs in the new
# namespaces.
inner_pid() {
	local pid=$INNER
	[ "$MODE" = fake ] || read -r pid _ 2>/dev/null <"/proc/$INNER/task/$INNER/children"
	echo "${pid:-$INNER}"
}

# Killing the first process of the namespaces takes all others with it (kill unshare first: it would
# print a message about that). The fake lab cleans up after itself.
end_inner() {
	local signal=KILL got=129 pid
	trap - EXIT
	pid=$(inner_pid)
	[ "$MODE" = real ] || signal=TERM
	while [ $got -gt 128 ] || [ $got -eq 0 ]; do # more than 128: read timed out
		kill -$signal "$INNER" "$pid" 2>/dev/null
		read -r -t 0.3 -u 8 _
		got=$?
	done
}

# unshare(1) stays alive beside its child and keeps our output open. End it, so that only the child
# is kept.
detach_inner() {
	local pid
	trap - EXIT
	pid=$(inner_pid)
	[ "$MODE" = fake ] || kill -KILL "$INNER"
	INNER=$pid
}

main() {
	local why='' word='' community='' port='' dir='' run=() b not=''
	if [ "${DEMO_FORCE-}" = fake ]; then why='requested by DEMO_FORCE'
	elif ! lab_probe_spaces; then why=$LAB_REFUSAL
	else
		probe_backends
		[ ${#BACKENDS[@]} -gt 0 ] || why="iptables: ${WHY_NOT[iptables]}; link: ${WHY_NOT[link]}"
	fi
	title 'ctmeter demo: container traffic, counted and served over SNMP'
	if [ -z "$why" ]; then
		MODE=real run=("${LAB_UNSHARE[@]}")
		[ -z "${KEEP-}" ] || read -ra run <<<"${LAB_UNSHARE[*]/--kill-child/}"
		note 'Everything runs in private namespaces; this machine'\''s own network is not touched.'
	else
		MODE=fake
		note "${YELLOW}SIMULATED: $why.$PLAIN"
		note 'The same path runs on the fake backend, with simulated traffic instead of packets.'
	fi
	echo

	exec 7>&1
	for b in "${!WHY_NOT[@]}"; do not+="$b ${WHY_NOT[$b]}"$'\n'; done
	exec 8< <(DEMO_INNER=$MODE DEMO_BACKENDS="${BACKENDS[*]}" DEMO_NOT=$not LAB_INSIDE=1 exec setsid "${run[@]}" "$BASH" "${BASH_SOURCE[0]}" 9>&1 >&7 7>&-)
	INNER=$!
	exec 7>&-
	trap end_inner EXIT
	trap 'echo; note interrupted; exit 130' INT TERM HUP
	if read -r -u 8 word community port dir && [ "$word" = kept ]; then
		detach_inner
		how_to_look "$INNER" "$community" "$port" "$dir"
		exit 0
	fi
	wait "$INNER"
	local rc=$?
	trap - EXIT
	exit $rc
}

[ -x "$B/ctmeterd" ] || { echo "there is no $B/ctmeterd yet: run make" >&2; exit 1; }
case ${DEMO_INNER-} in
real)
	read -ra BACKENDS <<<"$DEMO_BACKENDS"
	while read -r backend why; do [ -z "$backend" ] || WHY_NOT[$backend]=$why; done <<<"$DEMO_NOT"
	BACKEND=${BACKENDS[0]}
	lab_enter
	inner real
	;;
fake) inner fake ;;
*) main ;;
esac
