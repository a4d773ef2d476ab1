# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Ways by which others change our rules so that a packet may pass uncounted. Needs told.sh.

flush_all() { ipt "$1" -F; }
flushed_and_deleted() { ipt "$1" -F && ipt "$1" -X; }
flush_and_delete() { in_one_go flushed_and_deleted "$1"; }
delete_jump() { ipt "$1" -D "$2" -j "$(root_of "$1" "$2")"; }
accept_first() { ipt "$1" -I "$2" -j ACCEPT; }
zero_rule() { local place; read -r -a place < <(rule_place "$1" "$2"); ipt "$1" -Z "${place[@]}"; }
delete_rule() { local place; read -r -a place < <(rule_place "$1" "$2"); ipt "$1" -D "${place[@]}"; }
save_now() { "$(command_of "$1")-save" -c -t mangle >"$LAB/older"; }
# What the stream has counted may have passed its old count by the next reading, if that is late. But the
# rule of another address has counted since the save, a reading has seen it, and it counts no more.
restore_older() { # 4|6
	local a=192.0.2.102 from=198.51.100.2
	[ "$1" = 4 ] || { a=2001:db8:1::103 from=2001:db8:f::2; }
	lab_flow "$from" "$a" 10 100 && ctmeter refresh >/dev/null && "$(command_of "$1")-restore" -c <"$LAB/older"
}
