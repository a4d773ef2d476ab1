# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An independent poller: walks both tables without pause and compares each counter and discontinuity
# count of each row with the highest value seen before. Needs lab.sh.

WATCH_PID=

watch_walks() {
	while [ ! -e "$LAB/watch.stop" ]; do
		snmp_walk ".$BASE.1"
		echo end
	done
}

# Prints a line for each decrease, then a line "WALKS VALUES DECREASES".
watch_compare() {
	awk -v base=".$BASE.1." '
		BEGIN { depth = split(base, part, ".") }
		$1 == "end" { walks++; next }
		index($1, base) == 1 {
			split($1, part, ".")
			col = part[depth + 2]
			if (part[depth] < 2 || (col < 6 || col > 13) && col != 17 || $2 !~ /^[0-9]+$/)
				next
			values++
			if ($2 + 0 < highest[$1] + 0) {
				decreases++
				print "decrease in walk " walks + 1 ": " $1 " from " highest[$1] " to " $2
			} else {
				highest[$1] = $2
			}
		}
		END { print walks + 0, values + 0, decreases + 0 }'
}

watch_start() {
	rm -f "$LAB/watch.stop"
	watch_walks 2>/dev/null 9>&- | watch_compare >"$LAB/watch" &
	WATCH_PID=$!
}

# Sets WATCH_WALKS, WATCH_VALUES and WATCH_DECREASES.
watch_stop() {
	: >"$LAB/watch.stop"
	wait "$WATCH_PID"
	WATCH_PID=
	read -r WATCH_WALKS WATCH_VALUES WATCH_DECREASES < <(tail -n 1 "$LAB/watch")
	grep '^decrease' "$LAB/watch" | head -n 10
}

watch_check() {
	watch_stop
	assert_ge 'walks meanwhile' 2 "$WATCH_WALKS"
	assert_ge 'values compared' 100 "$WATCH_VALUES"
	assert_eq 'decreases seen' 0 "$WATCH_DECREASES"
}
