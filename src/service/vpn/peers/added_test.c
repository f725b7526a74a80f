#include "service/vpn/peers/added.h"

#include "base/writer.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct sealed_key key = {.bytes = {1, 2, 3}};

static struct added sample(void)
{
	struct added a = {.name = "phone",
			  .device = "wg0",
			  .public_key = {9, 8, 7},
			  .preshared_key = {5, 4, 3},
			  .names = {3, 1},
			  .addresses_n = 2,
			  .routes_n = 2,
			  .reach_n = 1,
			  .up_bits = 20000000,
			  .down_bits = UINT64_C(1000000000000),
			  .has_keepalive = true,
			  .keepalive_s = 25,
			  .sign_in = true,
			  .expires_s = 1798761600,
			  .made_s = 1795000000,
			  .users = {"anna", "b"},
			  .roles = {"staff"},
			  .users_n = 2,
			  .roles_n = 1};
	assert_int_equal(ip_address_parse(span_text("10.9.0.7"), &a.addresses[0]), OK);
	assert_int_equal(ip_address_parse(span_text("fd00:9::7"), &a.addresses[1]), OK);
	assert_int_equal(ip_prefix_parse(span_text("192.168.7.0/24"), &a.routes[0]), OK);
	assert_int_equal(ip_prefix_parse(span_text("::/0"), &a.routes[1]), OK);
	a.reach[0] = a.routes[0];
	return a;
}

static size_t written(const struct added *a, uint8_t ret[ADDED_ROW_MAX])
{
	struct writer w = writer_of(ret, ADDED_ROW_MAX);
	assert_int_equal(added_write(a, &key, &w), OK);
	assert_int_equal(writer_check(&w), OK);
	return w.pos;
}

static void a_row_says_what_was_written(void **state)
{
	(void)state;
	struct added a = sample(), b;
	uint8_t row[ADDED_ROW_MAX];
	size_t len = written(&a, row);
	memset(&b, 0xee, sizeof(b));
	assert_int_equal(added_read(span_text("phone"), span_of(row, len), &key, &b), OK);
	assert_string_equal(b.name, "phone");
	assert_string_equal(b.device, "wg0");
	assert_memory_equal(b.public_key, a.public_key, sizeof(a.public_key));
	assert_memory_equal(b.preshared_key, a.preshared_key, sizeof(a.preshared_key));
	assert_int_equal(b.addresses_n, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(ip_address_equal(&a.addresses[i], &b.addresses[i]));
		assert_int_equal(a.names[i], b.names[i]);
		assert_true(ip_prefix_equal(&a.routes[i], &b.routes[i]));
		assert_string_equal(a.users[i], b.users[i]);
	}
	assert_int_equal(b.routes_n, 2);
	assert_int_equal(b.reach_n, 1);
	assert_true(ip_prefix_equal(&a.reach[0], &b.reach[0]));
	assert_int_equal(b.up_bits, a.up_bits);
	assert_int_equal(b.down_bits, a.down_bits);
	assert_true(b.has_keepalive && b.sign_in && !b.ended);
	assert_int_equal(b.keepalive_s, 25);
	assert_int_equal(b.expires_s, a.expires_s);
	assert_int_equal(b.made_s, a.made_s);
	assert_int_equal(b.users_n, 2);
	assert_int_equal(b.roles_n, 1);
	assert_string_equal(b.roles[0], "staff");
}

static void the_preshared_key_opens_for_its_peer_alone(void **state)
{
	(void)state;
	struct added a = sample(), b;
	struct sealed_key other = {.bytes = {1, 2, 4}};
	uint8_t row[ADDED_ROW_MAX];
	size_t len = written(&a, row);
	assert_int_equal(added_read(span_text("tablet"), span_of(row, len), &key, &b), ERR_REFUSED);
	assert_int_equal(added_read(span_text("phone"), span_of(row, len), &other, &b),
			 ERR_REFUSED);
	/* In the row it is not to be seen. */
	for (size_t i = 0; i + 3 <= len; i++)
		assert_false(row[i] == 5 && row[i + 1] == 4 && row[i + 2] == 3);
	row[0]++;
	assert_int_equal(added_read(span_text("phone"), span_of(row, len), &key, &b),
			 ERR_UNSUPPORTED);
}

static void read_any(const uint8_t *data, size_t len)
{
	struct added a = {.name = "as it was"};
	enum err e = added_read(span_text("phone"), span_of(data, len), &key, &a);
	if (e)
		assert_string_equal(a.name, "as it was");
	else
		assert_true(a.addresses_n <= ADDED_ADDRESSES_MAX && a.routes_n <= ADDED_ROUTES_MAX);
}

static void reads_no_further_than_the_row(void **state)
{
	(void)state;
	struct added a = sample();
	uint8_t row[ADDED_ROW_MAX];
	size_t len = written(&a, row);
	guard_every_prefix(row, len, read_any);
	guard_every_bit_flip(row, len, read_any);
}

static void the_longest_row_fits(void **state)
{
	(void)state;
	struct added a = sample();
	uint8_t row[ADDED_ROW_MAX];
	a.addresses_n = ADDED_ADDRESSES_MAX;
	a.addresses[0] = a.addresses[1];
	a.routes_n = a.reach_n = ADDED_ROUTES_MAX;
	for (size_t i = 0; i < ADDED_ROUTES_MAX; i++)
		a.routes[i] = a.reach[i] = a.routes[1];
	a.users_n = a.roles_n = ADDED_WHO_MAX;
	for (size_t i = 0; i < ADDED_WHO_MAX; i++) {
		memset(a.users[i], 'u', ADDED_WHO_LEN_MAX);
		memset(a.roles[i], 'r', ADDED_WHO_LEN_MAX);
	}
	memset(a.device, 'd', ADDED_DEVICE_MAX);
	assert_true(written(&a, row) <= ADDED_ROW_MAX);
}

static void names_are_labels(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"",	   "-a",
		"a-",	   "A",
		"a.b",	   "a b",
		"phone\n", "0123456789012345678901234567890123456789012345678901234567890123"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(added_name_is_right(span_text(wrong[i])));
	assert_true(added_name_is_right(span_text("anna-s-phone-2")));
	assert_true(added_name_is_right(span_text("7")));
}

/* --- addresses --- */

struct taken {
	const char *const *texts;
	size_t n;
	unsigned asked;
};

static bool is_taken(void *arg, const struct ip_address *a)
{
	struct taken *t = arg;
	char text[IP_ADDRESS_TEXT_MAX];
	t->asked++;
	ip_address_format(a, text);
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(text, t->texts[i]) == 0)
			return true;
	return false;
}

static const char *picked(const char *network, const char *like, const char *like_network,
			  struct taken t)
{
	static char text[IP_ADDRESS_TEXT_MAX];
	struct ip_prefix n, ln;
	struct ip_address l, ret;
	assert_int_equal(ip_prefix_parse(span_text(network), &n), OK);
	if (like) {
		assert_int_equal(ip_address_parse(span_text(like), &l), OK);
		assert_int_equal(ip_prefix_parse(span_text(like_network), &ln), OK);
	}
	const struct added_pick p = {&n, like ? &l : NULL, like ? &ln : NULL, is_taken, &t};
	if (added_pick(&p, &ret))
		return "none";
	ip_address_format(&ret, text);
	return text;
}

static void the_lowest_free_address_is_taken(void **state)
{
	(void)state;
	static const char *const few[] = {"10.9.0.1", "10.9.0.2", "fd00:9::1", "10.9.0.4"};
	const struct taken t = {few, 4, 0}, none = {0};
	assert_string_equal(picked("10.9.0.0/24", NULL, NULL, t), "10.9.0.3");
	assert_string_equal(picked("10.9.0.0/30", NULL, NULL, t), "none"); /* .3 is for all */
	assert_string_equal(picked("10.9.0.2/31", NULL, NULL, t), "10.9.0.3");
	assert_string_equal(picked("10.9.0.1/32", NULL, NULL, t), "none");
	assert_string_equal(picked("10.9.0.9/32", NULL, NULL, t), "10.9.0.9");
	assert_string_equal(picked("10.9.255.0/24", NULL, NULL, none), "10.9.255.1");
	assert_string_equal(picked("fd00:9::/64", NULL, NULL, t), "fd00:9::2");
	assert_string_equal(picked("255.255.255.254/31", NULL, NULL, none), "255.255.255.254");
	assert_string_equal(picked("255.255.255.255/32", NULL, NULL, none), "255.255.255.255");
}

static void both_families_have_one_place_where_it_is_free(void **state)
{
	(void)state;
	static const char *const one[] = {"fd00:9::7"};
	const struct taken t = {one, 1, 0}, none = {0};
	assert_string_equal(picked("fd00:9::/64", "10.9.0.7", "10.9.0.0/24", none), "fd00:9::7");
	assert_string_equal(picked("fd00:9::/64", "10.9.0.7", "10.9.0.0/24", t), "fd00:9::1");
	assert_string_equal(picked("fd00:9::/64", "10.9.1.2", "10.9.0.0/16", none), "fd00:9::102");
	/* It does not leave the network. */
	assert_string_equal(picked("fd00:9::/126", "10.9.0.7", "10.9.0.0/24", none), "fd00:9::1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_says_what_was_written),
		cmocka_unit_test(the_preshared_key_opens_for_its_peer_alone),
		cmocka_unit_test(reads_no_further_than_the_row),
		cmocka_unit_test(the_longest_row_fits),
		cmocka_unit_test(names_are_labels),
		cmocka_unit_test(the_lowest_free_address_is_taken),
		cmocka_unit_test(both_families_have_one_place_where_it_is_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
