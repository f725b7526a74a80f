/* What leaves the store and what does not, with rows in SQLite; other gateways, which write rows of
 * their own, are played by the test. */
#include "crypto/tls_chain.h"
#include "os/clock.h"
#include "os/file.h"
#include "service/reverse-proxy/io_acme_inner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef"

enum { KEEP_S = 1000, GENERATION = 7 };

struct stage {
	char folder[64];
	struct reverse_conf conf;
	struct reverse_acme *a;
	struct acme_held *h; /* of ID, with its rows in the store; ended long ago */
};

static void wake(void *arg)
{
	(void)arg;
}

/* Is in the place of one that was read; nothing asks what it says. */
static struct tls_chain *chain_new(void)
{
	static const uint8_t digest[32];
	struct tls_chain *chain;
	assert_int_equal(tls_chain_acme("a.home.arpa", digest, clock_wall_s(), &chain), OK);
	return chain;
}

static int begin(void **state)
{
	struct stage *s = *state = calloc(1, sizeof(*s));
	(void)snprintf(s->folder, sizeof(s->folder), "/tmp/gatehouse-tidy-XXXXXX");
	s->conf = (struct reverse_conf){.store = "sqlite", .store_keep_ms = KEEP_S * 1000};
	if (!mkdtemp(s->folder) || reverse_acme_new(wake, NULL, &s->a) ||
	    acme_rows_new(s->a, &s->conf, s->folder) || acme_rows_load(s->a))
		return -1;
	s->a->conf = &s->conf;
	s->h = acme_held_get(s->a, ID);
	s->h->generation = GENERATION;
	s->h->chain = chain_new();
	s->h->until_s = clock_wall_s() - KEEP_S - 10;
	acme_rows_certificate(s->a, s->h, span_text("chain"), span_text("key"));
	return s->h->unsaved_schedule ? -1 : 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	reverse_acme_free(s->a);
	int failed = dir_remove(s->folder) != OK;
	free(s);
	return failed;
}

static enum err count(void *arg, const struct store_row *row)
{
	(void)row;
	(*(size_t *)arg)++;
	return OK;
}

static size_t rows(const struct stage *s)
{
	size_t n = 0;
	for (unsigned table = 0; table < ACME_TABLES; table++)
		assert_int_equal(store_load(s->a->store, table, count, &n), OK);
	return n;
}

static void tidy(struct stage *s)
{
	s->a->tidy_ms = 0;
	acme_rows_tidy(s->a);
}

static void assert_stays(struct stage *s)
{
	size_t before = rows(s);
	tidy(s);
	assert_int_equal(rows(s), before);
	assert_ptr_equal(acme_held_find(s->a, ID), s->h);
}

static void assert_goes(struct stage *s)
{
	tidy(s);
	assert_int_equal(rows(s), 0);
	assert_null(acme_held_find(s->a, ID));
}

/* What is in the store is seen, as it is of other gateways. */
static void see(struct stage *s)
{
	s->a->loaded = false;
	assert_int_equal(acme_rows_load(s->a), OK);
}

static void put(struct stage *s, enum acme_table table, const char *key, struct span value)
{
	assert_int_equal(acme_rows_put(s->a, table, key, value), OK);
}

static void what_ended_long_ago_goes_and_no_other(void **state)
{
	struct stage *s = *state;
	struct acme_held *other = acme_held_get(s->a, "1123456789abcdef0123456789abcdef");
	other->generation = GENERATION;
	other->chain = chain_new();
	other->until_s = clock_wall_s();
	acme_rows_certificate(s->a, other, span_text("chain"), span_text("key"));
	assert_int_equal(rows(s), 4);
	s->a->tidy_ms = UINT64_MAX; /* not yet */
	acme_rows_tidy(s->a);
	assert_int_equal(rows(s), 4);
	tidy(s);
	assert_int_equal(rows(s), 2);
	assert_null(acme_held_find(s->a, ID));
	assert_ptr_equal(acme_held_find(s->a, other->id), other);
}

static void what_is_wanted_or_on_its_way_stays(void **state)
{
	struct stage *s = *state;
	s->h->wanted = true;
	assert_stays(s);
	s->h->wanted = false;
	s->h->orders = true;
	assert_stays(s);
	s->h->orders = false;
	s->h->hurry = true;
	assert_stays(s);
	s->h->hurry = false;
	s->h->unsaved_schedule = true;
	assert_stays(s);
	s->h->unsaved_schedule = false;
	assert_goes(s);
}

/* Its authority has been away for longer than the certificate lasted. */
static void what_another_gateway_still_tries_to_get_stays(void **state)
{
	struct stage *s = *state;
	uint8_t row[ACME_SCHEDULE_MAX];
	struct writer w = writer_of(row, sizeof(row));
	const struct acme_schedule theirs = {.retry_s = clock_wall_s() + 3600, .failures = 9};
	acme_schedule_write(&theirs, &w);
	put(s, ACME_TABLE_SCHEDULES, ID, writer_span(&w));
	see(s);
	assert_stays(s);
	s->h->schedule.retry_s = clock_wall_s() - KEEP_S - 10;
	assert_goes(s);
}

static void a_lease_and_a_proof_of_one_who_is_gone_go_too(void **state)
{
	struct stage *s = *state;
	const struct acme_proof_row proof = {.challenge = ACME_TLS_ALPN_01,
					     .name = "a.home.arpa",
					     .token = "t",
					     .authorization = "t.x"};
	put(s, ACME_TABLE_LEASES, ID, span_text("somebody else ..holds it"));
	assert_int_equal(acme_rows_proof(s->a, s->h, &proof), OK);
	see(s);
	struct tls_chain *shown = acme_proofs_chain(s->a->proofs, "a.home.arpa");
	assert_non_null(shown);
	tls_chain_unref(shown);
	assert_stays(s);
	s->h->lease_seen_ms = clock_monotonic_ms() - ACME_LEASE_MS;
	assert_goes(s);
	assert_null(acme_proofs_chain(s->a->proofs, "a.home.arpa"));
}

/* A gateway with another key, or a newer one, has renewed what ended here. */
static void what_cannot_be_read_stays(void **state)
{
	struct stage *s = *state;
	uint8_t row[ACME_PART_HEAD + 64];
	struct writer w = writer_of(row, sizeof(row));
	acme_part_write(span_text("sealed with another key, and longer than what seals"),
			GENERATION + 2, 0, &w);
	put(s, ACME_TABLE_CERTIFICATES, ID "/0", writer_span(&w));
	see(s);
	assert_int_equal(s->h->generation, GENERATION); /* what was read before is still here */
	assert_stays(s);
	put(s, ACME_TABLE_CERTIFICATES, ID "/0", span_text("?"));
	see(s);
	assert_stays(s);
	acme_rows_certificate(s->a, s->h, span_text("chain"), span_text("key"));
	put(s, ACME_TABLE_SCHEDULES, ID, span_text("?"));
	see(s);
	assert_stays(s);
	acme_rows_schedule(s->a, s->h);
	assert_goes(s);
}

static void what_was_written_anew_unseen_stays(void **state)
{
	struct stage *s = *state;
	uint8_t row[ACME_SCHEDULE_MAX];
	struct writer w = writer_of(row, sizeof(row));
	const struct acme_schedule theirs = {.issued_s = clock_wall_s()};
	acme_schedule_write(&theirs, &w);
	put(s, ACME_TABLE_CERTIFICATES, ID "/0", span_text("theirs"));
	put(s, ACME_TABLE_SCHEDULES, ID, writer_span(&w));
	assert_stays(s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(what_ended_long_ago_goes_and_no_other),
		T(what_is_wanted_or_on_its_way_stays),
		T(what_another_gateway_still_tries_to_get_stays),
		T(a_lease_and_a_proof_of_one_who_is_gone_go_too),
		T(what_cannot_be_read_stays),
		T(what_was_written_anew_unseen_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
