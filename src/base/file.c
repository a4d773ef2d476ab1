/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"

#include "base/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_OCTETS 4096

static int check_regular(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

/* Read fd to its end. *ret_text is for free() even on failure. */
static int read_to_end(int fd, size_t max_octets, char **ret_text, size_t *ret_len)
{
	size_t len = 0, cap = FIRST_OCTETS;
	char *text = xmalloc(cap);
	ssize_t n;

	while ((n = read(fd, text + len, cap - len - 1)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0)
			len += (size_t)n;
		if (n < 0 || len > max_octets)
			break;
		if (cap - len == 1) {
			cap *= 2;
			text = xreallocarray(text, cap, 1);
		}
	}
	text[len] = '\0';
	*ret_text = text;
	*ret_len = len;
	return n < 0 ? -errno : n > 0 ? -EFBIG : 0;
}

static int read_file(const char *path, bool regular, size_t max_octets, char **ret_text,
		     size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), ret;
	char *text = NULL;
	size_t len = 0;

	if (fd < 0)
		return -errno;
	ret = regular ? check_regular(fd) : 0;
	if (!ret)
		ret = read_to_end(fd, max_octets, &text, &len);
	close(fd);
	if (ret < 0) {
		free(text);
		return ret;
	}
	*ret_text = text;
	if (ret_len)
		*ret_len = len;
	return 0;
}

int file_read(const char *path, size_t max_octets, char **ret_text, size_t *ret_len)
{
	return read_file(path, false, max_octets, ret_text, ret_len);
}

int file_read_regular(const char *path, size_t max_octets, char **ret_text, size_t *ret_len)
{
	return read_file(path, true, max_octets, ret_text, ret_len);
}
