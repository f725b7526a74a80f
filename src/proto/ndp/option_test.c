#include "proto/ndp/option.h"

#include "base/writer.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct ip_prefix prefix_of(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(span_text(text), &p), OK);
	return p;
}

/* Each writer's option, whole, in one buffer; read back by the type. */
static size_t write_all(uint8_t *room, size_t cap)
{
	static const char *const pref64[] = {"64:ff9b::/96",	  "2001:db8:1:2::/64",
					     "2001:db8:1::/56",	  "2001:db8:1::/48",
					     "2001:db8:100::/40", "2001:db8::/32"};
	static const char *const routes[] = {"::/0", "2001:db8::/32", "2001:db8::/64",
					     "2001:db8:0:0:8000::/65", "2001:db8::1/128"};
	struct writer w = writer_of(room, cap);
	struct ndp_prefix p = {.prefix = prefix_of("2001:db8:7::/64"),
			       .on_link = true,
			       .autonomous = true,
			       .valid_s = NDP_INFINITY,
			       .preferred_s = 14400};
	struct ndp_rdnss d = {.lifetime_s = 600, .servers_n = 2};
	d.servers[0] = prefix_of("2001:db8::53").address;
	d.servers[1] = prefix_of("fd00::53").address;
	ndp_write_link_layer(&w, NDP_OPT_SOURCE_LINK_LAYER, span_of("\2\0\0\0\0\1", 6));
	ndp_write_prefix(&w, &p);
	ndp_write_mtu(&w, 1480);
	for (size_t i = 0; i < 5; i++) {
		struct ndp_route r = {
			.prefix = prefix_of(routes[i]), .preference = NDP_LOW, .lifetime_s = 1800};
		ndp_write_route(&w, &r);
	}
	ndp_write_rdnss(&w, &d);
	ndp_write_dnssl(&w, 600, span_of("\7example\0\1a\7example\0", 20));
	for (size_t i = 0; i < 6; i++) {
		struct ndp_pref64 n = {.prefix = prefix_of(pref64[i]), .lifetime_s = 65528};
		ndp_write_pref64(&w, &n);
	}
	ndp_write_captive_portal(&w, span_text("https://portal.example/api"));
	ndp_write_nonce(&w, span_of("abcdef", 6));
	assert_int_equal(writer_check(&w), OK);
	return w.pos;
}

static void gives_back_what_it_writes(void **state)
{
	(void)state;
	uint8_t room[1024];
	struct reader r = reader_of(room, write_all(room, sizeof(room)));
	struct ndp_option o;
	unsigned routes = 0, pref64 = 0, seen = 0;
	for (; ndp_option_next(&r, &o); seen++) {
		if (o.type == NDP_OPT_PREFIX) {
			struct ndp_prefix p;
			assert_int_equal(ndp_prefix_read(o.body, &p), OK);
			assert_true(p.on_link && p.autonomous && p.valid_s == NDP_INFINITY);
			struct ip_prefix want = prefix_of("2001:db8:7::/64");
			assert_true(ip_prefix_equal(&p.prefix, &want));
		} else if (o.type == NDP_OPT_MTU) {
			uint32_t mtu;
			assert_int_equal(ndp_mtu_read(o.body, &mtu), OK);
			assert_int_equal(mtu, 1480);
		} else if (o.type == NDP_OPT_ROUTE) {
			static const uint8_t bits[] = {0, 32, 64, 65, 128};
			static const size_t octets[] = {6, 14, 14, 22, 22};
			struct ndp_route route;
			assert_int_equal(ndp_route_read(o.body, &route), OK);
			assert_int_equal(o.body.len, octets[routes]);
			assert_int_equal(route.prefix.bits, bits[routes++]);
			assert_int_equal(route.preference, NDP_LOW);
		} else if (o.type == NDP_OPT_RDNSS) {
			struct ndp_rdnss d;
			assert_int_equal(ndp_rdnss_read(o.body, &d), OK);
			assert_true(d.servers_n == 2 && d.lifetime_s == 600);
		} else if (o.type == NDP_OPT_DNSSL) {
			uint32_t lifetime;
			struct span names;
			assert_int_equal(ndp_dnssl_read(o.body, &lifetime, &names), OK);
			assert_true(span_equal(names, span_of("\7example\0\1a\7example\0", 20)));
		} else if (o.type == NDP_OPT_PREF64) {
			static const uint8_t bits[] = {96, 64, 56, 48, 40, 32};
			struct ndp_pref64 n;
			assert_int_equal(ndp_pref64_read(o.body, &n), OK);
			assert_int_equal(n.prefix.bits, bits[pref64++]);
			assert_int_equal(n.lifetime_s, 65528);
		} else if (o.type == NDP_OPT_CAPTIVE_PORTAL) {
			struct span uri;
			assert_int_equal(ndp_captive_portal_read(o.body, &uri), OK);
			assert_true(span_is(uri, "https://portal.example/api"));
		} else if (o.type == NDP_OPT_NONCE) {
			assert_true(span_is(o.body, "abcdef"));
		}
	}
	assert_int_equal(seen, 18);
	assert_int_equal(routes, 5);
	assert_int_equal(pref64, 6);
	assert_int_equal(reader_end(&r), OK);
}

static void refuses_bodies_of_wrong_length_or_value(void **state)
{
	(void)state;
	uint8_t body[64] = {0};
	struct ndp_prefix p;
	struct ndp_route route;
	struct ndp_rdnss d;
	struct ndp_pref64 n;
	struct span s;
	uint32_t number;
	assert_int_equal(ndp_prefix_read(span_of(body, 30), &p), OK);
	assert_int_equal(ndp_prefix_read(span_of(body, 29), &p), ERR_FORMAT);
	assert_int_equal(ndp_prefix_read(span_of(body, 31), &p), ERR_FORMAT);
	body[0] = 129;
	assert_int_equal(ndp_prefix_read(span_of(body, 30), &p), ERR_FORMAT);
	body[0] = 0;
	assert_int_equal(ndp_mtu_read(span_of(body, 14), &number), ERR_FORMAT);
	/* RFC 4191 2.3: lengths by prefix length, and a reserved preference. */
	assert_int_equal(ndp_route_read(span_of(body, 6), &route), OK);
	body[0] = 1;
	assert_int_equal(ndp_route_read(span_of(body, 6), &route), ERR_FORMAT);
	assert_int_equal(ndp_route_read(span_of(body, 14), &route), OK);
	body[0] = 65;
	assert_int_equal(ndp_route_read(span_of(body, 14), &route), ERR_FORMAT);
	assert_int_equal(ndp_route_read(span_of(body, 30), &route), ERR_FORMAT);
	body[1] = 0x10;
	assert_int_equal(ndp_route_read(span_of(body, 22), &route), ERR_FORMAT);
	body[0] = body[1] = 0;
	/* RFC 8106 5.1: "MUST be regarded as invalid" without an address or with half of one. */
	assert_int_equal(ndp_rdnss_read(span_of(body, 6), &d), ERR_FORMAT);
	assert_int_equal(ndp_rdnss_read(span_of(body, 30), &d), ERR_FORMAT);
	assert_int_equal(ndp_rdnss_read(span_of(body, 22), &d), OK);
	/* RFC 8106 5.2: no name at all; a name torn; something behind the padding. */
	assert_int_equal(ndp_dnssl_read(span_of(body, 14), &number, &s), ERR_FORMAT);
	body[6] = 9;
	assert_int_equal(ndp_dnssl_read(span_of(body, 14), &number, &s), ERR_FORMAT);
	body[6] = 1;
	body[7] = 'a';
	assert_int_equal(ndp_dnssl_read(span_of(body, 14), &number, &s), OK);
	body[12] = 1;
	assert_int_equal(ndp_dnssl_read(span_of(body, 14), &number, &s), ERR_FORMAT);
	/* RFC 8781 4: codes 6 and 7. */
	memset(body, 0, sizeof(body));
	body[1] = 6;
	assert_int_equal(ndp_pref64_read(span_of(body, 14), &n), ERR_FORMAT);
	body[1] = 5;
	assert_int_equal(ndp_pref64_read(span_of(body, 14), &n), OK);
	assert_int_equal(ndp_pref64_read(span_of(body, 13), &n), ERR_FORMAT);
	assert_int_equal(ndp_captive_portal_read(span_of("\0\0\0\0\0\0", 6), &s), ERR_FORMAT);
	assert_int_equal(ndp_captive_portal_read(span_of("a\0b\0\0\0", 6), &s), ERR_FORMAT);
}

static void an_option_that_does_not_fit_marks_the_writer(void **state)
{
	(void)state;
	uint8_t room[1024], small[1024];
	size_t len = write_all(room, sizeof(room));
	struct ndp_prefix p = {.prefix = prefix_of("2001:db8:7::/64")};
	for (size_t cap = 0; cap < 32; cap++) {
		struct writer w = writer_of(small, cap);
		ndp_write_prefix(&w, &p);
		assert_int_equal(writer_check(&w), ERR_LIMIT);
	}
	static uint8_t long_uri[256 * 8];
	static uint8_t wide[4096];
	struct writer w = writer_of(wide, sizeof(wide));
	ndp_write_captive_portal(&w, span_of(long_uri, sizeof(long_uri) - 10));
	assert_int_equal(writer_check(&w), OK);
	w = writer_of(wide, sizeof(wide));
	ndp_write_captive_portal(&w, span_of(long_uri, sizeof(long_uri) - 9));
	assert_int_equal(writer_check(&w), ERR_LIMIT);
	assert_true(len < sizeof(room));
}

static void read_any(const uint8_t *data, size_t len)
{
	struct reader r = reader_of(data, len);
	struct ndp_option o;
	while (ndp_option_next(&r, &o)) {
		struct ndp_prefix p;
		struct ndp_route route;
		struct ndp_rdnss d;
		struct ndp_pref64 n;
		struct span s;
		uint32_t number;
		err_ignore(ndp_prefix_read(o.body, &p));
		err_ignore(ndp_route_read(o.body, &route));
		err_ignore(ndp_rdnss_read(o.body, &d));
		err_ignore(ndp_pref64_read(o.body, &n));
		err_ignore(ndp_mtu_read(o.body, &number));
		err_ignore(ndp_dnssl_read(o.body, &number, &s));
		err_ignore(ndp_captive_portal_read(o.body, &s));
	}
}

static void no_prefix_and_no_flipped_bit_leaves_the_options(void **state)
{
	(void)state;
	uint8_t room[1024];
	size_t len = write_all(room, sizeof(room));
	guard_every_prefix(room, len, read_any);
	guard_every_bit_flip(room, len, read_any);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_bodies_of_wrong_length_or_value),
		cmocka_unit_test(an_option_that_does_not_fit_marks_the_writer),
		cmocka_unit_test(gives_back_what_it_writes),
		cmocka_unit_test(no_prefix_and_no_flipped_bit_leaves_the_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
