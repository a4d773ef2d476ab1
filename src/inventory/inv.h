/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_H
#define CTM_INV_H

#include "base/addr.h"
#include "base/arena.h"
#include "base/billing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The inventory: which container has which address now. Pure, in memory.
 *
 * A source (inv_file, inv_vz, a command) fills an inv_part through the inv_part_* verbs, one
 * container at a time. The parts of all sources are merged into one immutable inventory.
 * 1. Containers are sorted by inv_id_cmp, each id once; addresses by addr_cmp, then container.
 * 2. An address that two containers claim is listed once for each; both are marked conflict.
 * 3. A bad address or id is refused with one log line that names source and line; the rest of
 *    the inventory stands. The same refusal is not logged again at each poll.
 * 4. A refused text may stand for a container or an address that no other line has: an id with
 *    an invisible blank, a mistyped address, a whole network. The part is then in doubt:
 *    inv_part_doubt. */

#define INV_ID_MAX 64 /* octets of a container id, at least 1 */
#define INV_NAME_MAX 255 /* octets of a name or an image that are kept; longer ones are cut */
#define INV_COMPLAINTS_MAX 20

/* The MIB's ctmContainerRunState. */
enum inv_run { INV_RUN_UNKNOWN = 1, INV_RUN_RUNNING, INV_RUN_STOPPED, INV_RUN_GONE };

/* Whose network a container uses. Only in one of its own can it have addresses. */
enum inv_net { INV_NET_OWN, INV_NET_NODE, INV_NET_NONE, INV_NET_SHARED };

struct inv_container {
	char *id; /* 1..64 octets, valid UTF-8, no invisible characters (inv_id.h) */
	char *name; /* host name, "" if unknown */
	enum inv_run run;
	const char *runtime; /* static: "docker"; "": no runtime said so */
	char *runtime_id; /* the runtime's own id of it, "" if it has none */
	char *image; /* what it was made from, as its runtime calls that; "" if unknown */
	enum inv_net net;
	pid_t pid; /* of a process in its network, as this node numbers it; 0: unknown */
	struct billing_quota quota; /* as the source says */
};

#define INV_RUNTIME_ID_MAX 64 /* octets of a runtime's id; longer ones are left out */

/* Who says that a container has an address. The first of them is believed most. */
enum inv_rank {
	INV_ASSIGNED, /* the operator's configuration, or the runtime's own address management */
	INV_FOUND, /* it was found in the container, where a tenant may have put it */
};

/* Why an address cannot be counted for the container that claims it: the first three for any, the
 * last for this one. */
enum inv_unfit {
	INV_FIT,
	INV_NODE,
	INV_BROADCAST,
	INV_GATEWAY,
	INV_NOT_ALLOWED, /* it was found in the container, outside what [inventory] allow says */
};

struct inv_address {
	struct addr addr;
	uint32_t container; /* index into containers */
	const char *link; /* the node's link that leads to it, as the source says; NULL: unknown */
	/* The source says that its link has, or will have, an ingress qdisc for a rate limit. */
	bool limited;
	enum inv_rank rank;
	bool conflict;
	enum inv_unfit unfit; /* set by the engine; a source cannot know */
};

#define INV_UNHEARD_MAX 16

struct inventory {
	struct inv_container *containers;
	size_t n_containers;
	struct inv_address *addresses;
	size_t n_addresses;
	bool complete; /* false: some source has never answered; delete nothing */
	bool doubtful; /* some line could not be read, so rows may be missing; delete nothing */
	struct arena text; /* of all ids, names and links */
	/* Runtimes that do not run and have said nothing since we began: their containers are not
	 * retired. Static text. */
	const char *unheard[INV_UNHEARD_MAX];
	size_t n_unheard;
};

bool inv_is_unheard(const struct inventory *inv, const char *runtime);

/* The order of ids in the MIB index: shorter first, then by octets. */
int inv_id_cmp(const char *a, const char *b);

/* Make text fit for display, JSON and SNMP: octets that are not UTF-8 and control characters
 * become '?'. The result is cut between two characters to fit into size octets. text may be
 * NULL. Returns clean. */
const char *inv_clean(const char *text, char *clean, size_t size);

/* The complaints about one source in its last polls, so that a complaint is logged when it first
 * comes and not at each poll. It outlives the parts, of which each poll makes a new one. */
struct inv_log;

struct inv_log *inv_log_new(void);
void inv_log_free(struct inv_log *log);

/* A poll is over. whole: it read everything, so a complaint that it did not make has passed, and
 * will be logged if it comes back; otherwise nothing is forgotten. If each poll brings new
 * complaints, log_may limits how many are logged. */
void inv_log_end(struct inv_log *log, bool whole, uint64_t now_ns);

/* One source's answer, while it is being read and after. */
struct inv_part;

/* log: borrowed while the part is filled; NULL: every complaint is logged. */
struct inv_part *inv_part_new(const char *source_name, struct inv_log *log);
void inv_part_free(struct inv_part *part);

/* Take at most max containers and at most max addresses, repetitions included; unlimited by
 * default. The part drops what exceeds the limit and is then incomplete (inv_part_is_over). */
void inv_part_limit(struct inv_part *part, size_t max);
size_t inv_part_room(const struct inv_part *part);
bool inv_part_is_over(const struct inv_part *part);

/* Containers and addresses taken so far, repetitions included. */
size_t inv_part_containers(const struct inv_part *part);
size_t inv_part_addresses(const struct inv_part *part);

/* Begin the container `id`, found at `line` of the source (0: no line). The addresses that
 * follow are its. name may be NULL; inv_clean cleans it. The same id again adds to the
 * container.
 * A refused id is logged, and its addresses are dropped. It puts the part in doubt unless it is
 * only too long. Returns 0 or -EINVAL. */
int inv_part_container(struct inv_part *part, unsigned line, const char *id, const char *name,
		       enum inv_run run);
/* Add an address, "/mask" allowed, to the container begun last. Returns 0; -EINVAL if it cannot
 * be read or is a network (the part is then in doubt); -EADDRNOTAVAIL if it was read but is not
 * taken. */
int inv_part_address(struct inv_part *part, unsigned line, const char *text);

/* The addresses that follow, of the container begun last, are at this link of the node: the name of
 * an interface that ifname_is_valid accepts. NULL: unknown, as at each container's beginning. */
void inv_part_link(struct inv_part *part, const char *name);

/* The addresses that follow, of the container begun last, are at links whose rate the runtime
 * limits with an ingress qdisc. False at each container's beginning. */
void inv_part_limited(struct inv_part *part, bool limited);

/* Say more of the container begun last. runtime is static text; runtime_id, net, quota are as in
 * struct inv_container. */
void inv_part_runtime(struct inv_part *part, const char *runtime, const char *runtime_id);
void inv_part_image(struct inv_part *part, const char *image);
void inv_part_net(struct inv_part *part, enum inv_net net);
/* 0: it is not known, as at each container's beginning. */
void inv_part_pid(struct inv_part *part, pid_t pid);

/* Who says that the container begun last has the addresses that follow. INV_ASSIGNED at each
 * container's beginning. */
void inv_part_rank(struct inv_part *part, enum inv_rank rank);
void inv_part_quota(struct inv_part *part, struct billing_quota quota);
/* The same from the texts of labels, "" where there is none. A bad one is complained about and
 * ignored: the container is counted all the same. */
void inv_part_quota_texts(struct inv_part *part, const char *octets, const char *counts);

/* The containers taken so far; borrowed until the next is begun. */
const struct inv_container *inv_part_container_at(const struct inv_part *part, size_t i);

/* Complain about a line that cannot be read. Logged as "SOURCE:LINE: text", once for the same
 * text (so quote the bad word), and at most INV_COMPLAINTS_MAX times in a poll. */
void inv_part_complain(struct inv_part *part, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The last complaint, about this line (0: no line), means that part of the answer could not be
 * read, so something may be missing. (What was read and then refused is not in doubt.) */
void inv_part_doubt(struct inv_part *part, unsigned line);
/* The number of lines in doubt, or of doubts if the source has no lines. *ret_first: the first
 * one, "line N: what is wrong", borrowed; NULL if none. */
size_t inv_part_doubts(const struct inv_part *part, const char **ret_first);

/* Give each container of `part` that has no name the first one that `names` has for its id. Ids
 * that only `names` has are ignored. names may be NULL. */
void inv_part_take_names(struct inv_part *part, const struct inv_part *names);

/* Merge n parts. NULL is a source that has never answered; it makes the result incomplete.
 * Repeated containers and addresses are folded; the first known name, state and pid of an id win,
 * of an address's links the one that sorts first, and of its ranks the highest; it is limited if
 * one claim says so. If there are more than max_rows addresses, the highest are left out and
 * *ret_refused (may be NULL) says how many. Returns a new inventory for inv_free. */
struct inventory *inv_merge(struct inv_part *const *parts, size_t n, size_t max_rows,
			    size_t *ret_refused);
void inv_free(struct inventory *inv);

/* An address that was found in a container. */
struct inv_find {
	uint32_t container; /* index into containers */
	struct addr addr;
};

/* Add claims of INV_FOUND. known[i]: what was found in container i is among these, so what its
 * source found there is dropped. Addresses that no container can have (addr_refusal) are left
 * out. */
void inv_take_found(struct inventory *inv, const struct inv_find *finds, size_t n,
		    const bool *known);

/* The claims on one address: those that it can be counted for, and of these the ones whose rank is
 * the highest, which alone compete for it. */
struct inv_contest {
	size_t end; /* the first claim behind them */
	size_t fit; /* of any rank */
	enum inv_rank rank; /* the highest, if fit is not 0 */
	size_t claims, running; /* of that rank; who is not known to be stopped runs */
};

/* i: the first claim on its address. */
void inv_contest(const struct inventory *inv, size_t i, struct inv_contest *ret_contest);
/* Does claim i compete? */
bool inv_contends(const struct inventory *inv, size_t i, const struct inv_contest *contest);
bool inv_runs(const struct inventory *inv, size_t i);

#endif
