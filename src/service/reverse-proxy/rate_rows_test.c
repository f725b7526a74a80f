#include "service/reverse-proxy/rate_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NOW UINT64_C(1000000)

static void rows_come_back_as_they_were_written(void **state)
{
	(void)state;
	static struct guard_share in[RATE_SHARES_MAX], out[RATE_SHARES_MAX];
	static uint8_t room[RATE_ROW_MAX];
	uint64_t number;
	size_t n;
	for (uint32_t i = 0; i < RATE_SHARES_MAX; i++)
		in[i] = (struct guard_share){UINT64_MAX - i, i + 1, 3600000000u - i, 1000000u - i};
	struct writer w = writer_of(room, sizeof(room));
	rate_row_write(&w, 77, in, RATE_SHARES_MAX);
	assert_false(w.bad);
	assert_int_equal(w.pos, RATE_ROW_MAX);
	assert_int_equal(rate_row_read(writer_span(&w), &number, out, &n), OK);
	assert_int_equal(number, 77);
	assert_int_equal(n, RATE_SHARES_MAX);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(out[i].name, in[i].name);
		assert_int_equal(out[i].count, in[i].count);
		assert_int_equal(out[i].each_us, in[i].each_us);
		assert_int_equal(out[i].burst, in[i].burst);
	}
	for (size_t len = 1; len < w.pos; len++)
		assert_int_equal(rate_row_read(span_of(room, len), &number, out, &n), ERR_FORMAT);
	room[0] = 2;
	assert_int_equal(rate_row_read(writer_span(&w), &number, out, &n), ERR_UNSUPPORTED);
}

static enum err reread(struct guard_share share, uint64_t number)
{
	static struct guard_share out[RATE_SHARES_MAX];
	uint8_t room[64];
	size_t n;
	struct writer w = writer_of(room, sizeof(room));
	rate_row_write(&w, number, &share, 1);
	return rate_row_read(writer_span(&w), &number, out, &n);
}

static void numbers_that_no_limit_has_are_refused(void **state)
{
	(void)state;
	assert_int_equal(reread((struct guard_share){1, 1, 1, 1}, 1), OK);
	assert_int_equal(reread((struct guard_share){1, 1, 1, 1}, 0), ERR_FORMAT);
	assert_int_equal(reread((struct guard_share){0, 1, 1, 1}, 1), ERR_FORMAT);
	assert_int_equal(reread((struct guard_share){1, 0, 1, 1}, 1), ERR_FORMAT);
	assert_int_equal(reread((struct guard_share){1, (1 << 24) + 1, 1, 1}, 1), ERR_FORMAT);
	assert_int_equal(reread((struct guard_share){1, 1, 0, 1}, 1), ERR_FORMAT);
	assert_int_equal(reread((struct guard_share){1, 1, 3600000001u, 1}, 1), ERR_FORMAT);
	assert_int_equal(reread((struct guard_share){1, 1, 1, 0}, 1), ERR_FORMAT);
	assert_int_equal(reread((struct guard_share){1, 1, 1, 1000001}, 1), ERR_FORMAT);
}

static void places_are_keys(void **state)
{
	(void)state;
	const struct rate_place in = {0x123456789abcdef0, RATE_RING - 1};
	struct rate_place out;
	uint8_t key[RATE_KEY_LEN];
	rate_place_write(&in, key);
	assert_int_equal(rate_place_read(span_of(key, sizeof(key)), &out), OK);
	assert_int_equal(out.gateway, in.gateway);
	assert_int_equal(out.slot, in.slot);
	assert_int_equal(rate_place_read(span_of(key, sizeof(key) - 1), &out), ERR_FORMAT);
	key[RATE_KEY_LEN - 1] = RATE_RING;
	assert_int_equal(rate_place_read(span_of(key, sizeof(key)), &out), ERR_FORMAT);
}

static void a_row_counts_once(void **state)
{
	(void)state;
	static struct rate_peers p;
	const struct rate_place at = {7, 3};
	struct rate_peer *peer = rate_peers_told(&p, &at, 10, NOW);
	assert_non_null(peer);
	assert_true(rate_peer_read(peer, 3, 4));
	assert_null(rate_peers_told(&p, &at, 10, NOW)); /* told twice */
	assert_null(rate_peers_told(&p, &at, 9, NOW));	/* and late */
	assert_non_null(rate_peers_told(&p, &at, 11, NOW));
	assert_false(rate_peer_read(peer, 3, 4)); /* an old one, put there again */
	assert_true(rate_peer_read(peer, 3, 68));
}

static void who_is_silent_is_forgotten_with_his_rows(void **state)
{
	(void)state;
	static struct rate_peers p;
	struct rate_place at;
	uint64_t version;
	rate_peers_told(&p, &(struct rate_place){1, 0}, 5, NOW)->live = true;
	rate_peers_told(&p, &(struct rate_place){1, 9}, 6, NOW)->live = true;
	(void)rate_peers_told(&p, &(struct rate_place){2, 1}, 7, NOW); /* history only */
	assert_int_equal(rate_peers_live(&p, NOW + RATE_LIVE_MS - 1), 1);
	assert_int_equal(rate_peers_live(&p, NOW + RATE_LIVE_MS), 0);
	assert_false(rate_peers_silent(&p, NOW + RATE_SILENT_MS - 1, &at, &version));
	rate_peers_removed(&p, &(struct rate_place){2, 1}, 8); /* by somebody else */
	assert_true(rate_peers_silent(&p, NOW + RATE_SILENT_MS, &at, &version));
	assert_int_equal(at.gateway, 1);
	assert_int_equal(at.slot, 0);
	assert_int_equal(version, 5);
	assert_true(rate_peers_silent(&p, NOW + RATE_SILENT_MS, &at, &version));
	assert_int_equal(at.slot, 9);
	assert_false(rate_peers_silent(&p, NOW + RATE_SILENT_MS, &at, &version));
	assert_int_equal(p.n, 0);
}

static void more_gateways_than_there_is_room_for_are_not_heard(void **state)
{
	(void)state;
	static struct rate_peers p;
	struct rate_place at;
	uint64_t version;
	for (uint64_t i = 0; i < RATE_PEERS; i++)
		assert_non_null(rate_peers_told(&p, &(struct rate_place){i, 0}, 1 + i, NOW));
	assert_null(rate_peers_told(&p, &(struct rate_place){RATE_PEERS, 0}, 99, NOW));
	while (rate_peers_silent(&p, NOW + RATE_SILENT_MS, &at, &version))
		;
	assert_non_null(rate_peers_told(&p, &(struct rate_place){RATE_PEERS, 0}, 99, NOW));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_back_as_they_were_written),
		cmocka_unit_test(numbers_that_no_limit_has_are_refused),
		cmocka_unit_test(places_are_keys),
		cmocka_unit_test(a_row_counts_once),
		cmocka_unit_test(who_is_silent_is_forgotten_with_his_rows),
		cmocka_unit_test(more_gateways_than_there_is_room_for_are_not_heard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
