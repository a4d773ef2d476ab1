/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_FW_H
#define CTM_FW_H

#include "base/addr.h"
#include "base/cfg.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/traffic.h"
#include "netfilter/fw_look.h"

#include <sys/types.h>

/* Counting behind one table of functions (fw_ops.h): the iptables backend, and a fake for tests and
 * dry runs. All pass the same conformance tests. A backend is told what is to be counted (struct
 * fw_want), and how it does that is its own business.
 * 1. fw_read never blocks and takes no lock. A reading is whole, or it fails with -EAGAIN.
 * 2. fw_apply works in the background; one at a time a family. While it runs, fw_read either sees
 *    the counters as they were before or fails with -EAGAIN: a reading of the new ones comes only
 *    after `done` was called with the finals of what the commit removed.
 * 3. No octet counted by a rule is lost or seen twice by an apply: what a removed rule counted last
 *    comes as its final, a kept rule goes on from where it was, a new one starts from 0.
 * A "rule" is whatever counts one path of one address. */

struct fw;

/* What is counted: an address, on the link with this index where the mechanism counts on links. */
struct fw_key {
	struct addr addr;
	uint32_t link; /* ifindex, 0: wherever it passes */
};

/* What one family's rules should be. */
struct fw_want {
	enum addr_family family;
	const struct fw_key *keys; /* sorted by addr, each address once; borrowed */
	size_t n; /* 0: nothing of ours is wanted at all */
	uint32_t paths; /* bits (1 << path): which of each address */
};

/* How what was read last fits it. */
enum fw_fit {
	FW_FITS,
	FW_DIFFERS, /* it was not in place since it is wanted */
	FW_CHANGED, /* it was in place, and somebody changed it */
	/* The same, but all of ours is as it should be: somebody else's precedes it or leads to
	 * it. Who insists on that would do it again and again. */
	FW_OUTRANKED,
};

struct fw_row {
	struct addr addr;
	uint8_t present; /* bit (1 << path): that path's counting rule exists */
	uint8_t intact; /* in a zeroed reading: bits of rules that were not set to 0 */
	struct counters path[PATHS]; /* since the rule was made */
};

struct fw_reading {
	const struct fw_row *rows; /* sorted by addr; the backend's, until the next call */
	size_t n_rows;
	uint64_t at_ns; /* CLOCK_BOOTTIME before the kernel was asked */
	/* Each told once. zeroed: somebody set counters to 0 some time before, all but the rows'
	 * intact ones. stale: somebody put an old table or old counters back, so what they count
	 * says nothing. */
	bool zeroed, stale;
	/* What somebody did to the rules lets packets pass uncounted (disturbed), or be counted
	 * twice (disturbed and doubled), since the last reading or since nobody read: told in
	 * each reading while that lasts. */
	bool disturbed, doubled;
	/* The counters are still wrong, which has been told. A half-done commit cannot be told
	 * apart now: plan by this reading, but believe no counter of it until our next commit. */
	bool unsure;
	/* The reader's, not the backend's: nobody has said yet whose it is what new rules count.
	 * The ledger notes that they are there and leaves what they count to a later reading. */
	bool held;
	uint32_t generation; /* changes when the structure of our rules may have changed */
	uint64_t commit; /* the number of the commit that made the rules, 0: there are none */
};

/* The addresses of a reading and the *n sorted ones of addrs, sorted, each once: a new array for
 * free(), its length in *n. */
struct addr *fw_reading_join(const struct fw_reading *reading, const struct addr *addrs, size_t *n);

enum fw_final_kind { FW_REMOVED, FW_CREATED, FW_RESTARTED, FW_DISTURBED, FW_DOUBLED };

/* What an apply did to one counting rule; or (FW_DISTURBED and FW_DOUBLED: no rule's, and before
 * all others) what it put an end to, as a reading's disturbed and doubled. */
struct fw_final {
	struct addr addr;
	enum path path;
	enum fw_final_kind kind;
	/* FW_REMOVED: all it ever counted. FW_CREATED: 0. FW_RESTARTED: all it counted before it
	 * began again at 0 (the kernel refused to take the counters back, or the address's link is
	 * another one now). */
	struct counters final;
};

/* result 0, or -errno with text; commit: the number of what was committed, greater than all
 * before, 0 when nothing was; finals are borrowed during the call. They are kept until
 * fw_forget, or until the family's next apply: after a kill the next process is told the same
 * again. */
typedef void fw_done_fn(void *arg, enum addr_family family, int result, const char *text,
			uint64_t commit, const struct fw_final *finals, size_t n_finals,
			uint64_t now_ns);

struct fw_config {
	const char *table; /* "mangle" or "filter" */
	const char *run_dir; /* holds what must outlive a killed process; made if missing */
	/* The highest number that an earlier process is known to have committed. */
	uint64_t commit[ADDR_FAMILIES];
};

/* Of the last good reading; all 0 and "" before it. */
struct fw_figures {
	uint32_t rules; /* that count */
	uint32_t entries; /* of what they are kept in, others' included */
	const char *flaw; /* what is wrong with the rules, for people; "": nothing */
};

/* config is borrowed during the call. `done` is called from the loop. CFG_BACKEND_AUTO takes the
 * first backend that can count here. An unfinished commit that an earlier process left is
 * finished first, as if fw_apply had been called. Returns 0, or -errno with e filled: -EPERM
 * names the missing privilege, -ENOTSUP a backend that was not built in. A table that is not
 * there is a family's problem, and looked for again by fw_read. */
int fw_open(enum cfg_backend backend, const struct fw_config *config, struct loop *loop,
	    fw_done_fn *done, void *arg, struct fw **ret_fw, struct err *e);

/* Does not remove a rule. A commit under way goes on by itself. */
void fw_close(struct fw *fw);

/* "iptables" or "fake". */
const char *fw_name(const struct fw *fw);

/* NULL when the family can be counted, otherwise why not. */
const char *fw_family_problem(const struct fw *fw, enum addr_family family);

/* All our counters of a family, or a look, every 5 s, whether its problem is over. Returns 0,
 * -EAGAIN (half committed: try again in some ms), or another -errno. */
int fw_read(struct fw *fw, enum addr_family family, uint64_t now_ns,
	    struct fw_reading *ret_reading);

/* How what the last successful fw_read of the family found fits what is wanted. */
enum fw_fit fw_compare(struct fw *fw, const struct fw_want *want);

/* Begin to make it fit (want is borrowed during the call). Returns 0, -EBUSY while the family's
 * last one runs, or -errno. */
int fw_apply(struct fw *fw, const struct fw_want *want);
bool fw_busy(const struct fw *fw, enum addr_family family);

/* What the family's last `done` told is stored: nobody needs it any more. Nothing happens when
 * another apply has begun meanwhile. */
void fw_forget(struct fw *fw, enum addr_family family);

struct fw_figures fw_get_figures(const struct fw *fw, enum addr_family family);

/* --- without opening it ------------------------------------------------------------------- */

/* A look at a table for people (fw_look.h). Needs CAP_NET_ADMIN and CAP_NET_RAW. Returns 0 or
 * -errno: -EPERM, or -ENOENT / -ENOPROTOOPT for no such table, -ENOTSUP where the backend has
 * none. Asking may make the kernel load the table's module. */
int fw_look(enum cfg_backend backend, enum addr_family family, const char *table,
	    struct fw_look *ret_look);

/* The file that each commit locks, NULL: none. */
const char *fw_lock_path(enum cfg_backend backend);

/* The names of the files that it may keep in run_dir: the last one is NULL. */
const char *const *fw_run_files(enum cfg_backend backend);

/* For root, before a daemon that is not root starts: make sure that the user can commit, and finish
 * what root's killed commits left. Returns 0, or -errno with e filled. */
int fw_prepare(enum cfg_backend backend, const struct fw_config *config, uid_t uid, gid_t gid,
	       struct err *e);

/* Remove every rule of ours, in both families, while no daemon runs; what is others' stays as it
 * is. May wait for others' commits. *ret_removed: counting rules that were there. Returns 0, or
 * -errno with e filled. */
int fw_remove_all(enum cfg_backend backend, const struct fw_config *config, struct err *e,
		  unsigned *ret_removed);

#endif
