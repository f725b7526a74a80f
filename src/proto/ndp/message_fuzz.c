#include "base/writer.h"
#include "proto/ndp/option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read, written again and read again, must say the same. */
static void check_option(const struct ndp_option *o)
{
	uint8_t room[2200];
	struct writer w = writer_of(room, sizeof(room));
	struct ndp_prefix p, p2;
	struct ndp_route route, route2;
	struct ndp_rdnss d, d2;
	struct ndp_pref64 n, n2;
	struct span s, s2;
	uint32_t number, number2;
	struct ndp_option back = {0};
	bool prefix = ndp_prefix_read(o->body, &p) == OK;
	bool is_route = ndp_route_read(o->body, &route) == OK;
	bool rdnss = ndp_rdnss_read(o->body, &d) == OK;
	bool pref64 = ndp_pref64_read(o->body, &n) == OK;
	bool dnssl = ndp_dnssl_read(o->body, &number, &s) == OK;
	if (prefix)
		ndp_write_prefix(&w, &p);
	if (is_route)
		ndp_write_route(&w, &route);
	if (rdnss)
		ndp_write_rdnss(&w, &d);
	if (pref64)
		ndp_write_pref64(&w, &n);
	if (dnssl)
		ndp_write_dnssl(&w, number, s);
	struct reader r = reader_of_span(writer_span(&w));
	if (w.bad)
		return;
	if (prefix)
		ASSERT(ndp_option_next(&r, &back) && ndp_prefix_read(back.body, &p2) == OK &&
		       ip_prefix_equal(&p.prefix, &p2.prefix) && p.valid_s == p2.valid_s);
	if (is_route)
		ASSERT(ndp_option_next(&r, &back) && ndp_route_read(back.body, &route2) == OK &&
		       ip_prefix_equal(&route.prefix, &route2.prefix));
	if (rdnss)
		ASSERT(ndp_option_next(&r, &back) && ndp_rdnss_read(back.body, &d2) == OK &&
		       d.servers_n == d2.servers_n);
	if (pref64)
		ASSERT(ndp_option_next(&r, &back) && ndp_pref64_read(back.body, &n2) == OK &&
		       ip_prefix_equal(&n.prefix, &n2.prefix) && n.lifetime_s == n2.lifetime_s);
	if (dnssl)
		ASSERT(ndp_option_next(&r, &back) &&
		       ndp_dnssl_read(back.body, &number2, &s2) == OK && span_equal(s, s2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ndp_arrival a = {.source = {.family = 6, .bytes = {0xfe, 0x80, [15] = 1}},
				.destination = {.family = 6, .bytes = {0xff, 2, [15] = 1}},
				.hop_limit = NDP_HOP_LIMIT};
	struct ndp_message m;
	struct ndp_option o;
	struct span s;
	err_ignore(ndp_message_read(span_of(data, size), &a, false, &m));
	if (ndp_message_read(span_of(data, size), &a, true, &m) != OK)
		return 0;
	struct reader r = reader_of_span(m.options);
	while (ndp_option_next(&r, &o)) {
		check_option(&o);
		err_ignore(ndp_captive_portal_read(o.body, &s));
	}
	ASSERT(!r.bad);
	return 0;
}
