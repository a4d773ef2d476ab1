/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_FILE_H
#define CTM_FILE_H

#include <stddef.h>

/* Read a whole file: *ret_text, for free(), holds *ret_len octets and a NUL behind them (ret_len
 * may be NULL). The size that stat(2) reports is not used: it is 0 in /proc and /sys. Opening
 * waits for no writer of a pipe, and no terminal becomes the controlling one. Reading may hang
 * where the file system does: see child.h. Returns 0, -EFBIG for more than max_octets, or another
 * -errno. */
int file_read(const char *path, size_t max_octets, char **ret_text, size_t *ret_len);

/* The same, but only of a regular file: -EINVAL for another, and nothing is read. */
int file_read_regular(const char *path, size_t max_octets, char **ret_text, size_t *ret_len);

#endif
