#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every command that the documents show is run, in the order in which they stand there: the README
# first, which sets a node up, then the others on that node. What is marked as not run is listed
# with its reason.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
lab_enter "$@"
# shellcheck source=tests/docs/places.sh
. "$(dirname "$0")/places.sh"
unset -f ctmeter # the installed one

places_enter
cd "$LAB_TOP" || exit
docs_blocks README.md docs/*.md CONTRIBUTING.md SECURITY.md docs/*.[158] docs/*.[158].in >"$LAB/blocks"

# The node that the README's inventory speaks of, and the name that the guides give it.
lab_network
echo '127.0.0.1 node1.example' >>/etc/hosts
lab_flow 198.51.100.2 192.0.2.101 10 1000

# Blocks of the documents: where, what is to be done, and the lines in a file by number.
WHERE=() WHAT=() LAST=() RAN=0 NOT_RUN=()
while IFS= read -r line; do
	case $line in
	'@ '*)
		line=${line#@ }
		WHERE+=("${line%% *}") WHAT+=("${line#* }")
		;;
	*) printf '%s\n' "${line#?}" >>"$LAB/block.${#WHERE[@]}" ;;
	esac
done <"$LAB/blocks"

run() { # NUMBER
	step "${WHERE[$1 - 1]}: $(head -n 1 "$LAB/block.$1")"
	docs_block "${WHERE[$1 - 1]}" <"$LAB/block.$1"
	RAN=$((RAN + 1))
}

# A node has more behind it than the few seconds that it took to follow the README.
give_history() {
	systemctl stop ctmeterd && sqlite3 /var/lib/ctmeter/ledger.db "
		UPDATE container SET since = since - 60 * 86400;
		UPDATE address SET since = since - 60 * 86400;
		INSERT INTO usage_hour
			SELECT strftime('%s', 'now', 'start of month', '-5 days') / 3600 * 3600, key, 1000, 1, 2000, 2, 0, 0, 0, 0
			FROM address;" && systemctl start ctmeterd && ctmeter refresh
}

for ((n = 1; n <= ${#WHERE[@]}; n++)); do
	[[ $n -eq 1 || ${WHERE[n - 1]} == README.md:* || ${WHERE[n - 2]} != README.md:* ]] || assert_ok 'a history' give_history
	if [ "${WHAT[n - 1]}" != run ]; then NOT_RUN+=("${WHERE[n - 1]}: ${WHAT[n - 1]#skip }")
	elif grep -q '^ctmeter teardown' "$LAB/block.$n"; then LAST+=("$n")
	else run "$n"; fi
done
# What ends all this.
for n in "${LAST[@]}"; do run "$n"; done

echo
echo "$RAN blocks and commands were run; ${#NOT_RUN[@]} are marked as not run:"
printf '   %s\n' "${NOT_RUN[@]}"
assert_ge 'documents have commands' 30 "$RAN"
lab_end
