/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_SHIP_STATE_H
#define CTM_SHIP_STATE_H

#include <stdbool.h>
#include <stdint.h>

/* How the last run of `ctmeter ship` ended: the file "ship.state" beside the ledger, which the run
 * replaces and others read. Losing it costs nothing. Both calls need the rights of the directory's
 * owner (owner.h). */

struct ship_state {
	int64_t at_s; /* the end of the run */
	int64_t failing_since_s; /* 0: it succeeded */
	int64_t shipped_s; /* the last success, 0: never */
	int64_t until_s; /* all hours before this were in the database then */
	bool backlog; /* the run ended in the midst of one */
	char error[512]; /* one line, "" after a success */
};

/* Say it in one line. */
#define SHIP_STATE_TEXT_SIZE 640
void ship_state_say(const struct ship_state *s, char text[SHIP_STATE_TEXT_SIZE]);

/* Returns 0, -ENOENT if there was no run yet, or another -errno. */
int ship_state_read(const char *ledger, struct ship_state *ret);

/* Returns 0 or -errno. */
int ship_state_write(const char *ledger, const struct ship_state *state);

#endif
