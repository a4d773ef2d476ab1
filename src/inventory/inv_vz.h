/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_VZ_H
#define CTM_INV_VZ_H

#include "base/err.h"
#include "inventory/inv.h"

#include <stddef.h>

/* Parsers for the output of an OpenVZ node's tools, over text in memory.
 *
 * 1. Programs write this text, so a malformed line or value means that none of it can be
 *    trusted. Unlike inv_file these parsers skip nothing: they fail, and the part must not be
 *    used. Ids and addresses in the text come from people: one that cannot be used is left out
 *    by itself, and puts the part in doubt if it cannot be read (inv.h 4).
 * 2. Empty text is an error; an empty list is an answer.
 * 3. The node itself (container 0) is skipped.
 * 4. Host names are queried apart from ids and addresses. vzlist escapes nothing and exceeds the
 *    widths of its columns, so a tenant's host name could forge an id or an address.
 *
 * All return 0, or -EBADMSG with e filled. */

/* `vzlist -a -j -o ctid,status,IP_KEY`; ip_key is "ip" or (OpenVZ 7) "configured_ip". ctid is a
 * number (OpenVZ 6) or a string (OpenVZ 7); the addresses are an array of strings. It is an
 * error if a key is repeated, if an object stands where vzlist prints none, or if in vzlist's
 * layout an object does not begin on a line of its own. */
int inv_vz_json(struct inv_part *part, const char *text, size_t len, const char *ip_key,
		struct err *e);

/* `vzlist -a -H -o ctid,status,IP_KEY`: columns, the addresses last, "-" for none. A header line
 * is skipped. vzlist cuts lines that exceed its buffer (4 KiB; 16 KiB on OpenVZ 7), perhaps
 * within an address. The last word of a line that long is left out, and the part is in doubt. */
int inv_vz_columns(struct inv_part *part, const char *text, size_t len, struct err *e);

/* `vzlist -a -H -o ctid,hostname`: the name is all that follows the id and a blank, "-" for
 * none. vzlist does not cut the last column. Fills a part that has only names, for
 * inv_part_take_names. */
int inv_vz_names(struct inv_part *part, const char *text, size_t len, struct err *e);

/* `prlctl list -a -o uuid,status,IP_KEY -j`; ip_key is "ip_configured" or "ip". The addresses
 * are one string, separated by blanks. */
int inv_vz_prlctl(struct inv_part *part, const char *text, size_t len, const char *ip_key,
		  struct err *e);

/* `prlctl list -a -o uuid,name -j`: as inv_vz_names. */
int inv_vz_prlctl_names(struct inv_part *part, const char *text, size_t len, struct err *e);

/* /proc/vz/veinfo: "%10u %5u %5u" (or a name, "%10s", on later kernels), then " %15s" for each
 * IPv4 and " %39s" for each IPv6 address; running containers only. Some kernels print no
 * addresses there: a list of containers without a single address is an error. */
int inv_vz_veinfo(struct inv_part *part, const char *text, size_t len, struct err *e);

#endif
