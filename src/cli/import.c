/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of logs and tables made before ctmeter: see import.h. */
#include "cli/import.h"

#include "base/xalloc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define FIELDS_MAX 32
#define BLANKS " \t"

enum column { COLUMN_TIME, COLUMN_ADDRESS, COLUMN_OCTETS, COLUMNS };

/* An address and its last line. */
struct seen {
	struct addr addr;
	size_t number;
	struct tm said;
	int64_t measured_s;
	uint64_t octets;
};

struct import {
	bool utc;
	int64_t now_s;
	char separator; /* of a CSV; '\0': a log; '?': unknown yet */
	int columns[COLUMNS]; /* of a CSV */
	struct seen *seen; /* sorted by address */
	size_t n_seen, cap_seen;
};

/* The texts of a line. */
struct texts {
	const char *time, *address, *octets; /* octets NULL: none */
};

struct import *import_new(bool utc, int64_t now_s)
{
	struct import *p = xcalloc(1, sizeof(*p));

	p->utc = utc;
	p->now_s = now_s;
	p->separator = '?';
	return p;
}

void import_free(struct import *p)
{
	if (!p)
		return;
	free(p->seen);
	free(p);
}

size_t import_addresses(const struct import *p)
{
	return p->n_seen;
}

/* ---- values ---- */

static bool take_number(const char **at, int digits, int *ret)
{
	int n = 0;

	for (int i = 0; i < digits; i++) {
		char c = (*at)[i];

		if (c < '0' || c > '9')
			return false;
		n = n * 10 + (c - '0');
	}
	*at += digits;
	*ret = n;
	return true;
}

static bool take_char(const char **at, const char *set)
{
	if (!**at || !strchr(set, **at))
		return false;
	++*at;
	return true;
}

/* "2026-11-01 10:00:03", with a T in the middle, or without seconds. */
static bool parse_time(const char *text, struct tm *ret)
{
	struct tm tm = { .tm_sec = 0 };

	if (!take_number(&text, 4, &tm.tm_year) || !take_char(&text, "-") ||
	    !take_number(&text, 2, &tm.tm_mon) || !take_char(&text, "-") ||
	    !take_number(&text, 2, &tm.tm_mday) || !take_char(&text, " T") ||
	    !take_number(&text, 2, &tm.tm_hour) || !take_char(&text, ":") ||
	    !take_number(&text, 2, &tm.tm_min))
		return false;
	if (take_char(&text, ":") && !take_number(&text, 2, &tm.tm_sec))
		return false;
	if (*text || tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
	    tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	*ret = tm;
	return true;
}

static bool same_time(const struct tm *a, const struct tm *b)
{
	return a->tm_year == b->tm_year && a->tm_mon == b->tm_mon && a->tm_mday == b->tm_mday &&
	       a->tm_hour == b->tm_hour && a->tm_min == b->tm_min && a->tm_sec == b->tm_sec;
}

/* The moment of a local time, in summer time or not. False: that time does not exist. */
static bool moment(const struct import *p, const struct tm *said, int isdst, int64_t *ret_s)
{
	struct tm tm = *said;

	tm.tm_isdst = isdst;
	*ret_s = p->utc ? timegm(&tm) : mktime(&tm);
	return same_time(&tm, said) && (p->utc || tm.tm_isdst == isdst);
}

/* Digits, or the form in which some awks print a large sum: 2.14748e+09. */
static bool parse_octets(const char *text, uint64_t *ret, bool *ret_rounded)
{
	bool point = false, digits = false, rounded = false;
	uint64_t n = 0;
	int after = 0, exponent = 0;

	for (; (*text >= '0' && *text <= '9') || (*text == '.' && !point); text++) {
		if (*text == '.') {
			point = true;
			continue;
		}
		if (n > (INT64_MAX - (uint64_t)(*text - '0')) / 10)
			return false;
		n = n * 10 + (uint64_t)(*text - '0');
		after += point;
		digits = true;
	}
	if (digits && take_char(&text, "eE")) {
		take_char(&text, "+");
		rounded = take_number(&text, 2, &exponent);
		if (!rounded)
			return false;
	}
	if (!digits || *text || exponent < after || (point && !rounded))
		return false;
	for (int i = after; i < exponent; i++) {
		if (n > INT64_MAX / 10)
			return false;
		n *= 10;
	}
	*ret = n;
	*ret_rounded = rounded;
	return true;
}

/* ---- lines ---- */

static char *trim(char *text)
{
	char *end;

	text += strspn(text, BLANKS);
	end = text + strlen(text);
	while (end > text && strchr(BLANKS "\r\n", end[-1]))
		*--end = '\0';
	return text;
}

/* "DATE TIME ADDRESS [OCTETS]", or DATETTIME in one. False: the wrong number of words. */
static bool split_log(char *line, struct texts *ret)
{
	char *save = NULL, *words[5];
	size_t n = 0, first;

	for (char *w = strtok_r(line, BLANKS, &save); w; w = strtok_r(NULL, BLANKS, &save)) {
		if (n == ARRAY_LEN(words))
			return false;
		words[n++] = w;
	}
	first = n && strchr(words[0], 'T') ? 1 : 2;
	if (n < first + 1 || n > first + 2)
		return false;
	/* Join date and time again; they are adjacent in the line. */
	if (first == 2) {
		char *end = words[0] + strlen(words[0]);

		*end++ = ' ';
		memmove(end, words[1], strlen(words[1]) + 1);
	}
	ret->time = words[0];
	ret->address = words[first];
	ret->octets = n > first + 1 ? words[first + 1] : NULL;
	return true;
}

/* The next field, unquoted. *at moves behind it, or becomes NULL at the end. */
static char *next_field(char **at, char separator)
{
	char *from = *at, *to = *at, *field = *at;
	bool quoted = *from == '"';

	from += quoted;
	for (; *from && (quoted || *from != separator); from++) {
		if (quoted && *from == '"' && from[1] != '"') {
			quoted = false;
			continue;
		}
		from += quoted && *from == '"';
		*to++ = *from;
	}
	*at = *from ? from + 1 : NULL;
	*to = '\0';
	return trim(field);
}

static int split_csv(char *line, char separator, char *fields[FIELDS_MAX])
{
	int n = 0;

	while (line && n < FIELDS_MAX)
		fields[n++] = next_field(&line, separator);
	return line ? 0 : n;
}

/* ---- recognizing the format ---- */

static const char *const titles[COLUMNS][4] = {
	[COLUMN_TIME] = { "measuringtime", "time", "date", "datetime" },
	[COLUMN_ADDRESS] = { "ip", "ipaddress", "ip_address", "address" },
	[COLUMN_OCTETS] = { "bytes", "octets", "traffic", "sum" },
};

static bool is_title(enum column c, const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(titles[c]); i++)
		if (!strcasecmp(titles[c][i], text))
			return true;
	return false;
}

static bool is_value(enum column c, const char *text)
{
	uint64_t octets;
	struct addr addr;
	bool rounded;
	struct tm tm;

	if (c == COLUMN_TIME)
		return parse_time(text, &tm);
	if (c == COLUMN_ADDRESS)
		return addr_parse(text, &addr) == 0;
	return parse_octets(text, &octets, &rounded);
}

/* Find each column exactly once. Without titles there must be no other columns, since one of them
 * could be the octets. */
static bool find_columns(char *const *fields, int n, bool (*is)(enum column c, const char *text),
			 int ret[COLUMNS])
{
	for (int c = 0; c < COLUMNS; c++) {
		ret[c] = -1;
		for (int i = 0; i < n; i++) {
			if (!is((enum column)c, fields[i]))
				continue;
			if (ret[c] >= 0)
				return false;
			ret[c] = i;
		}
		if (ret[c] < 0)
			return false;
	}
	return true;
}

/* Is it a line of a log? Each word is checked, so that a CSV is not mistaken for one. */
static bool is_log(const char *line)
{
	char copy[IMPORT_LINE_MAX + 1];
	struct texts t;

	snprintf(copy, sizeof(copy), "%s", line);
	return split_log(copy, &t) && is_value(COLUMN_TIME, t.time) &&
	       is_value(COLUMN_ADDRESS, t.address) &&
	       (!t.octets || is_value(COLUMN_OCTETS, t.octets));
}

/* Returns 1 for a line of values, 0 for the titles of a CSV, -EINVAL for anything else. */
static int recognize(struct import *p, const char *line, struct err *e)
{
	char copy[IMPORT_LINE_MAX + 1], *fields[FIELDS_MAX];

	if (is_log(line)) {
		p->separator = '\0';
		return 1;
	}
	for (const char *s = ",;\t"; *s; s++) {
		int n;

		snprintf(copy, sizeof(copy), "%s", line);
		n = split_csv(copy, *s, fields);
		p->separator = *s;
		if (n >= COLUMNS && find_columns(fields, n, is_title, p->columns))
			return 0;
		if (n == COLUMNS && find_columns(fields, n, is_value, p->columns))
			return 1;
	}
	p->separator = '?';
	err_set(e,
		"\"%.60s\" is neither a line of a log (DATE TIME ADDRESS OCTETS) nor of a CSV: a "
		"CSV "
		"needs a first line with the titles ip, measuringtime and bytes",
		line);
	return -EINVAL;
}

static int split(const struct import *p, char *line, struct texts *ret, struct err *e)
{
	char *fields[FIELDS_MAX];
	int n;

	if (!p->separator) {
		if (split_log(line, ret))
			return 0;
		err_set(e, "expected DATE TIME ADDRESS OCTETS: correct the line or remove it");
		return -EINVAL;
	}
	n = split_csv(line, p->separator, fields);
	for (int c = 0; c < COLUMNS; c++) {
		if (p->columns[c] < n)
			continue;
		err_set(e, "too few columns (%d): correct the line or remove it", n);
		return -EINVAL;
	}
	ret->time = fields[p->columns[COLUMN_TIME]];
	ret->address = fields[p->columns[COLUMN_ADDRESS]];
	ret->octets = fields[p->columns[COLUMN_OCTETS]];
	return 0;
}

/* ---- one line ---- */

/* The entry of the address; a new one has said.tm_year 0. NULL: too many addresses. */
static struct seen *find_seen(struct import *p, const struct addr *addr)
{
	size_t low = 0, high = p->n_seen;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = addr_cmp(&p->seen[mid].addr, addr);

		if (!order)
			return &p->seen[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (p->n_seen == IMPORT_ADDRESSES_MAX)
		return NULL;
	p->seen = xgrow(p->seen, p->n_seen, &p->cap_seen, sizeof(*p->seen));
	memmove(&p->seen[low + 1], &p->seen[low], (p->n_seen - low) * sizeof(*p->seen));
	p->seen[low] =
		(struct seen) { .addr = *addr, .number = p->n_seen, .measured_s = INT64_MIN };
	p->n_seen++;
	return &p->seen[low];
}

/* The moment of the local time `said`; `s` is the address's last line. */
static int find_moment(const struct import *p, const char *text, const struct tm *said,
		       const struct seen *s, int64_t *ret_s, struct err *e)
{
	int64_t summer_s, winter_s;
	bool summer = moment(p, said, 1, &summer_s), winter = moment(p, said, 0, &winter_s);

	if (!summer && !winter) {
		err_set(e,
			"%s does not exist in the present time zone: --utc reads times as UTC, "
			"TZ=Area/City before the command reads them in another zone",
			text);
		return -EINVAL;
	}
	*ret_s = summer ? summer_s : winter_s;
	if (summer && winter && summer_s != winter_s && s->measured_s >= summer_s)
		*ret_s = winter_s;
	if (*ret_s <= p->now_s)
		return 0;
	err_set(e,
		"%s is in the future: is it of another time zone? --utc reads times as UTC, "
		"TZ=Area/City before the command reads them in another zone",
		text);
	return -EINVAL;
}

static int take_values(struct import *p, const struct texts *t, struct import_line *ret,
		       struct err *e)
{
	struct import_line line = { .octets = 0 };
	struct seen *s;
	struct tm said;

	if (addr_parse(t->address, &line.addr) < 0)
		err_set(e, "%.60s is not an IP address: correct the line or remove it", t->address);
	else if (!parse_time(t->time, &said))
		err_set(e, "%.60s is not a time: write YYYY-MM-DD HH:MM:SS", t->time);
	else if (t->octets && *t->octets && !parse_octets(t->octets, &line.octets, &line.rounded))
		err_set(e, "%.60s is not a number of octets: write digits only", t->octets);
	else if (!(s = find_seen(p, &line.addr)))
		err_set(e, "more than %d addresses: import the file in parts",
			IMPORT_ADDRESSES_MAX);
	else if (same_time(&said, &s->said) && line.octets == s->octets)
		return 0;
	else if (find_moment(p, t->time, &said, s, &line.measured_s, e) == 0) {
		line.address = s->number;
		s->said = said;
		s->measured_s = line.measured_s;
		s->octets = line.octets;
		if (!line.octets)
			return 0;
		*ret = line;
		return 1;
	}
	return -EINVAL;
}

int import_take(struct import *p, char *line, struct import_line *ret, struct err *e)
{
	struct texts t;
	int rc = 1;

	if (strlen(line) > IMPORT_LINE_MAX) {
		err_set(e, "longer than %d octets: is this a log or a CSV?", IMPORT_LINE_MAX);
		return -EINVAL;
	}
	if (!strncmp(line, "\xef\xbb\xbf", 3)) /* a byte order mark */
		line += 3;
	/* Keep leading and trailing tabs: they may be empty fields of a CSV. */
	line[strcspn(line, "\r\n")] = '\0';
	if (!line[strspn(line, BLANKS)] || *line == '#')
		return 0;
	if (p->separator == '?')
		rc = recognize(p, line, e);
	if (rc <= 0)
		return rc;
	rc = split(p, line, &t, e);
	return rc < 0 ? rc : take_values(p, &t, ret, e);
}
