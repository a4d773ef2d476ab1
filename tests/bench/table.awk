# SPDX-License-Identifier: GPL-2.0-or-later
# The records of bench.sh's verbs -> one markdown table, notes, and growth at 10x the addresses.
# POSIX awk. Lines keep the order in which they were first recorded.

BEGIN { FS = "\t"; SUBSEP = "\t" }

# kind, part, what, n
$1 == "value" {
	key = $2 SUBSEP $3 SUBSEP $4
	if (!(key in count)) { line[++lines] = "value" SUBSEP key; unit[key] = $6 }
	value[key, ++count[key]] = $5
}
$1 == "ratio" {
	key = $2 SUBSEP $3 SUBSEP $4
	if (key in above) next
	line[++lines] = "ratio" SUBSEP key
	above[key] = $2 SUBSEP $5 SUBSEP $4
	below[key] = $2 SUBSEP $6 SUBSEP $4
	wanted[key] = $7
}
$1 == "reach" { wanted[$2, $3, $4] = $5 }
$1 == "note" && !(($2, $3) in noted) { noted[$2, $3]; note[++notes] = "- " $2 ": " $3 }

# Of v[1..n]; sorts them.
function median(v, n,    i, j, t)
{
	for (i = 2; i <= n; i++) {
		t = v[i]
		for (j = i - 1; j >= 1 && v[j] + 0 > t + 0; j--) v[j + 1] = v[j]
		v[j + 1] = t
	}
	return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

# The values of a row into v, sorted; returns their median, sets LOW and HIGH.
function of_row(key,    v, i, m)
{
	for (i = 1; i <= count[key]; i++) v[i] = value[key, i]
	m = median(v, count[key])
	LOW = v[1]
	HIGH = v[count[key]]
	return m
}

function of_ratio(key,    a, b, v, i, n, m, top)
{
	a = above[key]
	b = below[key]
	if (!count[a] || !count[b]) return "-"
	if (count[a] != count[b]) {
		top = of_row(a)
		m = of_row(b)
		LOW = HIGH = m ? top / m : 0
		return LOW
	}
	for (i = 1; i <= count[a]; i++)
		if (value[b, i] + 0) v[++n] = value[a, i] / value[b, i]
	if (!n) return "-"
	m = median(v, n)
	LOW = v[1]
	HIGH = v[n]
	return m
}

# Three figures are enough to compare, and whole numbers stay whole.
function show(x)
{
	if (x == "-") return x
	if (x < 0) return "-" show(-x)
	if (x >= 100 || x == int(x)) return sprintf("%.0f", x)
	return sprintf(x >= 10 ? "%.1f" : x >= 0.1 ? "%.2f" : "%.3f", x)
}

# On the figure as it is shown: 0.996 is 1.00 where two decimals are asked for.
function verdict(x, want,    w)
{
	if (want == "" || x == "-") return ""
	split(want, w, " ")
	if (w[1] == ">=" ? x + 0 >= w[2] + 0 : x + 0 <= w[2] + 0) return "ok"
	return "MISSED"
}

function print_line(kind, key,    f, m, range, n)
{
	split(key, f, SUBSEP)
	LOW = HIGH = "-"
	m = kind == "ratio" ? of_ratio(key) : of_row(key)
	n = kind == "ratio" ? count[above[key]] : count[key]
	range = n > 1 && LOW != "-" ? show(LOW) " .. " show(HIGH) : ""
	printf "| %s | %s | %s | %s | %s | %s | %s | %s |\n", f[1], \
		kind == "ratio" ? "**" f[2] "**" : f[2], f[3], show(m), \
		kind == "ratio" ? "x" : unit[key], range, wanted[key], verdict(show(m), wanted[key])
}

# A cost (no rate: those have "/s" in their unit) that was also measured at ten times N.
function print_growth(    i, f, key, ten, m, any)
{
	for (i = 1; i <= lines; i++) {
		split(line[i], f, SUBSEP)
		if (f[1] != "value" || f[4] !~ /^[0-9]+$/) continue
		key = f[2] SUBSEP f[3] SUBSEP f[4]
		ten = f[2] SUBSEP f[3] SUBSEP (f[4] * 10)
		if (!(ten in count) || unit[key] ~ /\/s$/) continue
		m = of_row(key)
		if (!(m + 0)) continue
		if (!any++) print "\n## Growth: each cost at ten times the addresses\n\n" \
			"| part | what | from | to | ratio |\n|---|---|---:|---:|---:|"
		printf "| %s | %s | %s | %s | %s |\n", f[2], f[3], f[4], f[4] * 10, show(of_row(ten) / m)
	}
}

END {
	print "| part | what | N | median | unit | min .. max | reach | |"
	print "|---|---|---:|---:|---|---|---|---|"
	for (i = 1; i <= lines; i++) {
		split(line[i], f, SUBSEP)
		print_line(f[1], f[2] SUBSEP f[3] SUBSEP f[4])
	}
	if (notes) print "\n## Notes\n"
	for (i = 1; i <= notes; i++) print note[i]
	print_growth()
}
