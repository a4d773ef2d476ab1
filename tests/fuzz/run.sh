#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Run the fuzz targets: each over its seeds, then for FUZZ_S seconds (or FUZZ_RUNS executions). One
# line a target; what made one fail is kept below the build directory, with how to run it again.
# NEW=1 adds to the seeds what was found (minimised).
#
# usage: run.sh TARGET...     the built targets; exit 1 if any failed

set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
FUZZ_S=${FUZZ_S:-8}
FUZZ_RUNS=${FUZZ_RUNS:--1}
[ "$FUZZ_RUNS" -lt 0 ] || FUZZ_S=0
failed=0 n=0
executions=0

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:allocator_may_return_null=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

stat_of() { sed -n "s/^stat::$1: *//p" "$2"; } # NAME LOG

for target; do
	name=${target##*/fuzz_}
	work=$B/fuzz/$name
	seeds=tests/fuzz/seeds/$name
	mkdir -p "$work/corpus" "$work/found" "$seeds"
	dict=tests/fuzz/$name.dict
	log=$work/log
	options=(-max_total_time="$FUZZ_S" -runs="$FUZZ_RUNS" -print_final_stats=1 -timeout=10
		-rss_limit_mb=1024 -malloc_limit_mb=256 -max_len="${FUZZ_MAX_LEN:-16384}" -use_value_profile=0
		-artifact_prefix="$work/found/")
	[ ! -e "$dict" ] || options+=(-dict="$dict")
	"$target" "${options[@]}" "$work/corpus" "$seeds" >"$log" 2>&1
	rc=$?
	runs=$(stat_of number_of_executed_units "$log")
	rate=$(stat_of average_exec_per_sec "$log")
	covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
	if [ $rc -eq 0 ] && [ "${runs:-0}" -gt 0 ]; then
		printf 'PASS  %-12s %9d executions, %6d/s, %5d edges\n' "$name" "$runs" "$rate" "${covered:-0}"
		executions=$((executions + runs))
		n=$((n + 1))
	else
		failed=$((failed + 1))
		printf 'FAIL  %-12s exit %d\n' "$name" "$rc"
		grep -vE '^#[0-9]+[[:space:]]+(NEW|REDUCE|pulse|RELOAD)' "$log" | tail -n 30 | sed 's/^/      | /'
		for input in "$work"/found/*; do
			[ ! -e "$input" ] || printf '      run it again: %s %s\n' "$target" "$input"
		done
	fi
	if [ -n "${NEW-}" ]; then
		mkdir -p "$work/merged"
		"$target" -merge=1 -max_len=1024 "$work/merged" "$seeds" "$work/corpus" >"$work/merge.log" 2>&1 &&
			find "$seeds" -type f -delete && cp "$work/merged"/* "$seeds/"
	fi
done
printf 'fuzz: %d passed, %d failed (%d executions)\n' "$n" "$failed" "$executions"
[ "$failed" -eq 0 ] && [ "$n" -gt 0 ]
