/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include "base/plain.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum log_level max_level = LOG_LEVEL_INFO;
static log_sink_fn *sink;
static void *sink_arg;
static bool to_journal;

void log_set_level(enum log_level level)
{
	max_level = level;
}

void log_set_sink(log_sink_fn *fn, void *arg)
{
	sink = fn;
	sink_arg = arg;
}

/* systemd.exec(5): JOURNAL_STREAM is the device and inode of the stream it connected; stderr may
 * have been redirected since. */
void log_open(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	to_journal = stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
		     fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

static void log_line(enum log_level level, const char *subsystem, const char *fmt, va_list ap)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };
	static const int priorities[] = { 3, 4, 6, 7 }; /* syslog(3)'s */
	char text[1024];

	if (level > max_level)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	plain_clean(text);
	if (sink)
		sink(sink_arg, level, text);
	else if (to_journal)
		fprintf(stderr, "<%d>%s: %s\n", priorities[level], subsystem, text);
	else
		fprintf(stderr, "%s %s: %s\n", names[level], subsystem, text);
}

#define LOG_FUNCTION(name, level)                              \
	void name(const char *subsystem, const char *fmt, ...) \
	{                                                      \
		va_list ap;                                    \
                                                               \
		va_start(ap, fmt);                             \
		log_line(level, subsystem, fmt, ap);           \
		va_end(ap);                                    \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
