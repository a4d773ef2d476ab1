/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_NO_CURL

#include "inventory/curl_load.h"

#include "base/xalloc.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

/* As distributions name it, by the library that it does TLS with, which we never do. Its interface
 * has been the same since 2006. */
static const char *const names[] = { "libcurl.so.4", "libcurl-gnutls.so.4", "libcurl-nss.so.4" };

#define FUNCTION(name)                                     \
	{                                                  \
		"curl_" #name, offsetof(struct curl, name) \
	}

static const struct {
	const char *name;
	size_t at;
} functions[] = {
	FUNCTION(easy_init),           FUNCTION(easy_cleanup),    FUNCTION(easy_getinfo),
	FUNCTION(easy_setopt),         FUNCTION(easy_strerror),   FUNCTION(multi_init),
	FUNCTION(multi_cleanup),       FUNCTION(multi_setopt),    FUNCTION(multi_add_handle),
	FUNCTION(multi_remove_handle), FUNCTION(multi_info_read), FUNCTION(multi_socket_action),
	FUNCTION(slist_append),        FUNCTION(slist_free_all),
};

static void *open_library(struct err *e)
{
	void *library = NULL;

	for (size_t i = 0; i < ARRAY_LEN(names) && !library; i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		err_set(e, "libcurl is needed for this, and cannot be loaded: %s: install it",
			dlerror());
	return library;
}

static bool find(void *library, const char *name, void *to)
{
	void *function = dlsym(library, name);

	memcpy(to, &function, sizeof(function)); /* POSIX has no other way than this */
	return function != NULL;
}

/* libcurl's own state is the process's, and so is this. */
const struct curl *curl_load(struct err *e)
{
	static struct curl curl;
	static bool loaded;
	__typeof__(&curl_global_init) global_init;
	void *library = loaded ? NULL : open_library(e);
	bool good = library && find(library, "curl_global_init", &global_init);

	if (loaded)
		return &curl;
	for (size_t i = 0; i < ARRAY_LEN(functions) && good; i++)
		good = find(library, functions[i].name, (char *)&curl + functions[i].at);
	if (library && (!good || global_init(CURL_GLOBAL_NOTHING))) { /* no TLS */
		err_set(e, "libcurl cannot be used: it is too old, or cannot be initialised");
		dlclose(library);
		good = false;
	}
	loaded = good;
	return good ? &curl : NULL;
}

#else
typedef int curl_is_not_built_in;
#endif
