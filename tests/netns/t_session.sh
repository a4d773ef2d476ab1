#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The AgentX session by itself (ax_probe's constant table) against a real snmpd, in a network
# namespace of its own. B is the build directory; STOP_S is how long snmpd is stopped (2).

unset CDPATH
B=$(cd -P "${B:-${0%/*}/../../build}" 2>/dev/null && pwd) || { echo "no build directory: make" >&2; exit 1; }
export B
cd "${0%/*}" || exit 1
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
stop_s=${STOP_S:-2}
# shellcheck source=tests/netns/assert.sh
. ./assert.sh

if [ -z "$AX_INSIDE" ]; then
	for tool in ip unshare snmpd snmpget snmpwalk snmpbulkwalk snmpset; do
		command -v "$tool" >/dev/null || skip "the command '$tool' is not installed"
	done
	spaces=(unshare --net)
	[ "$(id -u)" = 0 ] || spaces=(unshare --user --map-root-user --net)
	"${spaces[@]}" true 2>/dev/null || skip "no network namespaces here (${spaces[*]})"
	AX_INSIDE=1 exec "${spaces[@]}" "$BASH" "./${0##*/}"
fi
ip link set lo up

dir=$(mktemp -d "${TMPDIR:-/tmp}/ctmeter-ax.XXXXXX") || exit 1
mkdir "$dir/state"
export SNMP_PERSISTENT_DIR=$dir/state
base=1.3.6.1.4.1.8072.9999.9999.1.1
port=1161

cat >"$dir/snmpd.conf" <<X
master agentx
agentXSocket $dir/master
agentaddress udp:127.0.0.1:$port
com2sec plain default plain
com2sec -Cn containers context default context
group plain v2c plain
group context v2c context
view all included .1
access plain "" any noauth exact all all none
access context containers any noauth exact all all none
X

declare -A pids # of what runs, by role: snmpd and the probes

finish() { # ROLE
	kill -CONT "${pids[$1]}"
	kill "${pids[$1]}"
	wait "${pids[$1]}"
	unset "pids[$1]"
}

finish_all() {
	for role in "${!pids[@]}"; do
		finish "$role"
	done
	rm -rf "$dir"
}
trap finish_all EXIT
trap 'exit 130' INT TERM

start_snmpd() {
	snmpd -f -Lo -C -c "$dir/snmpd.conf" >"$dir/snmpd.log" 2>&1 &
	pids[snmpd]=$!
}

start_probe() { # ROLE [PATIENCE_MS]
	local role=$1
	shift
	"$B/tests/netns/ax_probe" "$dir/master" 1000 "$@" >"$dir/$role" 2>"$dir/$role.log" &
	pids[$role]=$!
}

snmp() { # TOOL COMMUNITY ARGUMENT...
	local tool=$1 community=$2
	shift 2
	"$tool" -m '' -v2c -c "$community" -t 0.3 -r 0 "$@" 2>&1
}

get() { # COMMUNITY OID
	snmp snmpget "$1" -Onqv 127.0.0.1:$port "$2"
}

serves() {
	[[ $(get plain "$base.2.100") == *9223372045444710400 ]] &&
		[[ $(get context "$base.2.100") == *9223372045444710401 ]]
}

cells() { # TOOL COMMUNITY OPTION...
	snmp "$@" -t 10 -On 127.0.0.1:$port $base | grep -c ' = Counter64: '
}

says() { # ROLE REGEX: the state the probe told last
	[[ $(tail -n 1 "$dir/$1") =~ $2 ]]
}

thousand() {
	for ((i = 100; i < 1100; i++)); do
		echo $base.9.$i
	done
}

step 'snmpd is absent at the start'
start_probe a
assert_await 'it says what is missing' 2 says a '^down.*No such file'
start_snmpd
assert_await 'served once snmpd is there' 5 serves
assert_await 'and says no problem' 2 says a '^up $'

step 'what is served'
assert_eq 'a walk' 8000 "$(cells snmpwalk plain)"
assert_eq 'a walk of the context by GETBULK' 8000 "$(cells snmpbulkwalk context -Cr50)"
assert_match 'a row that is not there' 'No Such Instance' "$(get plain $base.2.99)"
assert_match 'a column that is not there' 'No Such Object' "$(get plain $base.1.100)"
assert_match 'a SET' 'notWritable' "$(snmp snmpset plain 127.0.0.1:$port $base.2.100 i 5)"
assert_eq '1,000 varbinds in one request' '0 1000 0' \
	"$(thousand | "$B/tests/netns/manyget" $port plain)"

step 'snmpd restarts'
finish snmpd
assert_await 'the end is noticed' 2 says a '^down'
start_snmpd
assert_await 'served once it is back' 5 serves

step 'a second instance'
start_probe b
assert_await 'is refused and says so' 5 says b '^up snmpd refused 2 of 2.*another'
assert_ok 'the first serves' serves
finish a
assert_await 'takes over' 7 serves
assert_await 'and says no problem' 2 says b '^up $'

step "snmpd is stopped for $stop_s s, and polled"
kill -STOP "${pids[snmpd]}"
for ((end = SECONDS + stop_s; SECONDS < end; )); do
	get plain $base.2.100 >/dev/null
done
kill -CONT "${pids[snmpd]}"
assert_await 'served once it is back' 5 serves
finish b

step 'snmpd is stopped at the start, and impatience fills its queue'
kill -STOP "${pids[snmpd]}"
start_probe c 500
assert_await 'the queue is full' 20 says c '^down.*accepts no connections'
kill -CONT "${pids[snmpd]}"
assert_await 'served once it is back' 5 serves
assert_await 'nothing is refused' 2 says c '^up $'

step 'snmpd is stopped, and impatience ends the session'
kill -STOP "${pids[snmpd]}"
assert_await 'the queue is full' 30 says c '^down.*accepts no connections'
kill -CONT "${pids[snmpd]}"
assert_await 'served once it is back' 5 serves
assert_await 'nothing is refused' 2 says c '^up $'
assert_ok 'snmpd has lived through it' kill -0 "${pids[snmpd]}"

test_end
