# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node with a real runtime: a Debian tree (tree.sh) under an overlay, so that the kept tree stays as
# it is, in network, mount, pid, uts, ipc and cgroup namespaces of its own.
#
#   outside 198.51.100.2 ---- 198.51.100.1 node ---- what the runtime makes
#
# A test sources this file and calls node_enter first; what follows runs inside. All of lab.sh that is
# not about its own three containers works there, too. BACKEND is auto, as on a new node, unless the
# caller says otherwise.

: "${BACKEND:=auto}"
# shellcheck source=tests/netns/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/../netns/lab.sh"
# shellcheck source=tests/packages/tree.sh
. "$LAB_TOP/tests/packages/tree.sh"

NODE_PACKAGES=(busybox-static iproute2 iptables jq kmod procps libcurl3-gnutls libip4tc2 libip6tc2
	libjansson4 libmnl0 libpq5 libseccomp2 libsnmp40 libsqlite3-0)
if [ "$TREE_RELEASE" != bookworm ]; then # since then time has 64 bits everywhere
	NODE_PACKAGES=("${NODE_PACKAGES[@]/#libcurl3-gnutls/libcurl3t64-gnutls}")
	NODE_PACKAGES=("${NODE_PACKAGES[@]/#libsnmp40/libsnmp40t64}")
fi
NODE_CGROUPS=(cpu cpuacct cpuset memory devices freezer blkio pids)

# The same with systemd as process 1, which boots and then starts the test.
node_boot() { # TREE PACKAGE... -- "$@"
	if [ -z "${NODE_INSIDE-}" ]; then
		NODE_BOOT=$(mktemp -d "${TMPDIR:-/tmp}/ctmeter-boot.XXXXXX")
		export NODE_BOOT
		(node_enter "$@") >"$NODE_BOOT/log" 2>&1
		cat "$NODE_BOOT/out" 2>/dev/null || cat "$NODE_BOOT/log"
		set -- "$(cat "$NODE_BOOT/rc" 2>/dev/null || sed -n 's/^SKIP: .*/77/p' "$NODE_BOOT/log")"
		rm -rf "$NODE_BOOT"
		exit "${1:-1}"
	fi
	LAB=/run/lab
	mkdir -m 755 "$LAB"
}

# Continue inside, or skip the test if this machine cannot.
node_enter() { # TREE PACKAGE... -- "$@"
	local tree=$1 packages=() dir
	shift
	while [ "$1" != -- ]; do packages+=("$1") && shift; done
	shift
	if [ -z "${NODE_INSIDE-}" ]; then
		[ "$EUID" -eq 0 ] || skip "a real runtime needs root"
		tree_get "$tree" "${packages[@]}" "${NODE_PACKAGES[@]}" || skip "$TREE_REFUSAL"
		chroot "$TREE_DIR" true || skip "the tree in $TREE_DIR does not run here"
		dir=$(mktemp -d "${TMPDIR:-/tmp}/ctmeter-node.XXXXXX")
		trap 'rmdir "$dir"' EXIT
		unshare --net --mount --pid --uts --ipc --cgroup --fork --kill-child --propagation private \
			"$BASH" -c '. "$1/tests/runtimes/node.sh"; shift; node_pivot "$@"' - \
			"$LAB_TOP" "$TREE_DIR" "$dir" "${0##*/}" "$@"
		exit
	fi
	mkdir -m 755 /run/netns /run/lab
	LAB=/run/lab
	lab_defaults
	"$B/ctmeterd" -V >/dev/null 2>&1 || skip "ctmeterd of this machine does not run in Debian $TREE_RELEASE"
	node_network
}

node_devices() { # ROOT
	local d=$1/dev n
	mount -t tmpfs -o mode=755 tmpfs "$d"
	for n in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 fuse:10:229; do
		mknod -m 666 "$d/${n%%:*}" c "$(cut -d: -f2 <<<"$n")" "${n##*:}"
	done
	mkdir "$d/pts" "$d/shm" "$d/mqueue" "$d/net"
	mknod -m 666 "$d/net/tun" c 10 200
	mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$d/pts"
	mount -t tmpfs tmpfs "$d/shm"
	mount -t mqueue mqueue "$d/mqueue"
	ln -s pts/ptmx "$d/ptmx"
	ln -s /proc/self/fd "$d/fd"
	for n in stdin:0 stdout:1 stderr:2; do ln -s "/proc/self/fd/${n#*:}" "$d/${n%:*}"; done
}

# As the machine has them: version 1 if it has its controllers there, else version 2.
node_cgroups() { # ROOT
	local d=$1/sys/fs/cgroup c
	if ! grep -qw 'cgroup.*memory' /proc/mounts; then
		mount -t cgroup2 cgroup2 "$d"
		return
	fi
	mount -t tmpfs -o mode=755 tmpfs "$d"
	for c in "${NODE_CGROUPS[@]}"; do
		mkdir "$d/$c"
		mount -t cgroup -o "$c" cgroup "$d/$c" || rmdir "$d/$c"
	done
	mkdir "$d/systemd"
	mount -t cgroup -o none,name=systemd cgroup "$d/systemd"
}

node_pivot() { # TREE MOUNTPOINT TEST ARG...: as process 1 of the new namespaces
	local tree=$1 at=$2 test=$3 root=$2/root d
	set -e
	shift 3
	mount -t tmpfs -o mode=755 tmpfs "$at"
	mkdir "$at/upper" "$at/work" "$root"
	mount -t overlay -o "lowerdir=$tree,upperdir=$at/upper,workdir=$at/work" overlay "$root"
	mount -t proc proc "$root/proc"
	mount -t sysfs sysfs "$root/sys"
	mount -t bpf bpf "$root/sys/fs/bpf" 2>/dev/null || : # the node's own
	node_devices "$root"
	node_cgroups "$root"
	mount -t tmpfs -o mode=755 tmpfs "$root/run"
	mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
	for d in docker containers lxd incus; do # an overlay does not bear overlays upon it
		mkdir -p "$root/var/lib/$d"
		mount -t tmpfs tmpfs "$root/var/lib/$d"
	done
	mkdir -p "$root/run/lock" "$root/ctmeter" "$root/build" "$root/oldroot"
	mount --bind -o ro "$LAB_TOP" "$root/ctmeter"
	mount --bind "$B" "$root/build"
	[ -z "${NODE_BOOT-}" ] || node_install "$root" "$test" "$@"
	cd "$root"
	pivot_root . oldroot
	cd /
	umount -l /oldroot
	[ -z "${NODE_BOOT-}" ] || exec env -i container=ctmeter-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		/lib/systemd/systemd --log-target=console --log-level=err
	# This process reaps what the runtime leaves behind, and ends with the test.
	env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb LC_ALL=C NODE_INSIDE=1 B=/build \
		SLOW="$SLOW" UNDER="${UNDER-}" BACKEND="$BACKEND" bash "/ctmeter/tests/runtimes/$test" "$@"
}

# ctmeter installed as an operator does, and the rest of the test as a service.
node_install() { # ROOT TEST ARG...
	# As it is built: make would build it anew, with other flags.
	env -u MAKEFLAGS -u MAKELEVEL make -s -o all -C "$LAB_TOP" B="$B" install DESTDIR="$1" PREFIX=/usr
	node_service "$1" "/ctmeter/tests/runtimes/$2"
}

# A test that the boot starts as a service. What it prints goes to /boot/out, which is this machine's.
node_service() { # ROOT TEST
	local root=$1 test=$2
	: >"$root/etc/machine-id"
	mkdir -p "$root/boot"
	mount --bind "$NODE_BOOT" "$root/boot"
	cat >"$root/etc/systemd/system/the-test.service" <<-END
		[Unit]
		After=multi-user.target
		[Service]
		Type=oneshot
		Environment=NODE_INSIDE=1 B=/build SLOW=$SLOW BACKEND=$BACKEND LC_ALL=C ${NODE_ENVIRONMENT-}
		ExecStart=/bin/sh -c 'bash $test >/boot/out 2>&1; echo \$\$? >/boot/rc'
		ExecStopPost=/bin/systemctl --force --force poweroff
	END
	mkdir -p "$root/etc/systemd/system/graphical.target.wants"
	ln -s ../the-test.service "$root/etc/systemd/system/graphical.target.wants/"
	ln -sf /lib/systemd/system/graphical.target "$root/etc/systemd/system/default.target"
	mount -o remount,ro,bind "$root/sys" 2>/dev/null || :
}

# The node's own network, and a host outside that knows nothing of what is behind it.
node_network() {
	update-alternatives --set iptables /usr/sbin/iptables-legacy >/dev/null
	update-alternatives --set ip6tables /usr/sbin/ip6tables-legacy >/dev/null
	lab_quieten node
	sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip netns add outside
	lab_quieten outside
	lab_wire outside vout 1
	ip addr add 198.51.100.1/24 dev vout
	ip -n outside addr add 198.51.100.2/24 dev eth0
}

# The root of a container of busybox alone, as a directory.
node_image() { # DIR
	local applet
	mkdir -p "$1"/{bin,sbin,etc,proc,sys,dev,tmp,root,run,var,usr/bin}
	cp /bin/busybox "$1/bin/"
	for applet in sh sleep ip init mount udhcpc; do ln -s busybox "$1/bin/$applet"; done
	ln -s ../bin/busybox "$1/sbin/init"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
	echo 'root:x:0:' >"$1/etc/group"
}

# A runtime that starts no container cannot be tested here. Once it has started one, that is a fault.
NODE_RAN=
cannot() { # REASON
	[ -n "$NODE_RAN" ] || [ "$FAILED" -gt 0 ] || skip "$*"
	fail "$*"
	lab_end
}

# Let in_ns NAME mean this process's network, which is a container's.
node_ns() { # NAME PID
	NODE_RAN=1
	umount "/run/netns/$1" 2>/dev/null
	: >"/run/netns/$1"
	mount --bind "/proc/$2/ns/net" "/run/netns/$1"
}

median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; } # NUMBER...

# ---- figures --------------------------------------------------------------------------------

figures() { ctmeter list --json; }

# A flow between two containers, which is served for both.
node_flow_between() { # LABEL FROM TO TO-ADDR PORT COUNT SIZE: containers whose namespaces have their names
	local before
	before=$(of_container "$3" in_octets)
	node_flow "$1" "$2" "$3" "$4" "$5" "$5" "$6" "$7" "$2" out
	await 10 is_of_container "$3" in_octets $((before + $6 * $7))
	assert_eq "$1: $3 in" $((before + $6 * $7)) "$(of_container "$3" in_octets)"
}

# The outside host speaks IPv6, too, and knows the way to what is behind the node.
node_ipv6() { # PREFIX
	ip addr add 2001:db8:f::1/64 dev vout nodad
	ip addr add fe80::f:1/64 dev vout nodad # from here it asks for its neighbours
	ip -n outside addr add 2001:db8:f::2/64 dev eth0 nodad
	ip -n outside addr add fe80::f:2/64 dev eth0 nodad
	ip -n outside route add "$1" via 2001:db8:f::1
}

# A figure of a container, over all its addresses. KEY: in_octets, runtime_id, ..
of_container() { # CTID KEY
	figures | jq -r --arg id "$1" --arg key "$2" '.containers[] | select(.id == $id) | .[$key]'
}

is_of_container() { [ "$(of_container "$1" "$2")" = "$3" ]; } # CTID KEY VALUE

addresses_of() { # CTID: those that it has now
	figures | jq -r --arg id "$1" '.containers[] | select(.id == $id) | .addresses[] |
		select(.status != "retired") | .address'
}

counts() { # CTID ADDR: is this address counted for it?
	[ "$(figures | jq -r --arg id "$1" --arg a "$2" '.containers[] | select(.id == $id) |
		.addresses[] | select(.address == $a) | .status')" = counting ]
}

# The containers that may have missed octets.
discontinuous() {
	figures | jq -r '.containers[] | select(.discontinuities > 0) | "\(.id) \(.last_discontinuity)"'
}

source_state() { # NAME
	ctmeter --json status 2>/dev/null | jq -r --arg n "$1" '.sources[] | select(.name == $n) | .state'
}

source_says() { [[ $(source_state "$1") =~ $2 ]]; } # NAME REGEX

# Send COUNT datagrams of SIZE octets and check that all arrive and that as much more than before is
# served as this figure of the container.
node_flow() { # LABEL FROM-NS TO-NS TO-ADDR SINK-PORT PORT COUNT SIZE CTID in|out
	local before pkts octets sent key=${10}_octets any=0.0.0.0
	[[ $4 != *:* ]] || any=::
	before=$(of_container "$9" "$key")
	rm -f "$LAB/ready"
	ns_exec "$3" "$B/tests/netns/udpgen" sink --port "$5" --expect "$7" --duration 20 \
		--ready "$LAB/ready" >"$LAB/sink" </dev/null &
	await 5 test -e "$LAB/ready" || fail "$1: no sink"
	sent=$(in_ns "$2" "$B/tests/netns/udpgen" send --from "$any" --to "$4" --port "$6" --count "$7" --size "$8" \
		--duration 20)
	wait $!
	assert_eq "$1: received" "$sent" "$(<"$LAB/sink")"
	read -r pkts octets <<<"$sent"
	assert_ge "$1: sent packets" "$7" "$pkts"
	await 10 is_of_container "$9" "$key" $((before + octets))
	assert_eq "$1: $9 ${10}" $((before + octets)) "$(of_container "$9" "$key")"
}
