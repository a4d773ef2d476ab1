/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_FW_H
#define CTM_FW_H

#include "base/addr.h"
#include "base/cfg.h"
#include "base/err.h"
#include "base/loop.h"
#include "netfilter/fw_reading.h"

/* Counting behind one table of functions (fw_ops.h): the iptables backend, and a fake for tests
 * and dry runs. All pass the same conformance tests. A backend is given what is to be counted
 * (struct fw_want) and decides how to count it.
 * 1. fw_read never blocks and takes no lock. A reading is whole, or it fails with -EAGAIN.
 * 2. fw_apply works in the background, one at a time for each family. While it runs, fw_read
 *    either returns the counters from before the commit or fails with -EAGAIN. It returns the new
 *    counters only after `done` was called with the finals of the rules that the commit removed.
 * 3. An apply neither loses nor repeats an octet that a rule has counted: a removed rule's last
 *    counts come as its final, a kept rule continues from where it was, and a new one starts from
 *    0.
 * A "rule" is whatever counts one path of one address. */

struct fw;

/* What is counted: an address; if the mechanism counts on links, on the link with this index. */
struct fw_key {
	struct addr addr;
	uint32_t link; /* ifindex; 0: any link */
	/* The link has a rate limit, or will have: what counts must leave its place to that. */
	bool limited;
};

/* What one family's rules should be. */
struct fw_want {
	enum addr_family family;
	const struct fw_key *keys; /* sorted by addr, each address once; borrowed */
	size_t n; /* 0: no rules of ours are wanted at all */
	uint32_t paths; /* bits (1 << path): the paths to count of each address */
};

/* How the last reading compares with what is wanted. */
enum fw_fit {
	FW_FITS,
	FW_DIFFERS, /* has not been in place since it became wanted */
	FW_CHANGED, /* was in place, and somebody else changed it */
	/* As FW_CHANGED, but our own rules are all as they should be: a rule of others precedes
	 * them or leads to our chains. If the others insist too, repairing this never ends. */
	FW_OUTRANKED,
};

/* result: 0, or -errno with text. commit: the number of the commit, greater than all before; 0
 * when nothing was committed. finals: borrowed during the call. The backend keeps them until
 * fw_forget or the family's next apply, so after a kill the next process gets them again. */
typedef void fw_done_fn(void *arg, enum addr_family family, int result, const char *text,
			uint64_t commit, const struct fw_final *finals, size_t n_finals,
			uint64_t now_ns);

struct fw_config {
	const char *table; /* "mangle" or "filter" */
	const char *run_dir; /* holds what must survive a kill; created if missing */
	const char *bpf_dir; /* below a mounted bpffs; holds what the link backend has pinned */
	size_t max_addresses; /* that can ever be wanted of one family, for fw_prepare */
	bool spare; /* fw_prepare: another one will count, so nothing that costs each packet */
	bool node_traffic;
	/* What this node has, "OpenVZ", for which CFG_BACKEND_AUTO tries iptables first; static.
	 * NULL: nothing; it tries link first. */
	const char *tables_for;
	/* Links that many containers share; borrowed until fw_close. */
	const struct cfg_link *links;
	size_t n_links;
	/* The highest number that an earlier process is known to have committed. */
	uint64_t commit[ADDR_FAMILIES];
};

/* Where the link backend pins what must outlive the daemon. */
#define FW_BPF_DIR "/sys/fs/bpf/ctmeter"

/* As the configuration says, for a daemon whose run directory this is; both are borrowed. */
struct fw_config fw_config_of(const struct cfg *cfg, const char *run_dir);

/* IP packets on containers' own links that are counted for nobody. */
struct fw_strays {
	struct counters spoofed; /* from a container, with a source that its link does not have */
	struct counters broken; /* whose headers the kernel's program could not read */
};

/* From the last good reading; all 0 and "" before the first. */
struct fw_figures {
	uint32_t rules; /* counting rules */
	uint32_t entries; /* entries of the table that holds them, others' included */
	const char *flaw; /* what is wrong with the rules, for people; "": nothing */
};

/* config is borrowed during the call. `done` is called from the loop. CFG_BACKEND_AUTO takes the
 * first backend that can count here: link, then iptables, unless config->tables_for. If an earlier
 * process left an unfinished commit, it is finished first, as if fw_apply had been called. Returns
 * 0, or -errno with e filled: -EPERM names the missing privilege, -ENOTSUP a backend that was not
 * built in. A missing table is no error here but a problem of its family, and fw_read looks for it
 * again. */
int fw_open(enum cfg_backend backend, const struct fw_config *config, struct loop *loop,
	    fw_done_fn *done, void *arg, struct fw **ret_fw, struct err *e);

/* Leaves all rules in place. A commit under way continues by itself. */
void fw_close(struct fw *fw);

/* "link", "iptables" or "fake". */
const char *fw_name(const struct fw *fw);
enum cfg_backend fw_get_backend(const struct fw *fw);

/* How CFG_BACKEND_AUTO came to take this backend, for people: "auto", or with why it took none
 * before it: "auto: link: no bpffs is mounted". "": the configuration names it. */
#define FW_WHY_SIZE 640
const char *fw_get_reason(const struct fw *fw);

/* Whether the backend counts on links: then each fw_key must name its link. */
bool fw_counts_on_links(const struct fw *fw);

/* NULL when the family can be counted, otherwise the reason why not. */
const char *fw_family_problem(const struct fw *fw, enum addr_family family);

/* Why this wanted address is not counted, or not on all paths, for people. NULL: it is, or nothing
 * is known but what fw_family_problem says. As the last fw_compare found it; valid until the next
 * call for its family. */
const char *fw_why(const struct fw *fw, const struct addr *addr);

/* Whether what fw_why says of this address will last until somebody changes something else: a rate
 * limit has the place on its link that counting it, or one direction of it, needs. */
bool fw_is_barred(const struct fw *fw, const struct addr *addr);

/* Read all our counters of a family. If the family has a problem, check instead, every 5 s,
 * whether it is over. Returns 0, -EAGAIN (half committed: try again in some ms), or another
 * -errno. */
int fw_read(struct fw *fw, enum addr_family family, uint64_t now_ns,
	    struct fw_reading *ret_reading);

/* Compare what the family's last successful fw_read found with what is wanted. */
enum fw_fit fw_compare(struct fw *fw, const struct fw_want *want);

/* Begin to make the rules fit (want is borrowed during the call). Returns 0, -EBUSY while the
 * family's last apply runs, or -errno. */
int fw_apply(struct fw *fw, const struct fw_want *want);
bool fw_busy(const struct fw *fw, enum addr_family family);

/* The finals of the family's last `done` are stored: discard them. Does nothing if another apply
 * has begun meanwhile. */
void fw_forget(struct fw *fw, enum addr_family family);

struct fw_figures fw_get_figures(const struct fw *fw, enum addr_family family);

/* What its programs have counted for nobody since they were made. False: it cannot tell. */
bool fw_get_strays(const struct fw *fw, struct fw_strays *ret_strays);

#endif
