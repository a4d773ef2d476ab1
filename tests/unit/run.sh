#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: run.sh PROGRAM...
# Run unit test programs, JOBS (1) at a time and each under $UNDER (valgrind, say), a line each; a
# failing one shows what it printed. Exit 1 if any failed.
# Check's own limit is 4 s for a test, which a busy machine takes for some.
export CK_DEFAULT_TIMEOUT="${CK_DEFAULT_TIMEOUT:-60}"
# Nor need a test that has a limit of its own keep it beside others.
export CK_TIMEOUT_MULTIPLIER="${CK_TIMEOUT_MULTIPLIER:-$((4 * ${SLOW:-1}))}"
unset POSIXLY_CORRECT # options follow a command's name

one() # PROGRAM: its line, and on stdout's end no more than that
{
	log=$UNIT_RUN/$(basename "$1") name=$(basename "$1")
	# shellcheck disable=SC2086 # a command's words
	if $UNDER "$1" >"$log" 2>&1; then
		n=$(awk '/Checks: / { for (i = 1; i < NF; i++) if ($i == "Checks:") n += $(i + 1) } END { print n + 0 }' "$log")
		skip=$(grep -m 1 '^SKIP' "$log")
		printf 'PASS  %-18s %3d cases%s\n' "${name#check_}" "$n" "${skip:+  ($skip)}"
	else
		printf 'FAIL  %s\n' "${name#check_}"
		sed 's/^/      /' "$log"
	fi
}

if [ -n "$UNIT_RUN" ]; then
	one "$1" >"$UNIT_RUN/line.$$"
	cat "$UNIT_RUN/line.$$"
	exit
fi
UNIT_RUN=$(mktemp -d) || exit 1
export UNIT_RUN
trap 'rm -rf "$UNIT_RUN"' EXIT
printf '%s\n' "$@" | xargs -P "${JOBS:-1}" -n 1 sh "$0"
cat "$UNIT_RUN"/line.* | awk -v programs=$# '
	/^PASS/ { passed++; cases += $3 }
	END {
		printf "unit: %d passed, %d failed (%d cases)\n", passed, programs - passed, cases
		exit passed != programs
	}'
