/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_HTML_H
#define CTM_HTML_H

#include <stdint.h>
#include <stdio.h>

/* Text and numbers in HTML. Tenants choose ids and names, so whatever they chose goes through
 * html_put_text. */

/* Print text so that HTML shows it literally, between tags and in a quoted attribute. U+FFFD
 * replaces octets that are not UTF-8, characters that HTML forbids and those that plain_shows
 * rejects: they would hide or reorder what stands beside them. */
void html_put_text(const char *text, FILE *out);

/* "1.23 GB", with a space that does not break. */
void html_put_octets(uint64_t octets, FILE *out);
/* "49.5 Mbit/s" */
void html_put_rate(uint64_t bits_per_s, FILE *out);

/* Print a local time by strftime(3)'s format. */
void html_put_time(int64_t t, const char *format, FILE *out);

#endif
