#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Run a suite of tests, each in namespaces of its own: all t_*.sh of tests/SUITE (the kernel tests
# in netns, unless SUITE names another), or those named, for LIMIT_S seconds (120) at most each.
# One line a test; a failing one shows what it printed, and what failed is said once more at the end.
# Exit 1 if any failed.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/lab.sh"
cd "$LAB_TOP/tests/${SUITE:-netns}" || exit 1
LIMIT_S=${LIMIT_S:-120}

passed=0 failed=0 skipped=0
log=$(mktemp "${TMPDIR:-/tmp}/ctmeter-test.XXXXXX")
faults=$(mktemp "${TMPDIR:-/tmp}/ctmeter-faults.XXXXXX")
trap 'rm -f "$log" "$faults"' EXIT
trap 'exit 130' INT TERM

[ $# -gt 0 ] || set -- t_*.sh
lab_probe
for test; do
	name=$(basename "$test" .sh)
	name=${name#t_}
	if [ -n "$LAB_REFUSAL" ]; then
		printf 'SKIP  %-12s %s\n' "$name" "$LAB_REFUSAL"
		skipped=$((skipped + 1))
		continue
	fi
	began=${EPOCHREALTIME/./}
	timeout -k 1 "$LIMIT_S" "$BASH" "./t_$name.sh" >"$log" 2>&1
	rc=$?
	took=$(((${EPOCHREALTIME/./} - began) / 100000))
	took="${took%?}.${took: -1}"
	[[ $took == .* ]] && took=0$took
	case $rc in
	0)
		passed=$((passed + 1))
		printf 'PASS  %-12s %s, %s s\n' "$name" "$(tail -n 1 "$log")" "$took"
		;;
	77)
		skipped=$((skipped + 1))
		printf 'SKIP  %-12s %s\n' "$name" "$(sed -n 's/^SKIP: //p' "$log" | tail -n 1)"
		;;
	*)
		failed=$((failed + 1))
		[ "$rc" -ne 124 ] && [ "$rc" -ne 137 ] || echo "no end within $LIMIT_S s" >>"$log"
		printf 'FAIL  %-12s %s s\n' "$name" "$took"
		sed 's/^/      | /' "$log"
		{ grep -a '^FAILED: ' "$log" || tail -n 1 "$log"; } | sed "s/^/$name: /" >>"$faults"
		;;
	esac
done
cat "$faults"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
