#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A vzlist -a as that of OpenVZ 7 and 9 (vzctl's src/vzlist.c): for any -o FIELDS, in columns or with -j,
# host names neither escaped nor cut to their width. The containers are in the file FAKE_VZLIST.containers
# beside it, one a line: CTID|STATUS|HOSTNAME|ADDRESSES.
json=0 fields=
while [ $# -gt 0 ]; do
	case $1 in
	-j) json=1 ;;
	-o) fields=$2 && shift ;;
	esac
	shift
done
exec awk -F'|' -v json=$json -v fields="$fields" '
function column(field, last,	n, first) {
	n = $of[field]
	if (n == "") n = "-"
	if (field != "ip" && field != "configured_ip") return sprintf(width[field], n)
	if (last) return sprintf("%-15s", n)
	split(n, first, " ")
	return sprintf("%-15.15s", first[1])
}
function value(field,	n, list, i, text) {
	if (field != "ip" && field != "configured_ip") return "\"" $of[field] "\""
	n = split($of[field], list, " ")
	for (i = 1; i <= n; i++) text = text (i > 1 ? ", " : "") "\"" list[i] "\""
	return "[" text "]"
}
BEGIN {
	of["ctid"] = 1; of["status"] = 2; of["hostname"] = 3; of["ip"] = of["configured_ip"] = 4
	width["ctid"] = "%36s"; width["status"] = "%-9s"; width["hostname"] = "%-32s"
	n = split(fields, field, ",")
	for (i = 1; i <= n; i++) if (!(field[i] in of)) {
		print "Unknown field: " field[i] >"/dev/stderr"
		failed = 1
		exit 1
	}
	if (json) printf "["
}
{
	if (json) printf("%s\n  {", NR > 1 ? "," : "")
	line = ""
	for (i = 1; i <= n; i++) {
		if (json) printf("%s\n    \"%s\": %s", i > 1 ? "," : "", field[i], value(field[i]))
		else line = line (i > 1 ? " " : "") column(field[i], i == n)
	}
	if (json) { printf "\n  }"; next }
	sub(/ +$/, "", line)
	print line
}
END { if (json && !failed) print "\n]" }
' "$0.containers"
