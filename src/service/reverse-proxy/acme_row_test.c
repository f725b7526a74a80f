#include "service/reverse-proxy/acme_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct sealed_key key = {.bytes = {1, 2, 3}}, other = {.bytes = {3, 2, 1}};
static const char id[] = "0123456789abcdef0123456789abcdef";

static void identities_are_of_names_in_any_order(void **state)
{
	(void)state;
	static const char *const ab[] = {"a.test", "b.test"}, *const ba[] = {"b.test", "a.test"};
	static const char *const joined[] = {"a.testb.test"};
	char one[ACME_ID_TEXT], two[ACME_ID_TEXT];
	acme_id_of_certificate("https://ca/d", 0, ab, 2, one);
	assert_int_equal(strlen(one), ACME_ID_TEXT - 1);
	acme_id_of_certificate("https://ca/d", 0, ba, 2, two);
	assert_string_equal(one, two);
	acme_id_of_certificate("https://ca/e", 0, ab, 2, two);
	assert_string_not_equal(one, two);
	acme_id_of_certificate("https://ca/d", 1, ab, 2, two);
	assert_string_not_equal(one, two);
	acme_id_of_certificate("https://ca/d", 0, ab, 1, two);
	assert_string_not_equal(one, two);
	acme_id_of_certificate("https://ca/d", 0, joined, 1, two);
	assert_string_not_equal(one, two);
	acme_id_of_account("https://ca/d", two);
	assert_string_not_equal(one, two);
}

static void an_account_opens_only_with_its_key_and_in_its_place(void **state)
{
	(void)state;
	const struct acme_account a = {.key_pem = "PEM", .url = "https://ca/account/1"};
	struct acme_account b;
	uint8_t row[ACME_ACCOUNT_MAX];
	struct writer w = writer_of(row, sizeof(row));
	assert_int_equal(acme_account_write(&a, &key, span_text(id), &w), OK);
	assert_int_equal(acme_account_read(writer_span(&w), &key, span_text(id), &b), OK);
	assert_string_equal(b.key_pem, "PEM");
	assert_string_equal(b.url, a.url);
	assert_int_equal(acme_account_read(writer_span(&w), &other, span_text(id), &b),
			 ERR_REFUSED);
	assert_int_equal(acme_account_read(writer_span(&w), &key, span_text("elsewhere"), &b),
			 ERR_REFUSED);
	for (size_t len = 0; len < w.pos; len++)
		assert_int_not_equal(acme_account_read(span_of(row, len), &key, span_text(id), &b),
				     OK);
	for (size_t bit = 0; bit < 8 * w.pos; bit++) {
		row[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(acme_account_read(writer_span(&w), &key, span_text(id), &b),
				 ERR_REFUSED);
		row[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static struct span part_of(struct span sealed, uint64_t generation, size_t n, uint8_t *room)
{
	struct writer w = writer_of(room, ACME_PART_MAX + ACME_PART_HEAD);
	acme_part_write(sealed, generation, n, &w);
	assert_int_equal(writer_check(&w), OK);
	return writer_span(&w);
}

/* A chain of three parts, which come in any order and in the middle of older ones. */
static void a_certificate_is_whole_when_all_parts_of_one_generation_are(void **state)
{
	(void)state;
	static char chain[9000];
	memset(chain, 'c', sizeof(chain));
	uint8_t *sealed = NULL, room[ACME_PART_MAX + ACME_PART_HEAD], *plain = NULL;
	size_t len = 0, plain_len = 0;
	assert_int_equal(acme_certificate_seal(span_of(chain, sizeof(chain)), span_text("KEY"),
					       &key, span_text(id), &sealed, &len),
			 OK);
	assert_int_equal(acme_parts(len), 3);
	struct acme_parts p = {0};
	bool whole = true;
	static const struct {
		uint64_t generation;
		size_t n;
		bool whole;
	} order[] = {{1, 0, false}, {1, 2, false}, {2, 2, false},
		     {2, 0, false}, {2, 0, false}, {2, 1, true}};
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		struct span row =
			part_of(span_of(sealed, len), order[i].generation, order[i].n, room);
		assert_int_equal(acme_parts_take(&p, order[i].n, row, &whole), OK);
		assert_int_equal(whole, order[i].whole);
	}
	size_t joined_len = 0;
	uint8_t *joined = acme_parts_join(&p, &joined_len);
	struct span c, k;
	assert_int_equal(joined_len, len);
	assert_memory_equal(joined, sealed, len);
	assert_int_equal(acme_certificate_open(span_of(joined, len), &other, span_text(id), &plain,
					       &plain_len, &c, &k),
			 ERR_REFUSED);
	assert_int_equal(acme_certificate_open(span_of(joined, len), &key, span_text(id), &plain,
					       &plain_len, &c, &k),
			 OK);
	assert_true(span_equal(c, span_of(chain, sizeof(chain))));
	assert_true(span_is(k, "KEY"));
	free(plain);
	free(joined);
	free(sealed);
	acme_parts_done(&p);
}

static void parts_that_are_none_are_refused(void **state)
{
	(void)state;
	static const uint8_t bytes[10] = {1};
	uint8_t room[ACME_PART_MAX + ACME_PART_HEAD];
	struct acme_parts p = {0};
	bool whole = false;
	struct span row = part_of(span_of(bytes, sizeof(bytes)), 5, 0, room);
	assert_int_equal(acme_parts_take(&p, 1, row, &whole), ERR_FORMAT);
	for (size_t len = 0; len <= ACME_PART_HEAD; len++)
		assert_int_equal(acme_parts_take(&p, 0, span_of(room, len), &whole), ERR_FORMAT);
	room[10] = ACME_PARTS_MAX + 1;
	assert_int_equal(acme_parts_take(&p, 0, row, &whole), ERR_FORMAT);
	assert_false(whole);
	acme_parts_done(&p);
}

static void keys_of_parts_are_read_as_they_are_written(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
					  id,
					  "0123456789abcdef0123456789abcdef/",
					  "0123456789abcdef0123456789abcdef/24",
					  "0123456789abcdef0123456789abcdef/x",
					  "0123456789abcdef0123456789abcde/1"};
	char text[ACME_PART_KEY], back[ACME_ID_TEXT];
	size_t n = 0;
	acme_part_key(id, 23, text);
	assert_string_equal(text, "0123456789abcdef0123456789abcdef/23");
	assert_true(acme_part_key_read(span_text(text), back, &n));
	assert_string_equal(back, id);
	assert_int_equal(n, 23);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(acme_part_key_read(span_text(bad[i]), back, &n));
}

static void schedules_and_proofs_are_read_as_they_are_written(void **state)
{
	(void)state;
	const struct acme_schedule s = {1, 2, 3, 4, 5, 6, 7, "rateLimited: come later"};
	const struct acme_proof_row p = {.challenge = ACME_TLS_ALPN_01,
					 .name = "www.test",
					 .token = "t",
					 .authorization = "t.x",
					 .digest = {7, 8}};
	struct acme_schedule s2;
	struct acme_proof_row p2;
	uint8_t row[ACME_PROOF_ROW_MAX];
	struct writer w = writer_of(row, sizeof(row));
	acme_schedule_write(&s, &w);
	assert_int_equal(acme_schedule_read(writer_span(&w), &s2), OK);
	assert_int_equal(s2.issued_s + s2.due_s + s2.again_s + s2.chance + s2.retry_s +
				 s2.failures + s2.early,
			 28);
	assert_string_equal(s2.error, s.error);
	for (size_t len = 0; len < w.pos; len++)
		assert_int_equal(acme_schedule_read(span_of(row, len), &s2), ERR_FORMAT);
	w.pos = 0;
	acme_proof_write(&p, &w);
	assert_int_equal(acme_proof_read(writer_span(&w), &p2), OK);
	assert_int_equal(p2.challenge, ACME_TLS_ALPN_01);
	assert_string_equal(p2.name, p.name);
	assert_string_equal(p2.authorization, p.authorization);
	assert_memory_equal(p2.digest, p.digest, sizeof(p.digest));
	for (size_t len = 0; len < w.pos; len++)
		assert_int_equal(acme_proof_read(span_of(row, len), &p2), ERR_FORMAT);
	row[1] = 9;
	assert_int_equal(acme_proof_read(writer_span(&w), &p2), ERR_FORMAT);
}

static void who_is_told_to_renew_at_once_again_and_again_is_patient(void **state)
{
	(void)state;
	enum { LIFE = 90 * 86400, T = 1000000000 };
	struct acme_schedule s = {.failures = 3, .error = "before"};
	acme_schedule_issued(&s, T, LIFE, 7);
	assert_true(s.issued_s == T && s.again_s == T && s.chance == 7 && s.retry_s == 0);
	assert_true(s.failures == 0 && s.error[0] == '\0');
	acme_schedule_issued(&s, T + 1, LIFE, 7);
	assert_int_equal(s.retry_s, T + 1 + 3600);
	acme_schedule_issued(&s, T + 4000, LIFE, 7);
	assert_int_equal(s.retry_s, T + 4000 + 7200);
	for (int i = 0; i < 100; i++)
		acme_schedule_issued(&s, T + 4000, LIFE, 7);
	assert_int_equal(s.retry_s, T + 4000 + LIFE / 3);
	acme_schedule_issued(&s, T + 4000, 6, 7);
	assert_int_equal(s.retry_s, T + 4000 + 2);
	acme_schedule_issued(&s, T + 4000 + LIFE / 3 * 2, LIFE, 7);
	assert_true(s.early == 0 && s.retry_s == 0);
}

static void what_nobody_wants_goes_some_time_after_its_end(void **state)
{
	(void)state;
	enum { T = 1000000, KEEP = 100 };
	struct acme_schedule s = {.issued_s = T - 50};
	assert_false(acme_schedule_is_left(&s, T, KEEP, T - 1));
	assert_false(acme_schedule_is_left(&s, T, KEEP, T + KEEP));
	assert_true(acme_schedule_is_left(&s, T, KEEP, T + KEEP + 1));
	/* Who tries it, still or again, wants it. The last try may be one to come. */
	s.retry_s = T + 900;
	assert_false(acme_schedule_is_left(&s, T, KEEP, T + KEEP + 1));
	assert_false(acme_schedule_is_left(&s, T, KEEP, T + 900 + KEEP));
	assert_true(acme_schedule_is_left(&s, T, KEEP, T + 901 + KEEP));
	/* As of one that never came. */
	assert_false(acme_schedule_is_left(&s, 0, KEEP, T + KEEP + 1));
	assert_false(acme_schedule_is_left(&s, 0, KEEP, T + 900 + KEEP));
	assert_true(acme_schedule_is_left(&s, 0, KEEP, T + 901 + KEEP));
	s.retry_s = 0;
	assert_false(acme_schedule_is_left(&s, 0, KEEP, T - 50 + KEEP));
	assert_true(acme_schedule_is_left(&s, 0, KEEP, T - 49 + KEEP));
	/* Nothing is known, and a clock that is behind. */
	s.issued_s = 0;
	assert_false(acme_schedule_is_left(&s, 0, KEEP, UINT64_MAX));
	assert_false(acme_schedule_is_left(&s, UINT64_MAX, KEEP, T));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identities_are_of_names_in_any_order),
		cmocka_unit_test(an_account_opens_only_with_its_key_and_in_its_place),
		cmocka_unit_test(a_certificate_is_whole_when_all_parts_of_one_generation_are),
		cmocka_unit_test(parts_that_are_none_are_refused),
		cmocka_unit_test(keys_of_parts_are_read_as_they_are_written),
		cmocka_unit_test(who_is_told_to_renew_at_once_again_and_again_is_patient),
		cmocka_unit_test(schedules_and_proofs_are_read_as_they_are_written),
		cmocka_unit_test(what_nobody_wants_goes_some_time_after_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
