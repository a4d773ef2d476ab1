#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: rooms.sh    (from anywhere)
# The rooms' borders, as the table in docs/architecture.md draws them. A row names a folder, the rooms that
# its files may include and the libraries' headers that they may know. A row may name only rooms of rows
# before it, so there can be no circle. Silent when every include agrees and every row is needed.
set -u
cd "$(dirname "$0")/.." || exit 1

rows()
{
	awk -F '|' '/^\| room \|/ { here = 1; next } here && /^\|-/ { next } here && !/^\|/ { exit }
		here { gsub(/[`,]/, "", $0); print $2 "|" $4 "|" $5 }' docs/architecture.md
}

# "FILE|what it includes" of every file; a header of ours by its path from src/ or subagent/.
includes()
{
	git ls-files -co --exclude-standard 'src/*.[ch]' 'subagent/*.[ch]' |
		xargs awk 'match($0, /^#include ["<][^">]+/) { print FILENAME "|" substr($0, RSTART + 9, RLENGTH - 9) }'
}

{
	rows | sed 's/^/row|/'
	includes
} | awk -F '|' '
function fault(text) { print text; failed = 1 }
function trim(text) { gsub(/^ +| +$/, "", text); return text }
function dir(path) { sub(/\/[^\/]*$/, "", path); return path }

$1 == "row" {
	room = trim($2)
	if (system("[ -d " room " ]")) fault("architecture.md: no such room: " room)
	n = split(trim($3), word, / +/)
	for (i = 1; i <= n; i++) {
		if (!(word[i] in rooms)) fault("architecture.md: " room " may include " word[i] ", which is no room of a row before it")
		may[room, word[i]] = 1
	}
	n = split(trim($4), word, / +/)
	for (i = 1; i <= n; i++) { knows[room, word[i]] = 1; outside[word[i]] = 1 }
	rooms[room] = 1
	next
}
{
	room = dir($1)
	if (!(room in rooms)) { if (!told[room]++) fault("architecture.md: no row for " room); next }
	what = substr($2, 2)
	if (substr($2, 1, 1) == "<") {
		for (header in outside)
			if (index(what, header) == 1) {
				used[room, header] = 1
				if (!((room, header) in knows)) fault($1 ": <" what "> is not for " room)
			}
		next
	}
	if (what == "version.h") next
	to = index(what, "/") ? dir(what) : "subagent"
	if (("src/" to) in rooms) to = "src/" to
	else if (("subagent/" to) in rooms) to = "subagent/" to
	if (!(to in rooms)) fault($1 ": \"" what "\" is in no room")
	else if (to != room) {
		used[room, to] = 1
		if (!((room, to) in may)) fault($1 ": " room " may not include " to " (\"" what "\")")
	}
}
END {
	if (length(rooms) < 2) fault("architecture.md: its table of rooms cannot be read")
	for (pair in may) if (!(pair in used)) { split(pair, p, SUBSEP); fault("architecture.md: " p[1] " does not include " p[2]) }
	for (pair in knows) if (!(pair in used)) { split(pair, p, SUBSEP); fault("architecture.md: " p[1] " does not include <" p[2] ">") }
	exit failed
}'
