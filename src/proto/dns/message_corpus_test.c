/* The messages of the fuzz corpus, made by dnspython (test/fuzz/dns_corpus.py), on guard pages. */
#include "proto/dns/message.h"
#include "proto/dns/rebuild.h"
#include "test/guard.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define FILE_MAX 4096

static struct dns_query q;

/* Calls with each file; returns how many. */
static size_t each_file(void (*call)(const char *name, const uint8_t *data, size_t len))
{
	DIR *d = opendir(DNS_MESSAGE_CORPUS);
	assert_non_null(d);
	size_t count = 0;
	const struct dirent *entry;
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		char path[sizeof(DNS_MESSAGE_CORPUS) + 300];
		snprintf(path, sizeof(path), "%s/%s", DNS_MESSAGE_CORPUS, entry->d_name);
		FILE *f = fopen(path, "rb");
		assert_non_null(f);
		uint8_t data[FILE_MAX];
		size_t len = fread(data, 1, sizeof(data), f);
		assert_int_equal(fclose(f), 0);
		call(entry->d_name, data, len);
		count++;
	}
	assert_int_equal(closedir(d), 0);
	return count;
}

static bool begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

/* Reads all that there is to read; what it says is checked by rebuilding where it is good. */
static void read_all(const uint8_t *data, size_t len)
{
	struct dns_message m;
	(void)dns_query_read(span_of(data, len), &q);
	if (dns_message_read(span_of(data, len), &m) == OK) {
		rebuild_check(span_of(data, len), DNS_MESSAGE_MAX);
		rebuild_check(span_of(data, len), DNS_HEADER_LEN + len / 2);
	}
}

static void prefix_is_refused(const uint8_t *data, size_t len)
{
	struct dns_message m;
	assert_int_equal(dns_message_read(span_of(data, len), &m), ERR_FORMAT);
	assert_int_not_equal(dns_query_read(span_of(data, len), &q), DNS_QUERY_ANSWER);
}

static void check_prefixes(const char *name, const uint8_t *data, size_t len)
{
	(void)name;
	guard_every_prefix(data, len - 1, prefix_is_refused);
}

static void check_flips(const char *name, const uint8_t *data, size_t len)
{
	(void)name;
	guard_every_bit_flip(data, len, read_all);
}

static void check_rdata(const struct dns_message *m)
{
	static uint8_t buf[DNS_MESSAGE_MAX];
	struct dns_record_iter it = dns_record_iter_all(m);
	struct dns_record rec;
	struct span rdata;
	while (dns_record_next(m, &it, &rec))
		assert_true(rebuild_rdata(m, &rec, buf, &rdata));
}

static void check_good(const char *name, const uint8_t *data, size_t len)
{
	uint8_t *copy = guard_copy(data, len);
	struct dns_message m;
	assert_int_equal(dns_message_read(span_of(copy, len), &m), OK);
	assert_true(m.has_question);
	enum dns_query_verdict want = DNS_QUERY_ANSWER;
	if (begins(name, "reply-"))
		want = DNS_QUERY_DROP;
	if (begins(name, "query-badvers") || begins(name, "query-notify"))
		want = DNS_QUERY_REPLY;
	assert_int_equal(dns_query_read(span_of(copy, len), &q), want);
	check_rdata(&m);
	for (size_t limit = DNS_HEADER_LEN; limit <= len; limit++)
		rebuild_check(span_of(copy, len), limit);
	rebuild_check(span_of(copy, len), DNS_MESSAGE_MAX);
	guard_free(copy, len);
}

static void refuses_every_prefix(void **state)
{
	(void)state;
	assert_true(each_file(check_prefixes) > 40);
}

static void survives_every_one_bit_flip(void **state)
{
	(void)state;
	assert_true(each_file(check_flips) > 40);
}

static void reads_and_rebuilds_what_dnspython_wrote(void **state)
{
	(void)state;
	assert_true(each_file(check_good) > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_every_prefix),
		cmocka_unit_test(survives_every_one_bit_flip),
		cmocka_unit_test(reads_and_rebuilds_what_dnspython_wrote),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
