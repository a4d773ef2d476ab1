#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: check.sh MODULES
# Check the MIB text: silent under smilint with the IETF modules in the directory MODULES, at
# the default OID and at others; the flavour without IMPORTS read without a word by net-snmp's
# parser, with no other module at hand, and the same tree as the real one.
set -eu

[ $# -eq 1 ] || { echo "usage: check.sh MODULES" >&2; exit 2; }
modules=$1 here=$(dirname "$0")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/cert_indexes" # else the first net-snmp tool says that it made it
export SNMP_PERSISTENT_DIR="$tmp" SNMPCONFPATH="$tmp"
failed=0

fail()
{
	echo "mibs/check.sh: $*" >&2
	failed=1
}

# silent WHAT COMMAND...: run it; anything on stdout or stderr, or a failure, is a fault.
silent()
{
	what=$1
	shift
	"$@" >"$tmp/said" 2>&1 || echo "exit status $?" >>"$tmp/said"
	[ ! -s "$tmp/said" ] || { fail "$what:"; sed "s/^/    /; 10q" "$tmp/said" >&2; }
}

# tree DIRS: every node of the module as net-snmp's parser sees it.
tree()
{
	snmptranslate -M "$1" -m CTMETER-MIB -Tp -IR ctmeterMIB
}

for f in SNMPv2-SMI SNMPv2-TC SNMPv2-CONF SNMP-FRAMEWORK-MIB INET-ADDRESS-MIB; do
	[ -n "$(find "$modules/" -maxdepth 1 -name "$f*")" ] || { fail "$modules has no $f"; exit 1; }
done

# What is needed of HCNUM-TC (RFC 2856), where MODULES has none: no package that is free has it.
if [ -z "$(find "$modules/" -maxdepth 1 -name 'HCNUM-TC*')" ]; then
	mkdir "$tmp/more"
	cat >"$tmp/more/HCNUM-TC" <<'EOT'
HCNUM-TC DEFINITIONS ::= BEGIN
IMPORTS
    MODULE-IDENTITY, mib-2, Counter64
        FROM SNMPv2-SMI
    TEXTUAL-CONVENTION
        FROM SNMPv2-TC;
hcnumTC MODULE-IDENTITY
    LAST-UPDATED "200006080000Z"
    ORGANIZATION "A stand-in"
    CONTACT-INFO "None."
    DESCRIPTION  "As much as CTMETER-MIB imports."
    REVISION     "200006080000Z"
    DESCRIPTION  "The first."
    ::= { mib-2 78 }
CounterBasedGauge64 ::= TEXTUAL-CONVENTION
    STATUS       current
    DESCRIPTION  "A gauge of 64 bits."
    SYNTAX       Counter64
END
EOT
	modules=$modules:$tmp/more
fi

for oid in 1.3.6.1.4.1.8072.9999.9999.1206 1.3.6.1.4.1.54321 1.3.6.1.4.1.54321.1.2 1.3.6.1.3.77.1
do
	out=$tmp/$oid
	silent "generate $oid" "$here/generate.sh" $oid "$out"
	silent "smilint at $oid" env SMIPATH="$modules" smilint -s -l 6 "$out/CTMETER-MIB.txt"
	got=$(snmptranslate -M "$out/flat" -m CTMETER-MIB -On CTMETER-MIB::ctmAddressTable 2>&1) || :
	[ "$got" = ".$oid.1.3" ] || fail "flat at $oid: ctmAddressTable is at $got"
	tree "$out/flat" >"$tmp/flat" 2>"$tmp/flat.err" || fail "flat at $oid: cannot be read"
	silent "flat at $oid" cat "$tmp/flat.err"
	tree "$out:$modules" >"$tmp/real" 2>&1 || :
	silent "flat and real at $oid" diff "$tmp/flat" "$tmp/real"
done
silent "the default OID's module" cmp "$here/CTMETER-MIB.txt" \
	"$tmp/1.3.6.1.4.1.8072.9999.9999.1206/CTMETER-MIB.txt"

for oid in 1.3.6.1.4.1 1.3.6.1.4.1. 1.3.6.1.4.1.1..2 1.3.6.1.4.1.01 1.3.6.1.4.1.x 1.3.6.1.2.1.2; do
	! "$here/generate.sh" "$oid" "$tmp/none" 2>/dev/null || fail "generate took $oid"
done

[ $failed = 0 ] && echo "mibs: CTMETER-MIB is clean"
exit $failed
