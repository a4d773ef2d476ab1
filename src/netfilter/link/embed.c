/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The object that clang made of count.bpf.c. The Makefile names its file. */
extern const char link_embedded[], link_embedded_end[];

__asm__(".pushsection .rodata\n"
	".balign 16\n"
	".globl link_embedded\n"
	"link_embedded:\n"
	".incbin \"" LINK_OBJECT "\"\n"
	".globl link_embedded_end\n"
	"link_embedded_end:\n"
	".popsection\n");
