# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Generators (soakgen.c) that run while a test does other things: every address's packets and octets are
# known. After lab_enter.
#
# Only send for an address that is counted: tell a generator "+ ADDR" after refresh has returned, and
# "- ADDR", which it confirms when it has stopped, before the address goes. A generator's name begins with
# the path that its packets take (fwd-in, node-out, ..); what follows a dot is of no importance.

GEN_PORT=7771
GENS=() # all that run
: >"$LAB/ended" # "PATH ADDR PKTS OCTETS" lines of those that have ended
declare -A GEN_IN=() GEN_OUT=() GEN_PID=()

# Its packets come from (in) or go to (out) the far addresses; RATE a second.
generator() { # NAME NAMESPACE in|out FAR4 FAR6 RATE SEED
	local fd_in fd_out
	rm -f "$LAB/$1.in" "$LAB/$1.out"
	mkfifo "$LAB/$1.in" "$LAB/$1.out"
	ns_exec "$2" "$B/tests/netns/soakgen" "$3" "$4" "$5" $GEN_PORT "$6" "$7" \
		<"$LAB/$1.in" >"$LAB/$1.out" 9>&- &
	GEN_PID[$1]=$!
	exec {fd_in}>"$LAB/$1.in" {fd_out}<"$LAB/$1.out"
	GEN_IN[$1]=$fd_in GEN_OUT[$1]=$fd_out
	GENS+=("$1")
}

generator_end() { # NAME
	local fd_in=${GEN_IN[$1]} fd_out=${GEN_OUT[$1]} g left=()
	gen_rows "$1" | sed "s/^/${1%%.*} /" >>"$LAB/ended"
	kill "${GEN_PID[$1]}" # others may have inherited its stdin
	wait "${GEN_PID[$1]}" 2>/dev/null
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

totals() { # sets PKTS and OCTETS, summed over all generators, those that have ended too
	local g p o
	read -r PKTS OCTETS < <(awk '{ p += $3; o += $4 } END { printf "%d %d\n", p, o }' "$LAB/ended")
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

# ---- the comparison ------------------------------------------------------------------------

# "COLUMN ADDR-SUBIDS SUM" over all containers, from the last snmp_load.
sum_rows() {
	local oid
	for oid in "${!SERVED[@]}"; do echo "$oid ${SERVED[$oid]}"; done |
		awk -v base=".$BASE.1.3.1." 'index($1, base) == 1 {
			n = split(substr($1, length(base) + 1), s, ".")
			if (s[1] < 6 || s[1] > 13) next
			key = ""
			for (i = 3 + s[2]; i <= n; i++) key = key "." s[i]
			sum[s[1] " " substr(key, 2)] += $2
		}
		END { for (k in sum) print k, sum[k] }'
}

# The same lines from the generators, those that have ended too.
sent_rows() {
	local g a pkts octets subids
	for g in "${GENS[@]}"; do gen_rows "$g" | sed "s/^/${g%%.*} /"; done | cat - "$LAB/ended" |
		while read -r g a pkts octets; do
			subids=$(oid_of_address "$a")
			echo "${COL[$g.octets]} $subids $octets"
			echo "${COL[$g.pkts]} $subids $pkts"
		done
}

# List the figures that differ in $LAB/differ. A figure that was never sent must be 0.
compare() {
	snmp_load || return 1
	sum_rows | sort >"$LAB/served"
	awk 'NR == FNR { sent[$1 " " $2] += $3; next } { served[$1 " " $2] = $3 }
		END {
			for (k in sent) if (sent[k] != served[k] + 0) print k ": sent " sent[k] ", served " served[k] + 0
			for (k in served) if (!(k in sent) && served[k] != 0) print k ": sent nothing, served " served[k]
		}' "$LAB/sent" "$LAB/served" | sort >"$LAB/differ"
	[ ! -s "$LAB/differ" ]
}

sum_of() { # FILE COLUMN...: e.g. octets over all rows
	local file=$1
	shift
	awk -v cols=" $* " 'index(cols, " " $1 " ") { n += $3 } END { printf "%d\n", n }' "$LAB/$file"
}
disc_sum() { # discontinuities of all address rows
	local oid n=0 v
	for oid in "${!SERVED[@]}"; do
		v=${SERVED[$oid]}
		[[ $oid != ".$BASE.1.3.1.${COL[disc-count]}."* ]] || n=$((n + v))
	done
	echo $n
}
