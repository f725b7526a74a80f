#include "cli/qr_print.h"

#include "proto/qr/qr.h"

/* The quiet zone is light, as is all outside of the code. */
static bool is_drawn(const struct qr *q, unsigned x, unsigned y, bool colour)
{
	bool dark = x >= QR_QUIET && y >= QR_QUIET && qr_is_dark(q, x - QR_QUIET, y - QR_QUIET);
	return dark == colour;
}

void qr_print(FILE *to, const struct qr *q, bool colour)
{
	static const char *const halves[] = {" ", "▀", "▄", "█"}; /* none, upper, lower, both */
	unsigned side = q->side + 2u * QR_QUIET;
	for (unsigned y = 0; y < side; y += 2) {
		(void)fputs(colour ? "\033[38;5;16;48;5;231m" : "", to);
		for (unsigned x = 0; x < side; x++)
			(void)fputs(halves[is_drawn(q, x, y, colour) +
					   2 * is_drawn(q, x, y + 1, colour)],
				    to);
		(void)fputs(colour ? "\033[0m\n" : "\n", to);
	}
}
