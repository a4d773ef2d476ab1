/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_LEDGER_STORE_H
#define CTM_LEDGER_STORE_H

#include "ledger/ledger.h"
#include "store/store.h"

struct store_batch;
struct store_key;

/* The ledger's rows to and from the store. keep.c carries them; engine.c asks for the strangers of
 * an inventory before it is taken over. */

/* Load a store into an empty ledger: begin, every container in order of ifIndex, every address,
 * end. If the store is of another boot, the kernel's rules are gone, and with them what they
 * counted after the last checkpoint: rows that had rules get a discontinuity. */
void ledger_restore_begin(struct ledger *l, const struct store_meta *meta, bool same_boot,
			  struct ledger_now now);
void ledger_restore_container(struct ledger *l, const struct store_container *from);
void ledger_restore_address(struct ledger *l, const struct store_address *from);
void ledger_restore_end(struct ledger *l);

/* The rows that changed since the last call, containers before their addresses, and the meta data,
 * all of this moment. The caller fills in boot_id, wall_s and synced. One of the next two
 * functions must be called before this one is called again; rows may change meanwhile. */
struct store_batch *ledger_take_changed(struct ledger *l);

/* The batch is stored, or it is not and its rows will be taken again. Usage is computed from the
 * totals in the store, so nothing is booked twice, however often a batch is tried. */
void ledger_saved(struct ledger *l, const struct store_batch *b);
void ledger_not_saved(struct ledger *l);

/* The store was lost: all rows will be taken again (with `before`: their totals in the lost
 * store). */
void ledger_unsaved(struct ledger *l);

/* The containers and addresses of an inventory that are not in memory: they are new, or in the
 * store from an earlier time. A new array for free(), which borrows the inventory's texts; NULL
 * when there are none. */
struct store_key *ledger_strangers(const struct ledger *l, const struct inventory *inv,
				   size_t *ret_n);

/* Take the strangers that the store found. They keep their aged-out state until an inventory has
 * them. If such a row was taken for new meanwhile, it becomes the old one: the sum of both totals
 * under the old ifIndex, and a discontinuity. No row of `found` may be in a batch that is being
 * saved (ledger_take_changed). */
void ledger_recall(struct ledger *l, const struct store_batch *found, struct ledger_now now);

/* ledger_take_step for a row on its way from the store, if the store has not taken that step
 * yet. */
void ledger_step_stored(struct store_totals *t, int64_t *gone_wall_s,
			const struct wallclock_step *step);

#endif
