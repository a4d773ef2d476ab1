# SPDX-License-Identifier: GPL-2.0-or-later
# usage: zsh -f completions.zsh DIRECTORY DUMP LINE
# What zsh offers at the end of a line, one a line, with the functions in DIRECTORY. zsh completes only at a
# terminal, so another one is asked at a pseudo-terminal, where `compadd` prints what it is given. DUMP is a
# file where compinit keeps what it has found, for the next time.
if [[ $1 == --inside ]]; then
	stty -echo
	fpath=($2 $fpath)
	autoload -Uz compinit
	if [[ -e $3 ]]; then compinit -C -d $3; else compinit -u -d $3; fi
	bindkey '^I' complete-word
	zstyle ':completion:*' insert-tab false
	mark() { print -r - '@@' }
	compprefuncs=(mark)
	comppostfuncs=(mark exit)
	compadd() {
		local -a hits
		if (( ! ${argv[(I)-[OAD]]} )); then
			builtin compadd -A hits "$@"
			print -rl - $hits
		fi
		builtin compadd "$@"
	}
	setopt zle
	print ready
	return
fi
zmodload zsh/zpty || exit 1
zpty offers zsh -f -i
zpty -w offers "unsetopt zle; PROMPT=; . ${(q)ZSH_ARGZERO:a} --inside ${(q)1:a} ${(q)2:a}"
while zpty -r offers line; do [[ $line == *ready[$'\r\n']* && $line != *unsetopt* ]] && break; done
zpty -n -w offers "$3"$'\t'
marks=0
while zpty -r offers line; do
	line=${line//[$'\r\n']/}
	if [[ $line == *@@ ]]; then
		(( marks++ )) && break
	elif (( marks )) && [[ -n $line ]]; then
		print -r - $line
	fi
done
zpty -d offers
