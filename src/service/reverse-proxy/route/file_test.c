#include "service/reverse-proxy/route/file.h"

#include "service/reverse-proxy/route/mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void name_is(const char *path, const char *want)
{
	char name[FILE_NAME_MAX] = "?";
	assert_int_equal(file_name(span_text(path), name), OK);
	assert_string_equal(name, want);
}

static enum err refused(const char *path)
{
	char name[FILE_NAME_MAX];
	return file_name(span_text(path), name);
}

static void paths_are_names_below_the_root(void **state)
{
	(void)state;
	name_is("/", "");
	name_is("/a/b.txt", "a/b.txt");
	name_is("/a/", "a");
	name_is("/a%20b/%C3%A4", "a b/\xc3\xa4");
	name_is("/.well-known/acme-challenge/x", ".well-known/acme-challenge/x");
}

static void hidden_and_torn_names_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"/.git/config", "/a/.htaccess", "/a%2fb",
					  "/a%5Cb",	  "/a%00",	  "/%2e%2e/b",
					  "/a/.",	  "/..",	  "/%"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(refused(bad[i]), ERR_REFUSED);
	char path[3000] = "/";
	memset(path + 1, 'a', 2000);
	assert_int_not_equal(refused(path), OK);
}

static unsigned status(const struct file_asked *a)
{
	/* Sun, 06 Nov 1994 08:49:37 GMT */
	const struct file_facts f = {1000, 784111777, 1795000000, span_text("\"x\"")};
	struct file_answer answer;
	file_judge(a, &f, &answer);
	return answer.status;
}

#define NOW_OR "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"

static void conditions_are_judged_in_their_order(void **state)
{
	(void)state;
#define S(text) span_text(text)
	const struct {
		struct file_asked asked;
		unsigned status;
	} cases[] = {
		{{.get = true}, 200},
		{{.if_none_match = S("\"x\"")}, 304},
		{{.if_none_match = S("W/\"x\"")}, 304},
		{{.if_none_match = S("*")}, 304},
		{{.if_none_match = S("\"y\"")}, 200},
		{{.if_modified_since = S(NOW_OR)}, 304},
		{{.if_modified_since = S(BEFORE)}, 200},
		{{.if_modified_since = S("yesterday")}, 200},
		/* 13.1.3: ignored beside If-None-Match */
		{{.if_none_match = S("\"y\""), .if_modified_since = S(NOW_OR)}, 200},
		{{.if_match = S("\"x\"")}, 200},
		{{.if_match = S("W/\"x\"")}, 412},
		{{.if_match = S("\"y\""), .if_none_match = S("\"x\"")}, 412},
		{{.if_unmodified_since = S(BEFORE)}, 412},
		{{.if_unmodified_since = S(NOW_OR)}, 200},
		{{.if_unmodified_since = S("never")}, 200},
		{{.get = true, .range = S("bytes=0-9")}, 206},
		{{.get = true, .range = S("bytes=0-9,20-29")}, 206},
		{{.range = S("bytes=0-9")}, 200}, /* HEAD */
		{{.get = true, .range = S("bytes=1000-")}, 416},
		{{.get = true, .range = S("lines=1-")}, 200},
		{{.get = true, .range = S("bytes=0-9"), .if_range = S("\"x\"")}, 206},
		{{.get = true, .range = S("bytes=0-9"), .if_range = S("W/\"x\"")}, 200},
		{{.get = true, .range = S("bytes=0-9"), .if_range = S("\"y\"")}, 200},
		{{.get = true, .range = S("bytes=0-9"), .if_range = S(NOW_OR)}, 206},
		{{.get = true, .range = S("bytes=0-9"), .if_range = S(BEFORE)}, 200},
		{{.get = true, .range = S("bytes=0-9"), .if_none_match = S("\"x\"")}, 304},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (status(&cases[i].asked) != cases[i].status)
			fail_msg("case %zu: %u", i, status(&cases[i].asked));
}

static void tags_differ_when_files_do(void **state)
{
	(void)state;
	char tags[5][FILE_ETAG_MAX];
	(void)file_etag(1, 2, 3, 0, tags[0]);
	(void)file_etag(2, 2, 3, 0, tags[1]);
	(void)file_etag(1, 3, 3, 0, tags[2]);
	(void)file_etag(1, 2, 4, 0, tags[3]);
	(void)file_etag(1, 2, 3, 'b', tags[4]);
	for (size_t i = 0; i < 5; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(tags[i], tags[k]);
	size_t len = file_etag(UINT64_MAX, UINT64_MAX, UINT64_MAX, 'z', tags[0]);
	assert_int_equal(len, strlen(tags[0]));
	assert_int_equal(tags[0][len - 1], '"');
}

static void types_are_found_by_ending(void **state)
{
	(void)state;
	assert_string_equal(mime_of(span_text("a/index.HTML")), "text/html; charset=utf-8");
	assert_string_equal(mime_of(span_text("a.tar.gz")), "application/gzip");
	assert_string_equal(mime_of(span_text("7z.7z")), "application/x-7z-compressed");
	assert_string_equal(mime_of(span_text("x.zst")), "application/zstd");
	assert_string_equal(mime_of(span_text("Makefile")), "application/octet-stream");
	assert_string_equal(mime_of(span_text("a.b/c")), "application/octet-stream");
	assert_string_equal(mime_of(span_text("x.unknown")), "application/octet-stream");
	assert_string_equal(mime_of(span_text("x.")), "application/octet-stream");
	assert_string_equal(mime_of(span_text("")), "application/octet-stream");
	assert_string_equal(mime_of(span_text("a.woff2")), "font/woff2");
	assert_string_equal(mime_of(span_text("a.js")), "text/javascript; charset=utf-8");
}

static void texts_compress_and_pictures_do_not(void **state)
{
	(void)state;
	static const char *const good[] = {"text/html; charset=utf-8", "APPLICATION/JSON",
					   "image/svg+xml", "application/problem+json", "text/css"};
	static const char *const bad[] = {"image/png", "video/mp4",  "application/gzip",
					  "",	       "font/woff2", "+json"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(mime_compresses(span_text(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(mime_compresses(span_text(bad[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_names_below_the_root),
		cmocka_unit_test(hidden_and_torn_names_are_refused),
		cmocka_unit_test(conditions_are_judged_in_their_order),
		cmocka_unit_test(tags_differ_when_files_do),
		cmocka_unit_test(types_are_found_by_ending),
		cmocka_unit_test(texts_compress_and_pictures_do_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
