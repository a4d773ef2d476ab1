#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Measure ctmeter beside the tools in use today, and print one table.
#
#   BENCH=full     all parts (the default; about forty minutes)
#   BENCH=quick    all parts in their smaller form (some minutes)
#   BENCH=packets  only that part, in full; PARTS="packets snmp" selects parts for either form
#
# 1. Each part tests/bench/b_NAME.sh builds its own private namespaces; nothing touches this
#    machine's network or firewall.
# 2. A missed target is reported but fails nothing: this is no test. A part that breaks fails the
#    run.
# 3. The table is also written as markdown to $B/bench/RESULTS.md.
set -u
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
B=$(cd -P "${B:-$HERE/../../build}" && pwd) || exit 1
cd "$HERE" || exit 1
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

case ${BENCH:=full} in
full | quick) BENCH_SIZE=$BENCH ;;
*) BENCH_SIZE=full PARTS=$BENCH ;;
esac
BENCH_ROWS=$B/bench/rows.tsv
export B BENCH_SIZE BENCH_ROWS
RESULTS=$B/bench/RESULTS.md

# The version that a command prints, or that it is not installed.
version() { # NAME COMMAND...
	local name=$1 said
	shift
	command -v "$1" >/dev/null || { echo "$name: not installed"; return; }
	said=$("$@" 2>&1 | grep -oEm 1 '[0-9]+(\.[0-9]+)+[^ ,)]*' | head -n 1)
	echo "$name ${said:-of unknown version}"
}

describe() {
	cat <<-END
		# Benchmark

		$BENCH_SIZE form${PARTS:+, parts: $PARTS}, $(date -u +%Y-%m-%d), of commit $(git rev-parse --short HEAD \
			2>/dev/null || echo unknown)

		- CPU: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores$(
			grep -qw hypervisor /proc/cpuinfo && echo ', a virtual machine')
		- memory: $(awk '/^MemTotal/ { printf "%.1f GiB", $2 / 1048576 }' /proc/meminfo)
		- kernel: $(uname -sr)
		- $(version iptables iptables-legacy --version), $(version nftables nft --version),
		  $(version ipset ipset --version), $(version net-snmp snmpd -v), $(version collectd collectd -h)
		- load at the start: $(cut -d ' ' -f 1-3 /proc/loadavg)

	END
}

run_parts() { # NAME...: sets FAILED
	local name began rc
	FAILED=0
	for name; do
		if [ ! -e "b_$name.sh" ]; then
			echo "unknown part \"$name\"" >&2
			FAILED=1
			continue
		fi
		began=$SECONDS
		printf -- '-- %s\n' "$name" >&2
		# In a session of its own, which bench.sh may give priority.
		setsid bash "./b_$name.sh" >&2 &
		PART=$!
		wait $PART
		rc=$?
		printf '   %s ended after %d s\n' "$name" $((SECONDS - began)) >&2
		case $rc in
		0) ;;
		77) printf 'note\t%s\tskipped: this machine lacks what it needs\n' "$name" >>"$BENCH_ROWS" ;;
		*)
			printf 'note\t%s\tBROKEN: the part ended early with status %d\n' "$name" $rc >>"$BENCH_ROWS"
			FAILED=1
			;;
		esac
	done
}

mkdir -p "$B/bench"
: >"$BENCH_ROWS"
PART=
# A part becomes unshare(1), which ignores milder signals.
trap 'kill -KILL $PART 2>/dev/null; exit 130' INT TERM
description=$(describe)
if [ -z "${PARTS-}" ]; then
	PARTS=$(printf '%s\n' b_*.sh | sed 's/^b_\(.*\)\.sh$/\1/' | tr '\n' ' ')
fi
began=$SECONDS
read -ra parts <<<"$PARTS"
run_parts "${parts[@]}"
{
	printf '%s\n\n' "$description"
	awk -f table.awk "$BENCH_ROWS"
	printf '\nMeasured in %d minutes.\n' $(((SECONDS - began + 59) / 60))
} >"$RESULTS"
cat "$RESULTS"
echo "(written to $RESULTS)" >&2
exit $FAILED
