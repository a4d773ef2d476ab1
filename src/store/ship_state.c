/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/ship_state.h"

#include "base/file.h"
#include "base/period.h"
#include "base/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT "ctmeter-ship 1"

static char *state_path(const char *ledger)
{
	char *copy = xstrdup(ledger), *path = xasprintf("%s/ship.state", dirname(copy));

	free(copy);
	return path;
}

void ship_state_say(const struct ship_state *s, char text[SHIP_STATE_TEXT_SIZE])
{
	char at[PERIOD_TEXT_SIZE], until[PERIOD_TEXT_SIZE];

	if (s->failing_since_s)
		snprintf(text, SHIP_STATE_TEXT_SIZE, "nothing is shipped since %s: %s",
			 period_local(s->failing_since_s, PERIOD_MINUTE, at), s->error);
	else if (s->backlog)
		snprintf(text, SHIP_STATE_TEXT_SIZE,
			 "a backlog is being shipped: hours until %s are there",
			 period_local(s->until_s, PERIOD_MINUTE, until));
	else
		snprintf(text, SHIP_STATE_TEXT_SIZE, "shipped at %s: all hours until %s are there",
			 period_local(s->at_s, PERIOD_MINUTE, at),
			 period_local(s->until_s, PERIOD_MINUTE, until));
}

static bool parse(const char *text, struct ship_state *s)
{
	int backlog = 0, at = 0;

	if (sscanf(text, FORMAT " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %d%n", &s->at_s,
		   &s->failing_since_s, &s->shipped_s, &s->until_s, &backlog, &at) < 5 ||
	    text[at] != '\n')
		return false;
	s->backlog = backlog != 0;
	snprintf(s->error, sizeof(s->error), "%.*s", (int)strcspn(text + at + 1, "\n"),
		 text + at + 1);
	return true;
}

int ship_state_read(const char *ledger, struct ship_state *ret)
{
	char *path = state_path(ledger), *text = NULL;
	struct ship_state s = { .at_s = 0 };
	int rc = file_read_regular(path, 4096, &text, NULL);

	if (!rc && !parse(text, &s))
		rc = -EINVAL;
	if (!rc)
		*ret = s;
	free(text);
	free(path);
	return rc;
}

/* A new file takes the place of the old one: a reader sees either. */
int ship_state_write(const char *ledger, const struct ship_state *s)
{
	char *path = state_path(ledger), *new = xasprintf("%s.new", path);
	int fd = -1, rc = 0;
	FILE *f;

	unlink(new); /* what a run left that was killed */
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!f) {
		rc = -errno;
	} else {
		fprintf(f, FORMAT " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %d\n%.*s\n",
			s->at_s, s->failing_since_s, s->shipped_s, s->until_s, s->backlog,
			(int)strcspn(s->error, "\n"), s->error);
		if (fclose(f) || rename(new, path) < 0)
			rc = -errno;
	}
	free(new);
	free(path);
	return rc;
}
