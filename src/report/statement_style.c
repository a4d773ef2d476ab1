/* SPDX-License-Identifier: GPL-2.0-or-later */
/* statement.css, ended by a NUL. The path is from the top directory, where make runs compilers. */
extern const char statement_style[];

__asm__(".pushsection .rodata\n"
	".globl statement_style\n"
	"statement_style:\n"
	".incbin \"src/report/statement.css\"\n"
	".byte 0\n"
	".popsection\n");
