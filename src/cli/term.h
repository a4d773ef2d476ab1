/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TERM_H
#define CTM_TERM_H

#include <stddef.h>
#include <stdio.h>

/* A full-screen display in a terminal, with the control sequences that all of them know (xterm,
 * the Linux console, screen, tmux): no terminfo.
 * 1. The operator's screen, cursor and line mode come back with term_leave.
 * 2. A frame goes out in one write, over the last one: no flicker, little traffic over ssh. */

struct term;

/* `out` shows, keys come from `in_fd` (when that is no terminal: none). Enters. */
struct term *term_new(FILE *out, int in_fd);
/* Leaves. NULL is fine. */
void term_free(struct term *t);

/* Take the screen, and give it back as it was; for a stop in between (SIGTSTP). Keys come at once
 * and unseen; those that make signals still do. */
void term_enter(struct term *t);
void term_leave(struct term *t);

/* Lines and columns, now. */
void term_size(const struct term *t, size_t *ret_lines, size_t *ret_columns);

/* Show `text`, lines ended by newlines, as much as fits; the line number `title` (from 0) stands
 * out. Returns 0, or -errno when the terminal has gone away. */
int term_draw(struct term *t, const char *text, size_t title);

#endif
