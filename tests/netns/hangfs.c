/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file system that can hang, for real: hangfs DIR FILE FLAG serves FILE as DIR/inventory (FUSE,
 * spoken by hand). While FLAG exists it takes requests and does not answer them, so who asked
 * sleeps where no signal reaches it (state D), and FLAG.waits exists while anybody does. All is
 * answered when FLAG is gone. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NODE 2
#define HELD_MAX 256
#define REQUEST_MAX 135168 /* the kernel wants room for the largest write */

static int dev;
static const char *file;

static void answer(const struct fuse_in_header *in, int error, const void *data, size_t len)
{
	static char buf[REQUEST_MAX];
	struct fuse_out_header out = { .error = error, .unique = in->unique };

	if (error)
		len = 0;
	out.len = (uint32_t)(sizeof(out) + len);
	memcpy(buf, &out, sizeof(out));
	if (len)
		memcpy(buf + sizeof(out), data, len);
	if (write(dev, buf, out.len) < 0 && errno != ENOENT) /* who asked may be gone */
		perror("hangfs: answer");
}

/* Returns -errno when FILE is not there. */
static int attributes(uint64_t node, struct fuse_attr *ret)
{
	struct stat st;

	memset(ret, 0, sizeof(*ret));
	ret->ino = node;
	ret->nlink = 1;
	ret->mode = S_IFDIR | 0755;
	if (node != FILE_NODE)
		return 0;
	if (stat(file, &st) < 0)
		return -errno;
	ret->mode = S_IFREG | (st.st_mode & 0777);
	ret->size = (uint64_t)st.st_size;
	ret->mtime = (uint64_t)st.st_mtim.tv_sec;
	ret->mtimensec = (uint32_t)st.st_mtim.tv_nsec;
	return 0;
}

static void do_lookup(const struct fuse_in_header *in, const char *name)
{
	struct fuse_entry_out out = { .nodeid = FILE_NODE };
	int error = strcmp(name, "inventory") ? -ENOENT : attributes(FILE_NODE, &out.attr);

	answer(in, error, &out, sizeof(out));
}

static void do_getattr(const struct fuse_in_header *in)
{
	struct fuse_attr_out out = { .attr_valid = 0 };
	int error = attributes(in->nodeid, &out.attr);

	answer(in, error, &out, sizeof(out));
}

static void do_read(const struct fuse_in_header *in, const struct fuse_read_in *r)
{
	static char buf[REQUEST_MAX - sizeof(struct fuse_out_header)];
	size_t size = r->size < sizeof(buf) ? r->size : sizeof(buf);
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread(fd, buf, size, (off_t)r->offset);

	answer(in, n < 0 ? -errno : 0, buf, n < 0 ? 0 : (size_t)n);
	if (fd >= 0)
		close(fd);
}

static void serve(const char *request)
{
	const struct fuse_in_header *in = (const void *)request;
	const void *body = request + sizeof(*in);
	struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION,
				      .minor = 23,
				      .max_write = 4096 };
	struct fuse_open_out opened = { .open_flags = FOPEN_DIRECT_IO };

	switch (in->opcode) {
	case FUSE_INIT:
		answer(in, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		do_lookup(in, body);
		break;
	case FUSE_GETATTR:
		do_getattr(in);
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		answer(in, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		do_read(in, body);
		break;
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_FLUSH:
		answer(in, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT: /* the point of it all */
		break;
	default:
		answer(in, -ENOSYS, NULL, 0);
	}
}

static bool wants_answer(const char *request)
{
	uint32_t opcode = ((const struct fuse_in_header *)(const void *)request)->opcode;

	return opcode != FUSE_INTERRUPT && opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET;
}

static void run(const char *flag, const char *waits)
{
	static char buf[REQUEST_MAX];
	char *held[HELD_MAX];
	size_t n_held = 0;

	for (;;) {
		struct pollfd pfd = { .fd = dev, .events = POLLIN };
		bool hangs = access(flag, F_OK) == 0;
		ssize_t n;

		if (!hangs && n_held) {
			for (size_t i = 0; i < n_held; i++) {
				serve(held[i]);
				free(held[i]);
			}
			n_held = 0;
			unlink(waits);
		}
		if (poll(&pfd, 1, 20) <= 0)
			continue;
		n = read(dev, buf, sizeof(buf));
		if (n < 0 && errno == ENODEV)
			return; /* unmounted */
		if (n < (ssize_t)sizeof(struct fuse_in_header))
			continue;
		if (access(flag, F_OK) == 0 && wants_answer(buf) && n_held < HELD_MAX) {
			held[n_held] = malloc((size_t)n + 1);
			if (!held[n_held])
				abort();
			memcpy(held[n_held++], buf, (size_t)n);
			close(open(waits, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
		} else {
			serve(buf);
		}
	}
}

int main(int argc, char **argv)
{
	char options[128], waits[4096];

	if (argc != 4) {
		fputs("usage: hangfs DIR FILE FLAG\n", stderr);
		return 2;
	}
	file = argv[2];
	snprintf(waits, sizeof(waits), "%s.waits", argv[3]);
	dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other",
		 dev);
	if (dev < 0 || mount("hangfs", argv[1], "fuse", MS_NOSUID | MS_NODEV, options) < 0) {
		perror("hangfs");
		return 1;
	}
	run(argv[3], waits);
	return 0;
}
