#include "proto/qr/qr.h"

#include "base/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define URI "otpauth://totp/Home:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Home&digits=6"

static void refuses_nothing_and_too_much(void **state)
{
	static uint8_t text[QR_TEXT_MAX + 1];
	struct qr q;
	(void)state;
	memset(text, 0xff, sizeof(text)); /* no mode shorter than bytes */
	assert_int_equal(qr_encode(span_text(""), &q), ERR_FORMAT);
	assert_int_equal(qr_encode(span_of(text, sizeof(text)), &q), ERR_LIMIT);
	assert_int_equal(qr_encode(span_of(text, QR_TEXT_MAX), &q), OK);
	assert_int_equal(q.side, QR_SIDE_MAX);
}

/* ISO/IEC 18004 6.3.3: a dark frame of 7, a light one, a dark square of 3; light around it. */
static void assert_finder(const struct qr *q, unsigned left, unsigned top)
{
	for (unsigned y = 0; y < 7; y++)
		for (unsigned x = 0; x < 7; x++) {
			unsigned dx = x < 3 ? 3 - x : x - 3, dy = y < 3 ? 3 - y : y - 3;
			unsigned ring = dx > dy ? dx : dy;
			assert_int_equal(qr_is_dark(q, left + x, top + y), ring != 2);
		}
}

static void finders_and_timing_stand_where_readers_look(void **state)
{
	struct qr q;
	(void)state;
	assert_int_equal(qr_encode(span_text(URI), &q), OK);
	assert_int_equal(q.side % 4, 1); /* 17 + 4 * version */
	assert_finder(&q, 0, 0);
	assert_finder(&q, q.side - 7u, 0);
	assert_finder(&q, 0, q.side - 7u);
	for (unsigned i = 8; i < q.side - 8u; i++) {
		assert_int_equal(qr_is_dark(&q, i, 6), i % 2 == 0);
		assert_int_equal(qr_is_dark(&q, 6, i), i % 2 == 0);
	}
	assert_false(qr_is_dark(&q, q.side, 0));
	assert_false(qr_is_dark(&q, 0, q.side));
}

/* The path drawn back into modules is the code. */
static void image_draws_every_dark_module_once(void **state)
{
	static char svg[65536];
	struct qr q, drawn = {0};
	struct writer w = writer_of(svg, sizeof(svg) - 1);
	(void)state;
	assert_int_equal(qr_encode(span_text(URI), &q), OK);
	qr_write_svg(&q, "A code", &w);
	assert_int_equal(writer_check(&w), OK);
	svg[w.pos] = 0;
	assert_non_null(strstr(svg, "<title>A code</title>"));
	drawn.side = q.side;
	char *at = strstr(svg, "#000");
	for (assert_non_null(at); (at = strchr(at, 'M'));) {
		unsigned x = (unsigned)strtoul(at + 1, &at, 10);
		unsigned y = (unsigned)strtoul(at, &at, 10);
		unsigned run = (unsigned)strtoul(at + 1, &at, 10);
		for (unsigned i = 0; i < run; i++) {
			unsigned bit = (y - QR_QUIET) * q.side + x - QR_QUIET + i;
			assert_false(qr_is_dark(&drawn, x - QR_QUIET + i, y - QR_QUIET));
			drawn.dark[bit / 8] |= (uint8_t)(1 << bit % 8);
		}
	}
	assert_memory_equal(&drawn, &q, sizeof(q));
}

static void image_that_does_not_fit_marks_the_writer(void **state)
{
	char svg[512];
	struct qr q;
	struct writer w = writer_of(svg, sizeof(svg));
	(void)state;
	assert_int_equal(qr_encode(span_text(URI), &q), OK);
	qr_write_svg(&q, "A code", &w);
	assert_int_equal(writer_check(&w), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_nothing_and_too_much),
		cmocka_unit_test(finders_and_timing_stand_where_readers_look),
		cmocka_unit_test(image_draws_every_dark_module_once),
		cmocka_unit_test(image_that_does_not_fit_marks_the_writer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
