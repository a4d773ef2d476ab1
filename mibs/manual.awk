# SPDX-License-Identifier: GPL-2.0-or-later
# usage: awk -f manual.awk CTMETER-MIB.txt PAGE.in
# The page with what the module says in place of its lines "@scalars", "@containers", "@addresses",
# "@notifications" and "@types": name, OID below the base, type, unit, meaning.

function say(list, text) { out[list] = out[list] text "\n" }

# Prose as mdoc wants it: a sentence a line, none too long, nothing that begins like a macro.
function prose(text,   n, i, word, line, lines) {
	gsub(/[ \t]+/, " ", text)
	sub(/ Discontinuities in the value of this counter are indicated by [A-Za-z]*\.$/, "", text)
	gsub(/\\/, "\\e", text)
	n = split(text, word, " ")
	line = lines = ""
	for (i = 1; i <= n; i++) {
		if (line == "" && word[i] ~ /^[.']/) word[i] = "\\&" word[i]
		if (line != "" && length(line) + length(word[i]) > 77) {
			lines = lines line "\n"
			line = word[i] ~ /^[.']/ ? "\\&" word[i] : word[i]
		} else line = line (line == "" ? "" : " ") word[i]
		if (word[i] ~ /\.$/ && i < n) { lines = lines line "\n"; line = "" }
	}
	return lines line
}

function kind_of(parent) {
	return parent == "ctmScalars" ? "scalars" : parent == "ctmContainerEntry" ? "containers" : \
		parent == "ctmAddressEntry" ? "addresses" : parent == "ctmNotifications" ? "notifications" : ""
}

# { PARENT NUMBER }: the object is complete.
function finish(parent, number,   list, line) {
	at[name] = at[parent] "." number
	list = kind_of(parent)
	if (list == "")
		return
	line = ".It " name " Pq Li " at[name] (list == "scalars" ? ".0" : "")
	if (list != "notifications") {
		line = line " , " type
		if (units != "" && units != tolower(type)) line = line ", " units
		if (access == "not-accessible") line = line ", in the index only"
	}
	say(list, line)
	if (list == "notifications") say(list, "Carries " objects ".")
	say(list, prose(text))
}

# "counting(2)      every packet is counted." begins a value of a textual convention.
function finish_type(   n, i, line, item) {
	sub(/^Cm/, "ctm", name)
	n = split(lines, line, "\n")
	say("types", ".Ss " name)
	item = ""
	for (i = 1; i <= n; i++) {
		if (line[i] ~ /^[a-zA-Z]+\([0-9]+\) /) {
			say("types", item == "" ? ".Bl -tag -width Ds -compact" : prose(item))
			item = line[i]
			say("types", ".It " substr(item, 1, index(item, " ") - 1))
			item = substr(item, index(item, " ") + 1)
			sub(/^ +/, "", item)
		} else if (item != "") item = item " " line[i]
		else if (line[i] != "") say("types", line[i])
	}
	say("types", prose(item) "\n.El")
}

FNR == 1 { file++ }

file == 1 && /^[A-Za-z]+ +OBJECT IDENTIFIER ::= / { at[$1] = at[$6] "." $7; next }
file == 1 && /^[A-Za-z]+ (OBJECT-TYPE|NOTIFICATION-TYPE)$/ { name = $1; text = units = access = objects = ""; inside = 1; next }
file == 1 && /^[A-Za-z]+ ::= TEXTUAL-CONVENTION$/ { name = $1; lines = ""; inside = 2; next }
file == 1 && !inside { next }
file == 1 && described {
	done = /"$/
	gsub(/^ *"?|"$/, "")
	text = text (text == "" ? "" : " ") $0
	lines = lines (lines == "" ? "" : "\n") $0
	described = !done
	if (done && inside == 2) { finish_type(); inside = 0 }
	next
}
file == 1 && $1 == "SYNTAX" {
	type = $0
	sub(/^ *SYNTAX +/, "", type)
	enumerated = type ~ /\{$/
	if (enumerated) type = "INTEGER"
	next
}
file == 1 && enumerated && /\([0-9]+\)/ { gsub(/^ +|,$/, ""); type = type (type == "INTEGER" ? " " : " | ") $0; next }
file == 1 && $1 == "UNITS" { units = $2; gsub(/"/, "", units); next }
file == 1 && $1 == "MAX-ACCESS" { access = $2; next }
file == 1 && $1 == "OBJECTS" { collecting = 1 }
file == 1 && collecting { objects = objects " " $0; collecting = !/}/; gsub(/OBJECTS|[{}]/, "", objects); gsub(/ +/, " ", objects); gsub(/^ | $/, "", objects); next }
file == 1 && $1 == "DESCRIPTION" { described = 1; next }
file == 1 && $1 == "::=" { finish($3, $4); inside = 0; next }
file == 1 { next }

/^@[a-z]+$/ && substr($0, 2) in out { printf "%s", out[substr($0, 2)]; used++; next }
{ print }
END { if (used != 5) { print "manual.awk: not every list of the module found its place" >"/dev/stderr"; exit 1 } }
