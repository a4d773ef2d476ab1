/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vzlist (OpenVZ 6 and 7), prlctl and /proc/vz/veinfo. The formats are those of vzctl's
 * src/vzlist.c, prlctl's src/PrlList.cpp and the OpenVZ kernel's veinfo_seq_show(). */
#include "inventory/inv_vz.h"

#include "base/xalloc.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* JSON values allowed per container or address; vzlist prints 6. */
#define JSON_VALUES 8

#define BLANKS " \t"

/* The sizes of vzlist's line buffer. It drops the rest of a longer line, perhaps from within an
 * address. */
static const size_t line_buffers[] = { 4096, 16384 };
#define CUT_OCTETS 8 /* a line this close to the size of a buffer may have been cut */

/* The words of vzlist and prlctl for a container's state. Transient states are unknown. */
static enum inv_run run_from_status(const char *status)
{
	static const char *const stopped[] = { "stopped", "mounted", "suspended", "paused" };

	if (!strcmp(status, "running"))
		return INV_RUN_RUNNING;
	for (size_t i = 0; i < ARRAY_LEN(stopped); i++)
		if (!strcmp(status, stopped[i]))
			return INV_RUN_STOPPED;
	return INV_RUN_UNKNOWN;
}

/* "-" means none. */
static const char *or_none(const char *text)
{
	return strcmp(text, "-") ? text : "";
}

/* Add the addresses of a blank-separated list, which is split in place. */
static void add_addresses(struct inv_part *part, unsigned line, char *list)
{
	char *save;

	for (char *w = strtok_r(list, BLANKS, &save); w; w = strtok_r(NULL, BLANKS, &save))
		if (strcmp(w, "-") != 0)
			inv_part_address(part, line, w);
}

/* ---- JSON ---- */

/* The keys of a container object; NULL: not queried. */
struct keys {
	const char *id;
	const char *name;
	const char *ip;
};

/* Only text that forges JSON can put an object or array inside a container's object, except
 * lists of strings, which vzlist prints itself. */
static bool is_flat(const json_t *value)
{
	size_t i;
	json_t *item;

	if (json_is_object(value))
		return false;
	json_array_foreach(value, i,
			   item) if (json_is_object(item) || json_is_array(item)) return false;
	return true;
}

static int fail(struct err *e, size_t at, const char *what, const char *key)
{
	err_set(e, "container %zu of the list: %s \"%s\"", at + 1, what, key);
	return -EBADMSG;
}

/* The id as text (for free()), NULL if it is not one. prlctl may put UUIDs in braces. */
static char *id_text(const json_t *id)
{
	const char *s;
	size_t len;

	if (json_is_integer(id) && json_integer_value(id) >= 0)
		return xasprintf("%lld", (long long)json_integer_value(id));
	s = json_string_value(id);
	if (!s || !*s)
		return NULL;
	len = strlen(s);
	if (len > 2 && *s == '{' && s[len - 1] == '}')
		return xstrndup(s + 1, len - 2);
	return xstrdup(s);
}

static int add_json_ips(struct inv_part *part, size_t at, const json_t *ips, const char *key,
			struct err *e)
{
	size_t n = json_is_array(ips) ? json_array_size(ips) : 1;

	if (json_is_null(ips))
		return 0;
	for (size_t i = 0; i < n; i++) {
		const json_t *item = json_is_array(ips) ? json_array_get(ips, i) : ips;
		char *list;

		if (!json_is_string(item))
			return fail(e, at, "not a string in", key);
		list = xstrdup(json_string_value(item));
		add_addresses(part, 0, list);
		free(list);
	}
	return 0;
}

static bool is_text(const json_t *value)
{
	return !value || json_is_null(value) || json_is_string(value);
}

static int add_json_container(struct inv_part *part, size_t at, const json_t *object,
			      const struct keys *keys, struct err *e)
{
	const json_t *name = keys->name ? json_object_get(object, keys->name) : NULL;
	const json_t *status = json_object_get(object, "status");
	const json_t *ips = keys->ip ? json_object_get(object, keys->ip) : NULL;
	char *id = id_text(json_object_get(object, keys->id));
	int ret = 0;

	if (!id)
		return fail(e, at, "missing or bad", keys->id);
	if (keys->ip && !ips) {
		ret = fail(e, at, "missing or bad", keys->ip);
	} else if (!is_text(name) || !is_text(status)) {
		ret = fail(e, at, "missing or bad", !is_text(name) ? keys->name : "status");
	} else if (strcmp(id, "0") != 0) {
		inv_part_container(part, 0, id,
				   json_is_string(name) ? or_none(json_string_value(name)) : NULL,
				   json_is_string(status)
					   ? run_from_status(json_string_value(status))
					   : INV_RUN_UNKNOWN);
		ret = keys->ip ? add_json_ips(part, at, ips, keys->ip, e) : 0;
	}
	free(id);
	return ret;
}

static int add_json_list(struct inv_part *part, const json_t *list, const struct keys *keys,
			 struct err *e)
{
	size_t i;
	json_t *object;

	if (!json_is_array(list)) {
		err_set(e, "not a JSON list");
		return -EBADMSG;
	}
	json_array_foreach(list, i, object)
	{
		const char *key;
		json_t *value;
		int ret;

		if (!json_is_object(object))
			return fail(e, i, "not an object with", keys->id);
		json_object_foreach((json_t *)object, key,
				    value) if (!is_flat(value)) return fail(e, i, "nested value of",
									    key);
		ret = add_json_container(part, i, object, keys, e);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* An upper bound of the number of values in the text. Each takes some 100 octets of memory, but
 * only 2 of text. */
static size_t count_values(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == ',' || text[i] == '[' || text[i] == '{';
	return n;
}

static int parse_json(struct inv_part *part, const char *text, size_t len, const struct keys *keys,
		      size_t *ret_n, struct err *e)
{
	json_error_t error;
	json_t *list;
	int ret;

	if (!len) {
		err_set(e, "printed nothing");
		return -EBADMSG;
	}
	if (count_values(text, len) / JSON_VALUES > inv_part_room(part)) {
		err_set(e, "far more values than max-rows containers could have");
		return -EBADMSG;
	}
	list = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!list) {
		err_set(e, "not JSON (line %d: %s)", error.line, error.text);
		return -EBADMSG;
	}
	ret = add_json_list(part, list, keys, e);
	*ret_n = json_array_size(list);
	json_decref(list);
	return ret;
}

/* In vzlist's layout each object's first key is on a line of its own, where no text of a
 * container's configuration can put one. Are there as many such lines as objects? True for any
 * other layout, which is not vzlist's. */
static bool layout_agrees(const char *text, size_t len, size_t n_objects)
{
	static const char begin[] = "[\n  {\n", key[] = "\n    \"ctid\": ";
	const char *end = text + len;
	size_t n = 0;

	if (len < strlen(begin) || memcmp(text, begin, strlen(begin)))
		return true;
	while ((text = memmem(text, (size_t)(end - text), key, strlen(key)))) {
		text += strlen(key);
		n++;
	}
	return n == n_objects;
}

int inv_vz_json(struct inv_part *part, const char *text, size_t len, const char *ip_key,
		struct err *e)
{
	const struct keys keys = { "ctid", NULL, ip_key };
	size_t n;
	int ret = parse_json(part, text, len, &keys, &n, e);

	if (ret == 0 && !layout_agrees(text, len, n)) {
		err_set(e, "its JSON holds another number of containers than it has \"ctid\" "
			   "lines: a container's text may have forged some");
		return -EBADMSG;
	}
	return ret;
}

int inv_vz_prlctl(struct inv_part *part, const char *text, size_t len, const char *ip_key,
		  struct err *e)
{
	const struct keys keys = { "uuid", NULL, ip_key };
	size_t n;

	return parse_json(part, text, len, &keys, &n, e);
}

int inv_vz_prlctl_names(struct inv_part *part, const char *text, size_t len, struct err *e)
{
	static const struct keys keys = { "uuid", "name", NULL };
	size_t n;

	return parse_json(part, text, len, &keys, &n, e);
}

/* ---- text ---- */

typedef const char *line_fn(struct inv_part *part, unsigned number, char *line);

/* Call fn with each line (a copy, NUL-terminated); it returns what is wrong with the line, or
 * NULL. */
static int each_line(struct inv_part *part, const char *text, size_t len, line_fn *fn,
		     struct err *e)
{
	const char *end = text + len;
	unsigned number = 0;

	if (!len)
		err_set(e, "printed nothing");
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		char *line = newline ? xstrndup(text, (size_t)(newline - text)) : NULL;
		const char *wrong = !line ? "cut off, it has no newline at its end"
				    : memchr(text, '\0', (size_t)(newline - text))
					    ? "it has a NUL octet"
					    : fn(part, number + 1, line);

		free(line);
		number++;
		if (wrong) {
			err_set(e, "line %u: %s", number, wrong);
			return -EBADMSG;
		}
		text = newline + 1;
	}
	return len ? 0 : -EBADMSG;
}

/* Take the next word off *p, NULL when there is none. */
static char *take_word(char **p)
{
	char *word = *p + strspn(*p, BLANKS);

	if (!*word)
		return NULL;
	*p = word + strcspn(word, BLANKS);
	if (**p)
		*(*p)++ = '\0';
	return word;
}

/* A number or a UUID, with which no message of vzlist begins. */
static bool is_ctid(const char *id)
{
	return id && strspn(id, "0123456789abcdefABCDEF-") == strlen(id) &&
	       strpbrk(id, "0123456789");
}

static bool is_header(const char *id)
{
	return id && (!strcmp(id, "CTID") || !strcmp(id, "VEID") || !strcmp(id, "UUID"));
}

static bool may_be_cut(size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(line_buffers); i++)
		if (len + CUT_OCTETS >= line_buffers[i] && len < line_buffers[i])
			return true;
	return false;
}

/* Drop the last word, which may be part of an address. */
static void drop_last_word(char *list)
{
	size_t n = strlen(list);

	while (n && !strchr(BLANKS, list[n - 1]))
		n--;
	list[n] = '\0';
}

static const char *columns_line(struct inv_part *part, unsigned number, char *line)
{
	bool cut = may_be_cut(strlen(line));
	char *rest = line, *id = take_word(&rest), *status;

	if (is_header(id))
		return NULL;
	status = take_word(&rest);
	if (!id)
		return "it is empty";
	if (!is_ctid(id) || !status)
		return "not \"CTID STATUS ADDRESSES\"";
	if (strspn(status, "abcdefghijklmnopqrstuvwxyz_") != strlen(status))
		return "no status in its second column";
	if (!strcmp(id, "0"))
		return NULL;
	inv_part_container(part, number, id, NULL, run_from_status(status));
	if (cut) {
		drop_last_word(rest);
		inv_part_complain(part, number,
				  "the line of container %s is as long as vzlist's buffer, so "
				  "addresses may be missing",
				  id);
		inv_part_doubt(part, number);
	}
	add_addresses(part, number, rest);
	return NULL;
}

int inv_vz_columns(struct inv_part *part, const char *text, size_t len, struct err *e)
{
	return each_line(part, text, len, columns_line, e);
}

static const char *names_line(struct inv_part *part, unsigned number, char *line)
{
	char *rest = line, *id = take_word(&rest);
	size_t len = strlen(rest);

	if (is_header(id))
		return NULL;
	if (!is_ctid(id))
		return "not \"CTID HOSTNAME\"";
	while (len && rest[len - 1] == ' ')
		rest[--len] = '\0';
	if (strcmp(id, "0") != 0)
		inv_part_container(part, number, id, or_none(rest), INV_RUN_UNKNOWN);
	return NULL;
}

int inv_vz_names(struct inv_part *part, const char *text, size_t len, struct err *e)
{
	return each_line(part, text, len, names_line, e);
}

static bool is_number(const char *word)
{
	return word && *word && strspn(word, "0123456789") == strlen(word);
}

static const char *veinfo_line(struct inv_part *part, unsigned number, char *line)
{
	char *rest = line, *id = take_word(&rest);

	if (!id || !is_number(take_word(&rest)) || !is_number(take_word(&rest)))
		return "not \"CTID NUMBER NUMBER ADDRESSES\"";
	if (!strcmp(id, "0"))
		return NULL;
	inv_part_container(part, number, id, NULL, INV_RUN_RUNNING);
	add_addresses(part, number, rest);
	return NULL;
}

int inv_vz_veinfo(struct inv_part *part, const char *text, size_t len, struct err *e)
{
	int ret = each_line(part, text, len, veinfo_line, e);

	if (ret == 0 && inv_part_containers(part) && !inv_part_addresses(part)) {
		err_set(e, "this kernel's veinfo lists containers without their addresses");
		return -EBADMSG;
	}
	return ret;
}
