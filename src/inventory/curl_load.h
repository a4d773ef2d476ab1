/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_CURL_LOAD_H
#define CTM_CURL_LOAD_H

#include "base/err.h"

#include <curl/curl.h>

/* libcurl, loaded when it is needed first. With the libraries that it needs itself it is more than
 * half of all that a process of ours would load, and most never ask a runtime by HTTP. Options are
 * passed without the checks that libcurl's macros make. */
struct curl {
	__typeof__(&curl_easy_init) easy_init;
	__typeof__(&curl_easy_cleanup) easy_cleanup;
	CURLcode (*easy_getinfo)(CURL *easy, CURLINFO info, ...);
	CURLcode (*easy_setopt)(CURL *easy, CURLoption option, ...);
	__typeof__(&curl_easy_strerror) easy_strerror;
	__typeof__(&curl_multi_init) multi_init;
	__typeof__(&curl_multi_cleanup) multi_cleanup;
	CURLMcode (*multi_setopt)(CURLM *multi, CURLMoption option, ...);
	__typeof__(&curl_multi_add_handle) multi_add_handle;
	__typeof__(&curl_multi_remove_handle) multi_remove_handle;
	__typeof__(&curl_multi_info_read) multi_info_read;
	__typeof__(&curl_multi_socket_action) multi_socket_action;
	__typeof__(&curl_slist_append) slist_append;
	__typeof__(&curl_slist_free_all) slist_free_all;
};

/* Returns its functions, the same for the whole process, or NULL with e filled. */
const struct curl *curl_load(struct err *e);

#endif
