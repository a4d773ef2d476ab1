# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the parts of the benchmark share. A part tests/bench/b_NAME.sh sources ../netns/lab.sh and
# this file, calls lab_enter "$@", and reports with the verbs below; run.sh makes the table.
#
# 1. Candidates that are compared take turns within each repetition (A B C A B C), so that what
#    else happens on the machine meets them all.
# 2. What is compared runs on one CPU ("pinned"): a wake-up across CPUs costs more than most of
#    what is measured here.
# 3. A value is recorded once for each repetition; medians, ranges and ratios are the table's work.
# A part run by itself prints its records: BENCH_SIZE=quick bash tests/bench/b_apply.sh

: "${BENCH_SIZE:=full}" "${BENCH_ROWS:=/dev/stdout}"
BENCH_CPU=$(($(nproc) - 1)) # where measured work runs; whatever drives or watches it stays on the other one

full() { [ "$BENCH_SIZE" = full ]; }
times() { if full; then echo "$1"; else echo "$2"; fi; } # FULL QUICK: the one that applies
progress() { printf '   %s\n' "$*" >&2; }

# ---- the verbs ------------------------------------------------------------------------------

record() { local IFS=$'\t'; printf '%s\n' "$*" >>"$BENCH_ROWS"; }

# One measured value of one repetition. N: addresses (or what else grows), "-" where none.
row() { record value "$1" "$2" "$3" "$4" "$5"; } # PART WHAT N VALUE UNIT

# Show the median of A / B, each repetition's with its own where both have as many, and what should
# be reached ('>= 0.90', '<= 1.3'). A and B are WHATs of rows of the same PART and N.
ratio() { record ratio "$1" "$2" "$3" "$4" "$5" "${6-}"; } # PART WHAT N A B [REACH]

# What the median of a row should reach, in the row's unit.
reach() { record reach "$1" "$2" "$3" "$4"; } # PART WHAT N REACH

# A sentence below the table: what is extrapolated, what was left out and why.
note() { record note "$1" "$2"; } # PART TEXT

# ---- clocks and processes -------------------------------------------------------------------

now_us() { echo "${EPOCHREALTIME/[^0-9]/}"; }

# Milliseconds that COMMAND took, with three decimals. Its output is dropped, its failure kept.
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

# Let this part and all that it starts go before whatever else runs on the machine: among the
# processes, or where the scheduler groups them by session (sched(7)), its session among those.
go_first() {
	renice -n -15 -p $$ >/dev/null 2>&1
	[ ! -e /proc/self/autogroup ] || echo -15 2>/dev/null >/proc/self/autogroup
}

# CPU time of a process in nanoseconds: all its threads, its children not included.
cpu_ns() { # PID
	awk '{ ns += $1 } END { printf "%.0f\n", ns }' "/proc/$1/task/"*/schedstat
}

# Memory of a process in KiB: VmRSS now, VmHWM at its highest.
memory_kib() { sed -n "s/^$2:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$1/status"; } # PID FIELD

calc() { awk "BEGIN { printf \"%.6g\", $* }"; } # EXPRESSION

# ---- a node with many addresses -------------------------------------------------------------

# Address number I (from 0) of N: consecutive ones lie side by side in one prefix, spread ones all
# over it, the same ones each time.
bench_addresses() { # N [v4|v6] [spread]
	awk -v n="$1" -v family="${2:-v4}" -v spread="${3-}" 'BEGIN {
		for (i = 0; i < n; i++) {
			k = spread ? (i * 7919 + 12345) % 8388608 * 2 + 1 : i + 256
			if (family == "v6") printf "2001:db8:7::%x:%x\n", int(k / 65536), k % 65536
			else printf "10.%d.%d.%d\n", int(k / 65536), int(k / 256) % 256, k % 256
		}
	}'
}

# Their inventory, one container each.
bench_inventory() { # N [v4|v6] [spread]
	bench_addresses "$@" | awk '{ print 100000 + NR, $1 }'
}

# ctmeterd's configuration for a benchmark: looks far apart, so that a part decides when.
bench_defaults() { # MAX-ROWS
	lab_set inventory.interval 3600
	lab_set inventory.max-rows "$1"
}

status_field() { # KEY: of `ctmeter --json status`
	ctmeter --json status | sed -nE "s/.*\"$1\": ?\"?([^,\"}]*).*/\1/p" | head -n 1
}

# The end of a part: broken where something failed, with the logs; what runs goes with the
# namespaces.
bench_end() {
	[ "$FAILED" -eq 0 ] || lab_logs
	lab_ctmeterd_stop
	lab_snmpd_stop
	exit $((FAILED > 0))
}

# Nothing sensible can be measured any more.
broken() { fail "$@"; bench_end; } # TEXT...
