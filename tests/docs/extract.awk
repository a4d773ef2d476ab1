# SPDX-License-Identifier: GPL-2.0-or-later
# usage: awk -f extract.awk FILE...
# Every command that a document shows, in the order of the document:
#   "@ FILE:LINE run", or "@ FILE:LINE skip REASON", then its lines with a tab before each.
# In markdown these are the fenced blocks of sh, the lines after "$ " of fences that name no language,
# and what stands in the text as `ctmeter ...`. In manual pages the literal lines of EXAMPLES.
# "<!-- not run: REASON -->" on the line before a fence, or ".\" not run: REASON" before a literal
# line, keeps it from being run; nothing else does.

function begin(kind) {
	printf "@ %s:%d %s\n", FILENAME, FNR, kind == "" ? (reason == "" ? "run" : "skip " reason) : kind
	reason = ""
}

function command(text) {
	begin()
	print "\t" text
}

# What roff makes of a literal line.
function plain(text) {
	gsub(/\\\(dq/, "\"", text)
	gsub(/\\&/, "", text)
	gsub(/\\-/, "-", text)
	gsub(/\\e/, "\\", text)
	return text
}

# `ctmeter list`, but not `ctmeter` alone, nor with a word in capitals, which is to be replaced.
function spans(text,   n, i, part) {
	n = split(text, part, "`")
	for (i = 2; i <= n; i += 2)
		if (part[i] ~ /^(ctmeterd?|sqlite3|setpriv|iptables-legacy) [a-z-]/ && part[i] !~ /[A-Z][A-Z]|\.\.\./) command(part[i])
}

FNR == 1 { fence = ""; examples = literal = 0; reason = ""; man = FILENAME ~ /\.[158](\.in)?$/ }

man && /^\.Sh / { examples = $2 == "EXAMPLES" }
man && !examples { next }
man && /^\.\\" not run: / { reason = $0; sub(/^.*not run: /, "", reason); next }
man && /^\.Dl / { command(plain(substr($0, 5))); next }
man && /^\.Bd -literal/ { literal = 1; begin(); next }
man && /^\.Ed/ { literal = 0; next }
man { if (literal) print "\t" plain($0); next }

fence != "" && /^ *```$/ { fence = ""; next }
fence == "sh" { print "\t" $0; next }
fence == "none" { if (/^\$ /) command(substr($0, 3)); next }
fence != "" { next }
/^<!-- not run: .* -->$/ { reason = $0; sub(/^<!-- not run: /, "", reason); sub(/ -->$/, "", reason); next }
/^ *```/ { fence = $0; sub(/^ *```/, "", fence); if (fence == "") fence = "none"; if (fence == "sh") begin(); next }
{ reason = ""; spans($0) }
