/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include <locale.h>

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, ""); /* which characters can be printed, and how wide they are */
	return cli_main(argc, argv);
}
