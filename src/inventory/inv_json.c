/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inventory/inv_json.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

static size_t skip_space(const char *text, size_t len, size_t at)
{
	while (at < len && strchr(" \t\r\n", text[at]) && text[at])
		at++;
	return at;
}

static int fail(struct err *e, size_t n, const char *what)
{
	err_set(e, "object %zu of the list: %s", n + 1, what);
	return -EBADMSG;
}

/* Read the object at *at and move behind it. */
static int read_one(const char *text, size_t len, size_t *at, size_t n, inv_json_fn *fn, void *arg,
		    struct err *e)
{
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL;
	json_error_t error;
	json_t *object;
	int ret;

	if (text[*at] != '{')
		return fail(e, n, "it is no object");
	object = json_loadb(text + *at, len - *at, flags, &error);
	if (!object)
		return fail(e, n, error.text);
	*at += (size_t)error.position;
	ret = fn(arg, object, e);
	json_decref(object);
	return ret;
}

int inv_json_each(const char *text, size_t len, inv_json_fn *fn, void *arg, struct err *e)
{
	size_t at = skip_space(text, len, 0), n = 0;
	int ret = 0;

	if (at == len || text[at] != '[') {
		err_set(e, len ? "not a JSON list" : "an empty answer");
		return -EBADMSG;
	}
	at = skip_space(text, len, at + 1);
	if (at < len && text[at] == ']')
		return 0;
	while (at < len) {
		ret = read_one(text, len, &at, n++, fn, arg, e);
		if (ret < 0)
			return ret;
		at = skip_space(text, len, at);
		if (at < len && text[at] == ']')
			return 0;
		if (at < len && text[at] != ',')
			return fail(e, n - 1, "no comma behind it");
		at = skip_space(text, len, at + 1);
	}
	err_set(e, "cut off after %zu objects", n);
	return -EBADMSG;
}

const char *inv_json_text(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	const char *text = json_string_value(value);

	return text && strlen(text) == json_string_length(value) ? text : "";
}

pid_t inv_json_pid(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 && value <= INT_MAX ? (pid_t)value : 0;
}
