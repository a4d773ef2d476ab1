/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_HANDOVER_H
#define CTM_HANDOVER_H

#include "base/err.h"
#include "netfilter/fw.h"

/* The change of backend on a running node: the configuration names another one than before, or
 * `auto` decides otherwise. The rules that the old one made still count, with everything since the
 * last reading in them. So it is opened first, alone, and nothing is wanted of it. Its finals are
 * booked like those of any commit. When they are stored and its rules are gone, the chosen backend
 * is opened and makes its own.
 * 1. Only one backend counts at a time: no octet is booked twice.
 * 2. A kill leaves either rules of the old backend, or finals that it has not forgotten, or nothing
 *    of it: the next process sees which, and goes on from there.
 * 3. Commit numbers grow over both, so finals that come again are known. */

struct handover {
	const struct cfg *cfg;
	struct fw_config config; /* as the chosen backend is opened */
	struct loop *loop;
	fw_done_fn *done;
	void *arg;
	enum cfg_backend leaving; /* CFG_BACKEND_AUTO: none */
	const char *table; /* of what is being left, or was last */
	unsigned left; /* how many were left by this process */
	enum cfg_backend was; /* the last of these */
	char reason[FW_WHY_SIZE + 200];
};

/* Open the backend that the configuration names. If another one has rules here, open that instead:
 * h->leaving says so. Returns 0, or -errno with e filled. */
int handover_open(struct handover *h, struct fw **ret_fw, struct err *e);

static inline bool handover_is_leaving(const struct handover *h)
{
	return h->leaving != CFG_BACKEND_AUTO;
}

/* As fw_get_reason of the chosen backend; if `auto` has made this process leave another one, that
 * is said, too, with what undoes it. Valid until handover_open. */
const char *handover_reason(const struct handover *h);

/* "IPv4 table mangle" or "IPv4 links": where the open backend's rules of a family are. */
const char *handover_place(const struct handover *h, const struct fw *fw, enum addr_family family,
			   char *buf, size_t size);

#endif
