/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_FW_H
#define CTM_FW_H

#include "base/addr.h"
#include "base/cfg.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/traffic.h"
#include "netfilter/iptables/plan.h"
#include "netfilter/iptables/rule.h"

/* Netfilter behind one table of functions: the iptables backend, and a fake for tests and dry
 * runs, which must pass the same conformance tests.
 * 1. fw_read never blocks and takes no lock. A reading is whole, or it fails with -EAGAIN.
 * 2. fw_apply works in the background; one at a time a family. While it runs, fw_read either
 *    sees the table as it was before or fails with -EAGAIN: a reading of the new table comes
 *    only after `done` was called with the finals of what the commit removed.
 * 3. No octet counted by a rule is lost or seen twice by an apply: what a removed rule counted
 *    last comes as its final, a kept rule goes on from where it was, a new one starts from 0. */

struct fw;

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
	 * intact ones. stale: somebody put an old table or old counters back, so what they count says
	 * nothing. */
	bool zeroed, stale;
	/* What somebody did to the rules lets packets pass uncounted (disturbed), or be counted twice
	 * (disturbed and doubled), since the last reading or since nobody read: told in each reading
	 * while that lasts. */
	bool disturbed, doubled;
	/* The canary is wrong and was told to be: whether somebody is half way through a commit cannot
	 * be seen. Plan by it, but believe no counter until our next commit has seeded it. */
	bool unsure;
	/* The reader's, not the backend's: nobody has said yet whose it is what new rules count. The ledger
	 * notes that they are there and leaves what they count to a later reading. */
	bool held;
	uint32_t generation; /* changes when the structure of our rules may have changed */
};

/* The addresses of a reading and the *n sorted ones of addrs, sorted, each once: a new array for
 * free(), its length in *n. */
struct addr *fw_reading_join(const struct fw_reading *reading, const struct addr *addrs, size_t *n);

enum fw_final_kind { FW_REMOVED, FW_CREATED, FW_RESTARTED, FW_DISTURBED, FW_DOUBLED };

/* What an apply did to one counting rule; or (FW_DISTURBED and FW_DOUBLED: no rule's, and before all
 * others) what it put an end to, as a reading's disturbed and doubled. */
struct fw_final {
	struct addr addr;
	enum path path;
	enum fw_final_kind kind;
	/* FW_REMOVED: all it ever counted. FW_CREATED: 0. FW_RESTARTED: all it counted before it
	 * was set to 0 (the kernel refused to take the counters back). */
	struct counters final;
};

/* result 0, or -errno with text; epoch of what was committed, 0 when nothing was; finals are borrowed
 * during the call. The commit's journal stays until fw_forget, or until the family's next apply: after a
 * kill the next process is told the same again. */
typedef void fw_done_fn(void *arg, enum addr_family family, int result, const char *text,
			uint64_t epoch, const struct fw_final *finals, size_t n_finals,
			uint64_t now_ns);

struct fw_config {
	const char *table; /* "mangle" or "filter" */
	const char *run_dir; /* holds the commits' journals (commit.h); made if missing */
	uint64_t epoch
		[ADDR_FAMILIES]; /* the highest an earlier process is known to have committed */
};

struct fw_ops {
	const char *name;
	int (*open)(const struct fw_config *config, struct loop *loop, fw_done_fn *done, void *arg,
		    void **ret_self, struct err *e);
	void (*close)(void *self);
	const char *(*family_problem)(const void *self, enum addr_family family);
	int (*read)(void *self, enum addr_family family, uint64_t now_ns,
		    struct fw_reading *ret_reading);
	const struct present *(*present)(const void *self, enum addr_family family);
	int (*apply)(void *self, const struct ruleset *desired);
	bool (*busy)(const void *self, enum addr_family family);
	void (*forget)(void *self, enum addr_family family);
};

extern const struct fw_ops fw_iptc_ops;
extern const struct fw_ops fw_fake_ops;

/* config is borrowed during the call. `done` is called from the loop. An unfinished commit that an earlier process left is
 * finished first, as if fw_apply had been called. Returns 0, or -errno with e filled: -EPERM
 * names the missing privilege. A table that is not there is a family's problem, and looked for
 * again by fw_read. */
int fw_open(enum cfg_backend backend, const struct fw_config *config, struct loop *loop,
	    fw_done_fn *done, void *arg, struct fw **ret_fw, struct err *e);

/* Does not remove a rule. A commit under way goes on by itself. */
void fw_close(struct fw *fw);

/* "iptables" or "fake". */
const char *fw_name(const struct fw *fw);

/* NULL when the family can be counted, otherwise why not. */
const char *fw_family_problem(const struct fw *fw, enum addr_family family);

/* All our counters of a family, or a look, every 5 s, whether its problem is over. Returns 0, -EAGAIN (half-committed table: try again in some ms),
 * or another -errno. */
int fw_read(struct fw *fw, enum addr_family family, uint64_t now_ns,
	    struct fw_reading *ret_reading);

/* What the last successful fw_read of the family found; all zero before it. */
const struct present *fw_present(const struct fw *fw, enum addr_family family);

/* Begin to make the table hold `desired` (borrowed during the call; an empty ruleset removes all
 * that is ours). Returns 0, -EBUSY while the family's last one runs, or -errno. */
int fw_apply(struct fw *fw, const struct ruleset *desired);
bool fw_busy(const struct fw *fw, enum addr_family family);

/* What the family's last `done` told is stored: nobody needs its journal any more. Nothing happens when
 * another apply has begun meanwhile. */
void fw_forget(struct fw *fw, enum addr_family family);

#endif
