/* The files of test/data/zone: good ones against what BIND makes of them (NAME.records, by
 * tools/dns_vectors.py), bad ones against the errors that a person found right (NAME.errors). */
#include "proto/dns/code.h"
#include "proto/dns/type.h"
#include "proto/dns/zonefile.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TEXT_MAX  16384
#define LINES_MAX 256
#define DEPTH_MAX 3

static uint8_t scratch[DNS_ZONEFILE_SCRATCH];
static struct dns_name origin;

static struct span read_text(const char *folder, struct span name, const char *suffix, char *buf)
{
	char path[512];
	snprintf(path, sizeof(path), DNS_ZONE_DATA "/%s/%.*s%s", folder, (int)name.len, name.data,
		 suffix);
	FILE *f = fopen(path, "rb");
	if (!f)
		fail_msg("no %s", path);
	size_t len = fread(buf, 1, TEXT_MAX, f);
	assert_true(len < TEXT_MAX);
	assert_int_equal(fclose(f), 0);
	buf[len] = 0;
	return span_of(buf, len);
}

static void write_record(const struct dns_zonefile_record *r, struct writer *w)
{
	char name[DNS_NAME_TEXT_MAX], class[DNS_CODE_TEXT_MAX];
	if (!dns_name_is_under(r->owner, &origin)) /* BIND leaves it out */
		return;
	write_format(w, "%s %u %s ", dns_name_format(r->owner, name), r->ttl_s,
		     dns_class_format(r->class, class));
	dns_type_write(r->type, w);
	write_u8(w, ' ');
	for (size_t i = 0; i < r->rdata.len; i++)
		write_format(w, "%02x", r->rdata.data[i]);
	write_u8(w, '\n');
}

/* Everything that a parser gives, into w. parent: of an included file. */
static void run(const char *folder, struct dns_zonefile *z, unsigned depth, struct writer *w)
{
	struct dns_zonefile_record r;
	for (;;) {
		switch (dns_zonefile_next(z, &r)) {
		case DNS_ZONEFILE_RECORD: write_record(&r, w); break;
		case DNS_ZONEFILE_ERROR:
			write_format(w, "%u:%u: %s\n", r.line, r.column, r.message);
			break;
		case DNS_ZONEFILE_INCLUDE: {
			assert_true(depth < DEPTH_MAX);
			char *text = malloc(TEXT_MAX);
			struct dns_zonefile *nested = malloc(sizeof(*nested));
			assert_true(text && nested);
			dns_zonefile_init_nested(nested, z, read_text(folder, r.path, "", text),
						 r.origin);
			run(folder, nested, depth + 1, w);
			dns_zonefile_leave_nested(z, nested);
			free(nested);
			free(text);
			break;
		}
		case DNS_ZONEFILE_END: return;
		}
	}
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of text, sorted, each ended by a NUL; returns how many. */
static size_t sort_lines(char *text, char *lines[LINES_MAX])
{
	size_t n = 0;
	for (char *end; (end = strchr(text, '\n')); text = end + 1) {
		*end = 0;
		assert_true(n < LINES_MAX);
		lines[n++] = text;
	}
	qsort(lines, n, sizeof(lines[0]), compare_lines);
	return n;
}

static void check_good(struct span name)
{
	static char text[TEXT_MAX], expected[TEXT_MAX], got[TEXT_MAX];
	static struct dns_zonefile z;
	char *expected_lines[LINES_MAX], *got_lines[LINES_MAX];
	struct writer w = writer_of(got, sizeof(got) - 1);
	dns_zonefile_init(&z, read_text("good", name, ".zone", text), &origin, scratch,
			  sizeof(scratch));
	run("good", &z, 0, &w);
	assert_int_equal(writer_check(&w), OK);
	got[w.pos] = 0;
	(void)read_text("good", name, ".records", expected);
	size_t n = sort_lines(expected, expected_lines);
	assert_int_equal(sort_lines(got, got_lines), n);
	assert_true(n > 2);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(got_lines[i], expected_lines[i]);
}

static void check_bad(struct span name)
{
	static char text[TEXT_MAX], expected[TEXT_MAX], got[TEXT_MAX];
	static struct dns_zonefile z;
	struct writer w = writer_of(got, sizeof(got) - 1);
	dns_zonefile_init(&z, read_text("bad", name, ".zone", text), &origin, scratch,
			  sizeof(scratch));
	run("bad", &z, 0, &w);
	assert_int_equal(writer_check(&w), OK);
	got[w.pos] = 0;
	(void)read_text("bad", name, ".errors", expected);
	assert_string_equal(got, expected);
}

static size_t each_zone(const char *folder, void (*check)(struct span name))
{
	char path[512];
	snprintf(path, sizeof(path), DNS_ZONE_DATA "/%s", folder);
	DIR *d = opendir(path);
	assert_non_null(d);
	size_t count = 0;
	const struct dirent *entry;
	while ((entry = readdir(d))) {
		struct span name = span_text(entry->d_name);
		if (name.len <= 5 || !span_is(span_sub(name, name.len - 5, 5), ".zone"))
			continue;
		check(span_sub(name, 0, name.len - 5));
		count++;
	}
	assert_int_equal(closedir(d), 0);
	return count;
}

static void bad_files_give_all_their_errors(void **state)
{
	(void)state;
	assert_true(each_zone("bad", check_bad) >= 7);
}

static void good_files_give_what_bind_gives(void **state)
{
	(void)state;
	assert_true(each_zone("good", check_good) >= 7);
}

int main(void)
{
	if (dns_name_from_text(span_text("example.com."), NULL, &origin))
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files_give_all_their_errors),
		cmocka_unit_test(good_files_give_what_bind_gives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
