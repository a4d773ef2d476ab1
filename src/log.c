/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>

static enum log_level max_level = LOG_LEVEL_INFO;
static log_sink_fn *sink;
static void *sink_arg;

void log_set_level(enum log_level level)
{
	max_level = level;
}

void log_set_sink(log_sink_fn *fn, void *arg)
{
	sink = fn;
	sink_arg = arg;
}

static void log_line(enum log_level level, const char *subsystem, const char *fmt, va_list ap)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };
	char text[1024];

	if (level > max_level)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	if (sink)
		sink(sink_arg, level, text);
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
