# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# enter ROOT COMMAND...: run it as root of a machine whose disk is ROOT, with this machine's network.
# By pivot_root, since a process in a chroot gets no namespaces.
enter() {
	local root=$1
	shift
	cp /etc/resolv.conf /etc/hosts "$root/etc/"
	env -u TMPDIR DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
		unshare --mount --pid --fork --kill-child --uts bash -ec '
		root=$1
		shift
		mount --make-rprivate /
		mount --bind "$root" "$root"
		mount -t proc proc "$root/proc"
		mount --rbind /sys "$root/sys"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs -o mode=755 tmpfs "$root/run"
		mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
		mkdir -p "$root/tmp/old"
		cd "$root"
		pivot_root . tmp/old
		exec env HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			bash -ec "cd /; umount -l /tmp/old; rmdir /tmp/old; exec \"\$@\"" - "$@"' - "$root" "$@"
}
