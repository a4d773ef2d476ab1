#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `ctmeter statement`: the octets that were sent, of every container, on whole pages, also where the disk
# is full, the daemon away, and the reader an ordinary user.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
month=$(date +%Y-%m)
PAGES=$LAB/pages
mkdir "$PAGES"
mount -t tmpfs -o size=1m tmpfs "$PAGES" || skip 'no tmpfs can be mounted here'
# None is made by itself while this runs.
lab_set ledger.checkpoint 3600
lab_start
lab_inventory_usual '104 name=<b>&amp;'
assert_ok 'a container without addresses' ctmeter refresh

lab_flow 198.51.100.2 192.0.2.101 1000 1500
lab_flow 192.0.2.101 198.51.100.2 300 700
lab_flow 198.51.100.1 192.0.2.101 50 600
lab_flow 198.51.100.2 192.0.2.112 10 100

statement() { ctmeter statement --month "$month" "$@" 2>"$LAB/said"; }
is_whole() { # FILE
	[ "$(head -c 15 "$1")" = '<!DOCTYPE html>' ] && [ "$(tail -n 1 "$1")" = '</html>' ] || return
	! command -v xmllint >/dev/null || xmllint --noout --nonet "$1"
}
has() { grep -qF -- "$1" "$2" || { echo "no '$1'"; return 1; }; } # TEXT FILE

step 'while the daemon runs'
assert_ok 'a page' statement 101 -o "$LAB/101.html"
assert_ok 'it is whole' is_whole "$LAB/101.html"
assert_ok 'what came in' has '<small>1530000 octets</small>' "$LAB/101.html"
assert_ok 'what went out' has '<small>210000 octets</small>' "$LAB/101.html"
assert_ok 'with the node' has '<small>(30000 octets)</small>' "$LAB/101.html"
assert_ok 'of the address' has '<small>1740000</small>' "$LAB/101.html"
assert_ok 'that the month goes on' has 'The month is not over. These figures go until' "$LAB/101.html"
assert_ok 'since when' has 'Counting of this container began at' "$LAB/101.html"
assert_eq 'nothing else is said' '' "$(<"$LAB/said")"
assert_eq 'the report agrees' 1740000 \
	"$(ctmeter report --since month --ct 101 --format json | jq -r '.total.total_octets')"

assert_eq 'no quota is made up' 0 "$(grep -c '<h2>Quota' "$LAB/101.html")"

step 'a quota'
assert_ok 'is set' ctmeter quota 101 2MB out
assert_ok 'a page' statement 101 -o "$LAB/101.html"
assert_ok 'per cent' has '10 %: ' "$LAB/101.html"
assert_ok 'used' has '<small>(210000 octets)</small> of ' "$LAB/101.html"
assert_ok 'the limit' has '<small>(2000000 octets)</small>, out, from ' "$LAB/101.html"
assert_ok 'for everybody' statement --all "$PAGES"
assert_eq 'only those that have one' 101.html "$(cd "$PAGES" && grep -l '<h2>Quota' ./*.html | cut -c3-)"
assert_ok 'is taken back' ctmeter quota 101 default
rm "$PAGES"/*

step "everybody's"
assert_match 'how many' '^4 statements of ' "$(statement --all "$PAGES" --index)"
for page in 101 102 103 104 index; do
	assert_ok "page $page is whole" is_whole "$PAGES/$page.html"
done
assert_ok 'a name that is HTML' has '<h1>&lt;b&gt;&amp;amp;</h1>' "$PAGES/104.html"
assert_ok 'a container without addresses' has 'The container had no address in this month.' "$PAGES/104.html"
assert_eq 'and nothing else' '101.html 102.html 103.html 104.html index.html' "$(find "$PAGES" -type f -printf '%f\n' | sort | xargs)"

step 'no room'
before=$(md5sum <"$PAGES/101.html")
lab_flow 198.51.100.2 192.0.2.101 10 1500 # the page is another one now
dd if=/dev/zero of="$PAGES/fill" bs=4k 2>/dev/null
statement --all "$PAGES" >"$LAB/out"
assert_eq 'exit status' 1 $?
assert_match 'which, and what to do' '^ctmeter: cannot write .*/101.html: No space left on device: make room[^
]*$' "$(<"$LAB/said")"
assert_eq 'the page is the one before' "$before" "$(md5sum <"$PAGES/101.html")"
rm "$PAGES/fill"
statement 101 >/dev/full
assert_eq 'exit status, standard output' 1 $?
assert_match 'which output' 'cannot write the output: No space left on device' "$(<"$LAB/said")"
assert_ok 'room again' statement --all "$PAGES"
assert_ok 'and the new page' has '<small>1545000 octets</small>' "$PAGES/101.html"
assert_eq 'nothing temporary is left' 0 "$(find "$PAGES" -name '.*' ! -path "$PAGES" | wc -l)"

step 'when the daemon does not run'
lab_ctmeterd_stop
assert_ok 'a page' statement 101 -o "$LAB/101.html"
assert_match 'why it is not of now' 'the newest traffic may be missing: ctmeterd is not running' "$(<"$LAB/said")"
assert_ok 'all of it' has '<small>1545000 octets</small>' "$LAB/101.html"

step 'bad questions'
for question in '101 --month 2999-01=has not begun' 'nobody=knows no container nobody' \
	"101 -o $LAB/nowhere/x=there is no directory $LAB/nowhere" "--all $LAB/nowhere=there is no directory"; do
	# shellcheck disable=SC2086 # words
	statement ${question%%=*} >"$LAB/out"
	assert_eq "exit status: ${question%%=*}" 1 $?
	assert_match 'which' "${question#*=}" "$(<"$LAB/said")"
	assert_eq 'nothing is printed' '' "$(<"$LAB/out")"
done

lab_end
