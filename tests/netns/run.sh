#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Run a suite of tests, each in namespaces of its own: all t_*.sh of tests/SUITE (default netns, the
# kernel tests), or those given. Each may take LIMIT_S seconds (1200, multiplied by SLOW); JOBS (1)
# run at a time. Prints one line a test, what it measured, and the output of a failing one. A report of a sanitizer or
# valgrind fails the test, too, whichever process caused it. Failures are repeated at the end. Exits
# with 1 if any test failed.

backend=${BACKEND-}
# shellcheck source=tests/netns/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/lab.sh"
BACKEND=$backend # each test has its own default
cd "$LAB_TOP/tests/${SUITE:-netns}" || exit 1
LIMIT_S=$((${LIMIT_S:-1200} * SLOW))
JOBS=${JOBS:-1}

dir=$(mktemp -d "${TMPDIR:-/tmp}/ctmeter-test.XXXXXX")
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

# Where the tools write their reports: to files of this test alone.
export_reports() { # NAME
	export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}log_path=$dir/$1.report"
	export UBSAN_OPTIONS="${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}print_stacktrace=1:log_path=$dir/$1.report"
	export VALGRIND_OPTS="$VALGRIND_OPTS --log-file=$dir/$1.report.%p"
}

reported() { # NAME: succeeds if there is a report, and prints it
	local f found=1
	for f in "$dir/$1".report*; do
		[ -s "$f" ] || continue
		head -n 60 "$f"
		found=0
	done
	return "$found"
}

one() { # NAME: run it; writes its exit status to a file and its line to stdout
	local name=$1 began=${EPOCHREALTIME/./} took rc log=$dir/$1.log test
	export_reports "$name"
	timeout -k 1 "$LIMIT_S" "$BASH" "./t_$name.sh" >"$log" 2>&1 &
	test=$!
	trap 'kill "$test"; wait "$test"; exit 130' TERM
	wait "$test"
	rc=$?
	took=$(((${EPOCHREALTIME/./} - began) / 100000))
	took="${took%?}.${took: -1}"
	[[ $took == .* ]] && took=0$took
	[ "$rc" -ne 124 ] && [ "$rc" -ne 137 ] || echo "did not end within $LIMIT_S s" >>"$log"
	if reported "$name" >"$dir/$name.found"; then
		cat "$dir/$name.found" >>"$log"
		rc=1
	fi
	case $rc in
	0)
		printf 'PASS  %-12s %s, %s s\n' "$name" "$(tail -n 1 "$log")" "$took"
		sed -n 's/^measured: /      | &/p' "$log"
		;;
	77)
		printf 'SKIP  %-12s %s\n' "$name" "$(sed -n 's/^SKIP: //p' "$log" | tail -n 1)"
		;;
	*)
		printf 'FAIL  %-12s %s s\n' "$name" "$took"
		sed 's/^/      | /' "$log"
		{ grep -a '^FAILED: ' "$log" || tail -n 1 "$log"; } | sed "s/^/$name: /" >"$dir/$name.faults"
		rc=1
		;;
	esac
	echo "$rc" >"$dir/$name.rc"
}

how_many() { cat "$dir"/*.rc 2>/dev/null | grep -cx "$1"; } # RC

[ $# -gt 0 ] || set -- t_*.sh
lab_probe_spaces # what else a test needs, it asks for itself
for test; do
	name=$(basename "$test" .sh)
	name=${name#t_}
	if [ -n "$LAB_REFUSAL" ]; then
		printf 'SKIP  %-12s %s\n' "$name" "$LAB_REFUSAL"
		echo 77 >"$dir/$name.rc"
		continue
	fi
	while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do wait -n; done
	{
		one "$name" >"$dir/$name.line"
		cat "$dir/$name.line" # in one piece
	} &
done
wait
failed=$(how_many 1)
cat "$dir"/*.faults 2>/dev/null
echo "$(how_many 0) passed, $failed failed, $(how_many 77) skipped"
[ "$failed" -eq 0 ] && [ "$(cat "$dir"/*.rc | wc -l)" -eq $# ]
