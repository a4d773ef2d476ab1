/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket's server: whatever a client sends, it gets one line, a JSON object, or
 * nothing when it said nothing. The first octet says in how many pieces it comes. */
#define FUZZ_INITIALIZE /* its own */
#include "control/ctl.h"
#include "fuzz.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[] = "/dev/shm/ctmeter-fuzz-XXXXXX";
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static struct loop *loop;
static struct ctl *ctl;

/* What a daemon would do with it: look at the command and what it is about. */
static void handle(void *arg, struct ctl_request *req)
{
	json_t *answer = json_object();

	(void)arg;
	REQUIRE(ctl_request_command(req) && json_is_object(ctl_request_json(req)));
	if (*ctl_request_command(req) == 'e') {
		json_decref(answer);
		ctl_reply_error(req, "no %s", ctl_request_command(req));
		return;
	}
	json_object_set_new(answer, "echo", json_string(ctl_request_command(req)));
	ctl_reply(req, answer);
}

static void clean_up(void)
{
	ctl_free(ctl);
	loop_free(loop);
	rmdir(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	REQUIRE(mkdtemp(dir) != NULL);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", dir);
	loop = loop_new();
	REQUIRE(ctl_new(address.sun_path, loop, handle, NULL, &ctl, NULL) == 0);
	atexit(clean_up);
	return 0;
}

static void send_pieces(int fd, const uint8_t *data, size_t len, size_t pieces)
{
	size_t piece = len / pieces + 1;

	while (len) {
		ssize_t n = send(fd, data, len < piece ? len : piece, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN) {
			loop_run_once(loop, 0);
			continue;
		}
		if (n < 0)
			break; /* it has heard enough */
		data += n;
		len -= (size_t)n;
		loop_run_once(loop, 0);
	}
	shutdown(fd, SHUT_WR);
}

static size_t read_answer(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, text + len, size - len, MSG_DONTWAIT)) != 0) {
		if (n > 0)
			len += (size_t)n;
		else if (errno == ECONNRESET)
			break;
		else
			loop_run_once(loop, 1);
		REQUIRE(len < size);
	}
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t pieces = 1 + fuzz_choice(&data, &len) % 4, size = 256 * 1024, n;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char *text = xmalloc(size);
	json_t *answer;

	REQUIRE(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	send_pieces(fd, data, len, pieces);
	n = read_answer(fd, text, size);
	if (n) {
		REQUIRE(text[n - 1] == '\n' && !memchr(text, '\n', n - 1));
		answer = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
		REQUIRE(json_is_object(answer));
		json_decref(answer);
	}
	close(fd);
	free(text);
	return 0;
}
