#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: generate.sh OID OUTDIR
# Write OUTDIR/CTMETER-MIB.txt, the MIB module standing at OID, and OUTDIR/flat/CTMETER-MIB.txt,
# the same module without IMPORTS for net-snmp's tools on a machine without IETF modules.
# At its default OID the module is mibs/CTMETER-MIB.txt, word for word.
set -eu

die()
{
	echo "generate.sh: $*" >&2
	exit 1
}

[ $# -eq 2 ] || { echo "usage: generate.sh OID OUTDIR" >&2; exit 2; }
oid=$1 out=$2 here=$(dirname "$0")
default=1.3.6.1.4.1.8072.9999.9999.1206

# SMIv2 names an OID from a node that SNMPv2-SMI defines; the flat flavour defines that node.
case $oid in
1.3.6.1.4.1.*) root=enterprises rest=${oid#1.3.6.1.4.1.} ;;
1.3.6.1.3.*) root=experimental rest=${oid#1.3.6.1.3.} ;;
*) die "$oid is under neither enterprises (1.3.6.1.4.1) nor experimental (1.3.6.1.3)" ;;
esac
case .$rest. in
*[!0-9.]* | *..* | *.0[0-9]*) die "$oid is no OID: numbers with dots between them" ;;
esac

real=$out/CTMETER-MIB.txt flat=$out/flat/CTMETER-MIB.txt
mkdir -p "$out/flat"
trap 'rm -f "$real.new" "$flat.new"' EXIT

# The module's place is told from the end of its MODULE-IDENTITY to the line before
# ctmNotifications; each arc has a node of its own, as SMI wants it.
place='
function arcs(   n, i, part, node) {
	n = split(rest, part, ".")
	print "    ::= { " (n > 1 ? "ctmArc" n - 1 : root) " " part[n] " }\n"
	for (i = 1; i < n; i++) {
		node = i > 1 ? "ctmArc" i - 1 : root
		print "ctmArc" i " OBJECT IDENTIFIER ::= { " node " " part[i] " }"
	}
	if (n > 1)
		print ""
}
!placed && /^    ::= \{ ctmArc/ { placed = skip = 1; arcs() }
/^ctmNotifications / { skip = 0 }
!placed { sub(/, enterprises$/, ", " root) }
!skip { print }
END { exit !placed }'

if [ "$oid" = $default ]; then
	cp "$here/CTMETER-MIB.txt" "$real.new"
else
	awk -v root=$root -v rest="$rest" "$place" "$here/CTMETER-MIB.txt" >"$real.new" ||
		die "CTMETER-MIB.txt: the place of its OID was not found"
fi

awk -v root=$root -v prelude="$here/flat-prelude.txt" '
/^IMPORTS$/ {
	while ((getline line < prelude) > 0) {
		if (line !~ /^@/)
			print line
		else if (sub("^@" root " ", "", line))
			print line
	}
	skip = 1
}
!skip { print }
/;$/ { skip = 0 }
' "$real.new" >"$flat.new"

mv "$real.new" "$real"
mv "$flat.new" "$flat"
