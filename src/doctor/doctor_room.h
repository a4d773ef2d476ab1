/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_DOCTOR_ROOM_H
#define CTM_DOCTOR_ROOM_H

#include "base/loop.h"
#include "doctor/doctor.h"
#include "doctor/doctor_cure.h"
#include "doctor/doctor_nft.h"
#include "inventory/inv.h"
#include "netlink/rtnl.h"

/* What the doctor's files share, and nobody else: the facts, each gathered when first asked for, and
 * the checks. Tests make a struct doctor by hand, with facts of their own. */

/* An address of the inventory that a container has now, and the way to it. */
struct doctor_address {
	struct addr addr;
	char id[INV_ID_MAX + 1];
	bool stopped; /* its container: no route is expected */
	bool conflict; /* several claim it: it is in the list for each */
	struct rtnl_route route;
};

struct doctor {
	struct doctor_options o;
	struct loop *loop;

	/* The daemon. */
	json_t *status; /* its answer, NULL: none */
	int status_rc; /* 0, or why there is none, as ctl_client_call returns */
	char status_text[512];
	unsigned pid; /* 0: not known */

	/* Links, by rtnetlink; rc < 0: they could not be had. */
	bool links_known;
	int links_rc;
	struct rtnl_link *links; /* by index */
	size_t n_links;

	/* Who has which address: the daemon's list, or else the sources'. */
	bool addresses_known;
	struct doctor_address *addresses;
	size_t n_addresses;

	/* The sources, looked at by the doctor itself. */
	bool looked;
	struct inventory *inventory; /* NULL: not to be had */
	char look_text[512]; /* the first failure, "" when all answered */
	size_t refused; /* addresses over max-rows */
	size_t n_complaints; /* lines that could not be read, and the like */
	char complaint[512]; /* the first */

	/* What nft(8) lists; NULL: nft_text says why not. */
	bool nft_known;
	struct nft_view *nft;
	char nft_text[512];

	/* SNMP communities: by an option, or found in snmpd's configuration. */
	bool communities_known;
	char *community, *ports_community; /* NULL: none is known */
	bool tables_by_ipv6, ports_by_ipv6; /* it is for ::1 only */
	char *community_source; /* for people */
};

/* ---- findings: text as for printf(3); a later one replaces an earlier one ---- */

void doctor_say(struct doctor_finding *f, enum doctor_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void doctor_cure(struct doctor_finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void doctor_look(struct doctor_finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* `text` as one word of sh(1), quoted where it must be; for free(). */
char *doctor_quote(const char *text);
/* The same for an interface's name within a key of sysctl(8), where '.' and '/' change places. */
char *doctor_quote_sysctl(const char *interface);

/* "a, b, c and 7 more": the first DOCTOR_WORDS of what was added, in order. What is among them
 * already is not added again. */
#define DOCTOR_WORDS 6
struct doctor_words {
	char *word[DOCTOR_WORDS];
	size_t n; /* all that were added */
	char text[DOCTOR_WORDS * 80 + 32];
};
void doctor_words_add(struct doctor_words *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Valid until the next call or words_clear. */
const char *doctor_words_text(struct doctor_words *w);
void doctor_words_clear(struct doctor_words *w);

/* ---- facts (doctor_facts.c) ---- */

/* A small file below root as text without its last newline, for free(); NULL with errno set. */
char *doctor_read(const struct doctor *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A number in such a file, -1 when there is none. */
long doctor_read_number(const struct doctor *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
bool doctor_exists(const struct doctor *d, const char *path);

const struct rtnl_link *doctor_links(struct doctor *d, size_t *ret_n);
const struct rtnl_link *doctor_link(struct doctor *d, int index); /* NULL: no such */
const struct doctor_address *doctor_addresses(struct doctor *d, size_t *ret_n);
size_t doctor_count_addresses(struct doctor *d, enum addr_family family);
void doctor_look_at_sources(struct doctor *d); /* sets inventory and what is with it */
const struct nft_view *doctor_nft(struct doctor *d);

/* The link behind which the address's container is; NULL: its route leads to none. */
const struct rtnl_link *doctor_container_link(struct doctor *d, const struct doctor_address *a);
/* All of them for a family, each once: n in an array for free(). */
const struct rtnl_link **doctor_container_links(struct doctor *d, enum addr_family family,
						size_t *ret_n);
/* Does a link lead off the node (hardware, bond, VLAN)? */
bool doctor_is_uplink(const struct rtnl_link *l);
bool doctor_is_bridge(const struct rtnl_link *l);
bool doctor_has_uplink(struct doctor *d, const struct rtnl_link *bridge); /* among its ports */

/* Why the daemon says nothing, for people. */
const char *doctor_silence(const struct doctor *d);
/* fw_look at a table that is in use; asking for one that is not would bring it into use. Returns as
 * fw_look: -ENOENT it is not in use, -EACCES that may not be told. */
struct fw_look;
int doctor_look_at_table(const struct doctor *d, enum addr_family family, const char *table,
			 struct fw_look *ret_look);
/* Does a rule or a policy of FORWARD drop packets of the family? 1: *ret_look is a command that shows the
 * first, for free(); 0: none does; -1: that cannot be seen. What is found or why not goes to text. */
int doctor_forward_drops(struct doctor *d, enum addr_family family, char *text, size_t size,
			 char **ret_look);
/* Does `backend = fake` make the check moot? Then it is said. */
bool doctor_dry_run(const struct doctor *d, struct doctor_finding *f);
const char *doctor_family_name(enum addr_family family); /* "IPv4" */

/* ---- checks: level and text are always set ---- */

typedef void doctor_fn(struct doctor *d, enum addr_family family, struct doctor_finding *f);

doctor_fn doctor_daemon, doctor_privileges, doctor_repairs; /* doctor_daemon.c */
doctor_fn doctor_memory; /* doctor_memory.c */
doctor_fn doctor_table, doctor_modules, doctor_rules, doctor_rule_sets; /* doctor_table.c */
doctor_fn doctor_early_drops, doctor_flowtable; /* doctor_nft_check.c */
doctor_fn doctor_xdp, doctor_tc, doctor_macvlan; /* doctor_unseen.c */
doctor_fn doctor_bridge; /* doctor_bridge.c */
doctor_fn doctor_copies; /* doctor_others.c */
doctor_fn doctor_forwarding, doctor_routes; /* doctor_path.c */
doctor_fn doctor_rp_filter; /* doctor_spoof.c */
doctor_fn doctor_inventory, doctor_conflicts; /* doctor_inventory.c */
doctor_fn doctor_ledger, doctor_disk, doctor_clock; /* doctor_node.c */
doctor_fn doctor_agentx, doctor_snmp_tables, doctor_snmp_switch; /* doctor_snmp.c */

/* Their parts that ask no kernel. `need`: octets that a commit takes; `state`, `status`: what
 * adjtimex(2) returned. */
void doctor_memory_judge(struct doctor *d, uint64_t need, struct doctor_finding *f);
void doctor_clock_judge(const struct doctor *d, int state, int status, struct doctor_finding *f);
/* What the daemon's status tells of its clock, if anything; quick: but for what is a problem there. */
void doctor_clock_jumps(const json_t *status, bool quick, struct doctor_finding *f);

#endif
