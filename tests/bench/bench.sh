# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Shared by the parts of the benchmark. A part tests/bench/b_NAME.sh sources ../netns/lab.sh and
# this file, calls lab_enter "$@", and reports with the verbs below; run.sh makes the table.
#
# 1. Candidates that are compared take turns within each repetition (A B C A B C), so that other
#    load on the machine affects them all.
# 2. Everything compared runs on one CPU ("pinned"): a wake-up across CPUs costs more than most of
#    what is measured here.
# 3. A value is recorded once per repetition; the table computes medians, ranges and ratios.
# A part run by itself prints its records: BENCH_SIZE=quick bash tests/bench/b_apply.sh

: "${BENCH_SIZE:=full}" "${BENCH_ROWS:=/dev/stdout}"
BENCH_CPU=$(($(nproc) - 1)) # where measured work runs; whatever drives or watches it stays on the other one

full() { [ "$BENCH_SIZE" = full ]; }
times() { if full; then echo "$1"; else echo "$2"; fi; } # FULL QUICK: prints the one for this run
progress() { printf '   %s\n' "$*" >&2; }

# ---- the verbs ------------------------------------------------------------------------------

record() { local IFS=$'\t'; printf '%s\n' "$*" >>"$BENCH_ROWS"; }

# One value measured in one repetition. N: addresses (or what else grows), "-" for none.
row() { record value "$1" "$2" "$3" "$4" "$5"; } # PART WHAT N VALUE UNIT

# Show the median of A / B, paired by repetition if both have as many, and the target ('>= 0.90',
# '<= 1.3'). A and B are WHATs of rows of the same PART and N.
ratio() { record ratio "$1" "$2" "$3" "$4" "$5" "${6-}"; } # PART WHAT N A B [REACH]

# The target for the median of a row, in the row's unit.
reach() { record reach "$1" "$2" "$3" "$4"; } # PART WHAT N REACH

# A sentence below the table: what was extrapolated, or left out and why.
note() { record note "$1" "$2"; } # PART TEXT

# ---- clocks and processes -------------------------------------------------------------------

now_us() { echo "${EPOCHREALTIME/[^0-9]/}"; }

# Print the milliseconds that COMMAND took, with three decimals. Drops its output, returns its
# status.
time_ms() { # COMMAND...
	local began=${EPOCHREALTIME/[^0-9]/} rc us
	"$@" >/dev/null 2>&1
	rc=$?
	us=$((${EPOCHREALTIME/[^0-9]/} - began))
	printf '%d.%03d\n' $((us / 1000)) $((us % 1000))
	return $rc
}

pinned() { taskset -c "$BENCH_CPU" "$@"; } # COMMAND...
pin() { taskset -acp "$BENCH_CPU" "$1" >/dev/null; } # PID: all its threads

# Give this part and everything it starts priority over the rest of the machine: to the processes,
# or to their session if the scheduler groups by session (sched(7)).
go_first() {
	renice -n -15 -p $$ >/dev/null 2>&1
	[ ! -e /proc/self/autogroup ] || echo -15 2>/dev/null >/proc/self/autogroup
}

# CPU time of a process in nanoseconds, summed over its threads, without its children.
cpu_ns() { # PID
	awk '{ ns += $1 } END { printf "%.0f\n", ns }' "/proc/$1/task/"*/schedstat
}

# Memory of a process in KiB: VmRSS is the present value, VmHWM the peak.
memory_kib() { sed -n "s/^$2:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$1/status"; } # PID FIELD

calc() { awk "BEGIN { printf \"%.6g\", $* }"; } # EXPRESSION

# ---- a node with many addresses -------------------------------------------------------------

# Address I (from 0) of N. Consecutive ones are adjacent in one prefix; spread ones lie all over it,
# always the same ones.
bench_addresses() { # N [v4|v6] [spread]
	awk -v n="$1" -v family="${2:-v4}" -v spread="${3-}" 'BEGIN {
		for (i = 0; i < n; i++) {
			k = spread ? (i * 7919 + 12345) % 8388608 * 2 + 1 : i + 256
			if (family == "v6") printf "2001:db8:7::%x:%x\n", int(k / 65536), k % 65536
			else printf "10.%d.%d.%d\n", int(k / 65536), int(k / 256) % 256, k % 256
		}
	}'
}

# An inventory of these addresses, one container each. BENCH_LINKS says which link each is on: a
# printf format for the number of one of so many links, or a link's name; empty: the lines say none.
BENCH_LINKS='' BENCH_N_LINKS=1
bench_inventory() { # N [v4|v6] [spread]
	bench_addresses "$@" | awk -v links="$BENCH_LINKS" -v n="$BENCH_N_LINKS" '
		{ print 100000 + NR, $1 (links == "" ? "" : " link=" sprintf(links, (NR - 1) % n)) }'
}

# ctmeterd's configuration for a benchmark: polls the inventory rarely, so that the part decides
# when.
bench_defaults() { # MAX-ROWS
	lab_set inventory.interval 3600
	lab_set inventory.max-rows "$1"
}

# The configuration, inventory, ledger and daemon that everything after this is about. Two daemons can
# run at once, one of each backend; lab_ctmeterd_start is to start them in other network namespaces.
declare -A BENCH_PIDS=()
bench_backend() { # iptables|link
	BENCH_PIDS[$BACKEND]=$CTMETERD_PID
	BACKEND=$1
	CTMETERD_PID=${BENCH_PIDS[$1]-}
	LAB=/run/lab/$1
	mkdir -p "$LAB"
	lab_defaults
}

# A daemon looks for what other backends have left in its place. So the one of tables is not to see
# what the one of links has pinned, which belongs to the machine and not to a network namespace.
apart() { # COMMAND...
	if [ "$BACKEND" = link ]; then exec "$@"; fi
	# shellcheck disable=SC2016
	exec unshare --mount "$BASH" -c 'mount -t bpf bpf /sys/fs/bpf; exec "$@"' - "$@"
}

# Whether this machine can count on links; if not, the part says so and goes on without.
bench_has_link() { # PART
	local why
	why=$("$B/tests/netns/tcprog" probe 2>&1) && return 0
	note "$1" "without the link backend: ${why:-BPF is refused}"
	return 1
}

status_field() { # KEY: of `ctmeter --json status`
	ctmeter --json status 2>/dev/null | sed -nE "s/.*\"$1\": ?\"?([^,\"}]*).*/\1/p" | head -n 1
}

# End a part: it is broken if anything failed, and the logs are printed. Remaining processes end
# with the namespaces.
bench_end() {
	local dir
	for dir in /run/lab "/run/lab/iptables" "/run/lab/link"; do
		[ "$FAILED" -eq 0 ] || LAB=$dir lab_logs
	done
	BENCH_PIDS[$BACKEND]=$CTMETERD_PID
	for CTMETERD_PID in "${BENCH_PIDS[@]}"; do lab_ctmeterd_stop; done
	lab_snmpd_stop
	exit $((FAILED > 0))
}

# Give up: nothing sensible can be measured any more.
broken() { fail "$@"; bench_end; } # TEXT...
