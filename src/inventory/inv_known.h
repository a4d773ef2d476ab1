/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_KNOWN_H
#define CTM_INV_KNOWN_H

#include "inventory/inv.h"

/* Under which id each of a runtime's containers is known, by the runtime's own id. All zeros:
 * empty. */
struct inv_known {
	struct inv_known_one *list;
	size_t n, cap;
	bool sorted;
};

/* Forgets nothing; of two for the same runtime_id, one stays. Both texts are copied. */
void inv_known_add(struct inv_known *k, const char *runtime_id, const char *id);
/* NULL: it is not known. Borrowed until the next change. */
const char *inv_known_find(struct inv_known *k, const char *runtime_id);
void inv_known_clear(struct inv_known *k);

#endif
