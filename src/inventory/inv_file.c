/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parser of inventory lines. Octets are gathered into a line, and the line is split into
 * words in place. Nothing of it goes into the part until all its words have been checked. */
#include "inventory/inv_file.h"

#include "base/ifname.h"
#include "base/plain.h"
#include "base/xalloc.h"
#include "inventory/inv_id.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct inv_file {
	struct inv_part *part;
	char *line; /* the line being gathered; room for INV_FILE_LINE_MAX and a NUL */
	size_t len;
	bool too_long; /* the line is longer: skip to its end */
	bool has_nul;
	bool any; /* octets were fed */
	bool told_cr;
	unsigned number; /* of the line being gathered */
	size_t bad; /* lines left out */
};

/* Blank lines and comments are good. A line whose container id is refused has been read. */
enum line_is { LINE_GOOD, LINE_REFUSED, LINE_UNREAD };

/* A word of a line, unquoted. */
struct word {
	char *text;
	char *value; /* what follows the first '=' outside quotes, NULL when there is none */
};

/* A parsed line. */
struct line {
	struct word *words;
	size_t n, cap;
	const char *name, *link;
	enum inv_run run;
	pid_t pid; /* 0: not given */
	struct billing_quota quota;
};

struct inv_file *inv_file_new(struct inv_part *part)
{
	struct inv_file *f = xcalloc(1, sizeof(*f));

	f->part = part;
	f->line = xmalloc(INV_FILE_LINE_MAX + 1);
	f->number = 1;
	return f;
}

void inv_file_free(struct inv_file *f)
{
	if (!f)
		return;
	free(f->line);
	free(f);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Does it look like a blank, although it separates no words here? The next word would become
 * part of this one, and the author could not see why. */
static bool is_false_blank(const char *at)
{
	uint32_t code = 0;

	if (*at == '\v' || *at == '\f' || *at == '\r')
		return true;
	/* A no-break space in Latin-1, which is not UTF-8. */
	return plain_next(at, &code) ? inv_is_odd_space(code) : *at == '\xa0';
}

/* Take one word off *p, unquoting it in place. Returns NULL, or what is wrong with the word. */
static const char *take_word(char **p, struct word *ret_word)
{
	char *from = *p, *to = from, *next_char = from;
	bool quoted = false, escaped = false;

	*ret_word = (struct word) { .text = to };
	for (; *from && (quoted || !is_blank(*from)); from++) {
		uint32_t code;

		if (from == next_char) {
			size_t len = plain_next(from, &code);

			next_char += len ? len : 1;
			if (!quoted && is_false_blank(from))
				return "it has a character that looks like a space but is not one "
				       "(no-break space?)";
		}
		if (quoted && !escaped && *from == '\\') {
			escaped = true;
			continue;
		}
		if (escaped && *from != '"' && *from != '\\')
			return "a \\ in quotes must be followed by \" or \\";
		if (!escaped && *from == '"') {
			quoted = !quoted;
			continue;
		}
		escaped = false;
		if (!quoted && *from == '=' && !ret_word->value) {
			*to++ = '\0';
			ret_word->value = to;
		} else {
			*to++ = *from;
		}
	}
	if (quoted)
		return "a quote is not closed";
	*p = from + (*from != '\0');
	*to = '\0';
	return NULL;
}

static const char *split(char *text, struct line *line)
{
	const char *wrong;

	for (;;) {
		while (is_blank(*text))
			text++;
		if (!*text || *text == '#')
			return NULL;
		line->words = xgrow(line->words, line->n, &line->cap, sizeof(*line->words));
		wrong = take_word(&text, &line->words[line->n]);
		if (wrong)
			return wrong;
		line->n++;
	}
}

/* Returns NULL, or what is wrong with the value. */
static const char *read_pid(struct line *line, const char *value)
{
	char *end;
	long pid;

	if (line->pid)
		return "pid is given twice";
	errno = 0;
	pid = strtol(value, &end, 10);
	if (*value < '1' || *value > '9' || *end || errno || pid > INT_MAX)
		return "pid must be the number of a process";
	line->pid = (pid_t)pid;
	return NULL;
}

/* Returns NULL, or what is wrong with the word. */
static const char *read_quota(struct line *line, const struct word *w)
{
	if (!strcmp(w->text, "quota")) {
		if (line->quota.octets)
			return "quota is given twice";
		if (billing_parse_quota(w->value, &line->quota.octets, NULL) < 0)
			return "quota must be a number of octets such as 2TB (10^12), 2TiB (2^40) "
			       "or none";
	} else if (!strcmp(w->text, "quota-counts")) {
		if (line->quota.counts)
			return "quota-counts is given twice";
		line->quota.counts = billing_counts_parse(w->value);
		if (!line->quota.counts)
			return "quota-counts must be one of " BILLING_COUNTS_WORDS;
	} else {
		return "unknown key: the keys are name=, state=, link=, pid=, quota= and "
		       "quota-counts=";
	}
	return NULL;
}

/* Returns NULL, or what is wrong with the word. */
static const char *read_value(struct line *line, const struct word *w, bool *has_state)
{
	if (!strcmp(w->text, "name")) {
		if (line->name)
			return "name is given twice";
		line->name = w->value;
	} else if (!strcmp(w->text, "state")) {
		if (*has_state)
			return "state is given twice";
		*has_state = true;
		if (strcmp(w->value, "running") && strcmp(w->value, "stopped"))
			return "state must be running or stopped";
		line->run = *w->value == 'r' ? INV_RUN_RUNNING : INV_RUN_STOPPED;
	} else if (!strcmp(w->text, "link")) {
		if (line->link)
			return "link is given twice (write a line for each link)";
		if (!ifname_is_valid(w->value, strlen(w->value)))
			return "link must be the name of a network interface";
		line->link = w->value;
	} else if (!strcmp(w->text, "pid")) {
		return read_pid(line, w->value);
	} else {
		return read_quota(line, w);
	}
	return NULL;
}

/* Read the words with a '='. Returns NULL, or what is wrong with the word *ret_i. */
static const char *read_values(struct line *line, size_t *ret_i)
{
	bool has_state = false;

	for (size_t i = 0; i < line->n; i++) {
		const struct word *w = &line->words[i];
		const char *wrong;

		*ret_i = i;
		if (!i && w->value)
			return "it must begin with the container's id";
		wrong = w->value ? read_value(line, w, &has_state) : NULL;
		if (wrong)
			return wrong;
	}
	return NULL;
}

static enum line_is unread(struct inv_file *f, const char *wrong)
{
	inv_part_complain(f->part, f->number, "line left out: %s", wrong);
	return LINE_UNREAD;
}

static enum line_is read_words(struct inv_file *f, struct line *line)
{
	const char *wrong = split(f->line, line);
	size_t at = 0, addresses = 0;
	struct addr a;

	if (wrong) {
		inv_part_complain(f->part, f->number, "line left out: %s: \"%.80s\"", wrong,
				  line->words[0].text);
		return LINE_UNREAD;
	}
	if (!line->n)
		return LINE_GOOD;
	wrong = read_values(line, &at);
	if (wrong) {
		inv_part_complain(f->part, f->number, "line left out: %s: \"%.80s%s%.80s\" (%.80s)",
				  wrong, line->words[at].text, line->words[at].value ? "=" : "",
				  line->words[at].value ? line->words[at].value : "",
				  line->words[0].text);
		return LINE_UNREAD;
	}
	for (size_t i = 1; i < line->n; i++)
		addresses += !line->words[i].value;
	if (!addresses && addr_parse(line->words[0].text, &a) == 0) {
		inv_part_complain(f->part, f->number,
				  "line left out: container \"%s\" has no address: is an id "
				  "missing before it?",
				  line->words[0].text);
		return LINE_UNREAD;
	}
	if (inv_part_container(f->part, f->number, line->words[0].text, line->name, line->run) < 0)
		return LINE_REFUSED;
	inv_part_link(f->part, line->link);
	inv_part_pid(f->part, line->pid);
	inv_part_quota(f->part, line->quota);
	for (size_t i = 1; i < line->n; i++)
		if (!line->words[i].value)
			inv_part_address(f->part, f->number, line->words[i].text);
	return LINE_GOOD;
}

static enum line_is read_line(struct inv_file *f)
{
	struct line line = { .run = INV_RUN_UNKNOWN };
	enum line_is what;

	if (f->too_long)
		return unread(f, "it is longer than 64 KiB");
	if (f->has_nul)
		return unread(f, "it has a NUL octet");
	if (f->len && f->line[f->len - 1] == '\r') {
		f->len--;
		if (!f->told_cr)
			inv_part_complain(f->part, f->number,
					  "lines end in CR LF; the CR is ignored");
		f->told_cr = true;
	}
	f->line[f->len] = '\0';
	/* Some editors begin a file with a byte order mark, which is no part of an id. */
	if (f->number == 1 && !strncmp(f->line, "\xef\xbb\xbf", 3))
		memset(f->line, ' ', 3);
	what = read_words(f, &line);
	free(line.words);
	return what;
}

static void end_line(struct inv_file *f)
{
	enum line_is what = read_line(f);

	if (what == LINE_UNREAD)
		inv_part_doubt(f->part, f->number);
	if (what != LINE_GOOD)
		f->bad++;
	f->len = 0;
	f->too_long = f->has_nul = false;
	f->number++;
}

void inv_file_feed(struct inv_file *f, const char *data, size_t len)
{
	const char *end = data + len;

	f->any = f->any || len;
	while (data < end) {
		const char *newline = memchr(data, '\n', (size_t)(end - data));
		size_t n = (size_t)((newline ? newline : end) - data);

		if (f->too_long || n > INV_FILE_LINE_MAX - f->len) {
			f->too_long = true;
		} else {
			memcpy(f->line + f->len, data, n);
			f->len += n;
			f->has_nul = f->has_nul || memchr(data, '\0', n);
		}
		data += n + (newline != NULL);
		if (newline)
			end_line(f);
	}
}

int inv_file_finish(struct inv_file *f, struct err *e)
{
	if (!f->any) {
		err_set(e, "empty; if there really are no containers, say so in a # comment line");
		return -ENODATA;
	}
	if (f->len || f->too_long) {
		err_set(e,
			"cut off: line %u has no newline at its end (is it still being written?)",
			f->number);
		return -EPIPE;
	}
	if (f->bad && !inv_part_containers(f->part)) {
		err_set(e, "no line is usable (%zu left out)", f->bad);
		return -ENODATA;
	}
	return 0;
}

int inv_file_parse(struct inv_part *part, const char *data, size_t len, struct err *e)
{
	struct inv_file *f = inv_file_new(part);
	int ret;

	inv_file_feed(f, data, len);
	ret = inv_file_finish(f, e);
	inv_file_free(f);
	return ret;
}
