/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_VZ_H
#define CTM_INV_VZ_H

#include "base/err.h"
#include "inventory/inv.h"

#include <stddef.h>

/* Parsers for what the tools of an OpenVZ node print, over text in memory.
 *
 * 1. Machines wrote these texts, so a line or value that is not as it must be means that the whole
 *    cannot be trusted: unlike inv_file nothing is skipped, the parse fails and the part is not to
 *    be used. What people wrote is in it too: an id or an address that cannot be used is left out by
 *    itself, and puts the part in doubt if it cannot be read (inv.h 4).
 * 2. Empty text is an error, an empty list is an answer.
 * 3. The node itself (container 0) is skipped.
 * 4. Host names are not among ids and addresses: vzlist escapes nothing and does not keep to the widths
 *    of its columns, so a tenant's name could add to them. They are asked for by themselves.
 *
 * All return 0, or -EBADMSG with e filled. */

/* `vzlist -a -j -o ctid,status,IP_KEY`; ip_key is "ip" or (OpenVZ 7) "configured_ip".
 * ctid is a number (OpenVZ 6) or a string (OpenVZ 7), the addresses an array of strings. Repeated keys,
 * objects where vzlist prints none, and objects that do not begin on their own line in vzlist's layout
 * are refused. */
int inv_vz_json(struct inv_part *part, const char *text, size_t len, const char *ip_key,
		struct err *e);

/* `vzlist -a -H -o ctid,status,IP_KEY`: columns, the addresses last, "-" for none. A header line is
 * skipped. vzlist cuts lines that exceed its buffer (4 KiB; 16 KiB on OpenVZ 7), maybe within an address:
 * of a line that long the last word is left out, and the part is in doubt. */
int inv_vz_columns(struct inv_part *part, const char *text, size_t len, struct err *e);

/* `vzlist -a -H -o ctid,hostname`: all that follows the id and a blank is the name, "-" for none. In the
 * last column vzlist cuts nothing. Fills a part of names alone, for inv_part_take_names. */
int inv_vz_names(struct inv_part *part, const char *text, size_t len, struct err *e);

/* `prlctl list -a -o uuid,status,IP_KEY -j`; ip_key is "ip_configured" or "ip". The addresses are one
 * string, blanks between them. */
int inv_vz_prlctl(struct inv_part *part, const char *text, size_t len, const char *ip_key,
		  struct err *e);

/* `prlctl list -a -o uuid,name -j`, likewise. */
int inv_vz_prlctl_names(struct inv_part *part, const char *text, size_t len, struct err *e);

/* /proc/vz/veinfo: "%10u %5u %5u" (or a name, "%10s", on later kernels), then " %15s" for each
 * IPv4 and " %39s" for each IPv6 address; running containers only. Kernels that print no
 * addresses there cannot tell: containers, but not one address, is an error. */
int inv_vz_veinfo(struct inv_part *part, const char *text, size_t len, struct err *e);

#endif
