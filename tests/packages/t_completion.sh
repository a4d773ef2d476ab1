#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The completion of bash, zsh and fish offers what the programs' own help and check name, no more and no
# less, and runs nothing that a container's id says. A shell that is not installed is named.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
. tests/netns/assert.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A `ctmeter` that lists containers as hostile tenants may call them: all the rest is asked of the
# real one below.
mkdir "$work/bin"
cat >"$work/bin/ctmeter" <<-END
	#!/bin/sh
	printf '%s\n' "\$*" >>"$work/asked"
	cat <<'EOF'
	CTID  NAME  ADDRESS  IN
	101   web   2 addresses
	            192.0.2.1
	ct-b  x     192.0.2.2
	\$(touch\${IFS}$work/pwned) x 192.0.2.3
	\`touch\${IFS}$work/pwned\` x 192.0.2.3
	a;b   x     192.0.2.4
	EOF
END
chmod 755 "$work/bin/ctmeter"

offers() # PROGRAM WORD...: what $SHELL_IS offers in the last one's place, sorted
{
	# shellcheck disable=SC2016 # fish's own
	case $SHELL_IS in
	bash) offers_bash "$@" ;;
	zsh) PATH=$work/bin:$PATH timeout 60 zsh -f tests/packages/completions.zsh "$B/completion" "$work/zcompdump" "$*" ;;
	fish) HOME=$work PATH=$work/bin:$PATH fish -c 'source $argv[1]; complete -C $argv[2]' \
		"$B/completion/ctmeter.fish" "$*" | cut -f 1 ;;
	esac 2>&1 | sort -u | tr '\n' ' '
}

offers_bash()
{
	PATH=$work/bin:$PATH bash --norc -c '
		. conf/ctmeter.bash-completion
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		"_$1" "$1"
		printf "%s\n" "${COMPREPLY[@]}"' - "$@"
}

named() { sort -u | tr '\n' ' '; }

all_of_it()
{
	step "$SHELL_IS: commands"
	assert_eq 'commands' "$("$B/ctmeter" --help | sed -n '/^options/q; s/^  \([a-z]*\) .*/\1/p' | named)" \
		"$(offers ctmeter '')"
	assert_eq 'a begun word' 'refresh report ' "$(offers ctmeter re)"

	step "$SHELL_IS: every option of each command's help, and none besides"
	for c in $(offers ctmeter ''); do
		assert_eq "options of ctmeter $c" "$("$B/ctmeter" "$c" --help |
			grep -oE -- '^ +(-[A-Za-z], )?--[a-z-]+' | grep -oE -- '--?[A-Za-z][a-z-]*' | named)" \
			"$(offers ctmeter "$c" - | tr ' ' '\n' | grep . | named)"
	done
	assert_eq 'options of ctmeterd' "$("$B/ctmeterd" --help | sed 1d |
		grep -oE -- '^ +(-[A-Za-z], )?--[a-z]+' |
		grep -oE -- '--?[A-Za-z]+' | named)" "$(offers ctmeterd - | tr ' ' '\n' | grep . | named)"
	for c in $(offers ctmeter ''); do
		for o in $(offers ctmeter "$c" --); do
			case $o in --help | --version) continue ;; esac
			out=$("$B/ctmeter" -c /nowhere "$c" "$o" 1 2>&1)
			case $out in
			*go\ with* | *goes\ with* | *unrecognized*) fail "$c does not take $o: $out" ;;
			*) pass ;;
			esac
		done
	done

	step "$SHELL_IS: checks"
	assert_eq 'checks' "$("$B/ctmeter" --json check 2>/dev/null | sed -n 's/^ *"name": "\(.*\)",/\1/p' | named)" \
		"$(offers ctmeter check '')"

	step "$SHELL_IS: values"
	for pair in 'top --sort' 'report --by' 'report --format'; do
		# shellcheck disable=SC2086 # a command and its option
		for v in $(offers ctmeter $pair ''); do
			out=$("$B/ctmeter" $pair "$v" 2>&1)
			case $out in *usage:*) fail "ctmeter $pair $v: $out" ;; *) pass ;; esac
		done
	done
	touch "$work/some.conf"
	assert_match 'a file' '^([^ ]*/)?some.conf $' "$(offers ctmeter -c "$work/so")"
	assert_match 'a file of ctmeterd' '^([^ ]*/)?some.conf $' "$(offers ctmeterd -t -c "$work/so")"

	step "$SHELL_IS: containers, of hostile tenants too"
	assert_eq 'containers' '101 ct-b ' "$(offers ctmeter list '')"
	assert_eq 'a begun id' '101 ' "$(offers ctmeter report --ct 1)"
	assert_eq 'with the configuration on the line' '101 ct-b ' "$(offers ctmeter -c /x.conf zero '')"
	assert_eq 'which is the one asked with' '-c /x.conf list' "$(tail -n 1 "$work/asked")"
	assert_eq 'nothing was run' no "$([ -e "$work/pwned" ] && echo yes || echo no)"
}

for SHELL_IS in bash zsh fish; do
	if command -v $SHELL_IS >/dev/null; then
		all_of_it
	else
		step "$SHELL_IS is not installed"
	fi
done
test_end
