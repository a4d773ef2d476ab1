#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: hardening.sh PROGRAM...
# Look into programs for what the build is to have hardened; silent, exit 1 and a line for each thing
# that is missing. CC is the compiler they were made with: what it does not offer is not asked for.
CC=${CC:-cc}
bad=0

missing() # WHAT
{
	printf '%s: %s\n' "$program" "$1"
	bad=1
}

offers() # FLAG...
{
	printf 'int i;\n' | $CC -O2 "$@" -Werror -x c -fsyntax-only - 2>/dev/null
}

imports() # REGEX: a function that the C library has
{
	printf '%s\n' "$symbols" | grep -Eq " UND ($1)(@|\$)"
}

# A large frame is taken page by page, and each page is touched.
probes='/sub +\$0x1000,%[re]sp|sub\tsp, sp, #0x[0-9a-f]+000|sub\tsp, sp, #0x[0-9]+, lsl #12/ { at = NR }
	/(or|mov)[lq] +\$0x0,(0x[0-9a-f]+)?\(%[re]sp\)|str\txzr, \[sp/ { if (at && NR <= at + 1) found = 1 }
	END { exit !found }'

look()
{
	headers=$(readelf -hlW "$program") || return
	dynamic=$(readelf -dW "$program")
	symbols=$(readelf --dyn-syms -W "$program")
	printf '%s\n' "$dynamic" | grep -q 'FLAGS_1.*PIE' || missing 'not position independent (-pie)'
	printf '%s\n' "$headers" | grep -q ' GNU_RELRO ' || missing 'no -z relro'
	printf '%s\n' "$dynamic" | grep -Eq 'BIND_NOW|FLAGS_1.* NOW' || missing 'no -z now'
	printf '%s\n' "$headers" | grep -Eq ' GNU_STACK .* RW +0x' || missing 'no -z noexecstack'
	printf '%s\n' "$headers" | grep -Eq ' LOAD .* RWE ' && missing 'a segment to write and execute'
	printf '%s\n' "$dynamic" | grep -Eq 'TEXTREL|RPATH|RUNPATH' &&
		missing 'relocations in the text, or a library path of its own'
	imports '__stack_chk_fail' || missing 'no stack protector'
	imports '__[a-z]+_chk' || missing 'no -D_FORTIFY_SOURCE'
	code=$(objdump -d --no-show-raw-insn "$program")
	! offers -fstack-clash-protection || printf '%s\n' "$code" | awk "$probes" ||
		missing 'no -fstack-clash-protection'
	# The C library's start files may lack it, and then the whole program is not marked.
	! offers -fcf-protection || printf '%s\n' "$code" | grep -A 1 '<main>:' | grep -q 'endbr' ||
		missing 'no -fcf-protection'
}

for program; do
	look
	# libiptc's commits are caught by a function of that name (compose.c): it must be found first.
	case $program in
	*ctmeterd)
		printf '%s\n' "$symbols" | grep -Eq 'FUNC +GLOBAL +DEFAULT +[0-9]+ setsockopt$' ||
			missing 'setsockopt is not exported'
		;;
	esac
done
exit "$bad"
