#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The README's way from `apt install snmpd` to the first answers, on Debian's own snmpd.conf: its
# commands are taken from there and run here (all others by tests/docs). Both views by v2c and v3, nothing by v1, nothing to
# others; the AgentX socket with and without the daemon's group.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
# shellcheck source=tests/docs/places.sh
. "$LAB_TOP/tests/docs/places.sh"

PACKAGED=/etc/snmp/snmpd.conf
PARTS=/etc/snmp/snmpd.conf.d
TABLES=.$BASE
NAMES=.1.3.6.1.2.1.31.1.1.1.1

# The README's block that has this word.
follow_readme() { # WORD
	docs_blocks README.md | awk -v word="$1" '/^@ / { if (found) print block; block = ""; found = 0; next }
		{ block = block substr($0, 2) "\n"; found = found || index($0, word) }
		END { if (found) print block }' >"$LAB/readme"
	assert_ge "the README has a block with $1" 1 "$(wc -l <"$LAB/readme")"
	docs_block "README.md, $1" <"$LAB/readme"
}

# ---- questions ------------------------------------------------------------------------------

ask() { # SNMPGET-ARGUMENT...: the value, or nothing
	snmpgetnext -Oqv -t 1 -r 0 -m '' "$@" 2>/dev/null | grep -v '^No '
}

# The first container's id text, the first port's name.
tables() { ask "$@" "$TABLES.1.2.1.2" | grep -x '"101"'; } # OPTION... HOST
ports() { ask "$@" $NAMES | grep -x '"ct101"'; }
system() { ask "$@" .1.3.6.1.2.1.1.1; }
both_by_v2c() { tables -v2c -c "$community" "$1" && ports -v2c -c "$community-ports" "$1"; } # HOST
gets() { [ -n "$("$@")" ]; }

places_enter
install -D -m 644 "$B/conf/snmpd-ctmeter.conf" /usr/share/ctmeter/snmpd-ctmeter.conf # as make install does
lab_network
lab_inventory_usual
unset 'LAB_CONF[agentx.socket]' # the default one

step "snmpd as Debian's package starts it, and ctmeterd"
systemctl start snmpd
lab_ctmeterd_start
assert_ok refresh ctmeter refresh
assert_await 'snmpd answers' 10 gets system -v2c -c public 127.0.0.1

step 'the README: SNMPv2c'
began=$SECONDS
follow_readme '#com2sec'
assert_ok 'both views' both_by_v2c 127.0.0.1
assert_ok 'ctmeter status has no problem' eval '! ctmeter status | grep problem'
assert_eq 'ctmeter check finds the communities, and both views' 2 \
	"$(ctmeter check snmp-tables snmp-switch | grep -c '^ok .* /etc/snmp/snmpd.conf.d/ctmeter.conf$')"
conf=$PARTS/ctmeter.conf
assert_eq "who may read the community" '640 root Debian-snmp' "$(stat -c '%a %U %G' $conf)"
assert_eq 'no command of it left' '' "$(grep -n '^#com2sec' $conf)"

step 'the README: SNMPv3'
follow_readme createUser
# shellcheck disable=SC2086,SC2154 # the README's, a list of words
assert_ok 'the tables' gets tables $v3 127.0.0.1
# shellcheck disable=SC2086
assert_ok 'the switch' gets ports $v3 -n containers 127.0.0.1
printf '   (both ways took %d s)\n' $((SECONDS - began))
assert_eq 'the pass phrases are gone from the file' '' "$(grep ^createUser /var/lib/snmp/snmpd.conf)"

step 'no answer'
user=(-v3 -u ctmeter -a SHA-256 -A "$auth" -x AES -X "$priv")
for v in "-v1 -c $community" "-v1 -c $community-ports" '-v1 -c public' '-v2c -c public' '-v2c -c COMMUNITY' \
	'-v2c -c COMMUNITY-ports' '-v3 -l noAuthNoPriv -u ctmeter' \
	'-v3 -l noAuthNoPriv -u ctmeter -n containers'; do
	# shellcheck disable=SC2086 # a list of words
	assert_eq "$v: the tables" '' "$(tables $v 127.0.0.1)"
	# shellcheck disable=SC2086
	assert_eq "$v: the switch" '' "$(ports $v 127.0.0.1)"
done
assert_eq 'v3 without encryption: the tables' '' "$(tables "${user[@]}" -l authNoPriv 127.0.0.1)"
assert_eq 'v3 without encryption: the switch' '' "$(ports "${user[@]}" -l authNoPriv -n containers 127.0.0.1)"
assert_eq 'the wrong community: the switch' '' "$(ports -v2c -c "$community" 127.0.0.1)"
assert_eq 'the wrong community: the tables' '' "$(tables -v2c -c "$community-ports" 127.0.0.1)"
assert_eq "nothing of the node's own ports" '' "$(ask -v2c -c "$community" 127.0.0.1 .1.3.6.1.2.1.2 | grep -x '[0-9]*')"

step 'over IPv6, and after a reload of snmpd'
assert_ok 'v2c' both_by_v2c 'udp6:[::1]'
assert_ok 'v3' gets ports "${user[@]}" -l authPriv -n containers 'udp6:[::1]'
systemctl reload snmpd
assert_await 'v2c' 10 both_by_v2c 127.0.0.1
assert_await 'v3' 10 gets tables "${user[@]}" -l authPriv 127.0.0.1

step 'a poller elsewhere: when snmpd listens to it and its address is added'
elsewhere() { (export -f ask tables ports both_by_v2c && export TABLES NAMES community &&
	in_ns outside "$BASH" -c "both_by_v2c '$1'"); } # HOST
sed -i 's/^agentaddress .*/agentaddress udp:161,udp6:161/' $PACKAGED
systemctl restart snmpd
assert_await 'this host' 10 both_by_v2c 127.0.0.1
assert_eq 'the other, IPv4' '' "$(elsewhere 198.51.100.1)"
assert_eq 'the other, IPv6' '' "$(elsewhere 'udp6:[2001:db8:f::1]')"
follow_readme poller=
sed -n 's/^\(com2sec6 .*\)::1 /\12001:db8:f::2 /p' $conf >"$LAB/added"
assert_eq 'lines to add for IPv6' 2 "$(wc -l <"$LAB/added")"
cat "$LAB/added" >>$conf
systemctl restart snmpd
assert_await 'this host' 10 both_by_v2c 127.0.0.1
assert_match 'the other, IPv4' ct101 "$(elsewhere 198.51.100.1)"
assert_match 'the other, IPv6' ct101 "$(elsewhere 'udp6:[2001:db8:f::1]')"

step 'the AgentX socket: without the group ctmeter, and with it'
socket=/var/agentx/master
assert_eq 'without: root alone' '660 root' "$(stat -c '%a %G' $socket)"
assert_match 'and that is said' "Can't identify group \(ctmeter\)" "$(<"$LAB/snmpd.log")"
: >"$LAB/snmpd.log"
echo 'ctmeter:x:64206:' >>/etc/group
systemctl restart snmpd
assert_eq 'with: the group' '660 ctmeter' "$(stat -c '%a %G' $socket)"
assert_eq 'nothing is said' '' "$(grep -i identify "$LAB/snmpd.log")"
lab_ctmeterd_stop
lab_ctmeterd_start # it takes the group along
assert_await 'a ctmeterd of root goes on' 10 both_by_v2c 127.0.0.1
chmod 755 /var/agentx # made by the first snmpd, which knew nothing of us
install -m 755 "$B/tests/netns/ax_probe" "$LAB/ax_probe"
probe() { # GROUP REGEX: a subagent of that group comes to say this
	local pid said
	setpriv --reuid 65534 --regid "$1" --clear-groups "$LAB/ax_probe" "$socket" 1 \
		</dev/null >"$LAB/probe" 2>&1 9>&- &
	pid=$!
	await 10 grep -q "$2" "$LAB/probe"
	said=$?
	stop_process "$pid"
	return "$said"
}
assert_ok 'a member gets in' probe 64206 '^up'
assert_ok 'nobody else does' probe 65534 '^down.*ermission'

lab_end
