/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_ID_H
#define CTM_INV_ID_H

#include <stdbool.h>
#include <stdint.h>

/* Characters that make two ids look alike, or one id look like two words. A reader of the
 * inventory's text, of its log or of a bill cannot see them. */

/* Is it a space, of any width or none, other than the ordinary one? */
bool inv_is_odd_space(uint32_t code);

/* Is it invisible by itself? True of odd spaces, zero-width characters, soft hyphens, direction
 * marks, variation selectors, tags, fillers, noncharacters, and combining marks. (A letter with
 * such a mark usually has a code point of its own, too.) */
bool inv_is_hidden(uint32_t code);

#endif
