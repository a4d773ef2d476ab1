# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node with three containers and an outside host, in private namespaces.
#
#   outside ---- node ---- c1  container 101: 192.0.2.101, 2001:db8:1::101
#                    \---- c2  container 102: 192.0.2.102, 192.0.2.112
#                     \--- c3  container 103: 192.0.2.103, 2001:db8:1::103
#
# 1. Everything lives inside one unshare(1) with its own network, mounts and processes, and its own
#    /run, so that xtables.lock, the control socket and the commit mapping are private. When its
#    first process ends, for whatever reason, the kernel removes everything. Its bpffs is private too.
# 2. Root uses plain namespaces; other users (and a root without the right to) use user namespaces.
# 3. Traffic is routed, as with OpenVZ's venet. Neighbours are permanent, no address is link-local
#    and nothing sends advertisements, so the node carries exactly what a test sends.
# 4. lab_flow sends, checks that everything arrived, and books what must then be served.
#
# A test sources this file and calls lab_enter "$@" first. B is the build directory, BACKEND the
# backend that counts (iptables, unless the test or the caller says otherwise).

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
unset CDPATH # a relative cd must not go elsewhere
LAB_TOP=$(cd -P "${BASH_SOURCE[0]%/*}/../.." && pwd)
B=$(cd -P "${B:-$LAB_TOP/build}" 2>/dev/null && pwd) || { echo "no build directory: run make" >&2; exit 1; }
: "${BACKEND:=iptables}"
export B BACKEND CTMETER_OID

# shellcheck source=tests/netns/assert.sh
. "$LAB_TOP/tests/netns/assert.sh"
# shellcheck source=tests/netns/snmp.sh
. "$LAB_TOP/tests/netns/snmp.sh"

LAB=
CTMETERD_PID=
LAB_PORT=20000

# The namespace of each address, and its container.
declare -A LAB_HOME=(
	[198.51.100.1]=node [2001:db8:f::1]=node [198.51.100.2]=outside [2001:db8:f::2]=outside
	[192.0.2.101]=c1 [2001:db8:1::101]=c1 [192.0.2.102]=c2 [192.0.2.112]=c2
	[192.0.2.103]=c3 [2001:db8:1::103]=c3
)
declare -A LAB_OWNER=(
	[192.0.2.101]=101 [2001:db8:1::101]=101 [192.0.2.102]=102 [192.0.2.112]=102
	[192.0.2.103]=103 [2001:db8:1::103]=103
)
LAB_ADDRESSES=(192.0.2.101 2001:db8:1::101 192.0.2.102 192.0.2.112 192.0.2.103 2001:db8:1::103)
LAB_CONTAINERS=(101 102 103)
LAB_PATHS=(fwd-in fwd-out node-in node-out)

# ---- entering -------------------------------------------------------------------------------

# Find out how this machine can run a lab, and count in it: sets the command LAB_UNSHARE, or
# LAB_REFUSAL to why it cannot.
lab_probe() {
	local why
	lab_probe_spaces || return 1
	why=$(lab_probe_backend "$BACKEND") || LAB_REFUSAL=$why
	[ -z "$LAB_REFUSAL" ]
}

# The same, whether or not anything can count there.
lab_probe_spaces() {
	local spaces=(unshare --net --mount --pid --fork --kill-child --mount-proc) tool why
	LAB_REFUSAL=
	for tool in ip unshare nsenter snmpd snmpget snmpbulkwalk; do
		command -v "$tool" >/dev/null || LAB_REFUSAL="the command '$tool' is not installed"
	done
	case $LAB_TOP/ in
	/run/* | /var/run/*) LAB_REFUSAL="this tree lies under /run, over which the lab mounts its own" ;;
	esac
	[ -z "$LAB_REFUSAL" ] || return 1

	LAB_UNSHARE=("${spaces[@]}")
	if [ "$EUID" -ne 0 ] || ! "${LAB_UNSHARE[@]}" true 2>/dev/null; then
		LAB_UNSHARE+=(--user --map-root-user)
	fi
	if ! why=$("${LAB_UNSHARE[@]}" true 2>&1); then
		LAB_REFUSAL="this machine refuses namespaces (${why:-no reason given})"
	elif ! why=$("${LAB_UNSHARE[@]}" ip link add probe type veth 2>&1); then
		LAB_REFUSAL="this kernel has no veth (${why:-no reason given})"
	fi
	[ -z "$LAB_REFUSAL" ]
}

# Can this backend count in the lab? Prints why not.
lab_probe_backend() { # BACKEND
	case $1 in
	iptables) lab_probe_tables ;;
	link) lab_probe_bpf ;;
	esac
}

# Not all modules of the legacy tables load by themselves. Loading them adds no rule anywhere.
lab_probe_tables() {
	"${LAB_UNSHARE[@]}" "$B/tests/netns/legacy" mangle >/dev/null && return 0
	[ "$EUID" -ne 0 ] ||
		modprobe -aq ip_tables ip6_tables iptable_mangle ip6table_mangle 2>/dev/null
	"${LAB_UNSHARE[@]}" "$B/tests/netns/legacy" mangle
}

# The link backend's programs belong to the whole machine, so only its root may load them.
lab_probe_bpf() {
	if [[ " ${LAB_UNSHARE[*]} " = *' --user '* ]]; then
		echo 'BPF programs can only be loaded by root outside user namespaces'
		return 1
	elif [ ! -d /sys/fs/bpf ]; then
		echo 'this kernel has no BPF file system (/sys/fs/bpf)'
		return 1
	fi
	"${LAB_UNSHARE[@]}" "$B/tests/netns/tcprog" probe
}

# Continue inside the namespaces. Skips the test if the machine cannot run a lab.
lab_enter() { # "$@"
	if [ -z "${LAB_INSIDE-}" ]; then
		lab_probe || skip "$LAB_REFUSAL"
		LAB_INSIDE=1 exec "${LAB_UNSHARE[@]}" "$BASH" "$0" "$@"
	fi
	unset LAB_INSIDE
	mount -t tmpfs -o mode=755 tmpfs /run || skip "cannot mount a private /run"
	mkdir -m 755 /run/netns /run/lab # as on a node, whatever the caller's umask is
	mount -t bpf bpf /sys/fs/bpf 2>/dev/null # not the machine's own; lab_probe says who needs it
	LAB=/run/lab
	lab_defaults
	[ -x "$B/ctmeterd" ] || skip "ctmeterd is not built"
}

# ---- the network ----------------------------------------------------------------------------

# exec COMMAND in a namespace. Meant for background jobs, so that the pid of the job is that of
# COMMAND.
ns_exec() { # NAME COMMAND...
	local name=$1
	shift
	[ "$name" != node ] || exec "$@"
	exec nsenter --net="/run/netns/$name" -- "$@"
}
in_ns() { (ns_exec "$@"); }

# Keep the wire free of everything that a test does not send: no router or neighbour discovery, no
# redirects.
lab_quieten() { # NAMESPACE
	in_ns "$1" "$BASH" -c '
		for f in /proc/sys/net/ipv6/conf/{all,default}/{accept_ra,accept_dad,router_solicitations} \
			/proc/sys/net/ipv4/conf/{all,default}/{rp_filter,send_redirects}; do
			echo 0 >"$f"
		done
		echo 1 >/proc/sys/net/ipv6/conf/default/addr_gen_mode
		ip link set lo up'
}

# A veth pair between the node and NAMESPACE (eth0 there). Permanent neighbours are added later.
lab_wire() { # NAMESPACE NODE-INTERFACE NUMBER
	ip link add "$2" address "02:00:00:00:00:0$3" type veth \
		peer name eth0 address "02:00:00:00:01:0$3" netns "$1"
	ip link set "$2" up
	ip -n "$1" link set eth0 up
}

lab_container() { # NAMESPACE NUMBER
	local ns=$1 near=02:00:00:00:00:0$2
	ip netns add "$ns"
	lab_quieten "$ns"
	lab_wire "$ns" "v$ns" "$2"
	ip -n "$ns" -batch - <<-END
		neigh add 169.254.1.1 lladdr $near nud permanent dev eth0
		neigh add fe80::1 lladdr $near nud permanent dev eth0
		route add default via 169.254.1.1 dev eth0 onlink
		route add ::/0 via fe80::1 dev eth0 onlink
	END
}

# Give a container's namespace an address and point the node's route there. A route to another
# namespace is replaced in one step.
lab_address() { # NAMESPACE ADDR
	local ns=$1 a=$2 bits=32 v=-4 nodad=
	[[ $a == *:* ]] && bits=128 v=-6 nodad=nodad
	ip -n "$ns" "$v" addr replace "$a/$bits" dev eth0 ${nodad:+"$nodad"}
	ip neigh replace "$a" lladdr "02:00:00:00:01:0$((${ns#c} + 1))" nud permanent dev "v$ns"
	ip "$v" route replace "$a/$bits" dev "v$ns"
	LAB_HOME[$a]=$ns
}

# The outside host's addresses and routes.
lab_outside() {
	local near=02:00:00:00:00:01
	ip -n outside -batch - <<-END
		addr add 198.51.100.2/24 dev eth0
		addr add 2001:db8:f::2/64 dev eth0 nodad
		neigh add 198.51.100.1 lladdr $near nud permanent dev eth0
		neigh add 2001:db8:f::1 lladdr $near nud permanent dev eth0
		route add 192.0.2.0/24 via 198.51.100.1
		route add 2001:db8:1::/64 via 2001:db8:f::1
	END
}

lab_network() {
	local a far=02:00:00:00:01:01
	lab_quieten node
	echo 1 >/proc/sys/net/ipv4/ip_forward
	echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
	ip netns add outside
	lab_quieten outside
	lab_wire outside vout 1
	ip -batch - <<-END
		addr add 198.51.100.1/24 dev vout
		addr add 2001:db8:f::1/64 dev vout nodad
		neigh add 198.51.100.2 lladdr $far nud permanent dev vout
		neigh add 2001:db8:f::2 lladdr $far nud permanent dev vout
	END
	lab_outside
	lab_container c1 2
	lab_container c2 3
	lab_container c3 4
	for a in "${LAB_ADDRESSES[@]}"; do lab_address "${LAB_HOME[$a]}" "$a"; done
}

# ---- traffic and the book -------------------------------------------------------------------

BOOK_WAIT=5 # seconds that book_check waits until the figures agree
# What must be served: "CTID ADDR PATH.octets" and ".pkts". ADDR "-" is the sum of the container.
declare -A BOOK=()

book_add() { # CTID ADDR PATH PKTS OCTETS
	local a
	for a in "$2" -; do
		BOOK["$1 $a $3.pkts"]=$((${BOOK["$1 $a $3.pkts"]:-0} + $4))
		BOOK["$1 $a $3.octets"]=$((${BOOK["$1 $a $3.octets"]:-0} + $5))
	done
}

# Book what was sent FROM -> TO, from the containers' point of view.
book_flow() { # FROM TO PKTS OCTETS
	[ "${LAB_HOME[$1]}" != "${LAB_HOME[$2]}" ] || return 0 # never leaves its namespace
	local from=${LAB_OWNER[$1]-} to=${LAB_OWNER[$2]-} kind=fwd
	[ "${LAB_HOME[$1]}" != node ] && [ "${LAB_HOME[$2]}" != node ] || kind=node
	[ -z "$from" ] || book_add "$from" "$1" "$kind-out" "$3" "$4"
	[ -z "$to" ] || book_add "$to" "$2" "$kind-in" "$3" "$4"
}

# A sink in the namespace of the address. It writes its figures to $LAB/sink.PORT when it ends.
lab_sink_start() { # ADDR PORT [COUNT]: sets SINK_PID
	local ready=$LAB/ready.$2
	ns_exec "${LAB_HOME[$1]}" "$B/tests/netns/udpgen" sink --port "$2" ${3:+--expect "$3"} \
		--duration 60 --ready "$ready" </dev/null >"$LAB/sink.$2" 9>&- &
	SINK_PID=$!
	await 5 test -e "$ready" || fail "no sink on $1 port $2"
}

# Send COUNT datagrams whose IP packets have SIZE (or MIN-MAX) octets, check that all arrived, and
# book them.
lab_flow() { # FROM TO COUNT SIZE
	local port=$((LAB_PORT++)) sent got
	lab_sink_start "$2" "$port" "$3"
	sent=$(in_ns "${LAB_HOME[$1]}" "$B/tests/netns/udpgen" send --from "$1" --to "$2" \
		--port "$port" --count "$3" --size "$4" --duration 20 --seed $((port * 7919)))
	if ! await 5 test -s "$LAB/sink.$port"; then kill "$SINK_PID"; fi
	wait "$SINK_PID"
	got=$(<"$LAB/sink.$port")
	assert_eq "received, $1 -> $2" "${sent:-nothing}" "$got"
	# shellcheck disable=SC2086 # two figures
	book_flow "$1" "$2" $sent
}

# The OIDs of the book's figures, "CTID ADDR PATH.UNIT" -> OID. Each costs some forks, and a test needs
# them hundreds of times.
declare -A BOOK_OID=()
book_oids() {
	local a ct path unit key
	for a in "${LAB_ADDRESSES[@]}" "${LAB_CONTAINERS[@]/%/-}"; do
		ct=${LAB_OWNER[$a]-${a%-}}
		[[ $a == *- ]] && a=-
		for path in "${LAB_PATHS[@]}"; do
			for unit in octets pkts; do
				key="$ct $a $path.$unit"
				[ -z "${BOOK_OID[$key]-}" ] || continue
				if [ "$a" = - ]; then BOOK_OID[$key]=$(oid_ct "$ct" "$path.$unit")
				else BOOK_OID[$key]=$(oid_addr "$ct" "$a" "$path.$unit"); fi
			done
		done
	done
}

# Every figure of the book, and 0 where nothing was booked: "CTID ADDR PATH.UNIT WANTED SERVED"
# lines from the last snmp_load. ADDR "-" is the sum of a container.
book_lines() {
	local a ct path unit key
	book_oids
	for a in "${LAB_ADDRESSES[@]}" "${LAB_CONTAINERS[@]/%/-}"; do
		ct=${LAB_OWNER[$a]-${a%-}}
		[[ $a == *- ]] && a=-
		for path in "${LAB_PATHS[@]}"; do
			for unit in octets pkts; do
				key="$ct $a $path.$unit"
				echo "$key ${BOOK[$key]:-0} ${SERVED[${BOOK_OID[$key]}]-missing}"
			done
		done
	done
}

book_agrees() {
	book_oids # here, since what a pipe fills is lost
	snmp_load && book_lines | (
		while read -r _ _ _ wanted served; do [ "$wanted" = "$served" ] || exit 1; done
	)
}

# Wait until the served figures are the booked ones, then assert each.
book_check() { # LABEL
	local ct a path wanted served
	await "$BOOK_WAIT" book_agrees
	while read -r ct a path wanted served; do
		assert_eq "$1: $ct $a $path" "$wanted" "$served"
	done < <(book_lines)
}

# ---- ctmeterd -------------------------------------------------------------------------------

# The configuration: "section.key" -> value. A test changes it with lab_set before a start.
declare -A LAB_CONF=()

lab_set() { LAB_CONF[$1]=$2; } # SECTION.KEY VALUE

lab_defaults() {
	lab_set daemon.user root # whatever users this machine has; t_privileges tests others
	lab_set agentx.socket "$LAB/agentx.sock"
	lab_set netfilter.backend "$BACKEND"
	lab_set inventory.source "file:$LAB/inventory"
	lab_set inventory.interval 2
	lab_set ledger.path "$LAB/ledger.db"
	lab_set control.socket "$LAB/control.sock"
}

lab_write_conf() {
	local section key
	for section in daemon agentx netfilter inventory ledger ports billing ship control; do
		echo "[$section]"
		for key in "${!LAB_CONF[@]}"; do
			[ "${key%%.*}" != $section ] || echo "${key#*.} = ${LAB_CONF[$key]}"
		done
	done >"$LAB/ctmeter.conf.new"
	chmod 644 "$LAB/ctmeter.conf.new" # it says what root runs: only root may write it
	mv "$LAB/ctmeter.conf.new" "$LAB/ctmeter.conf"
}

# Replace the inventory file in one step, from stdin.
lab_inventory() {
	cat >"$LAB/inventory.new"
	chmod 644 "$LAB/inventory.new"
	mv "$LAB/inventory.new" "$LAB/inventory"
}

# The compiler, for preloaded libraries. CC may be two words ("ccache gcc").
# shellcheck disable=SC2086
lab_cc() { ${CC:-cc} "$@"; }

# The three containers, and any further lines given.
lab_inventory_usual() { # [LINE...]
	{
		echo '101 192.0.2.101 2001:db8:1::101 name=web.example state=running'
		echo '102 192.0.2.102 192.0.2.112 name=db.example state=running'
		echo '103 192.0.2.103 2001:db8:1::103 name=mail.example state=running'
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} | lab_inventory
}

ctmeter() { "$B/ctmeter" -c "$LAB/ctmeter.conf" "$@"; }

ctmeterd_answers() { ctmeter list; } # not status, which fails when there is a problem

# Start ctmeterd, under COMMAND... if given and under $UNDER (valgrind, for example), and wait for
# its control socket.
lab_ctmeterd_start() { # [COMMAND...]
	lab_write_conf
	# shellcheck disable=SC2086 # a command's words
	"$@" $UNDER "$B/ctmeterd" -c "$LAB/ctmeter.conf" </dev/null >>"$LAB/ctmeterd.log" 2>&1 9>&- &
	CTMETERD_PID=$!
	if ! await 10 ctmeterd_ready; then fail "ctmeterd does not start"; return 1; fi
}

# Up, or dead, so that waiting is useless.
ctmeterd_ready() { ctmeterd_answers || ! kill -0 "$CTMETERD_PID"; }

lab_ctmeterd_stop() { stop_process "$CTMETERD_PID"; CTMETERD_PID=; }
lab_ctmeterd_kill9() { stop_process "$CTMETERD_PID" KILL; CTMETERD_PID=; }

# Start the network, snmpd, and ctmeterd with the usual inventory, and wait until the tables are
# served.
lab_start() {
	lab_network
	lab_inventory_usual
	lab_snmpd_start
	lab_ctmeterd_start
	await 10 snmp_serves || fail "the tables are not served"
	ctmeter refresh >/dev/null || fail 'ctmeter refresh'
}

lab_logs() { # [LINES]
	local f
	for f in "$LAB"/{ctmeterd,snmpd}.log; do
		[ ! -s "$f" ] || { echo "---- the end of ${f##*/}"; tail -n "${1:-20}" "$f"; }
	done
}

# End a test: print the logs if something failed. Remaining processes end with the namespaces.
lab_end() {
	[ "$FAILED" -eq 0 ] || lab_logs
	lab_ctmeterd_stop
	lab_snmpd_stop
	test_end
}
