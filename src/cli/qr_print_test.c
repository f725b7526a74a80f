#include "cli/qr_print.h"

#include "proto/qr/qr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* How often part is in text. */
static size_t count(const char *text, const char *part)
{
	size_t n = 0;
	for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
		n++;
	return n;
}

static char *printed(const struct qr *q, bool colour)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	assert_non_null(to);
	qr_print(to, q, colour);
	assert_int_equal(fclose(to), 0);
	return text;
}

static void draws_every_module_and_the_quiet_zone(void **state)
{
	(void)state;
	struct qr q;
	size_t dark = 0;
	assert_int_equal(qr_encode(span_text("otpauth://totp/a"), &q), OK);
	for (unsigned y = 0; y < q.side; y++)
		for (unsigned x = 0; x < q.side; x++)
			dark += qr_is_dark(&q, x, y);
	unsigned side = q.side + 2u * QR_QUIET;
	char *black = printed(&q, true), *white = printed(&q, false);
	assert_int_equal(count(black, "\n"), (side + 1) / 2);
	assert_int_equal(count(black, "▀") + count(black, "▄") + 2 * count(black, "█"), dark);
	/* The last line has a row more than the code when its side is odd; that is light too. */
	assert_int_equal(count(white, "▀") + count(white, "▄") + 2 * count(white, "█"),
			 side * (side + side % 2) - dark);
	assert_int_equal(count(white, "\033"), 0);
	free(black);
	free(white);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(draws_every_module_and_the_quiet_zone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
