#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# usage: spdx.sh NAME VERSION ARCHIVE
# The list of what is in a release, in SPDX 2.3 (tag-value): each file of the archive with its checksums and the
# licence that it names, and the libraries that the programs are linked with. The same archive gives the same
# list.
set -euo pipefail
export LC_ALL=C
name=$1 version=$2 archive=$(realpath "$3")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
tar -xzf "$archive" -C "$dir" --strip-components=1
made=$(date -u -d "@$(stat -c %Y "$dir/Makefile")" +%Y-%m-%dT%H:%M:%SZ)
here=$(dirname "$0")
mapfile -t libraries < <(sh "$here/../deps.sh" -n build | grep '^lib.*-dev$' | grep -v '^libc6-dev$')
cd "$dir"
mapfile -d '' files < <(find . -type f -print0 | sort -z)

cat <<END
SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: $name-$version
DocumentNamespace: urn:ctmeter:$name-$version:$(sha256sum <"$archive" | cut -d ' ' -f 1)
Creator: Organization: The ctmeter maintainers
Created: $made

PackageName: $name
SPDXID: SPDXRef-Package
PackageVersion: $version
PackageFileName: $(basename "$archive")
PackageChecksum: SHA256: $(sha256sum <"$archive" | cut -d ' ' -f 1)
PackageDownloadLocation: NOASSERTION
FilesAnalyzed: true
PackageVerificationCode: $(sha1sum "${files[@]}" | cut -d ' ' -f 1 | sort | tr -d '\n' | sha1sum | cut -d ' ' -f 1)
PackageLicenseConcluded: GPL-2.0-or-later
PackageLicenseInfoFromFiles: GPL-2.0-or-later
PackageLicenseDeclared: GPL-2.0-or-later
PackageCopyrightText: NOASSERTION
Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-Package
END
for library in "${libraries[@]}"; do
	library=${library%-dev}
	cat <<-END

		PackageName: $library
		SPDXID: SPDXRef-${library}
		PackageDownloadLocation: NOASSERTION
		FilesAnalyzed: false
		Relationship: SPDXRef-Package DYNAMIC_LINK SPDXRef-${library}
	END
done
# "F SHA1", "T SHA256" or "L LICENCE" and the file, for each file.
{
	sha1sum "${files[@]}" | sed 's/^/F /'
	sha256sum "${files[@]}" | sed 's/^/T /'
	grep -aoHm 1 'SPDX-License-Identifier: [A-Za-z0-9.-]*' "${files[@]}" |
		sed 's/^\([^:]*\):SPDX-License-Identifier: \(.*\)$/L \2  \1/'
} | awk '
	{ file = substr($0, index($0, "  ") + 2) }
	$1 == "F" { order[++n] = file; sha1[file] = $2 }
	$1 == "T" { sha256[file] = $2 }
	$1 == "L" { licence[file] = $2 }
	END {
		for (i = 1; i <= n; i++) {
			file = order[i]
			printf "\nFileName: %s\nSPDXID: SPDXRef-File%d\n", file, i
			printf "FileChecksum: SHA1: %s\nFileChecksum: SHA256: %s\n", sha1[file], sha256[file]
			printf "LicenseConcluded: NOASSERTION\nLicenseInfoInFile: %s\n", file in licence ? licence[file] : "NONE"
			printf "FileCopyrightText: NOASSERTION\n"
		}
	}'
