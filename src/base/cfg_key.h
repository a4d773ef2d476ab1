/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CFG_KEY_H
#define CTM_CFG_KEY_H

#include "base/cfg.h"

/* The table of configuration keys behind cfg.c. */

struct cfg_key;

size_t cfg_key_count(void);
const struct cfg_key *cfg_key_at(size_t i);

/* The index of a key by section and name, or cfg_key_count() when it does not exist. */
size_t cfg_key_find(const char *section, const char *name);

bool cfg_key_is_section(const char *section);
bool cfg_key_is_repeatable(const struct cfg_key *key);

/* Check `value`, a source by `check`, and store it in cfg. It replaces the present value; a
 * repeatable key appends. Returns 0, or -EINVAL with e saying what the value must be. */
int cfg_key_store(const struct cfg_key *key, const char *value, cfg_source_check_fn *check,
		  struct cfg *cfg, struct err *e);
int cfg_key_store_default(const struct cfg_key *key, cfg_source_check_fn *check, struct cfg *cfg,
			  struct err *e);

/* For messages: list the keys of a section; with section NULL, list the sections. */
void cfg_key_list(const char *section, char *buf, size_t size);

#endif
