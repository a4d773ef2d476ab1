#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The RPM: what it holds and its scriptlets; installed, upgraded by itself and erased in an empty
# directory. Without dependencies and scriptlets, as there is no such distribution in it.

# shellcheck source=tests/netns/lab.sh
. "$(dirname "$0")/../netns/lab.sh"
RPM=$(ls "$OUT"/rpm/RPMS/*/ctmeter-"$VERSION"-*.rpm)
DEB=$(ls "$OUT"/deb/ctmeter_*.deb)
ROOT=$(mktemp -d "$OUT/rpmroot.XXXXXX")
trap 'rm -rf "$ROOT"' EXIT
q() { rpm -qp --nosignature "$@" "$RPM"; } # OPTION...

step 'what it holds'
assert_eq 'source package' 1 "$(find "$OUT/rpm/SRPMS" -name 'ctmeter-*.src.rpm' | wc -l)"
assert_eq 'license' GPL-2.0-or-later "$(q --qf '%{LICENSE}')"
assert_eq 'configuration' /etc/ctmeter/ctmeter.conf "$(q -c)"
assert_eq 'kept when changed' n "$(q --qf '[%{FILENAMES} %{FILEFLAGS:fflags}\n]' | awk '/ctmeter.conf c/ { print substr($2, 2) }')"
# The same files as Debian's, but for documents and where units, pages and libraries are.
plain() { sed -n 's,^/usr/lib/,/lib/,; s,\.gz$,,; s,/zsh/vendor-completions/,/zsh/site-functions/,; /\/share\/doc\|\/share\/lintian\|\/licenses\/\|\.build-id/!p' | sort; }
assert_eq 'the files of the other package' \
	"$(dpkg-deb --fsys-tarfile "$DEB" | tar -t | sed -n 's,^\.\(/.*[^/]\)$,\1,p' | plain)" \
	"$(q --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' | awk '/^-/ { print $2 }' | plain)"
assert_eq 'all is root'\''s' 'root root' "$(q --qf '[%{FILEUSERNAME} %{FILEGROUPNAME}\n]' | sort -u)"

step scriptlets
for which in PREIN POSTIN PREUN POSTUN; do
	q --qf "%{$which}" >"$ROOT/$which"
	assert_ok "$which is a shell's" sh -n "$ROOT/$which"
	assert_eq "$which: no macro is left open" '' "$(grep '%' "$ROOT/$which")"
done
assert_eq 'the user is the one of sysusers.d' "$(grep '^u ' "$LAB_TOP/conf/ctmeter.sysusers")" "$(grep '^u ' "$ROOT/PREIN")"
rm "$ROOT"/PREIN "$ROOT"/POSTIN "$ROOT"/POSTUN
# The last one erased tears down, an upgrade does not.
mkdir "$ROOT/bin"
for tool in ctmeter systemctl; do
	printf '#!/bin/sh\necho "%s $*" >>"$SAID"\n' "$tool" >"$ROOT/bin/$tool"
	chmod 755 "$ROOT/bin/$tool"
done
for left in 0 1; do
	: >"$ROOT/said.$left"
	SAID=$ROOT/said.$left PATH=$ROOT/bin:$PATH sh "$ROOT/PREUN" "$left" >/dev/null
done
assert_eq 'erased: rules first' 'ctmeter teardown' "$(head -n 1 "$ROOT/said.0")"
assert_match 'then the daemon' 'systemctl .*disable --now .*ctmeterd.service' "$(tail -n 1 "$ROOT/said.0")"
assert_eq 'upgraded: neither' '' "$(<"$ROOT/said.1")"
rm -r "${ROOT:?}"/*

step 'installed and erased'
r() { rpm --root "$ROOT" --nodeps --noscripts --nosignature "$@"; } # OPTION...
assert_ok 'install' r -i "$RPM"
assert_ok 'all is there as packed' r -V --nomtime ctmeter
assert_match 'the program starts' "ctmeterd $VERSION" "$("$ROOT/usr/sbin/ctmeterd" -V)"
assert_eq 'its unit starts it' "ExecStart=/usr/sbin/ctmeterd -c /etc/ctmeter/ctmeter.conf" \
	"$(grep ^ExecStart= "$ROOT/usr/lib/systemd/system/ctmeterd.service")"
echo '# mine' >>"$ROOT/etc/ctmeter/ctmeter.conf"
assert_ok 'again' r -U --replacepkgs "$RPM"
assert_eq 'the configuration stays' '# mine' "$(tail -n 1 "$ROOT/etc/ctmeter/ctmeter.conf")"
assert_ok 'erase' r -e ctmeter
assert_eq 'left: what was changed' /etc/ctmeter/ctmeter.conf.rpmsave \
	"$(cd "$ROOT" && find . ! -type d ! -path '*/lib/rpm/*' ! -path '*/.rpmdb/*' | sed 's/^\.//')"
test_end
