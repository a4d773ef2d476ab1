/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CTM_INV_ID_H
#define CTM_INV_ID_H

#include <stdbool.h>
#include <stdint.h>

/* Characters that make two ids look alike, or one id look like two words: who reads the inventory's
 * text, its log or its bill cannot see them. */

/* A space, as wide as one or not, other than the ordinary one. */
bool inv_is_odd_space(uint32_t code);

/* What is not seen by itself: odd spaces, zero width, soft hyphens, marks of direction, variation
 * selectors, tags, fillers, noncharacters, and marks that combine with the letter before (which also has
 * a code of its own together with it). */
bool inv_is_hidden(uint32_t code);

#endif
