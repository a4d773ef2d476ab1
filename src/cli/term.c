/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A full-screen display: see term.h. */
#include "cli/term.h"

#include "base/display.h"
#include "base/xalloc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#define ALTERNATE_SCREEN "\033[?1049h"
#define USUAL_SCREEN "\033[?1049l"
#define HIDE_CURSOR "\033[?25l"
#define SHOW_CURSOR "\033[?25h"
#define HOME "\033[H"
#define CLEAR_TO_END_OF_LINE "\033[K"
#define CLEAR_TO_END_OF_SCREEN "\033[J"
#define REVERSE "\033[7m"
#define PLAIN "\033[0m"

struct term {
	FILE *out;
	int in_fd;
	bool has_keys; /* in_fd is a terminal */
	bool inside;
	struct termios usual;
};

void term_enter(struct term *t)
{
	struct termios keys;

	if (t->inside)
		return;
	t->has_keys = tcgetattr(t->in_fd, &t->usual) == 0;
	if (t->has_keys) {
		keys = t->usual;
		keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		keys.c_cc[VMIN] = 1;
		keys.c_cc[VTIME] = 0;
		tcsetattr(t->in_fd, TCSADRAIN, &keys);
	}
	fputs(ALTERNATE_SCREEN HIDE_CURSOR HOME CLEAR_TO_END_OF_SCREEN, t->out);
	fflush(t->out);
	t->inside = true;
}

void term_leave(struct term *t)
{
	if (!t->inside)
		return;
	fputs(PLAIN SHOW_CURSOR USUAL_SCREEN, t->out);
	fflush(t->out);
	/* Discard keys pressed meanwhile: they were not for the shell. */
	if (t->has_keys)
		tcsetattr(t->in_fd, TCSAFLUSH, &t->usual);
	t->inside = false;
}

struct term *term_new(FILE *out, int in_fd)
{
	struct term *t = xcalloc(1, sizeof(*t));

	t->out = out;
	t->in_fd = in_fd;
	term_enter(t);
	return t;
}

void term_free(struct term *t)
{
	if (!t)
		return;
	term_leave(t);
	free(t);
}

void term_size(const struct term *t, size_t *ret_lines, size_t *ret_columns)
{
	struct winsize size = { .ws_row = 0 };
	bool known = ioctl(fileno(t->out), TIOCGWINSZ, &size) == 0;

	*ret_lines = known && size.ws_row ? size.ws_row : 24;
	*ret_columns = known && size.ws_col ? size.ws_col : 80;
}

static void put_line(const char *text, size_t len, size_t columns, bool title, FILE *out)
{
	char *line = xstrndup(text, len), *cut = display_cut(line, columns);

	/* Clear first: after a full line the cursor is still on its last character. */
	fprintf(out, CLEAR_TO_END_OF_LINE "%s%s%s", title ? REVERSE : "", cut, title ? PLAIN : "");
	free(cut);
	free(line);
}

int term_draw(struct term *t, const char *text, size_t title)
{
	size_t lines, columns, frame_len = 0, len, i = 0;
	char *frame = NULL;
	FILE *out = xopen_memstream(&frame, &frame_len);
	int rc = 0;

	term_size(t, &lines, &columns);
	fputs(HOME, out);
	for (; *text && i < lines; i++) {
		/* A newline after the last line would scroll the screen. */
		if (i)
			fputc('\n', out);
		len = strcspn(text, "\n");
		put_line(text, len, columns, i == title, out);
		text += len + (text[len] == '\n');
	}
	if (i < lines)
		fputs("\n" CLEAR_TO_END_OF_SCREEN, out);
	fclose(out);
	if (fwrite(frame, 1, frame_len, t->out) < frame_len || fflush(t->out))
		rc = errno ? -errno : -EIO;
	free(frame);
	return rc;
}
