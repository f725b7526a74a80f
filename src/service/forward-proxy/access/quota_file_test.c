#include "service/forward-proxy/access/quota_file.h"

#include "base/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/guard.h"

enum { ROOM = 64 * 1024 };

static struct quota_use use_of(const char *quota, enum quota_by by, struct span who, uint64_t up,
			       uint64_t down, uint64_t extra)
{
	struct quota_use u = {
		.period = {1000, 2000},
		.used = {[BANDWIDTH_UP] = up, [BANDWIDTH_DOWN] = down},
		.extra = extra,
	};
	quota_use_name(&u, quota, by, who);
	return u;
}

static struct quota_table *filled(void)
{
	struct quota_table *t = NULL;
	uint8_t all[QUOTA_WHO_MAX];
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)(i * 2 + i / 127);
	const struct quota_use uses[] = {
		use_of("guests", QUOTA_BY_ADDRESS, span_text("192.0.2.1"), 1, 2, 3),
		use_of("guests", QUOTA_BY_ADDRESS, span_text("2001:db8::/64"), 0, 0, 9),
		use_of("kids", QUOTA_BY_USER, span_text("anna maria\n%\xc3\xa9"), 5, 0, 0),
		use_of("kids", QUOTA_BY_USER, span_of(all, sizeof(all)), UINT64_C(1) << 60,
		       UINT64_C(1) << 60, UINT64_C(1) << 60),
		use_of("x", QUOTA_BY_GROUP, span_text("guests"), 7, 7, 7),
		use_of("x", QUOTA_BY_ALL, span_text("all"), 8, 8, 8),
		use_of("nothing", QUOTA_BY_ALL, span_text("all"), 0, 0, 0),
	};
	assert_int_equal(quota_table_new(64, &t), OK);
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
		assert_int_equal(quota_put(t, &uses[i]), OK);
	return t;
}

static size_t written(struct quota_table *t, uint8_t room[ROOM])
{
	struct writer w = writer_of(room, ROOM);
	quota_file_write(t, &w);
	assert_false(w.bad);
	return w.pos;
}

static bool has(struct quota_table *t, const struct quota_use *u)
{
	struct quota_use v;
	for (size_t at = 0; quota_next(t, &at, &v);)
		if (strcmp(u->quota, v.quota) == 0 && u->by == v.by &&
		    span_equal(span_of(u->who, u->who_len), span_of(v.who, v.who_len)))
			return memcmp(u->used, v.used, sizeof(u->used)) == 0 &&
			       u->extra == v.extra && u->period.begins_s == v.period.begins_s &&
			       u->period.ends_s == v.period.ends_s;
	return false;
}

static void what_was_written_is_read(void **state)
{
	(void)state;
	static uint8_t room[ROOM];
	AUTO(quota_table_free) struct quota_table *t = filled(), *back = NULL;
	struct quota_use u;
	size_t line;
	size_t len = written(t, room);
	assert_int_equal(quota_table_new(64, &back), OK);
	assert_int_equal(quota_file_read(back, span_of(room, len), &line), OK);
	assert_int_equal(quota_rows(back), quota_rows(t) - 1); /* but of whom nothing is used */
	for (size_t at = 0; quota_next(back, &at, &u);)
		assert_true(has(t, &u));
	/* And nothing at all. */
	AUTO(quota_table_free) struct quota_table *none = NULL, *none2 = NULL;
	assert_int_equal(quota_table_new(64, &none), OK);
	assert_int_equal(quota_table_new(64, &none2), OK);
	len = written(none, room);
	assert_int_equal(quota_file_read(none2, span_of(room, len), &line), OK);
	assert_int_equal(quota_rows(none2), 0);
}

static void refused(struct span text)
{
	AUTO(quota_table_free) struct quota_table *t = NULL;
	size_t line = 0;
	assert_int_equal(quota_table_new(64, &t), OK);
	assert_int_equal(quota_file_read(t, text, &line), ERR_FORMAT);
	assert_true(line > 0);
	assert_int_equal(quota_rows(t), 0);
}

static void every_part_and_every_flip_is_refused(void **state)
{
	(void)state;
	static uint8_t room[ROOM];
	AUTO(quota_table_free) struct quota_table *t = filled();
	size_t len = written(t, room);
	for (size_t i = 0; i < len; i++) {
		uint8_t *part = guard_copy(room, i);
		refused(span_of(part, i));
		guard_free(part, i);
	}
	for (size_t i = 0; i < len * 8; i++) {
		room[i / 8] ^= (uint8_t)(1 << i % 8);
		refused(span_of(room, len));
		room[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	room[len] = '\n';
	refused(span_of(room, len + 1));
}

static void where_there_is_no_room_some_begin_anew(void **state)
{
	(void)state;
	static uint8_t room[1 << 20];
	AUTO(quota_table_free) struct quota_table *t = NULL, *small = NULL;
	struct writer w = writer_of(room, sizeof(room));
	size_t line;
	assert_int_equal(quota_table_new(4096, &t), OK);
	for (unsigned i = 0; i < 100; i++) {
		char who[16];
		struct writer name = writer_of(who, sizeof(who));
		write_format(&name, "user%u", i);
		struct quota_use u = use_of("q", QUOTA_BY_USER, writer_span(&name), 1, i, 0);
		assert_int_equal(quota_put(t, &u), OK);
	}
	quota_file_write(t, &w);
	assert_false(w.bad);
	assert_int_equal(quota_table_new(8, &small), OK);
	/* Who has used least goes: that is no error. */
	assert_int_equal(quota_file_read(small, writer_span(&w), &line), OK);
	assert_int_equal(quota_rows(small), 8);
	struct quota_use u;
	uint64_t most = 0;
	for (size_t at = 0; quota_next(small, &at, &u);)
		most = u.used[BANDWIDTH_DOWN] > most ? u.used[BANDWIDTH_DOWN] : most;
	assert_int_equal(most, 99);
	/* A short room takes whole lines. */
	w = writer_of(room, QUOTA_FILE_HEAD_MAX + 2 * QUOTA_FILE_LINE_MAX);
	quota_file_write(t, &w);
	assert_false(w.bad);
	AUTO(quota_table_free) struct quota_table *part = NULL;
	assert_int_equal(quota_table_new(4096, &part), OK);
	assert_int_equal(quota_file_read(part, writer_span(&w), &line), OK);
	assert_true(quota_rows(part) >= 2 && quota_rows(part) < 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(every_part_and_every_flip_is_refused),
		cmocka_unit_test(where_there_is_no_room_some_begin_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
