/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_RUNTIME_PIDS_H
#define CTM_RUNTIME_PIDS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The processes of a runtime's containers, where its list names none: each container that runs is
 * asked about by itself, once for each of its starts. The list has a mark that each start changes,
 * so it confirms later that a process is still the container's. All zeros: empty. */

#define RUNTIME_PID_ID_MAX 64 /* octets of a container's id, which is hexadecimal */

struct runtime_pids {
	struct runtime_pid *list, *old; /* of this look, of the one before; sorted once added */
	size_t n, cap, n_old, at;
	bool sorted;
};

bool runtime_pids_id_is_good(const char *id);

/* A new list follows, of which each container that runs is added. Both texts are copied; an id
 * that is not good is left out. */
void runtime_pids_renew(struct runtime_pids *p);
void runtime_pids_add(void *pids, const char *id, const char *mark);

/* The next container to ask about; NULL: none. Borrowed until the next runtime_pids_renew. */
const char *runtime_pids_next(struct runtime_pids *p);
/* The answer for that one. 0: it could not be had, so the next look asks again. */
void runtime_pids_take(struct runtime_pids *p, pid_t pid);
/* Ask no more in this look. */
void runtime_pids_stop(struct runtime_pids *p);

/* 0: not known. */
pid_t runtime_pids_of(const struct runtime_pids *p, const char *id);

void runtime_pids_clear(struct runtime_pids *p);

#endif
