/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_ERR_H
#define CTM_ERR_H

/* Text of a failure that a person will read: what, where (file, line, the bad token), what to do.
 * Functions that can fail so take a `struct err *` (NULL when the caller does not care) beside
 * their 0 / -errno result and fill it only when they fail. */
struct err {
	char text[512];
};

/* Format into e->text (cut off at its size). NULL e is ignored. */
void err_set(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put "fmt: " in front of what e already says. NULL e is ignored. */
void err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
