#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One `ctmeter report` over long histories: a year of hours and 35 days of 5-minute periods, with
# traffic of every address in every period.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
# shellcheck source=tests/bench/bench.sh
. "$(dirname "$0")/bench.sh"
lab_enter "$@"
go_first

ADDRESSES=$(times 1000 100)
REPETITIONS=$(times 5 3)
CTID=100050 # one of them

# The lab's /run is in memory, and too small for a ledger of this size.
LEDGER_DIR=$(mktemp -d "$B/bench-report.XXXXXX") || exit 1
trap 'rm -rf "$LEDGER_DIR"' EXIT
trap 'exit 130' INT TERM

progress "making a year of $ADDRESSES addresses"
bench_inventory "$ADDRESSES" | "$B/tests/bench/ledgergen" "$LEDGER_DIR/ledger.db" "$ADDRESSES" 365 35 ||
	{ fail 'no ledger'; bench_end; }
row report 'the ledger, a year' "$ADDRESSES" "$(($(stat -c %s "$LEDGER_DIR/ledger.db") / 1048576))" MiB
lab_set ledger.path "$LEDGER_DIR/ledger.db"
lab_write_conf

ask() { pinned "$B/ctmeter" -c "$LAB/ctmeter.conf" report --format csv "$@"; } # ARG...

by_month() {
	local m
	for ((m = 0; m < 12; m++)); do ask --since $((30 * m + 30))d --until $((30 * m))d || return; done
}

timed() { # WHAT COMMAND...
	local what=$1 ms
	shift
	ms=$(time_ms "$@") || fail "$what: $* failed"
	row report "$what" "$ADDRESSES" "$ms" ms
}

# The first read of the file comes from the disk. All those measured come from the page cache.
ask --since 365d 2>/dev/null | grep -q "$CTID" ||
	fail "the report of the year lacks $CTID"
for ((i = 0; i < REPETITIONS; i++)); do
	progress "repetition $((i + 1)) of $REPETITIONS"
	timed 'a year, by container' ask --since 365d
	timed 'a year, by day' ask --since 365d --by day
	timed 'a year, by hour, one container' ask --since 365d --by hour --ct $CTID
	timed 'a year, in twelve reports of 30 days' by_month
	timed '30 days of hours' ask --since 70d --until 40d
	timed '30 days with 95th percentiles' ask --since 30d
	timed '30 days with 95th percentiles, one container' ask --since 30d --ct $CTID
	timed '24 hours with 95th percentiles' ask --since 24h
done
bench_end
