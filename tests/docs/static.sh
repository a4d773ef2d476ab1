#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: static.sh    (after `make`; B: the build directory)
# What documents name exists, and what exists is documented: links and pictures, paths, make targets,
# objects and OIDs, configuration keys and their defaults, commands and options, and the doctor's checks.
# Silent when all is well.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
BASE=1.3.6.1.4.1.8072.9999.9999.1206
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mapfile -t pages < <(git ls-files -co --exclude-standard '*.md' | grep -v '^tests/bench/')
mapfile -t manuals < <(git ls-files -co --exclude-standard 'docs/*.[158]' 'docs/*.in')
failed=0

fault()
{
	echo "$*"
	failed=1
}

# both WHAT FILE FILE: the same lines in each, whatever their order.
both()
{
	local line
	if [ ! -s "$2" ] || [ ! -s "$3" ]; then fault "$1: nothing was found to compare"; fi
	while read -r line; do fault "$1: not documented: $line"; done < <(comm -23 <(sort -u "$2") <(sort -u "$3"))
	while read -r line; do fault "$1: does not exist: $line"; done < <(comm -13 <(sort -u "$2") <(sort -u "$3"))
}

# "FILE:LINE TEXT" of everything in backquotes, fences left out.
code_spans()
{
	awk 'FNR == 1 { fence = 0 } /^ *```/ { fence = !fence; next }
	     !fence { n = split($0, part, "`"); for (i = 2; i <= n; i += 2) print FILENAME ":" FNR " " part[i] }' "${pages[@]}"
}

# ---- what documents name ----

links()
{
	local page target
	while read -r target; do
		grep -qx "## $target" README.md || fault "README has no part \"$target\""
	done < <(cat "${pages[@]}" | tr '\n' ' ' | grep -oE 'README, "[^"]+"' | sed 's/README, "//; s/"$//' | sort -u)
	for page in "${pages[@]}"; do
		while read -r target; do
			case $target in *://* | '#'*) continue ;; esac
			[ -e "$(dirname "$page")/${target%%#*}" ] || fault "$page: no such file: $target"
		done < <(grep -oE '\]\([^) ]+\)|src="[^"]+"' "$page" | sed -E 's/^\]\(//; s/\)$//; s/^src="//; s/"$//')
	done
}

paths()
{
	local where path
	while read -r where path; do
		# shellcheck disable=SC2086 # a pattern
		compgen -G "${path%/}" >/dev/null || compgen -G "$(dirname "${where%%:*}")/$path" >/dev/null ||
			fault "$where: no such path: $path"
	done < <(code_spans | sed "s|  *build/| $B/|" | grep -E "^[^ ]+ (src|subagent|tests|docs|conf|mibs|$B)/[^ ]*$" |
		grep -v '[ /]name[./]\|_name\|FILE')
}

targets()
{
	local target
	grep -ohE '(^|`|&& )make( [a-z][a-z-]*)+($|[^a-z/-])' "${pages[@]}" | sed 's/.*make //; s/[^a-z -]//g' | tr ' ' '\n' | sort -u >"$tmp/named"
	[ -s "$tmp/named" ] || fault 'no make target is named'
	while read -r target; do
		grep -qE "^(\.PHONY:.* )?$target(:| |\$)|^\.PHONY:.* $target( |\$)" Makefile || fault "make $target: no such target"
	done <"$tmp/named"
}

# An object, and a row's index behind it: columns are three below the base, and the last of their branch.
is_instance() # OID
{
	awk -v oid="$1." '
		{ all[NR] = $0 "."; for (i in all) if (i != NR && index($0 ".", all[i]) == 1) parent[i] = 1 }
		END { for (i in all) if (!(i in parent) && index(oid, all[i]) == 1) exit 0; exit 1 }' "$tmp/oids"
}

# Objects by name; OIDs in full, and short ones below the base.
objects()
{
	local name oid oids=${CTMETER_OID:-$BASE}
	snmptranslate -M "$B/mibs/flat" -m CTMETER-MIB -Tz 2>/dev/null | tr -d '"' |
		awk -v base="$oids." 'index($2 ".", base) == 1' >"$tmp/mib"
	[ -s "$tmp/mib" ] || fault 'the MIB cannot be read'
	awk '{ print $1 }' "$tmp/mib" >"$tmp/objects"
	awk '{ print $2 }' "$tmp/mib" >"$tmp/oids"
	while read -r name; do
		grep -qx "$name" "$tmp/objects" || fault "no such object: $name"
	done < <(grep -ohE '\bctm[A-Z][A-Za-z]+' "${pages[@]}" "${manuals[@]}" | sort -u |
		grep -vx 'ctmCountingStatus\|ctmRunState')
	while read -r oid; do
		# A row's index may follow, but an object must come first.
		oid=${oid/#$BASE/$oids}
		grep -qxF "$oid" "$tmp/oids" || is_instance "$oid" || fault "no such OID: $oid"
	done < <({
		sed "s/@OID@/$BASE/g" "${pages[@]}" "${manuals[@]}" | grep -oE "$BASE(\.[0-9]+)*"
		awk -v base="$BASE" '/^\| OID below/ { here = 1; next } !/^\|/ { here = 0 }
			here && match($0, /`\.[0-9][0-9.]*`/) { print base substr($0, RSTART + 1, RLENGTH - 2) }' "${pages[@]}"
		code_spans | sed -nE "s/^[^ ]+ (\.[0-9]+(\.[0-9]+)+)\$/$BASE\1/p" | grep -v "^$BASE\.1\.3\.6\."
	} | sort -u)
}

# ---- what exists ----

keys()
{
	sed -nE 's/^\t\{ "([a-z]+)", "([a-z-]+)", "([^"]*)".*/\1.\2=\3/p
		s/^\t\{ "([a-z]+)", "([a-z-]+)", NULL.*/\1.\2 has no default/p' src/base/cfg_key.c >"$tmp/keys"
	# Of several values the default is the first.
	awk '/^\.Ss Section / { section = $3 }
	     /^\.Sh / { section = "" }
	     section != "" && /^\.It Ic / {
		key = $3
		if ($6 == "Ar") { print section "." key " has no default"; next }
		sub(/.* No = (Pa |Li )?/, "")
		sub(/ \| .*/, "")
		print section "." key "=" $0
	     }' docs/ctmeter.conf.5 >"$tmp/keys.man"
	sed -nE '/^\[/{s/[][]//g;h}; /^#[a-z-]+ = /{s/^#//; G; s/^([a-z-]+) = (.*)\n(.*)$/\3.\1=\2/p}
		/^#   [a-z-]+ = /{s/^#   //; G; s/^([a-z-]+) = .*\n(.*)$/\2.\1 has no default/p}' conf/ctmeter.conf >"$tmp/keys.conf"
	both 'ctmeter.conf(5)' "$tmp/keys" "$tmp/keys.man"
	both 'conf/ctmeter.conf' "$tmp/keys" "$tmp/keys.conf"
}

commands()
{
	"$B/ctmeter" --help >"$tmp/help"
	awk '/^options:/ { exit } NR > 1 { print $1 }' "$tmp/help" >"$tmp/commands"
	awk '/^\.Sh DESCRIPTION/ { here = 1 } /^The options/ { exit } here && /^\.It Cm / { print $3 }' docs/ctmeter.1 >"$tmp/commands.man"
	both 'ctmeter(1), commands' "$tmp/commands" "$tmp/commands.man"
	sed -nE 's/^\t\{ "([a-z-]+)", ("[A-Z]+"|NULL), .*/--\1/p' src/cli/cli_option.c >"$tmp/options"
	grep '^\.It Fl' docs/ctmeter.1 | grep -oE 'Fl -[a-z-]+' | sed 's/Fl /-/' >"$tmp/options.man"
	both 'ctmeter(1), options' "$tmp/options" "$tmp/options.man"
	while read -r command; do
		"$B/ctmeter" "$command" --help
	done <"$tmp/commands" | grep -oE '^ .{5}--[a-z-]+' | grep -oE -- '--[a-z-]+' |
		sort -u >"$tmp/options.help"
	both 'ctmeter COMMAND --help' "$tmp/options" "$tmp/options.help"
	"$B/ctmeterd" -h | grep '^ *-' | grep -oE ' -(-[a-z-]+|[a-zA-Z]\b)' | tr -d ' ' >"$tmp/daemon"
	grep '^\.It Fl' docs/ctmeterd.8 | grep -oE 'Fl [a-zA-Z-]+' | sed 's/Fl /-/' >"$tmp/daemon.man"
	both 'ctmeterd(8), options' "$tmp/daemon" "$tmp/daemon.man"
}

checks()
{
	sed -nE 's/^\t\{ "([a-z0-9-]+)", doctor_.*/\1/p' src/doctor/doctor.c >"$tmp/checks"
	awk '/^\.Ss Checks/ { here = 1 } /^\.Ss Reports/ { exit }
	     here && /^\.It Sy / { sub(/^\.It Sy /, ""); gsub(/ , /, "\n"); print }' docs/ctmeter.1 |
		grep -vx 'ok\|skip\|warn\|fail' >"$tmp/checks.man"
	both 'ctmeter(1), checks' "$tmp/checks" "$tmp/checks.man"
	code_spans | sed -nE 's/^[^ ]+ (ctmeter )?check( [a-z0-9 -]+)$/\2/p' | tr ' ' '\n' | grep . |
		grep -vxF -f "$tmp/checks" && fault 'no such checks'
}

links
paths
targets
objects
keys
commands
checks
exit $failed
