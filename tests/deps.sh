#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: deps.sh [-n] GROUP...   groups: build demo test docs lint fuzz valgrind packages runtimes bench nms fleet
# Install the missing packages of these groups, with apt on Debian and Ubuntu. On other systems, and
# with -n, print their names. `build` is all that the programs need. debian/control and ctmeter.spec
# ask for the same (tests/packages/t_deb.sh and t_rpm.sh compare them).
set -eu

# group, Debian package, RHEL-like (with EPEL) package
list='
build gcc              gcc
build libc6-dev        glibc-devel
build clang            clang
build libbpf-dev       libbpf-devel
build llvm             llvm
build make             make
build pkgconf          pkgconf-pkg-config
build libsnmp-dev      net-snmp-devel
build libip4tc-dev     iptables-devel
build libip6tc-dev     iptables-devel
build libjansson-dev   jansson-devel
build libmnl-dev       libmnl-devel
build libsqlite3-dev   sqlite-devel
build libpq-dev        libpq-devel
build libseccomp-dev   libseccomp-devel
build libcurl4-gnutls-dev libcurl-devel
demo  snmpd            net-snmp
demo  snmp             net-snmp-utils
demo  iptables         iptables-legacy
demo  iproute2         iproute
demo  nftables         nftables
demo  ethtool          ethtool
demo  procps           procps-ng
demo  bash             bash
test  check            check-devel
test  snmpd            net-snmp
test  snmp             net-snmp-utils
test  snmptrapd        net-snmp
test  iptables         iptables-legacy
test  iproute2         iproute
test  nftables         nftables
test  ethtool          ethtool
test  procps           procps-ng
test  bash             bash
test  jq               jq
test  sqlite3          sqlite
bench nftables         nftables
bench ipset            ipset
bench collectd-core    collectd
bench python3          python3
lint  clang            clang
lint  clang-tidy       clang-tools-extra
lint  clang-format     clang-tools-extra
lint  cppcheck         cppcheck
lint  shellcheck       ShellCheck
lint  smitools         libsmi
lint  systemd          systemd
lint  mandoc           mandoc
docs  systemd          systemd
valgrind valgrind      valgrind
fuzz  bash             bash
fuzz  clang            clang
fuzz  libclang-rt-dev  compiler-rt
packages apparmor
packages build-essential gcc
packages debhelper     debhelper
packages debootstrap   debootstrap
packages dpkg-dev      dpkg-dev
packages lintian       lintian
packages rpm           rpm-build
packages zsh           zsh
packages fish          fish
runtimes debootstrap   debootstrap
fleet openssl          openssl
fleet postgresql       postgresql-server
fleet sqlite3          sqlite
nms   cacti            cacti
nms   chromium         chromium
nms   curl             curl
nms   dbconfig-no-thanks cacti
nms   influxdb         influxdb
nms   jq               jq
nms   mariadb-server   mariadb-server
nms   mrtg             mrtg
nms   php-bcmath       php-bcmath
nms   php-cgi          php-cgi
nms   php-cli          php-cli
nms   php-gd           php-gd
nms   php-mbstring     php-mbstring
nms   php-mysql        php-mysqlnd
nms   php-pgsql        php-pgsql
nms   php-xml          php-xml
nms   postgresql       postgresql-server
nms   prometheus       prometheus
nms   prometheus-snmp-exporter prometheus-snmp-exporter
nms   python3          python3
nms   python3-yaml     python3-pyyaml
nms   rrdtool          rrdtool
nms   victoria-metrics victoria-metrics
nms   zabbix-frontend-php zabbix-web-pgsql
nms   zabbix-server-pgsql zabbix-server-pgsql
'

wanted() # COLUMN GROUP...
{
	column=$1
	shift
	for group; do
		echo "$list" | awk -v g="$group" -v c="$column" '$1 == g { print $c }'
	done | sort -u
}

only_names=
if [ "${1-}" = -n ]; then
	only_names=yes
	shift
fi
for group; do
	echo "$list" | grep -q "^$group " || { echo "deps.sh: there is no group '$group'" >&2; exit 2; }
done
if [ -n "$only_names" ]; then
	wanted 2 "$@"
	exit 0
fi
if ! command -v dpkg-query >/dev/null; then
	echo "This is not Debian. Install these packages (names of Fedora and EPEL):"
	echo "  dnf install $(wanted 3 "$@" | tr '\n' ' ')"
	exit 0
fi

missing=
for package in $(wanted 2 "$@"); do
	dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "packages are missing; run as root: apt-get install$missing" >&2
	exit 1
fi
echo "installing$missing"

# The tests start snmpd in private namespaces: installing the package must not start one on this
# machine.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	trap 'exit 130' INT TERM
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# shellcheck disable=SC2086 # a list of words
if ! { apt-get update && apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	echo "apt-get failed; its output is in $log" >&2
	exit 1
fi
rm -f "$log"
