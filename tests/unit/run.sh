#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: run.sh PROGRAM...
# Run unit test programs, a line each; a failing one shows what it printed. Exit 1 if any failed.
log=$(mktemp) failed=0 programs=0 cases=0
trap 'rm -f "$log"' EXIT

for program; do
	programs=$((programs + 1))
	name=$(basename "$program")
	if "$program" >"$log" 2>&1; then
		n=$(awk '/Checks: / { for (i = 1; i < NF; i++) if ($i == "Checks:") n += $(i + 1) } END { print n + 0 }' "$log")
		cases=$((cases + n))
		skip=$(grep -m 1 '^SKIP' "$log")
		printf 'PASS  %-18s %3d cases%s\n' "${name#check_}" "$n" "${skip:+  ($skip)}"
	else
		failed=$((failed + 1))
		printf 'FAIL  %s\n' "${name#check_}"
		sed 's/^/      /' "$log"
	fi
done
printf 'unit: %d passed, %d failed (%d cases)\n' $((programs - failed)) "$failed" "$cases"
[ "$failed" -eq 0 ]
