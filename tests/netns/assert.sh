# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Assertions for the kernel tests. Every check counts. A failing one prints both values and the test
# goes on. test_end turns the count into an exit status (77: skipped).

CHECKS=0
FAILED=0
# Otherwise EPOCHREALTIME, printf and awk might use a decimal comma, and options would have to come
# before arguments.
export LC_ALL=C
unset POSIXLY_CORRECT
# How many times slower than usual the programs run (under valgrind, for example). All timeouts are
# multiplied by it.
: "${SLOW:=1}"
export SLOW

pass() { CHECKS=$((CHECKS + 1)); }

fail() { # TEXT...
	CHECKS=$((CHECKS + 1))
	FAILED=$((FAILED + 1))
	printf 'FAILED: %s\n' "$*"
}

assert_eq() { # LABEL WANTED GOT
	if [ "$2" = "$3" ]; then pass; else fail "$1: wanted '$2', got '$3'"; fi
}

assert_ge() { # LABEL LEAST GOT: whole numbers
	if [ "$3" -ge "$2" ] 2>/dev/null; then pass; else fail "$1: wanted at least '$2', got '$3'"; fi
}

assert_match() { # LABEL REGEX TEXT
	if [[ $3 =~ $2 ]]; then pass; else fail "$1: wanted a match of /$2/, got '$3'"; fi
}

assert_ok() { # LABEL COMMAND...
	local label=$1 out
	shift
	if out=$("$@" 2>&1); then pass; else fail "$label: '$*' exited $?: $out"; fi
}

# Poll until COMMAND succeeds, for SECONDS at most. Its output is dropped. What has not come within a second
# is asked for less often: other tests run beside this one.
await_within() { # SECONDS COMMAND...
	local began=${EPOCHREALTIME/./} spent
	local most=$(($1 * SLOW * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		spent=$((${EPOCHREALTIME/./} - began))
		[ "$spent" -lt "$most" ] || return 1
		if [ "$spent" -lt 1000000 ]; then sleep 0.05; else sleep 0.2; fi
	done
}

# Wait for what must come. A longer bound costs nothing when it comes sooner, and a machine that does
# other things as well may need it: it is PATIENCE_S at least. (Use await_within for what may not come.)
: "${PATIENCE_S:=60}"
patience() { echo $((PATIENCE_S > $1 ? PATIENCE_S : $1)); } # SECONDS
await() { await_within "$(patience "$1")" "${@:2}"; } # SECONDS COMMAND...

assert_await() { # LABEL SECONDS COMMAND...
	local label=$1 seconds
	seconds=$(patience "$2")
	shift 2
	if await_within "$seconds" "$@"; then pass; else fail "$label: not within $((seconds * SLOW)) s: $*"; fi
}

# A command that must end, in an external program: timeout(1) with the same patience.
patiently() { timeout "$((PATIENCE_S * SLOW))" "$@"; } # COMMAND...

skip() { # REASON
	printf 'SKIP: %s\n' "$*"
	exit 77
}

step() { printf -- '-- %s\n' "$*"; }

test_end() {
	printf '%d checks, %d failed\n' "$CHECKS" "$FAILED"
	[ "$FAILED" -eq 0 ] && [ "$CHECKS" -gt 0 ]
	exit
}
