#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `ctmeter import` beside a counting daemon: what the wiki's scripts counted is in reports and in the view
# `traffic`, once, and only for the time before counting began; the counters do not move, and the daemon
# stores on.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
lab_set ledger.checkpoint 1
export TZ=UTC
lab_start

lab_flow 198.51.100.2 192.0.2.101 10 1000
lab_flow 198.51.100.2 192.0.2.102 10 500
ago() { date -u -d "-$1" '+%F %T'; } # TIME
view() { # ADDRESS: its 30 days by the wiki's query
	"$B/tests/netns/dblock" "$LAB/ledger.db" "SELECT sum(bytes) FROM traffic
		WHERE measuringtime > datetime('now', '-30 days') AND ip = '$1'"
}
field() { ctmeter report --format json "${@:2}" | jq -r "$1"; } # JQ ARG...
total() { field '.total.total_octets' "$@"; }
octets() { field ".rows[] | select(.id == \"$1\") | .imported_octets" "${@:2}"; } # CTID

step 'a log'
log=$LAB/traffic.log
hours=("$(ago '3 hours')" "$(ago '2 hours')" "$(ago '26 hours')")
later=$(date -u -d '+5 hours' '+%F %T')
cat >"$log" <<-END
	${hours[2]} 192.0.2.101 1000000
	${hours[2]} 192.0.2.102 7
	${hours[2]} 203.0.113.9 300
	${hours[0]} 192.0.2.101 2000000
	${hours[1]} 192.0.2.101 4000000
	${hours[1]} 192.0.2.102 
	$(ago '500 days') 192.0.2.101 99
END
before=$(total)
out=$(ctmeter import --dry-run "$log")
assert_match 'a dry run' 'traffic.log: 5 lines, 7000307 octets, .* 3 addresses \(a dry run' "$out"
assert_eq 'and nothing is written' "$before" "$(total)"
out=$(ctmeter import "$log")
assert_match 'its summary' 'traffic.log: 5 lines, 7000307 octets, .* 3 addresses' "$out"
assert_match 'an address of nobody' "never belonged to a container here: 1 .203.0.113.9" "$out"
assert_match 'an old line' 'left out, older than the history .400 days.: 1' "$out"
assert_eq 'container 101' 7000000 "$(octets 101)"
assert_eq 'container 102' 7 "$(octets 102)"
assert_eq 'nobody' 300 "$(octets '')"
assert_eq 'in the total' $((before + 7000307)) "$(total)"
assert_eq 'what was counted is as before' 10000 "$(field '.rows[] | select(.id == "101") | .in_octets')"
assert_eq 'by address' 7000000 "$(field '.rows[] | select(.address == "192.0.2.101") | .imported_octets' --by address)"
assert_eq 'nobody by address' 300 "$(field '.rows[] | select(.address == "203.0.113.9") | .imported_octets' --by address)"
assert_eq 'one address' 300 "$(field .total.imported_octets --ip 203.0.113.9)"
assert_eq 'one container' 7 "$(field .total.imported_octets --ct 102)"
assert_eq 'days add up' 7000307 "$(field '[.rows[].imported_octets] | add' --by day)"
assert_eq 'hours add up' 7000307 "$(field '[.rows[].imported_octets] | add' --by hour)"
assert_eq 'only the last day' 6000000 "$(field .total.imported_octets --since 12h)"
assert_match 'the table marks it' 'IMPORTED' "$(ctmeter report)"
assert_eq "the wiki's 30 days go on" 7010000 "$(view 192.0.2.101)"
assert_eq 'of nobody too' 300 "$(view 203.0.113.9)"
assert_eq 'the counters do not move' 10000 "$(ctmeter --json list 101 | jq '.containers[0].in_octets')"

step 'the same again, and what overlaps'
assert_match 'all there already' 'were already imported: 5' "$(ctmeter import "$log")"
printf '"ip";"bytes";"measuringtime"\n"192.0.2.101";"2000000";"%s"\n"192.0.2.102";"5";"%s"\n' \
	"${hours[0]}" "${hours[0]}" >"$LAB/traffic.csv"
assert_match 'a CSV' '2 lines, 2000005 octets' "$(ctmeter import "$LAB/traffic.csv")"
assert_eq 'one line more' 12 "$(octets 102)"
assert_eq 'and none twice' 7000000 "$(octets 101)"

step 'what is refused'
refused() { # LABEL PATTERN LINE...
	local label=$1 pattern=$2
	shift 2
	printf '%s\n' "$@" >"$LAB/bad.log"
	assert_eq "$label: exit status" 1 "$(ctmeter import "$LAB/bad.log" >"$LAB/out" 2>&1; echo $?)"
	assert_match "$label: line and cure" "bad.log:$pattern" "$(<"$LAB/out")"
	assert_eq "$label: nothing of it" 7000312 "$(field .total.imported_octets)"
}
refused 'another figure' '1: 5 octets, .* has 2000000: keep the right one' "${hours[0]} 192.0.2.101 5"
refused 'a bad line behind good ones' '3: 192.0.2.1010 is not an IP address: correct the line' \
	"$(ago '4 hours') 192.0.2.101 5" "$(ago '5 hours') 192.0.2.102 5" "${hours[0]} 192.0.2.1010 5"
refused 'the future' '1: .* is in the future: is it of another time zone' "$later 192.0.2.101 5"
printf '%s\n' "${hours[0]} 192.0.2.101 2000000" >"$LAB/bad.log"
assert_match 'another zone' 'were read in time zone UTC, this one in CET/CEST' \
	"$(TZ=Europe/Berlin ctmeter import "$LAB/bad.log" 2>&1)"

step 'after counting began'
sleep_until_counted() { [ "$(date +%s)" -gt "$(date -d "$(ctmeter --json list 101 | jq -r '.containers[0].counting_since')" +%s)" ]; }
assert_await 'a moment later' 10 sleep_until_counted
printf '%s\n' "$(date -u '+%F %T') 192.0.2.101 800" >"$LAB/late.log"
assert_match 'is said' 'measured after counting began, not shown in reports: 1' "$(ctmeter import "$LAB/late.log")"
assert_eq 'and not reported' 7000000 "$(octets 101)"
assert_eq 'nor in the view' 7010000 "$(view 192.0.2.101)"

step 'a large file beside checkpoints'
awk -v n=200000 -v now="$(date +%s)" 'BEGIN { for (i = 0; i < n; i++)
	print strftime("%F %T", now - 86400 * 29 + int(i / 100) * 60, 1), "198.18.0." i % 100, 1 }' >"$LAB/large.log"
"$B/ctmeter" -c "$LAB/ctmeter.conf" import "$LAB/large.log" >"$LAB/out" 2>&1 &
import=$!
problems=0 flows=0
while kill -0 "$import" 2>/dev/null; do
	lab_flow 198.51.100.2 192.0.2.101 10 1000
	flows=$((flows + 1))
	ctmeter --json status | jq -e '.problems == []' >/dev/null || problems=$((problems + 1))
done
wait "$import"
assert_match 'is imported' '200000 lines, 200000 octets, .* 100 addresses' "$(<"$LAB/out")"
assert_eq 'every status was healthy' 0 $problems
assert_ge 'asked meanwhile' 1 $flows
assert_eq 'the daemon said nothing of its ledger' '' "$(grep 'ledger:' "$LAB/ctmeterd.log")"
assert_eq 'and counted on' $((10000 + flows * 10000)) "$(field '.rows[] | select(.id == "101") | .in_octets')"
assert_eq 'the sum' 7200312 "$(field .total.imported_octets)"

step 'cut off'
awk '{ print $1, $2, "198.18.1.1" NR % 100, 1 }' "$LAB/large.log" >"$LAB/cut.log"
"$B/ctmeter" -c "$LAB/ctmeter.conf" import "$LAB/cut.log" >/dev/null 2>&1 &
import=$!
begun() { [ "$("$B/tests/netns/dblock" "$LAB/ledger.db" 'SELECT count(*) > 1000 FROM imported AS i
	JOIN import AS f ON f.id = i.import WHERE f.done = 0')" = 1 ]; }
assert_await 'is under way' 20 begun
assert_match 'two at once' 'another ctmeter import runs' "$(ctmeter import "$log" 2>&1)"
kill -9 "$import"
wait "$import" 2>/dev/null
assert_eq 'nothing of it is seen' 7200312 "$(field .total.imported_octets)"
assert_ok 'the next one' ctmeter import "$log"
assert_eq 'has removed the rest' 0 "$("$B/tests/netns/dblock" "$LAB/ledger.db" \
	'SELECT count(*) FROM imported AS i JOIN import AS f ON f.id = i.import WHERE f.done = 0')"

step 'forgotten'
assert_match 'all' 'imported lines removed' "$(ctmeter import --forget)"
assert_eq 'is gone' 0 "$(field .total.imported_octets)"
assert_eq 'the files are still their owner'"'"'s' "$(stat -c %u "$LAB")" \
	"$(stat -c %u "$LAB"/ledger.db* | sort -u)"

lab_end
