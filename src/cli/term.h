/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_TERM_H
#define CTM_TERM_H

#include <stddef.h>
#include <stdio.h>

/* A full-screen display in a terminal. It uses only control sequences that all terminals know
 * (xterm, the Linux console, screen, tmux), so it needs no terminfo.
 * 1. term_leave restores the operator's screen, cursor and line mode.
 * 2. A frame is one write over the last frame: no flicker, and little traffic over ssh. */

struct term;

/* Display on `out`; read keys from `in_fd` if that is a terminal. Calls term_enter. */
struct term *term_new(FILE *out, int in_fd);
/* Calls term_leave. NULL is fine. */
void term_free(struct term *t);

/* Take the screen, and restore it, also around a stop (SIGTSTP). In between, keys arrive at once
 * and without echo; those that raise signals still do. */
void term_enter(struct term *t);
void term_leave(struct term *t);

/* The present size in lines and columns. */
void term_size(const struct term *t, size_t *ret_lines, size_t *ret_columns);

/* Show as many lines of `text` as fit; line `title` (from 0) is in reverse video. Returns 0, or
 * -errno when the terminal is gone. */
int term_draw(struct term *t, const char *text, size_t title);

#endif
