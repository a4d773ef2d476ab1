/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_ERR_H
#define CTM_ERR_H

/* The text of a failure for a person: what failed, where (file, line, the bad token), what to do.
 * A function that returns 0 or -errno and takes a `struct err *` (which may be NULL) fills it only
 * on failure. */
struct err {
	char text[512];
};

/* Format into e->text, cut to its size. NULL e is ignored. */
void err_set(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put "fmt: " before the text that e already has. NULL e is ignored. */
void err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
