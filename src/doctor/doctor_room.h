/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_DOCTOR_ROOM_H
#define CTM_DOCTOR_ROOM_H

#include "base/loop.h"
#include "doctor/doctor.h"
#include "doctor/doctor_cure.h"
#include "doctor/doctor_nft.h"
#include "inventory/inv.h"
#include "netfilter/fw_look.h"
#include "netlink/rtnl.h"

/* Shared by the doctor's own files only: the facts, each gathered when first asked for, and the
 * checks. Tests build a struct doctor by hand, with facts of their own. */

/* A container's current address, and the route to it. */
struct doctor_address {
	struct addr addr;
	char id[INV_ID_MAX + 1];
	bool stopped; /* the container is: no route is expected */
	bool conflict; /* several containers claim it, and the list has it once for each */
	struct rtnl_route route;
	/* By the daemon, where it counts on links. */
	bool counting;
	char link[RTNL_NAME_SIZE]; /* where; "": not known */
	char why[192]; /* it is not counted; "": it is, or nobody says */
};

struct doctor {
	struct doctor_options o;
	struct loop *loop;

	/* The daemon. */
	json_t *status; /* its answer; NULL: none */
	int status_rc; /* 0, or why there is no answer, from ctl_client_call */
	char status_text[512];
	unsigned pid; /* 0: not known */

	/* Links, by rtnetlink; rc < 0: the dump failed. */
	bool links_known;
	int links_rc;
	struct rtnl_link *links; /* by index */
	size_t n_links;

	/* Which container has which address: by the daemon's list, or else by the sources. */
	bool addresses_known;
	struct doctor_address *addresses;
	size_t n_addresses;

	/* The sources, queried by the doctor itself. */
	bool looked;
	struct inventory *inventory; /* NULL: the sources could not be set up */
	char look_text[512]; /* the first failure; "": all answered */
	size_t refused; /* addresses over max-rows */
	size_t n_complaints; /* warnings, as of lines that could not be parsed */
	char complaint[512]; /* the first */

	/* What nft(8) lists; NULL: nft_text says why it is not known. */
	bool nft_known;
	struct nft_view *nft;
	char nft_text[512];

	/* What counting on links stands on, and what is at the links' entrances; rc < 0:
	 * unknown. */
	bool ground_known, seen_known;
	int ground_rc, seen_rc;
	struct fw_look_ground ground;
	struct fw_look_link *seen;
	size_t n_seen;

	/* SNMP communities, from an option or from snmpd's configuration. */
	bool communities_known;
	char *community, *ports_community; /* NULL: not known */
	bool tables_by_ipv6, ports_by_ipv6; /* the community is for ::1 only */
	char *community_source; /* where they come from, or why there is none; for texts */
};

/* ---- findings: texts as for printf(3); each call replaces what an earlier one set ---- */

void doctor_say(struct doctor_finding *f, enum doctor_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void doctor_cure(struct doctor_finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void doctor_look(struct doctor_finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* `text` as one word of sh(1), quoted if necessary; for free(). */
char *doctor_quote(const char *text);
/* The same for an interface's name in a key of sysctl(8), where '/' stands for a '.' of the
 * name. */
char *doctor_quote_sysctl(const char *interface);

/* A list for texts, as "a, b, c and 7 more": the first DOCTOR_WORDS words that were added, in
 * order. A word that is among them already is not added again. */
#define DOCTOR_WORDS 6
struct doctor_words {
	char *word[DOCTOR_WORDS];
	size_t n; /* of all added words */
	char text[DOCTOR_WORDS * 80 + 32];
};
void doctor_words_add(struct doctor_words *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Valid until the next call or doctor_words_clear. */
const char *doctor_words_text(struct doctor_words *w);
void doctor_words_clear(struct doctor_words *w);

/* ---- facts (doctor_facts.c) ---- */

/* Read a file below root, up to 16 MiB. Returns its text without the last newline, for free(), or
 * NULL with errno set. */
char *doctor_read(const struct doctor *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The number that such a file begins with; -1: no file, or no number. */
long doctor_read_number(const struct doctor *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
bool doctor_exists(const struct doctor *d, const char *path);

const struct rtnl_link *doctor_links(struct doctor *d, size_t *ret_n);
const struct rtnl_link *doctor_link(struct doctor *d, int index); /* NULL: no such link */
const struct doctor_address *doctor_addresses(struct doctor *d, size_t *ret_n);
size_t doctor_count_addresses(struct doctor *d, enum addr_family family);
/* Query the sources once; sets d->inventory and the members below it. */
void doctor_look_at_sources(struct doctor *d);
/* What nft(8) lists, or NULL with d->nft_text set. */
const struct nft_view *doctor_nft(struct doctor *d);

/* The container's link that the address is routed to; NULL: it is routed to none. */
const struct rtnl_link *doctor_container_link(struct doctor *d, const struct doctor_address *a);
/* All such links for a family, each once, in an array for free(). */
const struct rtnl_link **doctor_container_links(struct doctor *d, enum addr_family family,
						size_t *ret_n);
/* Does the link lead off the node (hardware, bond, VLAN, team)? */
bool doctor_is_uplink(const struct rtnl_link *l);
bool doctor_is_bridge(const struct rtnl_link *l);
bool doctor_has_uplink(struct doctor *d, const struct rtnl_link *bridge); /* among its ports */

/* Why the daemon did not answer, for a text. */
const char *doctor_silence(const struct doctor *d);
/* fw_look at a table, but only if it is in use, since a query would bring an unused table into use.
 * Returns as fw_look does; -ENOENT: not in use, -EACCES: the caller may not see whether it is. */
int doctor_look_at_table(const struct doctor *d, enum addr_family family, const char *table,
			 struct fw_look *ret_look);
/* Does a rule or policy of FORWARD drop packets of the family? Returns 1 with text naming the first
 * and *ret_look a command that shows it, for free() (NULL: none is installed); 0: none drops; -1:
 * cannot tell, and text says why. *ret_look is NULL unless 1 is returned. */
int doctor_forward_drops(struct doctor *d, enum addr_family family, char *text, size_t size,
			 char **ret_look);
/* Is the check moot because of `backend = fake`? If so, sets the finding to DOCTOR_SKIP. */
bool doctor_dry_run(const struct doctor *d, struct doctor_finding *f);
/* The backend in use, or which `backend = auto` would probably take. */
enum cfg_backend doctor_backend(const struct doctor *d);
/* The backend to ask for tables, others' included, whatever counts here. */
enum cfg_backend doctor_tables(const struct doctor *d);
/* Is the check of our rules moot because the backend counts on links? Then as doctor_dry_run. */
bool doctor_on_links(const struct doctor *d, struct doctor_finding *f);
/* The other way round: is a check of links moot? */
bool doctor_not_on_links(const struct doctor *d, struct doctor_finding *f);
const char *doctor_family_name(enum addr_family family); /* "IPv4" */

/* ---- counting on links (doctor_link.c) ---- */

/* NULL: not known, see d->ground_rc. */
const struct fw_look_ground *doctor_ground(struct doctor *d);
/* All links with programs, filters or an ingress qdisc. None, and d->seen_rc < 0: unknown. */
const struct fw_look_link *doctor_seen(struct doctor *d, size_t *ret_n);
/* The command that makes the daemon count on links, if this kernel can, for free(). NULL: it
 * cannot, or it does. */
char *doctor_choose_links(struct doctor *d);

/* ---- checks: each sets level and text ---- */

typedef void doctor_fn(struct doctor *d, enum addr_family family, struct doctor_finding *f);

/* doctor_daemon.c */
doctor_fn doctor_daemon, doctor_privileges, doctor_which_backend, doctor_repairs;
doctor_fn doctor_memory; /* doctor_memory.c */
doctor_fn doctor_table, doctor_modules, doctor_rules, doctor_rule_sets; /* doctor_table.c */
doctor_fn doctor_early_drops, doctor_flowtable; /* doctor_nft_check.c */
doctor_fn doctor_link_kernel; /* doctor_link.c */
doctor_fn doctor_at_links, doctor_link_order, doctor_link_limits; /* doctor_entrances.c */
doctor_fn doctor_link_offload; /* doctor_offload.c */
doctor_fn doctor_xdp, doctor_tc, doctor_macvlan; /* doctor_unseen.c */
doctor_fn doctor_bridge; /* doctor_bridge.c */
doctor_fn doctor_copies; /* doctor_others.c */
doctor_fn doctor_forwarding, doctor_routes; /* doctor_path.c */
doctor_fn doctor_rp_filter; /* doctor_spoof.c */
doctor_fn doctor_inventory, doctor_conflicts; /* doctor_inventory.c */
doctor_fn doctor_ledger, doctor_disk, doctor_clock; /* doctor_node.c */
doctor_fn doctor_ship; /* doctor_ship.c */
doctor_fn doctor_agentx, doctor_snmp_tables, doctor_snmp_switch; /* doctor_snmp.c */

/* The parts that do not query the kernel, for tests. `need`: octets that a commit takes; `state`
 * and `status`: from adjtimex(2). */
void doctor_memory_judge(struct doctor *d, uint64_t need, struct doctor_finding *f);
struct ship_state;
void doctor_ship_judge(const struct doctor *d, const struct ship_state *s, int64_t now_s,
		       struct doctor_finding *f);
void doctor_clock_judge(const struct doctor *d, int state, int status, struct doctor_finding *f);
/* Replace the finding by what the daemon's status reports of its clock, if anything. quick: leave
 * out a clock that is wrong now, since the daemon's status lists that as a problem already. */
void doctor_clock_jumps(const json_t *status, bool quick, struct doctor_finding *f);

#endif
