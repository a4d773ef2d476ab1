# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Ways by which others change our rules so that a packet may pass uncounted. Needs told.sh.

flush_all() { ipt "$1" -F; }
flush_and_delete() { ipt "$1" -F && ipt "$1" -X; }
delete_jump() { ipt "$1" -D "$2" -j "$(root_of "$1" "$2")"; }
accept_first() { ipt "$1" -I "$2" -j ACCEPT; }
zero_rule() { local place; read -r -a place < <(rule_place "$1" "$2"); ipt "$1" -Z "${place[@]}"; }
delete_rule() { local place; read -r -a place < <(rule_place "$1" "$2"); ipt "$1" -D "${place[@]}"; }
save_now() { "$(command_of "$1")-save" -c -t mangle >"$LAB/older"; }
# The stream takes as long to pass its old count again as it has run since the save: longer than a reading takes.
restore_older() { sleep 2 && "$(command_of "$1")-restore" -c <"$LAB/older"; }
