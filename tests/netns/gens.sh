# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Generators (soakgen.c) that run while a test does other things: every address's packets and octets are
# known. After lab_enter.
#
# Only send for an address that is counted: tell a generator "+ ADDR" after refresh has returned, and
# "- ADDR", which it confirms when it has stopped, before the address goes.

GEN_PORT=7771
GENS=() # all that run
declare -A GEN_IN=() GEN_OUT=()

# Its packets come from (in) or go to (out) the far addresses; RATE a second.
generator() { # NAME NAMESPACE in|out FAR4 FAR6 RATE SEED
	local fd_in fd_out
	rm -f "$LAB/$1.in" "$LAB/$1.out"
	mkfifo "$LAB/$1.in" "$LAB/$1.out"
	ns_exec "$2" "$B/tests/netns/soakgen" "$3" "$4" "$5" $GEN_PORT "$6" "$7" \
		<"$LAB/$1.in" >"$LAB/$1.out" 9>&- &
	exec {fd_in}>"$LAB/$1.in" {fd_out}<"$LAB/$1.out"
	GEN_IN[$1]=$fd_in GEN_OUT[$1]=$fd_out
	GENS+=("$1")
}

generator_end() { # NAME
	local fd_in=${GEN_IN[$1]} fd_out=${GEN_OUT[$1]} g left=()
	exec {fd_in}>&- {fd_out}<&-
	for g in "${GENS[@]}"; do [ "$g" = "$1" ] || left+=("$g"); done
	GENS=("${left[@]}")
}

tell() { # COMMAND [NAME...]: send it to these generators, or to all, and wait for their answers
	local g answer command=$1
	shift
	[ $# -gt 0 ] || set -- "${GENS[@]}"
	for g; do echo "$command" >&"${GEN_IN[$g]}"; done
	for g; do
		read -r answer <&"${GEN_OUT[$g]}"
		[ "$answer" = ok ] || fail "the generator $g answered '$answer'"
	done
}

totals() { # sets PKTS and OCTETS, summed over all generators
	local g p o
	PKTS=0 OCTETS=0
	for g in "${GENS[@]}"; do
		echo '?' >&"${GEN_IN[$g]}"
		read -r p o <&"${GEN_OUT[$g]}"
		PKTS=$((PKTS + p)) OCTETS=$((OCTETS + o))
	done
}

gen_rows() { # NAME: "ADDR PKTS OCTETS" lines
	local a pkts octets
	echo '=' >&"${GEN_IN[$1]}"
	while read -r a pkts octets <&"${GEN_OUT[$1]}" && [ "$a" != . ]; do echo "$a $pkts $octets"; done
}
