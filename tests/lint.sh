#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Formatting, the borders between modules, two compilers' warnings, static analysis, scripts, manual
# pages, the MIB. All checks run; the exit status says whether one failed.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
mkdir -p "$B"
failed=0

check() # NAME COMMAND...: passes if it succeeds silently
{
	local name=$1 said began=$SECONDS
	shift
	if said=$("$@" 2>&1) && [ -z "$said" ]; then
		printf 'ok    %s, %d s\n' "$name" $((SECONDS - began))
	else
		printf 'FAIL  %s, %d s\n' "$name" $((SECONDS - began))
		printf '%s\n' "$said" | sed 's/^/      /' | head -n 60
		failed=1
	fi
}

mapfile -t code < <(git ls-files -co --exclude-standard '*.c' '*.h')
mapfile -t scripts < <(git ls-files -co --exclude-standard '*.sh' .ci/run)

none() # COMMAND...: passes if the search finds nothing
{
	! "$@"
}

long_files()
{
	wc -l "${code[@]}" | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines, 600 at most" }'
}

# clang-format leaves comments alone, since it loses the indent of lists.
wide_lines()
{
	awk '{ line = $0
	       while (at = index(line, "\t")) line = substr(line, 1, at - 1) sprintf("%" 8 - (at - 1) % 8 "s", "") substr(line, at + 1)
	       if (length(line) > 100) print FILENAME ":" FNR ": " length(line) " columns, 100 at most" }' "${code[@]}"
}

# A function body runs from a "{" in column one to its "}".
long_functions()
{
	awk 'FNR == 1 { start = 0 }
	     /^{/ { start = FNR }
	     /^}/ { if (start && FNR - start > 61) print FILENAME ":" start ": " FNR - start - 1 " lines, 60 at most"; start = 0 }' \
		"${code[@]}"
}

no_licence()
{
	grep -L 'SPDX-License-Identifier: GPL-2.0-or-later' "${code[@]}" "${scripts[@]}" | grep -v '^\.ci/'
	true
}

build_with() # COMPILER
{
	make --no-print-directory -j2 B="$B/lint-$1" CC="$1" WERROR=-Werror all test-tools bench-tools lint-unit \
		>"$B/lint-$1.log" 2>&1 || grep -E 'error|Error' "$B/lint-$1.log"
}

hardened() # COMPILER
{
	CC=$1 sh tests/hardening.sh "$B/lint-$1/ctmeterd" "$B/lint-$1/ctmeter"
}

flags=(-std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -pthread -Isrc -Isubagent -I"$B/lint-gcc"
	'-DLINK_OBJECT="COPYING"' '-DSHIP_SCHEMA="COPYING"') # any file: nothing of it is run
read -ra libpq < <(pkg-config --cflags libpq)
flags+=("${libpq[@]}")

# One file per process, two at a time. The kernel's programs are for another machine than this.
each_file() # COMMAND...: {} stands for the file's name
{
	git ls-files -co --exclude-standard 'src/*.c' 'subagent/*.c' ':!*.bpf.c' | xargs -P 2 -I{} "$@" 2>&1 | grep -v ' warnings\? generated\.$'
	[ "${PIPESTATUS[1]}" -eq 0 ]
}

# gcc before 12 reports false positives.
analysed_by_gcc()
{
	each_file gcc "${flags[@]}" -O2 -Werror -fanalyzer -c -o /dev/null {}
}

analysed_by_clang()
{
	each_file clang-tidy --quiet {} -- "${flags[@]}"
}

headers_stand_alone()
{
	local h
	for h in $(git ls-files -co --exclude-standard 'src/*.h' 'subagent/*.h'); do
		# shellcheck disable=SC2046 # a list of flags
		echo "#include \"${h#*/}\"" | gcc -std=gnu11 -D_GNU_SOURCE -Isrc -Isubagent \
			-I"$B/lint-gcc" $(pkg-config --cflags jansson libpq) -Wall -Werror -fsyntax-only -x c - || echo "$h"
	done
}

# Ignore references to pages of other packages that are not installed here.
manual_pages()
{
	make --no-print-directory B="$B/lint-gcc" html >"$B/html.log" 2>&1 || cat "$B/html.log"
	mandoc -T lint docs/*.[158] "$B/lint-gcc/docs/CTMETER-MIB.5" 2>&1 |
		grep -v 'STYLE: referenced manual not found\|^mandoc: outdated mandoc.db lacks '
	true
}

mib()
{
	local modules=$PWD/$B/ietf-mibs
	if [ ! -d "$modules" ]; then
		(mkdir -p "$B/deb" && cd "$B/deb" && apt-get download -q erlang-snmp && dpkg-deb -x erlang-snmp_*.deb .) \
			>"$B/deb.log" 2>&1 || { cat "$B/deb.log"; return 1; }
		mkdir -p "$modules"
		find "$B/deb" -name '*.mib' -exec cp {} "$modules" \;
	fi
	sh mibs/check.sh "$modules" >"$B/mib.log" 2>&1 || cat "$B/mib.log"
}

# The exposure of a unit as systemd computes it, printed, and the most that it may be. Needs no running systemd.
exposure() # UNIT LIMIT: in tenths
{
	local unit=$B/lint-unit/$1 said
	mkdir -p "$B/lint-unit"
	sed 's|@SBINDIR@|/usr/sbin|; s|@BINDIR@|/usr/bin|; s|@CONF@|/etc/ctmeter/ctmeter.conf|' "conf/$1" >"$unit"
	said=$(systemd-analyze security --offline=true --threshold="$2" --no-pager "$unit" 2>&1) ||
		echo "over ${2%?}.${2: -1}"
	said=$(sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p' <<<"$said")
	[ -n "$said" ] || echo "systemd-analyze printed no exposure"
	printf '      systemd-analyze security: exposure %s\n' "$said" >&3
}
exec 3>&1

check 'clang-format' clang-format --dry-run -Werror "${code[@]}"
check 'files of 600 lines at most' long_files
check 'functions of 60 lines at most' long_functions
check 'lines of 100 columns at most' wide_lines
check 'every file names its licence' no_licence
check 'borders of the rooms' bash tests/rooms.sh
check 'gcc, warnings are errors' build_with gcc
check 'clang, warnings are errors' build_with clang
check 'gcc, hardening' hardened gcc
check 'clang, hardening' hardened clang
check 'headers stand alone' headers_stand_alone
check 'cppcheck' cppcheck -q --std=c11 --error-exitcode=1 --inline-suppr --enable=warning,portability \
	--suppress=missingIncludeSystem -D_GNU_SOURCE -Isrc -Isubagent -isrc/netfilter/link/count.bpf.c src subagent
check 'gcc -fanalyzer' analysed_by_gcc
check 'clang-tidy' analysed_by_clang
check 'shellcheck' shellcheck -x "${scripts[@]}"
check 'manual pages' manual_pages
check 'documents' env B="$B/lint-gcc" bash tests/docs/static.sh
check 'exposure of the daemon' exposure ctmeterd.service 16
check 'exposure of the shipping' exposure ctmeter-ship.service 16
check 'exposure of the helper' exposure ctmeter-inventory.service 52 # it runs commands that need root
check 'MIB' mib

[ "$failed" -eq 0 ] && echo 'lint: all checks passed'
exit "$failed"
