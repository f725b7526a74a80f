/* The files of test/data/config/good and bad by the schema of sample_test.c. A bad one tells at its
 * end what is expected: "# expect LINE:COLUMN MESSAGE" for each error. */
#include "config/report.h"
#include "config/sample_test.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static char text[65536];

static struct span load(const char *folder, const char *name)
{
	char path[1024];
	(void)snprintf(path, sizeof(path), "%s/%s/%s", CONFIG_TEST_DATA, folder, name);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof(text), f);
	assert_int_equal(fclose(f), 0);
	assert_true(n > 0 && n < sizeof(text));
	return span_of(text, n);
}

/* How many files of the folder were judged. */
static unsigned for_each(const char *folder, void (*judge)(const char *name, struct span file))
{
	char path[1024];
	unsigned n = 0;
	(void)snprintf(path, sizeof(path), "%s/%s", CONFIG_TEST_DATA, folder);
	DIR *d = opendir(path);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		judge(e->d_name, load(folder, e->d_name));
		n++;
	}
	assert_int_equal(closedir(d), 0);
	return n;
}

static void judge_good(const char *name, struct span file)
{
	struct config *c = NULL;
	struct config_report r = {0};
	enum err err = sample_parse(file, &c, &r);
	if (err && r.n)
		print_error("%s:%u:%u: %s\n", name, r.errors[0].line, r.errors[0].column,
			    r.errors[0].message);
	assert_int_equal(err, OK);
	config_report_done(&r);
	config_free(c);
}

/* The next "# expect " line from at on without these words; an empty span: no more. */
static struct span next_expected(struct span file, size_t *at)
{
	static const char mark[] = "# expect ";
	while (*at < file.len) {
		struct span line = span_sub(file, *at, file.len);
		line.len = span_find(line, '\n');
		*at += line.len + 1;
		if (span_is(span_sub(line, 0, sizeof(mark) - 1), mark))
			return span_sub(line, sizeof(mark) - 1, line.len);
	}
	return (struct span){0};
}

static void judge_bad(const char *name, struct span file)
{
	struct config *c = NULL;
	struct config_report r = {0};
	assert_int_equal(sample_parse(file, &c, &r), ERR_CONFIG);
	size_t at = 0;
	for (size_t i = 0; i < r.n; i++) {
		char told[1024];
		(void)snprintf(told, sizeof(told), "%u:%u %s", r.errors[i].line, r.errors[i].column,
			       r.errors[i].message);
		struct span expected = next_expected(file, &at);
		if (!span_is(expected, told))
			print_error("%s: told %s, expected %.*s\n", name, told, (int)expected.len,
				    (const char *)expected.data);
		assert_true(span_is(expected, told));
	}
	assert_int_equal(next_expected(file, &at).len, 0);
	config_report_done(&r);
}

static void good_files_are_read(void **state)
{
	(void)state;
	assert_true(for_each("good", judge_good) >= 5);
}

static void bad_files_are_refused_with_all_their_errors(void **state)
{
	(void)state;
	assert_true(for_each("bad", judge_bad) >= 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_files_are_read),
		cmocka_unit_test(bad_files_are_refused_with_all_their_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
