# SPDX-License-Identifier: GPL-2.0-or-later
# usage: awk -v shell=zsh|fish -f completion.awk src/cli/cli.c src/cli/cli_option.c src/doctor/doctor.c
#            subagent/main.c
# The completion of ctmeter(1) and ctmeterd(8) for zsh or fish, out of the tables that the programs read and
# print as their help. (bash's is conf/ctmeter.bash-completion; tests/packages/t_completion.sh compares all.)

# The fields of a C initializer's line: FIELD[1..n], strings without their quotes.
function fields(text,   n, c, i, quoted) {
	n = 1
	FIELD[1] = ""
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		if (c == "\"") {
			quoted = !quoted
		} else if (quoted && c == "\\") {
			c = substr(text, ++i, 1)
			FIELD[n] = FIELD[n] (c == "n" ? " " : c)
		} else if (!quoted && c == ",") {
			FIELD[++n] = ""
		} else if (quoted || c !~ /[ \t{}]/) {
			FIELD[n] = FIELD[n] c
		}
	}
	return n
}

function entry(text) {
	gsub(/CFG_DEFAULT_PATH/, "\"/etc/ctmeter/ctmeter.conf\"", text)
	fields(text)
	if (table == "commands") {
		COMMAND[++commands] = FIELD[1]
		ABOUT[FIELD[1]] = FIELD[3]
		gsub(/ /, "", FIELD[2])
		TAKES[FIELD[1]] = FIELD[2]
	} else if (table == "options") {
		option("ctmeter", FIELD[1], FIELD[3] ~ /^'.'$/ ? substr(FIELD[3], 2, 1) : "",
			FIELD[2] == "NULL" ? "" : FIELD[2], FIELD[4] == "NULL" ? "" : FIELD[4], FIELD[5])
	} else {
		CHECK[++checks] = FIELD[1]
	}
}

function option(program, long, short, value, goes_with, about) {
	PROGRAM[++options] = program
	LONG[options] = long
	SHORT[options] = short
	VALUE[options] = value
	GOES[options] = goes_with
	HELP[options] = about
}

/^static const struct command commands\[\] = \{/ { table = "commands"; next }
/^static const struct cli_option \{/ { table = "options"; next }
/^static const struct doctor_check checks\[\] = \{/ { table = "checks"; next }
/^\};/ { if (text != "") entry(text); text = table = "" }
table != "" && /^\t\{ "/ { if (text != "") entry(text); text = "" }
table != "" && (/^\t\{ "/ || text != "") { line = $0; sub(/^\t\{ /, "", line); text = text line }

# ctmeterd's help: "  -c, --config FILE  text", with a value in capitals.
/^\t"  (-[a-zA-Z],|   ) --[a-z]/ {
	line = $0
	sub(/^\t"  /, "", line)
	sub(/\\n".*$/, "", line)
	gsub(/" CFG_DEFAULT_PATH "/, "/etc/ctmeter/ctmeter.conf", line)
	short = line ~ /^-/ ? substr(line, 2, 1) : ""
	sub(/^....--/, "", line)
	long = line
	sub(/ .*/, "", long)
	line = substr(line, length(long) + 1)
	value = ""
	if (match(line, /^ [A-Z]+/)) {
		value = substr(line, 2, RLENGTH - 1)
		line = substr(line, RLENGTH + 1)
	}
	sub(/^ +/, "", line)
	option("ctmeterd", long, short, value, "", line)
}

# The words that an option takes, as its help lists them; "" if it takes others.
function words(i,   list) {
	if (VALUE[i] !~ /^(KEY|WHAT|FORM)$/) return ""
	list = HELP[i]
	gsub(/ \(default\)/, "", list)
	gsub(/, | or /, " ", list)
	return list
}

function single(text) { gsub(/'/, "'\\''", text); return "'" text "'" }

# ---- zsh ----

function zsh_text(text) { gsub(/\[/, "(", text); gsub(/\]/, ")", text); gsub(/:/, "\\:", text); return text }

# A word of _arguments: '(-c --config)'{-c,--config}'[text]:FILE:_files'
function zsh_option(i,   names, action) {
	action = ""
	if (VALUE[i] == "FILE") action = ":FILE:_files"
	else if (VALUE[i] == "CTID") action = ":CTID:_ctmeter_containers"
	else if (words(i) != "") action = ":" VALUE[i] ":(" words(i) ")"
	else if (VALUE[i] != "") action = ":" VALUE[i] ":"
	names = "--" LONG[i]
	if (HELP[i] ~ /may be repeated/) return single("*" names "[" zsh_text(HELP[i]) "]" action)
	if (SHORT[i] == "") return single(names "[" zsh_text(HELP[i]) "]" action)
	return "'(-" SHORT[i] " " names ")'{-" SHORT[i] "," names "}" single("[" zsh_text(HELP[i]) "]" action)
}

# The options of ctmeter that take a value, but for --config.
function with_value(sep,   i, list) {
	for (i = 1; i <= options; i++)
		if (PROGRAM[i] == "ctmeter" && VALUE[i] != "" && LONG[i] != "config")
			list = list (list == "" ? "" : sep) (SHORT[i] != "" ? "-" SHORT[i] sep : "") "--" LONG[i]
	return list
}

function zsh(   i, c, k) {
	print "#compdef ctmeter ctmeterd\n# zsh completion for ctmeter(1) and ctmeterd(8), made by conf/completion.awk.\n"
	print "# The containers that the daemon counts. An id that a shell would not take literally is left out."
	print "_ctmeter_containers() {"
	print "\tlocal -a ids"
	print "\tids=(${(f)\"$(timeout 2 ctmeter $config list 2>/dev/null | sed '1d; /^ /d; s/ .*//' |"
	print "\t\tgrep -xE '[A-Za-z0-9][A-Za-z0-9._-]*')\"})"
	print "\tcompadd -a ids"
	print "}\n"
	print "_ctmeter_commands() {\n\tlocal -a commands=("
	for (c = 1; c <= commands; c++) print "\t\t" single(COMMAND[c] ":" zsh_text(ABOUT[COMMAND[c]]))
	print "\t)\n\t_describe command commands\n}\n"
	print "_ctmeter() {"
	print "\tlocal command i\n\tlocal -a config all of_it rest"
	print "\tfor ((i = 2; i < CURRENT; i++)); do\n\t\tcase $words[i] in"
	print "\t\t-c | --config) config=(-c $words[++i]) ;;"
	print "\t\t" with_value(" | ") ") ((i++)) ;;"
	print "\t\t-*) ;;\n\t\t*) command=$words[i]; break ;;\n\t\tesac\n\tdone"
	print "\tall=("
	for (i = 1; i <= options; i++) if (PROGRAM[i] == "ctmeter" && GOES[i] == "") print "\t\t" zsh_option(i)
	print "\t)\n\tcase $command in"
	for (c = 1; c <= commands; c++) {
		print "\t" COMMAND[c] ")\n\t\tof_it=("
		for (i = 1; i <= options; i++) {
			k = " " GOES[i] " "
			if (PROGRAM[i] == "ctmeter" && index(k, " " COMMAND[c] " ")) print "\t\t\t" zsh_option(i)
		}
		print "\t\t)"
		if (TAKES[COMMAND[c]] ~ /CHECK/) {
			printf "\t\trest=('*:CHECK:("
			for (k = 1; k <= checks; k++) printf "%s%s", (k > 1 ? " " : ""), CHECK[k]
			print ")')"
		} else if (TAKES[COMMAND[c]] ~ /FILE/) print "\t\trest=('*:FILE:_files')"
		else if (TAKES[COMMAND[c]] ~ /CTID/) print "\t\trest=('*:CTID:_ctmeter_containers')"
		print "\t\t;;"
	}
	print "\tesac\n\t_arguments -S : $all $of_it '1:COMMAND:_ctmeter_commands' $rest\n}\n"
	print "_ctmeterd() {\n\t_arguments -S : \\"
	for (i = 1; i <= options; i++)
		if (PROGRAM[i] == "ctmeterd") print "\t\t" zsh_option(i) (++k && i < options ? " \\" : "")
	print "}\n\n_$service \"$@\""
}

# ---- fish ----

function fish_option(i,   when, how) {
	when = ""
	if (GOES[i] != "") when = " -n '__ctmeter_command " GOES[i] "'"
	how = ""
	if (VALUE[i] == "FILE") how = " -r -F"
	else if (VALUE[i] == "CTID") how = " -x -a '(__ctmeter_containers)'"
	else if (words(i) != "") how = " -x -a " single(words(i))
	else if (VALUE[i] != "") how = " -x"
	return "complete -c " PROGRAM[i] when (SHORT[i] == "" ? "" : " -s " SHORT[i]) " -l " LONG[i] how " -d " fish_single(HELP[i])
}

function fish_single(text) { gsub(/\\/, "\\\\", text); gsub(/'/, "\\'", text); return "'" text "'" }

function fish(   i, c, k) {
	print "# fish completion for ctmeter(1) and ctmeterd(8), made by conf/completion.awk.\n"
	print "# The words before the cursor, without options and their values: the command is the second.\n# With arguments: is it one of these? (none: has none been given?)"
	print "function __ctmeter_command"
	print "\tset -l skip no\n\tset -l found"
	print "\tfor word in (commandline -opc)[2..-1]"
	print "\t\tif test $skip = yes\n\t\t\tset skip no\n\t\t\tcontinue\n\t\tend"
	print "\t\tswitch $word\n\t\t\tcase -c --config " with_value(" ") "\n\t\t\t\tset skip yes\n\t\t\tcase '-*'"
	print "\t\t\tcase '*'\n\t\t\t\tset found $word\n\t\t\t\tbreak\n\t\tend\n\tend"
	print "\tif test (count $argv) -eq 0\n\t\ttest -z \"$found\"\n\telse\n\t\tcontains -- \"$found\" $argv\n\tend\nend\n"
	print "# The containers that the daemon counts. An id that a shell would not take literally is left out."
	print "function __ctmeter_containers"
	print "\tset -l config\n\tset -l words (commandline -opc)"
	print "\tfor i in (seq (count $words))\n\t\tcontains -- $words[$i] -c --config; and set config -c $words[(math $i + 1)]\n\tend"
	print "\ttimeout 2 ctmeter $config list 2>/dev/null | sed '1d; /^ /d; s/ .*//' | string match -r '^[A-Za-z0-9][A-Za-z0-9._-]*$'"
	print "end\n"
	print "complete -c ctmeter -f\ncomplete -c ctmeterd -f"
	for (c = 1; c <= commands; c++) {
		k = COMMAND[c]
		print "complete -c ctmeter -n __ctmeter_command -a " k " -d " fish_single(ABOUT[k])
		if (TAKES[k] ~ /CHECK/) {
			printf "complete -c ctmeter -n '__ctmeter_command %s' -a '", k
			for (i = 1; i <= checks; i++) printf "%s%s", (i > 1 ? " " : ""), CHECK[i]
			print "'"
		} else if (TAKES[k] ~ /FILE/) print "complete -c ctmeter -n '__ctmeter_command " k "' -F"
		else if (TAKES[k] ~ /CTID/) print "complete -c ctmeter -n '__ctmeter_command " k "' -a '(__ctmeter_containers)'"
	}
	for (i = 1; i <= options; i++) print fish_option(i)
}

END {
	if (!commands || !checks || !options) {
		print "completion.awk: the tables were not found" >"/dev/stderr"
		exit 1
	}
	if (shell == "zsh") zsh()
	else fish()
}
