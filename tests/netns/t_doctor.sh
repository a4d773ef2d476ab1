#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `ctmeter check`: what can go wrong between a packet and the poller is made to, for real; its line
# changes from ok to warn or fail, and back when the command that it prints was run.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
# shellcheck source=tests/netns/foreign.sh
. "$(dirname "$0")/foreign.sh"
foreign_tools
command -v nft >/dev/null || skip "the command 'nft' is not installed"
lab_enter "$@"

# shellcheck source=tests/netns/doctor.sh
. "$LAB_TOP/tests/netns/doctor.sh"

# A container on another kind of link than the others: c4 is a namespace of its own.
c4() { ip netns add c4 && lab_quieten c4; }

DISK=$LAB/disk
mkdir -p "$DISK"
mount -t tmpfs -o size=80m tmpfs "$DISK" || skip 'no tmpfs can be mounted here'
lab_set ledger.path "$DISK/ledger.db"
lab_set ledger.checkpoint 1
doctor_private_etc
mount -t tmpfs tmpfs /sys/fs/bpf || skip 'no tmpfs can be mounted here' # a node that cannot count on links
lab_start

# ---- spoofed sources: the lab has no rp_filter ----------------------------------------------

rp_filter() { # LINK [VALUE]: set it, or what the link's own is
	if [ $# -eq 2 ]; then echo "$2" >"/proc/sys/net/ipv4/conf/$1/rp_filter"; else cat "/proc/sys/net/ipv4/conf/$1/rp_filter"; fi
}
in_effect() { # LINK: the greater of its own and that for all
	local own all
	own=$(rp_filter "$1") all=$(rp_filter all)
	echo $((own > all ? own : all))
}

step 'rp_filter is off'
found 'rp_filter off' rp-filter-ipv4 warn 'vc1, vc2, vc3$'
cured 'rp_filter off' rp-filter-ipv4
assert_eq 'it is on' 1 "$(rp_filter vc2)"
for l in vc1 vc2 vc3; do rp_filter $l 0; done
assert_ok 'as the next boot reads it' sysctl -p /etc/sysctl.d/ctmeter.conf
assert_eq 'it is on again' '1 1 1' "$(rp_filter vc1) $(rp_filter vc2) $(rp_filter vc3)"
assert_eq 'but not on the uplink, nor for all' '0 0' "$(rp_filter vout) $(in_effect vout)"
for own in 0 1 2; do
	rp_filter vout "$own"
	provoke "rp_filter loose for all, $own on the uplink" rp-filter-ipv4 warn 'vc1 \(loose\)' 'rp_filter all 2'
	assert_eq 'the uplink is loose as before' 2 "$(in_effect vout)"
	assert_eq 'a container is not' 1 "$(in_effect vc1)"
done
rp_filter vout 0
if [ -n "$REAL_ROOT" ]; then
	step 'IPv6 has no such switch: a rule'
	found 'IPv6' rp-filter-ipv6 warn 'vc1, vc3;'
	cured 'IPv6' rp-filter-ipv6
else
	echo '   SKIP: no real root: which legacy tables are in use is not told'
	assert_await 'and that is said' 10 is skip rp-filter-ipv6
	assert_await 'and that is said' 10 is skip rule-sets
fi

step 'many links'
many=()
for i in 1 2 3 4 5 6 7 8 9; do
	ip link add "vm$i" type veth peer name "m$i" netns c2
	ip -n c2 link set "m$i" up
	ip link set "vm$i" up
	ip route add "203.0.113.2$i" dev "vm$i"
	ip route add "2001:db8:2::$i" dev "vm$i"
	many+=("12$i 203.0.113.2$i 2001:db8:2::$i")
done
lab_inventory_usual "${many[@]}"
ctmeter refresh >/dev/null
rp_filter all 2
found 'many links' rp-filter-ipv4 warn 'vc1 \(loose\).* and 6 more$'
cured 'many links' rp-filter-ipv4
assert_eq 'each is strict' '1 1' "$(in_effect vm1) $(in_effect vm9)"
assert_eq 'the uplink is loose as before' 2 "$(in_effect vout)"
rp_filter vout 0
if [ -n "$REAL_ROOT" ]; then
	found 'many links, IPv6' rp-filter-ipv6 warn 'vm6 and 3 more;'
	cured 'many links, IPv6' rp-filter-ipv6
	assert_eq 'no rule is for the uplink' 0 "$(ip6tables-legacy -t raw -S PREROUTING |
		grep rpfilter | grep -cvE -- '-i v[cm][1-9] ')"
fi
lab_inventory_usual
ctmeter refresh >/dev/null
for i in 1 2 3 4 5 6 7 8 9; do ip link del "vm$i"; done
[ -z "$REAL_ROOT" ] || for i in 1 2 3 4 5 6 7 8 9; do
	ip6tables-legacy -t raw -D PREROUTING -i "vm$i" -m rpfilter --invert -j DROP 2>/dev/null
done

# ---- all is well ----------------------------------------------------------------------------

step 'all is well, but for the clock of this machine'
ctmeter check "${ASK[@]}" >"$LAB/all" 2>&1
assert_eq 'exit status' 0 $?
well='^(ok |$|[0-9]+ ok|      mend: (timedatectl|apt-get|yum))|^warn +clock |^skip +link.* counted by rules'
[ -n "$REAL_ROOT" ] || well+='|^skip +(rule-sets|copies|rp-filter-ipv6) '
assert_eq 'what is not ok' '' "$(grep -vE "$well" "$LAB/all")"
assert_ge 'checks' 37 "$(grep -cE '^(ok|warn|skip) ' "$LAB/all")"
assert_eq 'no colours in a file' '' "$(grep $'\033' "$LAB/all")"
ctmeter check "${ASK[@]}" --json >"$LAB/json" 2>&1
assert_eq 'JSON: exit status' 0 $?
assert_eq 'JSON: as many are ok' "$(grep -c '^ok ' "$LAB/all")" "$(grep -c '"level": "ok"' "$LAB/json")"
assert_await 'status is healthy' 10 status_says healthy
assert_ok 'its exit status says so' ctmeter status
ctmeter check nonsense >/dev/null 2>&1
assert_eq 'an unknown check: exit status' 2 $?

# ---- the node's way -------------------------------------------------------------------------

provoke 'forwarding is off' forwarding-ipv4 fail 'forwards no IPv4' 'echo 0 >/proc/sys/net/ipv4/ip_forward'
provoke 'forwarding is off for one link' forwarding-ipv4 fail 'received on vc2' \
	'echo 0 >/proc/sys/net/ipv4/conf/vc2/forwarding'
provoke 'forwarding is off, IPv6' forwarding-ipv6 fail 'forwards no IPv6' \
	'echo 0 >/proc/sys/net/ipv6/conf/all/forwarding'

step 'addresses that lead nowhere, to the node, off the node'
ip route add default via 198.51.100.2 dev vout
lab_inventory_usual '104 203.0.113.9 198.51.100.1 state=running' '105 203.0.113.10 state=stopped'
ip route add unreachable 203.0.113.9
ctmeter refresh >/dev/null
found 'no route' routes-ipv4 warn '^no route leads to 104 203.0.113.9; assigned to the node itself: 104 198.51.100.1$'
assert_eq 'no cure' '' "$CURE"
ip route del unreachable 203.0.113.9
found 'off the node' routes-ipv4 warn 'routed off the node: 104 203.0.113.9 \(vout\)$'
ip route add 203.0.113.9 dev vc1
lab_inventory_usual '104 203.0.113.9 state=running'
ctmeter refresh >/dev/null
assert_await 'a route to a link: ok again' 10 is ok routes-ipv4
lab_inventory_usual
ctmeter refresh >/dev/null

if c4 && ip link add br4 type bridge 2>/dev/null; then
	ip link set br4 up
	ip link add v4 type veth peer name eth0 netns c4
	ip link set v4 up master br4
	ip -n c4 link set eth0 up
	ip -n c4 addr add 192.0.2.140/32 dev eth0
	ip route add 192.0.2.140 dev br4
	lab_inventory_usual '140 192.0.2.140 state=running'
	ctmeter refresh >/dev/null
	if [ -z "$REAL_ROOT" ]; then
		echo '   SKIP: no real root: whether FORWARD drops is not told, so no cure is'
	elif [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then
		echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
		provoke 'a bridge is not seen by iptables' bridge-ipv4 warn 'packets on br4 from container' \
			'echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables'
		if ip link add link vout name vout.5 type vlan id 5 2>/dev/null; then
			ip link set vout.5 master br4
			provoke 'a bridge with an uplink' bridge-ipv4 fail 'packets on br4, .*FORWARD policy' \
				'echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables'
			ip link del vout.5
		else
			echo '   SKIP: this kernel has no VLANs'
		fi
	else
		found 'a bridge without br_netfilter' bridge-ipv4 warn 'br4 .*is missing'
		assert_match 'the module is to be loaded' '^modprobe br_netfilter && .*sysctl' "$CURE"
	fi
	ip link del br4
	ip -n c4 link del eth0
else
	echo '   SKIP: this kernel has no bridges'
fi

# ---- traffic that is not seen ---------------------------------------------------------------

if ip link add link vout name m4 netns c4 type macvlan mode bridge 2>/dev/null; then
	ip -n c4 link del m4
	provoke_only 'a container by macvlan' macvlan fail '140 192.0.2.140 \(macvlan m4\)' \
		'ip link add link vout name m4 netns c4 type macvlan mode bridge && ip -n c4 addr add 192.0.2.140/32 dev m4' \
		'ip -n c4 link del m4'
	provoke_only "somebody else's macvlan" macvlan warn 'macvlan m5' \
		'ip link add link vout name m5 type macvlan' 'ip link del m5'
else
	echo '   SKIP: this kernel has no macvlan'
fi
lab_inventory_usual
ctmeter refresh >/dev/null

"$B/tests/netns/xdp_pass" vc1 2>"$LAB/xdp"
case $? in
0)
	ip link set dev vc1 xdpgeneric off
	provoke 'an XDP program' xdp warn 'agree.* vc1 \(program [1-9]' '"$B/tests/netns/xdp_pass" vc1'
	;;
77) echo "   SKIP: no XDP: $(<"$LAB/xdp")" ;;
*) fail "xdp_pass: $(<"$LAB/xdp")" ;;
esac

redirect() { tc filter add dev vc1 "$1" u32 match u32 0 0 action mirred egress redirect dev vc2; } # SIDE
if tc qdisc add dev vc1 clsact 2>/dev/null && redirect egress 2>/dev/null; then
	tc filter del dev vc1 egress
	provoke 'tc redirects' tc warn 'agree.* vc1 egress u32 \(redirects\)' 'redirect egress'
	provoke 'tc redirects what comes in' tc warn 'vc1 ingress u32 \(redirects\)' 'redirect ingress'
	tc filter add dev vc1 ingress u32 match u32 0 0 flowid 1:1
	assert_await 'a filter that redirects nothing' 10 is ok tc
	tc qdisc del dev vc1 clsact
else
	echo '   SKIP: this kernel has no tc filters that redirect'
fi

# ---- other people's rules -------------------------------------------------------------------

early() { # HOOK PRIORITY VERDICT
	nft "add table inet fw; add chain inet fw early { type filter hook $1 priority $2; }; \
		add chain inet fw last; add rule inet fw last $3; \
		add rule inet fw early ip saddr 203.0.113.66 jump last"
}
provoke_only 'an nft chain drops before us' early-drops warn 'inet fw early \(forward, priority -200\)' \
	'early forward -200 drop' 'nft delete table inet fw'
provoke_only 'in prerouting, at any priority' early-drops warn 'inet fw early \(prerouting, priority 0\)' \
	'early prerouting 0 drop' 'nft delete table inet fw'
provoke_only 'a policy' early-drops warn 'ip fw pre \(forward, priority -150\)' \
	'nft "add table ip fw; add chain ip fw pre { type filter hook forward priority -150; policy drop; }"' \
	'nft delete table ip fw'
[ -z "$REAL_ROOT" ] || provoke_only 'a legacy rule in raw' early-drops warn '1 of the legacy rules' \
	'iptables-legacy -t raw -A PREROUTING -s 203.0.113.66 -j DROP' \
	'iptables-legacy -t raw -D PREROUTING -s 203.0.113.66 -j DROP'
provoke_only 'a fib rule that guards nothing' early-drops warn 'inet fw pre \(prerouting' \
	'nft "add table inet fw; add chain inet fw pre { type filter hook prerouting priority raw; };
		add rule inet fw pre fib daddr type blackhole drop"' 'nft delete table inet fw'
early forward -149 drop
assert_await 'what drops behind us is no matter' 10 is ok early-drops
nft delete table inet fw
early forward -200 accept
assert_await 'nor what drops nothing' 10 is ok early-drops
nft delete table inet fw

if [ -n "$REAL_ROOT" ]; then
	step 'IPv6 sources, guarded by nft instead'
	ip6tables-legacy -t raw -F PREROUTING
	found 'not guarded' rp-filter-ipv6 warn 'vc1, vc3;'
	nft 'add table inet rp; add chain inet rp pre { type filter hook prerouting priority raw; };
		add rule inet rp pre fib saddr . iif oif missing drop'
	assert_await 'guarded' 10 is ok rp-filter-ipv6
	assert_await 'which is no drop before us' 10 is ok early-drops
	nft delete table inet rp
	is warn rp-filter-ipv6
	eval "$CURE"
fi

if nft 'add table inet ft; add flowtable inet ft f { hook ingress priority 0; devices = { vc1 }; }' 2>/dev/null; then
	nft 'add chain inet ft fwd { type filter hook forward priority 0; }'
	provoke 'a flowtable' flowtable fail 'flowtable f \(inet ft\).* agree' \
		'nft add rule inet ft fwd meta l4proto udp flow add @f'
	nft delete table inet ft
else
	echo '   SKIP: this kernel has no flowtables'
	assert_await 'no flowtable' 10 is ok flowtable
fi

both_sets() { iptables-legacy -A FORWARD -s 203.0.113.66 -j ACCEPT && iptables-nft -A FORWARD -j ACCEPT; }
no_sets() { iptables-legacy -F FORWARD && nft flush ruleset; }
if [ -n "$REAL_ROOT" ] && iptables-nft -L -n >/dev/null 2>&1; then
	provoke_only 'both rule sets' rule-sets warn '[1-9][0-9]* rules of other programs are legacy and 1 are' both_sets no_sets
	iptables-nft -A FORWARD -j ACCEPT
	look rule-sets
	ip6tables-legacy -t raw -F PREROUTING
	found 'iptables-nft alone' rule-sets ok 'iptables-legacy does'
	no_sets
fi

step 'a rule before ours'
# ctmeterd itself repairs it within 10 s: then once more.
shadow() { iptables-legacy -t mangle -I FORWARD -s 203.0.113.0/24 -j ACCEPT && is fail rules-ipv4; }
assert_await 'found' 10 shadow
assert_match 'which one' 'rule 1 of FORWARD \(ACCEPT\) precedes ours|FORWARD: rule 1 \(ACCEPT\)' "$TEXT"
printf '   %s\n   look: %s\n' "$TEXT" "$LOOK"
assert_ok 'to look at it' eval "$LOOK"
cured 'a rule before ours' rules-ipv4
# A repair of the one before may come after it, and put ours first once more: then again.
passing() {
	iptables-legacy -t mangle -I FORWARD -s 203.0.113.0/24 -j MARK --set-mark 1
	is ok rules-ipv4 && [[ $TEXT =~ 'in FORWARD they follow rules of other programs' ]]
}
assert_await 'one that lets packets pass is told' 10 passing

step 'somebody who insists'
repairs_are() { [ "$(snmp_get "$(oid_scalar 8)")" -ge "$1" ]; } # NUMBER
for n in 1 2 3 4; do
	iptables-legacy -t mangle -F FORWARD
	ctmeter refresh >/dev/null
	assert_await "repair $n" 10 repairs_are "$n"
done
found 'somebody who insists' repairs warn 'repaired [4-9] times'
assert_await 'told by status too' 10 status_says 'warning: repairs: '

# ---- the inventory --------------------------------------------------------------------------

step 'the inventory is ahead of what is counted'
lab_set inventory.interval 3600
lab_ctmeterd_stop
lab_ctmeterd_start
await 10 snmp_serves
provoke 'a new line' inventory warn '^not counted yet: 106 192.0.2.106$' \
	"lab_inventory_usual '106 192.0.2.106 state=stopped'"
provoke 'a line less' inventory warn 'no longer in the inventory: 106 192.0.2.106$' lab_inventory_usual
provoke_only 'a line that cannot be read' inventory warn 'inventory: line 4: ' \
	"lab_inventory_usual '107 192.0.2.x'" lab_inventory_usual
provoke_only 'an address of two' conflicts warn ': 192.0.2.101 \(101, 108\)$' \
	"lab_inventory_usual '108 192.0.2.101' && ctmeter refresh" 'lab_inventory_usual && ctmeter refresh'
provoke_only 'no inventory' inventory fail 'lab/inventory: ' \
	'rm "$LAB/inventory" && ! ctmeter refresh' 'lab_inventory_usual && ctmeter refresh'

# ---- the ledger -----------------------------------------------------------------------------

readonly() { # a file that is open for writing forbids it
	lab_ctmeterd_stop
	mount -o remount,bind,ro "$DISK" && lab_ctmeterd_start
}
writable() { mount -o remount,rw "$DISK" 2>/dev/null || mount -o remount,bind,rw "$DISK"; }
if [ -n "$REAL_ROOT" ]; then
	provoke 'the disk is read-only' disk fail "disk is mounted read-only" readonly
fi
assert_await 'the ledger is written again' 20 is ok ledger
readonly
assert_await 'told by status too' 10 status_says 'problem: disk: '
found 'which the ledger says too' ledger fail 'read-only|writable'
writable
assert_await 'the ledger is written again' 20 is ok ledger
provoke_only 'little room' disk warn 'are free' 'dd if=/dev/zero of="$DISK/fill" bs=1M count=50 2>/dev/null' \
	'rm "$DISK/fill"'
provoke_only 'no room' disk fail 'are free' '! dd if=/dev/zero of="$DISK/fill" bs=1M 2>/dev/null' \
	'rm "$DISK/fill"'
damage() { # a page in the middle, behind the back of who has it open
	lab_inventory_usual && ctmeter refresh >/dev/null
	dd if=/dev/urandom of="$DISK/ledger.db" bs=4096 seek=2 count=3 conv=notrunc 2>/dev/null
}
lab_ctmeterd_stop # what is in the log comes into the file
lab_ctmeterd_start
step 'the ledger is damaged'
assert_await 'ok before' 10 is ok ledger
# ctmeterd may come upon it first, and then sets it aside by itself.
kept() { compgen -G "$DISK/ledger.db.damaged*" >/dev/null; }
damage_seen() { kept || { is fail ledger && [[ $TEXT =~ damaged ]]; }; }
damage
assert_await 'it is seen' 10 damage_seen
if ! kept; then
	printf '   %s\n   mend: %s\n' "$TEXT" "$CURE"
	eval "$CURE" || kept || fail "the cure '$CURE' failed"
fi
assert_await 'ok again' 20 is ok ledger
assert_ok 'the damaged one is kept' kept
lab_flow 198.51.100.2 192.0.2.101 20 1000
book_check 'nothing is lost by that'

# ---- snmpd ----------------------------------------------------------------------------------

provoke 'the AgentX socket is open to all' agentx warn 'open to every user' \
	'chmod 777 "$LAB/agentx.sock"'
assert_match 'and will not be when snmpd starts again' '^agentXPerms 0660 0755 root ' \
	"$(grep -h ^agentXPerms /etc/snmp/snmpd.conf.d/ctmeter.conf)"
step 'a wrong community'
ASK=(--community "$COMMUNITY" --ports-community wrong)
found 'a wrong community' snmp-switch fail 'does not answer for the switch view'
ASK=(--community "$COMMUNITY" --ports-community "$COMMUNITY")
found 'the wrong view' snmp-switch fail "answers \"$(uname -n)\" for the switch view, not"
ASK=(--community "$COMMUNITY" --ports-community "$COMMUNITY-ct")
assert_await 'the right one' 10 is ok snmp-switch
ASK=(--community "$COMMUNITY" --agent "127.0.0.1:$((SNMP_PORT + 1))")
found 'the wrong port' snmp-tables fail 'no snmpd listens'

step "communities found in snmpd's configuration"
ASK=()
rm -f /etc/snmp/snmpd.conf.d/ctmeter.conf
found 'none' snmp-tables skip 'no community is known'
sed "/^#com2sec/ { s/#//; s/COMMUNITY-ports/$COMMUNITY-ct/; s/COMMUNITY/$COMMUNITY/ }" \
	"$B/conf/snmpd-ctmeter.conf" >/etc/snmp/snmpd.conf.d/ctmeter.conf
assert_await 'the tables' 10 is ok snmp-tables
assert_await 'the switch view' 10 is ok snmp-switch
ASK=(--community "$COMMUNITY" --ports-community "$COMMUNITY-ct")

provoke 'snmpd has ended' agentx fail 'session|run' lab_snmpd_stop
provoke 'snmpd has ended' snmp-tables fail 'no snmpd listens' lab_snmpd_stop

step 'snmpd does not show our tables'
lab_snmpd_restart "view ctmeter excluded .$BASE.1"
assert_await 'the session is up' 10 is ok agentx
found 'a view that leaves them out' snmp-tables fail 'its view excludes them'
lab_snmpd_restart
await 10 snmp_serves

# ---- ctmeterd -------------------------------------------------------------------------------

provoke 'ctmeterd has ended' daemon fail 'no ctmeterd answers' lab_ctmeterd_stop
ctmeterd_is_gone() { lab_ctmeterd_stop && iptables-legacy -t mangle -F; }
provoke 'the rules are gone and no ctmeterd runs' rules-ipv4 fail 'no rule in FORWARD jumps to our chain' ctmeterd_is_gone
await 10 snmp_serves
step 'without it'
lab_ctmeterd_stop
ctmeter check "${ASK[@]}" >"$LAB/all" 2>"$LAB/said"
assert_eq 'exit status' 1 $?
assert_match 'one line says why' '^ctmeter: [1-9] checks? failed' "$(<"$LAB/said")"
assert_eq 'one line' 1 "$(wc -l <"$LAB/said")"
assert_match 'the inventory is looked at all the same' 'ok +inventory +3 containers with 6 addresses' "$(<"$LAB/all")"
assert_match 'and the routes' 'ok +routes-ipv4 +4 addresses' "$(<"$LAB/all")"
assert_match 'and the ledger' 'ok +ledger ' "$(<"$LAB/all")"

step 'in another network namespace'
lab_ctmeterd_start
in_ns c1 "$B/ctmeter" -c "$LAB/ctmeter.conf" check daemon >"$LAB/elsewhere"
assert_match 'it is said' '^warn +daemon .*another network namespace' "$(<"$LAB/elsewhere")"
LOOK=$(sed -n 's/^      look: //p' "$LAB/elsewhere")
printf -v ours %q "$B/ctmeter" # the path may have blanks
LOOK=${LOOK/ ctmeter / "$ours" }
assert_match 'how to look there' 'daemon' "$(eval "$LOOK daemon")"

step 'as an ordinary user'
chmod 711 "$LAB" # what is public by name is found
if setpriv --reuid 65534 --regid 65534 --clear-groups true 2>/dev/null; then
	setpriv --reuid 65534 --regid 65534 --clear-groups "$B/ctmeter" -c "$LAB/ctmeter.conf" check \
		>"$LAB/all" 2>&1
	assert_eq 'exit status' 0 $?
	assert_match 'the daemon is root'"'"'s' '^skip +daemon .*run ctmeter check as root' "$(<"$LAB/all")"
	assert_match 'and the tables' 'skip +table-ipv4 +only root' "$(<"$LAB/all")"
	assert_match 'routes are told' 'ok +routes-ipv4 +4 addresses' "$(<"$LAB/all")"
	assert_match 'the sum says how much was not seen' ', 0 failed, [1-9][0-9]* not checked' "$(<"$LAB/all")"
else
	echo '   SKIP: this user cannot become another'
fi

step 'a dry run'
lab_ctmeterd_stop
lab_set netfilter.backend fake
lab_ctmeterd_start
found 'a dry run' daemon warn 'dry run'
found 'a dry run' rules-ipv4 skip 'dry run'

lab_end
