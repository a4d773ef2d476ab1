/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ship/schema.h"

__asm__(".pushsection .rodata\n"
	".globl ship_schema_sql\n"
	"ship_schema_sql:\n"
	".incbin \"" SHIP_SCHEMA "\"\n"
	".byte 0\n"
	".popsection\n");
