/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CFG_H
#define CTM_CFG_H

#include "base/addr.h"
#include "base/billing.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The configuration file (INI). Every key has a default, so an empty file is complete. An unknown
 * section or key, a bad value and a key given twice (except [inventory] source and allow, and
 * [netfilter] link) are errors that name the file, the line and the value. Only this module reads
 * the file; its result is plain data. */

#define CFG_DEFAULT_PATH "/etc/ctmeter/ctmeter.conf"

enum cfg_backend { CFG_BACKEND_AUTO, CFG_BACKEND_LINK, CFG_BACKEND_IPTABLES, CFG_BACKEND_FAKE };

/* On which side of a shared link the containers are. */
enum cfg_side {
	CFG_SIDE_UPLINK, /* the link leads away from them: an uplink */
	CFG_SIDE_CONTAINERS, /* the link leads to them: OpenVZ's venet0 */
};

/* A link that many containers share, where addresses are counted without being attributed by the
 * link. */
struct cfg_link {
	char *name; /* of the interface, which need not exist */
	enum cfg_side side;
};

/* The addresses that begin with these bits. */
struct cfg_prefix {
	struct addr first;
	unsigned len;
};

enum cfg_direction { CFG_DIRECTION_CONTAINER, CFG_DIRECTION_PORT };

struct cfg {
	uint64_t digest; /* of the file's text */
	struct {
		char *user; /* that ctmeterd started by root becomes; "root": it stays root */
	} daemon;
	struct {
		char *socket; /* a path, or "tcp:HOST:PORT" */
		char *context; /* "": no switch view */
		bool notifications;
	} agentx;
	struct {
		enum cfg_backend backend;
		char *table; /* "mangle" or "filter" */
		bool node_traffic;
		struct cfg_link *links;
		size_t n_links;
	} netfilter;
	struct {
		char **sources; /* as written: "auto", "vz", "file:PATH", "command:PATH ARG.." */
		size_t n_sources; /* at least 1 */
		uint32_t interval_s;
		uint32_t retire_after_s;
		uint32_t max_rows;
		char *helper; /* the inventory helper's socket, a path */
		uint32_t max_addresses; /* of one container */
		/* Where addresses found in containers may be; none: where their links lead */
		struct cfg_prefix *allow;
		size_t n_allow;
	} inventory;
	struct {
		char *path;
		uint32_t checkpoint_s;
	} ledger;
	struct {
		char *name; /* HOSTNAME is already replaced */
		enum cfg_direction direction;
		char *location, *contact; /* of the node; NULL or "": nobody said */
		uint32_t speed_mbits; /* 0: that of each container's links */
		uint32_t framing_octets; /* added to a port's octets for each packet: 0, 14 or 18 */
	} ports;
	struct {
		char *database; /* libpq's connection string; NULL: nothing is shipped */
		char *node; /* HOSTNAME is already replaced */
		uint32_t rate; /* rows a second */
	} ship;
	struct {
		uint32_t start_day;
		struct zone *zone; /* read with the file */
		struct billing_quota quota;
		struct billing_thresholds thresholds;
		char *hook; /* "PATH ARG..", as written; NULL: none */
	} billing;
	struct {
		char *socket;
	} control;
};

/* Is this a valid inventory source? Returns 0, or -EINVAL with e saying what it must be. The
 * inventory knows the kinds of sources (source_check), so the caller that loads a configuration
 * passes this function. */
typedef int cfg_source_check_fn(const char *source, struct err *e);

/* Read `path`. Returns 0 and a new *ret_cfg for cfg_free, or -errno with e filled. */
int cfg_load(const char *path, cfg_source_check_fn *check, struct cfg **ret_cfg, struct err *e);

/* The same from the file's text, which the caller has read: `len` octets and a NUL. Of a file that
 * is too long it is enough to read CFG_FILE_MAX_OCTETS + 1. */
#define CFG_FILE_MAX_OCTETS (1024 * 1024)
int cfg_load_text(const char *text, size_t len, const char *path, cfg_source_check_fn *check,
		  struct cfg **ret_cfg, struct err *e);

/* The same from text in memory; `name` stands for the file in messages. */
int cfg_parse(const char *text, const char *name, cfg_source_check_fn *check, struct cfg **ret_cfg,
	      struct err *e);

/* Read `path`, skip each line that has an error, and use the defaults for those keys. It serves
 * commands that ask after a daemon which still runs with an earlier version of the file. Returns 0,
 * or -errno with e filled when the file cannot be read. */
int cfg_load_good_lines(const char *path, cfg_source_check_fn *check, struct cfg **ret_cfg,
			struct err *e);

void cfg_free(struct cfg *cfg);

/* A copy of a list of links, for cfg_free_links. */
struct cfg_link *cfg_copy_links(const struct cfg_link *links, size_t n);
void cfg_free_links(struct cfg_link *links, size_t n);

/* Reset the keys of `now` that a reload cannot change to their values in `running`. ret_what lists
 * those that differed, "[netfilter] table, [ledger] path"; "" if none did. */
void cfg_hold_fixed(struct cfg *now, const struct cfg *running, char *ret_what, size_t size);

/* Does the text differ from the one that cfg was loaded from? */
bool cfg_text_differs(const struct cfg *cfg, const char *text);

#endif
