/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CFG_H
#define CTM_CFG_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The configuration file (INI). Every key has a default, so an empty file is
 * complete; an unknown section or key, a bad value, a key given twice (inventory/source apart) is
 * an error that names file, line and value. Plain data after cfg_load; nothing else reads it. */

#define CFG_DEFAULT_PATH "/etc/ctmeter/ctmeter.conf"

enum cfg_backend { CFG_BACKEND_AUTO, CFG_BACKEND_IPTABLES, CFG_BACKEND_FAKE };
enum cfg_direction { CFG_DIRECTION_CONTAINER, CFG_DIRECTION_PORT };

struct cfg {
	uint64_t digest; /* of the file's text */
	struct {
		char *user; /* whom ctmeterd becomes when root starts it; "root": nobody else */
	} daemon;
	struct {
		char *socket; /* a path, or "tcp:HOST:PORT" */
		char *context; /* "" switches the switch view off */
		bool notifications;
	} agentx;
	struct {
		enum cfg_backend backend;
		char *table; /* "mangle" or "filter" */
		bool node_traffic;
	} netfilter;
	struct {
		char **sources; /* as written: "auto", "vz", "file:PATH", "command:PATH ARG.." */
		size_t n_sources; /* at least 1 */
		uint32_t interval_s;
		uint32_t retire_after_s;
		uint32_t max_rows;
		char *helper; /* the inventory helper's socket, a path */
		uint32_t max_addresses; /* of one container */
	} inventory;
	struct {
		char *path;
		uint32_t checkpoint_s;
	} ledger;
	struct {
		char *name; /* HOSTNAME already put in */
		enum cfg_direction direction;
		uint32_t speed_mbits;
	} ports;
	struct {
		char *socket;
	} control;
};

/* Is this what an inventory source may be? Returns 0, or -EINVAL with e saying what it must be. Which kinds
 * of sources there are is the inventory's to know (source_check), so whoever reads a configuration hands
 * its judge in. */
typedef int cfg_source_check_fn(const char *source, struct err *e);

/* Read `path`. Returns 0 and a new *ret_cfg for cfg_free, or -errno with e filled. */
int cfg_load(const char *path, cfg_source_check_fn *check, struct cfg **ret_cfg, struct err *e);

/* The same of a file's text, NUL-terminated behind len octets, that somebody else has read: CFG_FILE_MAX_OCTETS
 * and one more, if there are more. */
#define CFG_FILE_MAX_OCTETS (1024 * 1024)
int cfg_load_text(const char *text, size_t len, const char *path, cfg_source_check_fn *check,
		  struct cfg **ret_cfg, struct err *e);

/* The same from text in memory; `name` stands for the file in messages. */
int cfg_parse(const char *text, const char *name, cfg_source_check_fn *check, struct cfg **ret_cfg,
	      struct err *e);

/* What is good in it, the defaults for all else: for who wants to know how a daemon is that runs with an
 * earlier text. Returns 0, or -errno with e filled for a file that cannot be read. */
int cfg_load_good_lines(const char *path, cfg_source_check_fn *check, struct cfg **ret_cfg,
			struct err *e);

void cfg_free(struct cfg *cfg);

/* What a reload cannot change is put back in `now` as it is in `running`; ret_what becomes the keys that
 * differed, "[netfilter] table, [ledger] path", "" if none did. */
void cfg_hold_fixed(struct cfg *now, const struct cfg *running, char *ret_what, size_t size);

/* Whether the text is another than the one that cfg was loaded from. */
bool cfg_text_differs(const struct cfg *cfg, const char *text);

#endif
