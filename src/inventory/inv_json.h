/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_JSON_H
#define CTM_INV_JSON_H

#include "base/err.h"

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>

/* A long list of JSON objects, read one by one: no more than one is in memory at a time. */

/* Returns 0, or -EBADMSG with e filled, which ends the reading. */
typedef int inv_json_fn(void *arg, const json_t *object, struct err *e);

/* text begins with the list; what follows its end is not read. Returns 0 or -EBADMSG with e
 * filled, then perhaps after some calls. */
int inv_json_each(const char *text, size_t len, inv_json_fn *fn, void *arg, struct err *e);

/* The string at this key; "" if there is none, or one with a NUL in it. Borrowed. */
const char *inv_json_text(const json_t *object, const char *key);

/* The number of a process at this key; 0 if there is none. */
pid_t inv_json_pid(const json_t *object, const char *key);

#endif
