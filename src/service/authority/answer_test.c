#include "base/writer.h"
#include "proto/dns/message.h"
#include "proto/dns/type.h"
#include "service/authority/ask_test.h"
#include "test/guard.h"

#include <stdio.h>

#define HEAD "$TTL 3600\n@ SOA ns hm 7 7200 3600 1209600 300\n@ NS ns\nns A 192.0.2.1\n"
#define SOA  "ns example. SOA ns.example. hm.example. 7 7200 3600 1209600 300\n"

static struct ask *zone(const char *text)
{
	char all[16384];
	struct ask *a = ask_new();

	(void)snprintf(all, sizeof(all), "%s%s", HEAD, text);
	ask_add(a, "example.", all);
	return a;
}

static uint16_t flags_of(const struct ask *a)
{
	return (uint16_t)(a->wire[2] << 8 | a->wire[3]);
}

/* --- what is not answered with data --- */

static void drops_what_is_no_query(void **state)
{
	(void)state;
	struct ask *a = zone("");
	uint8_t q[512];
	size_t len = ask_query("example.", "SOA", 0, q, sizeof(q));

	assert_int_equal(ask_wire(a, q, 11, false), 0);
	assert_int_equal(a->facts.drop, ANSWER_DROP_SHORT);
	q[2] |= 0x80; /* an answer: two servers must not talk for ever */
	assert_int_equal(ask_wire(a, q, len, false), 0);
	assert_int_equal(a->facts.drop, ANSWER_DROP_SHORT);
	ask_free(a);
}

static void refuses_torn_and_double_questions(void **state)
{
	(void)state;
	struct ask *a = zone("");
	uint8_t q[512];
	size_t len = ask_query("example.", "SOA", 0, q, sizeof(q));

	assert_int_equal(ask_wire(a, q, len - 1, false), DNS_HEADER_LEN);
	assert_int_equal(flags_of(a) & 0xF, DNS_RCODE_FORMERR);
	q[len] = 0; /* an octet too much */
	assert_true(ask_wire(a, q, len + 1, false) > 0);
	assert_int_equal(flags_of(a) & 0xF, DNS_RCODE_FORMERR);
	q[5] = 2;
	assert_true(ask_wire(a, q, len, false) > 0);
	assert_int_equal(flags_of(a) & 0xF, DNS_RCODE_FORMERR);
	ask_free(a);
}

static void refuses_other_opcodes_with_the_question_echoed(void **state)
{
	(void)state;
	struct ask *a = zone("");
	uint8_t q[512];
	size_t len = ask_query("eXample.", "SOA", 0, q, sizeof(q));

	for (unsigned opcode = 1; opcode < 16; opcode++) {
		/* An update is understood, and allowed to nobody here. */
		enum dns_rcode rcode =
			opcode == DNS_OPCODE_UPDATE ? DNS_RCODE_REFUSED : DNS_RCODE_NOTIMP;
		q[2] = (uint8_t)(opcode << 3);
		assert_int_equal(ask_wire(a, q, len, false), len);
		assert_int_equal(flags_of(a), 0x8000 | opcode << 11 | rcode);
		assert_memory_equal(a->wire + 12, q + 12, len - 12);
	}
	ask_free(a);
}

static void refuses_names_of_no_zone_and_says_so(void **state)
{
	(void)state;
	static const uint8_t ede[] = {0, 6, 0, 15, 0, 2, 0, DNS_EDE_NOT_AUTHORITATIVE};
	struct ask *a = zone("");

	assert_string_equal(ask(a, "example.org.", "A", 0), "REFUSED\n");
	assert_string_equal(ask(a, "org.", "DS", 0), "REFUSED\n");
	assert_string_equal(ask(a, ".", "NS", ASK_EDNS), "REFUSED\n");
	assert_memory_equal(a->wire + a->wire_len - sizeof(ede), ede, sizeof(ede));
	ask_free(a);
}

static void answers_servfail_for_a_zone_that_is_not_loaded(void **state)
{
	(void)state;
	struct ask *a = zone("");
	struct dns_name broken;

	assert_int_equal(dns_name_from_text(span_text("broken.example."), NULL, &broken), OK);
	assert_int_equal(zones_add(a->set, &broken, NULL, NULL, 0), OK);
	assert_int_equal(zones_add(a->set, &broken, NULL, NULL, 0), ERR_EXISTS);
	assert_string_equal(ask(a, "www.broken.example.", "A", 0), "SERVFAIL\n");
	ask_free(a);
}

static void refuses_query_types_that_are_no_data(void **state)
{
	(void)state;
	struct ask *a = zone("");

	assert_string_equal(ask(a, "example.", "MAILB", 0), "NOTIMP\n");
	assert_string_equal(ask(a, "example.", "OPT", 0), "NOTIMP\n");
	assert_string_equal(ask(a, "example.", "AXFR", 0), "REFUSED\n");
	assert_string_equal(ask(a, "www.example.", "AXFR", ASK_TCP), "NOTAUTH\n");
	ask_free(a);
}

static void refuses_unknown_edns_versions(void **state)
{
	(void)state;
	struct ask *a = zone("");
	uint8_t q[512];
	size_t len = ask_query("example.", "SOA", ASK_EDNS, q, sizeof(q));

	q[len - 5] = 1; /* version */
	assert_true(ask_wire(a, q, len, false) > 0);
	assert_int_equal(a->facts.rcode, DNS_RCODE_BADVERS);
	assert_int_equal(a->wire[7], 0);	       /* no answer */
	assert_int_equal(a->wire[a->wire_len - 6], 1); /* the upper bits of BADVERS */
	ask_free(a);
}

static struct ask *mangled; /* why-global: guard.h's loops give no argument */

static void answer_is_well_formed(const uint8_t *data, size_t len)
{
	struct dns_message m;
	size_t n = ask_wire(mangled, data, len, false);

	if (n == 0) {
		assert_true(len < DNS_HEADER_LEN || data[2] & 0x80);
		return;
	}
	assert_int_equal(dns_message_read(span_of(mangled->wire, n), &m), OK);
	assert_memory_equal(mangled->wire, data, 2);
	assert_true(m.header.flags & DNS_FLAG_QR);
	assert_true(n <= 1232);
}

static void survives_every_prefix_and_bit_flip(void **state)
{
	(void)state;
	uint8_t q[512];

	mangled = zone(
		"* TXT wild\nwww A 192.0.2.2\nsub NS ns.sub\nns.sub A 192.0.2.3\ndn DNAME www\n");
	size_t len = ask_query("www.sub.example.", "A", ASK_DO, q, sizeof(q));
	guard_every_prefix(q, len, answer_is_well_formed);
	guard_every_bit_flip(q, len, answer_is_well_formed);
	len = ask_query("a.dn.example.", "TXT", ASK_EDNS, q, sizeof(q));
	guard_every_bit_flip(q, len, answer_is_well_formed);
	ask_free(mangled);
}

/* --- answers --- */

static void echoes_the_case_of_the_question(void **state)
{
	(void)state;
	struct ask *a = zone("www A 192.0.2.2\n");
	uint8_t q[512];
	size_t len = ask_query("wWw.ExAmPlE.", "A", 0, q, sizeof(q));

	assert_int_equal(ask_wire(a, q, len, false), len + 16);
	assert_memory_equal(a->wire + 12, q + 12, len - 12);
	assert_int_equal(a->wire[len], 0xC0);
	assert_int_equal(a->wire[len + 1], 12);
	ask_free(a);
}

static void negative_answers_carry_the_soa_with_the_lower_ttl(void **state)
{
	(void)state;
	struct ask *a = zone("www A 192.0.2.2\n");
	static const uint8_t ttl_300[] = {0, DNS_TYPE_SOA, 0, 1, 0, 0, 1, 44};

	assert_string_equal(ask(a, "nx.example.", "A", 0), "NXDOMAIN aa\n" SOA);
	assert_memory_equal(a->wire + 12 + 12 + 4 + 2, ttl_300, sizeof(ttl_300)); /* RFC 2308 5 */
	assert_string_equal(ask(a, "www.example.", "AAAA", 0), "NOERROR aa\n" SOA);
	assert_string_equal(
		ask(a, "example.", "SOA", 0),
		"NOERROR aa\nan example. SOA ns.example. hm.example. 7 7200 3600 1209600 300\n");
	static const uint8_t ttl_3600[] = {0, DNS_TYPE_SOA, 0, 1, 0, 0, 0x0E, 0x10};
	assert_memory_equal(a->wire + 12 + 9 + 4 + 2, ttl_3600, sizeof(ttl_3600));
	ask_free(a);
}

static void follows_cnames_as_far_as_it_knows(void **state)
{
	(void)state;
	struct ask *a = zone("a CNAME b\nb CNAME www\nwww A 192.0.2.2\ndangling CNAME nx\nout "
			     "CNAME www.example.org.\n"
			     "l1 CNAME l2\nl2 CNAME l1\nself CNAME self\n");

	assert_string_equal(
		ask(a, "a.example.", "A", 0),
		"NOERROR aa\nan a.example. CNAME b.example.\nan b.example. CNAME www.example.\n"
		"an www.example. A 192.0.2.2\n");
	assert_string_equal(ask(a, "a.example.", "CNAME", 0),
			    "NOERROR aa\nan a.example. CNAME b.example.\n");
	assert_string_equal(ask(a, "b.example.", "AAAA", 0),
			    "NOERROR aa\nan b.example. CNAME www.example.\n" SOA);
	/* RFC 6604 3: the rcode is of the last name. */
	assert_string_equal(ask(a, "dangling.example.", "A", 0),
			    "NXDOMAIN aa\nan dangling.example. CNAME nx.example.\n" SOA);
	assert_string_equal(ask(a, "out.example.", "A", 0),
			    "NOERROR aa\nan out.example. CNAME www.example.org.\n");
	assert_string_equal(
		ask(a, "l1.example.", "A", 0),
		"NOERROR aa\nan l1.example. CNAME l2.example.\nan l2.example. CNAME l1.example.\n");
	assert_string_equal(ask(a, "self.example.", "A", 0),
			    "NOERROR aa\nan self.example. CNAME self.example.\n");
	ask_free(a);
}

static void follows_cnames_into_other_zones_it_serves(void **state)
{
	(void)state;
	struct ask *a = zone(
		"a CNAME www.example.org.\nb CNAME nx.example.org.\nc CNAME x.sub.example.org.\n"
		"*.w CNAME www.example.org.\n");

	ask_add(a, "example.org.",
		"$TTL 60\n@ SOA ns hm 1 2 3 4 5\n@ NS ns\nns A 192.0.2.9\nwww A 192.0.2.8\n"
		"sub NS ns.sub\nns.sub A 192.0.2.7\n");
	assert_string_equal(ask(a, "a.example.", "A", 0),
			    "NOERROR aa\nan a.example. CNAME www.example.org.\nan www.example.org. "
			    "A 192.0.2.8\n");
	assert_string_equal(ask(a, "b.example.", "A", 0),
			    "NXDOMAIN aa\nan b.example. CNAME nx.example.org.\n"
			    "ns example.org. SOA ns.example.org. hm.example.org. 1 2 3 4 5\n");
	assert_string_equal(ask(a, "c.example.", "A", 0),
			    "NOERROR aa\nan c.example. CNAME x.sub.example.org.\nns "
			    "sub.example.org. NS ns.sub.example.org.\n"
			    "ar ns.sub.example.org. A 192.0.2.7\n");
	assert_string_equal(ask(a, "q.w.example.", "A", 0),
			    "NOERROR aa\nan q.w.example. CNAME www.example.org.\nan "
			    "www.example.org. A 192.0.2.8\n");
	ask_free(a);
}

#define L60 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void dname_redirects_what_is_below_it(void **state)
{
	(void)state;
	struct ask *a = zone(
		"dn DNAME t\ndn TXT here\na.t A 192.0.2.4\nt A 192.0.2.5\nout DNAME example.org.\n"
		"long DNAME " L60 "." L60 "." L60 "\nloop DNAME loop\n");

	/* RFC 6672 2.2 and 3.1 */
	assert_string_equal(
		ask(a, "a.dn.example.", "A", 0),
		"NOERROR aa\nan dn.example. DNAME t.example.\nan a.dn.example. CNAME a.t.example.\n"
		"an a.t.example. A 192.0.2.4\n");
	assert_string_equal(ask(a, "dn.example.", "TXT", 0),
			    "NOERROR aa\nan dn.example. TXT \"here\"\n");
	assert_string_equal(ask(a, "dn.example.", "A", 0), "NOERROR aa\n" SOA);
	assert_string_equal(ask(a, "x.y.out.example.", "A", 0),
			    "NOERROR aa\nan out.example. DNAME example.org.\nan x.y.out.example. "
			    "CNAME x.y.example.org.\n");
	assert_string_equal(ask(a, "nx.dn.example.", "A", 0),
			    "NXDOMAIN aa\nan dn.example. DNAME t.example.\nan nx.dn.example. CNAME "
			    "nx.t.example.\n" SOA);
	assert_string_equal(ask(a, "a.dn.example.", "CNAME", 0),
			    "NOERROR aa\nan dn.example. DNAME t.example.\nan a.dn.example. CNAME "
			    "a.t.example.\n");
	assert_string_equal(ask(a, L60 "." L60 ".long.example.", "A", 0),
			    "YXDOMAIN aa\nan long.example. DNAME " L60 "." L60 "." L60
			    ".example.\n");
	/* A DNAME into itself ends at the bound, and stands there once. */
	(void)ask(a, "x.loop.example.", "A", 0);
	assert_int_equal(a->wire[7], 1 + ANSWER_CHAIN_MAX);
	ask_free(a);
}

static void any_is_one_set_over_udp_and_all_over_tcp(void **state)
{
	(void)state;
	struct ask *a = zone("www A 192.0.2.2\nwww A 192.0.2.3\nwww TXT t\nent.x A 192.0.2.4\n");

	/* RFC 8482 4.1 */
	assert_string_equal(
		ask(a, "www.example.", "ANY", 0),
		"NOERROR aa\nan www.example. A 192.0.2.2\nan www.example. A 192.0.2.3\n");
	assert_string_equal(ask(a, "www.example.", "ANY", ASK_TCP),
			    "NOERROR aa\nan www.example. A 192.0.2.2\nan www.example. A 192.0.2.3\n"
			    "an www.example. TXT \"t\"\n");
	assert_string_equal(ask(a, "x.example.", "ANY", 0), "NOERROR aa\n" SOA);
	ask_free(a);
}

static void refers_with_glue_of_the_child_first(void **state)
{
	(void)state;
	struct ask *a =
		zone("sub NS sib.other\nsub NS ns\nsub NS ns.sub\nns.sub AAAA 2001:db8::1\nns.sub "
		     "A 192.0.2.3\n"
		     "other NS sib.other\nsib.other A 192.0.2.4\nsub DS 1 8 2 " L60 "aaaa\n");
	const char *referral =
		"NOERROR\nns sub.example. NS sib.other.example.\nns sub.example. NS ns.example.\n"
		"ns sub.example. NS ns.sub.example.\nar ns.sub.example. A 192.0.2.3\n"
		"ar ns.sub.example. AAAA 2001:db8::1\nar sib.other.example. A 192.0.2.4\n"
		"ar ns.example. A 192.0.2.1\n";

	assert_string_equal(ask(a, "a.b.sub.example.", "A", 0), referral);
	assert_string_equal(ask(a, "sub.example.", "A", 0), referral);
	assert_string_equal(ask(a, "sub.example.", "NS", 0), referral);
	assert_string_equal(ask(a, "ns.sub.example.", "A", 0), referral); /* glue is no answer */
	assert_string_equal(ask(a, "x.sub.example.", "DS", 0), referral);
	assert_true(a->facts.referral);
	/* RFC 4035 3.1.4.1: DS is the parent's. */
	assert_string_equal(ask(a, "other.example.", "DS", 0), "NOERROR aa\n" SOA);
	(void)ask(a, "sub.example.", "DS", 0);
	assert_int_equal(a->wire[7], 1);
	ask_free(a);
}

static void glue_that_is_needed_and_does_not_fit_sets_tc(void **state)
{
	(void)state;
	char text[4096];
	size_t n = 0;

	for (unsigned i = 0; i < 13; i++)
		n += (size_t)snprintf(
			text + n, sizeof(text) - n,
			"fat NS n%u.fat\nn%u.fat A 192.0.2.9\nn%u.fat AAAA 2001:db8::9\n"
			"sib NS n%u.fat\n",
			i, i, i, i);
	struct ask *a = zone(text);
	assert_non_null(
		strstr(ask(a, "x.fat.example.", "A", 0), "NOERROR tc\n")); /* RFC 9471 3.1 */
	assert_true(a->facts.truncated && a->wire_len <= 512);
	assert_null(strstr(ask(a, "x.fat.example.", "A", ASK_EDNS), " tc"));
	/* Sibling glue only saves a question (RFC 9471 3.2). */
	assert_non_null(strstr(ask(a, "x.sib.example.", "A", 0), "NOERROR\n"));
	assert_true(a->wire_len <= 512);
	ask_free(a);
}

static void truncates_whole_sets(void **state)
{
	(void)state;
	char text[8192];
	size_t n = 0;

	for (unsigned i = 0; i < 40; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "many A 192.0.2.%u\n", i);
	struct ask *a = zone(text);
	assert_string_equal(ask(a, "many.example.", "A", 0), "NOERROR aa tc\n"); /* RFC 2181 9 */
	assert_null(strstr(ask(a, "many.example.", "A", ASK_EDNS), " tc"));
	assert_int_equal(a->wire[7], 40);
	assert_null(strstr(ask(a, "many.example.", "A", ASK_TCP), " tc"));
	a->conf.edns_size = 512;
	assert_string_equal(ask(a, "many.example.", "A", ASK_EDNS), "NOERROR aa tc\n");
	ask_free(a);
}

static void ds_at_an_apex_comes_from_the_parent_when_we_have_it(void **state)
{
	(void)state;
	struct ask *a = zone("sub NS ns.sub\nns.sub A 192.0.2.3\nsub DS 1 8 2 " L60 "aaaa\n");

	ask_add(a, "sub.example.", "$TTL 60\n@ SOA ns hm 1 2 3 4 5\n@ NS ns\nns A 192.0.2.3\n");
	(void)ask(a, "sub.example.", "DS", 0);
	assert_int_equal(a->wire[7], 1);
	assert_true(flags_of(a) & DNS_FLAG_AA);
	assert_string_equal(
		ask(a, "sub.example.", "NS", 0),
		"NOERROR aa\nan sub.example. NS ns.sub.example.\nar ns.sub.example. A 192.0.2.3\n");
	assert_string_equal(ask(a, "example.", "DS", 0), "NOERROR aa\n" SOA);
	ask_free(a);
}

static void adds_addresses_unless_told_not_to(void **state)
{
	(void)state;
	struct ask *a =
		zone("mx MX 10 www\nmx MX 20 www\nmx MX 30 mail.example.org.\nwww A 192.0.2.2\n"
		     "www AAAA 2001:db8::2\n_s._tcp SRV 0 0 1 www\nsvc HTTPS 1 . alpn=h2\nsvc A "
		     "192.0.2.6\n");

	assert_string_equal(
		ask(a, "mx.example.", "MX", 0),
		"NOERROR aa\nan mx.example. MX 10 www.example.\nan mx.example. MX 20 www.example.\n"
		"an mx.example. MX 30 mail.example.org.\nar www.example. A 192.0.2.2\n"
		"ar www.example. AAAA 2001:db8::2\n");
	assert_string_equal(ask(a, "_s._tcp.example.", "SRV", 0),
			    "NOERROR aa\nan _s._tcp.example. SRV 0 0 1 www.example.\nar "
			    "www.example. A 192.0.2.2\n"
			    "ar www.example. AAAA 2001:db8::2\n");
	/* RFC 9460 2.5.2: "." is the owner. */
	assert_string_equal(
		ask(a, "svc.example.", "HTTPS", 0),
		"NOERROR aa\nan svc.example. HTTPS 1 . alpn=\"h2\"\nar svc.example. A 192.0.2.6\n");
	a->conf.minimal = true;
	assert_string_equal(ask(a, "_s._tcp.example.", "SRV", 0),
			    "NOERROR aa\nan _s._tcp.example. SRV 0 0 1 www.example.\n");
	ask_free(a);
}

static void each_of_four_addresses_comes_first_a_quarter_of_the_time(void **state)
{
	(void)state;
	struct ask *a =
		zone("four A 192.0.2.1\nfour A 192.0.2.2\nfour A 192.0.2.3\nfour A 192.0.2.4\n"
		     "mx MX 1 a.example.org.\nmx MX 2 bb.example.org.\n");
	unsigned first[4] = {0};

	a->conf.round_robin = true;
	for (uint32_t i = 0; i < 1000; i++) {
		a->random = i * 4294967u;
		(void)ask(a, "four.example.", "A", 0);
		assert_int_equal(a->wire[7], 4);
		unsigned at = a->wire[12 + 14 + 4 + 15], sum = 0;
		assert_in_range(at, 1, 4);
		first[at - 1]++;
		for (unsigned k = 0; k < 4; k++)
			sum += a->wire[12 + 14 + 4 + 16 * k + 15];
		assert_int_equal(sum, 1 + 2 + 3 + 4);
	}
	for (unsigned k = 0; k < 4; k++)
		assert_in_range(first[k], 240, 260);
	a->random = UINT32_MAX;
	assert_string_equal(ask(a, "mx.example.", "MX", 0),
			    "NOERROR aa\nan mx.example. MX 2 bb.example.org.\nan mx.example. MX 1 "
			    "a.example.org.\n");
	ask_free(a);
}

/* --- EDNS options and CH --- */

static size_t with_option(uint8_t *q, size_t len, uint16_t code, const void *body, size_t body_len)
{
	put_u16(q + len - 2, (uint16_t)(4 + body_len));
	put_u16(q + len, code);
	put_u16(q + len + 2, (uint16_t)body_len);
	memcpy(q + len + 4, body, body_len);
	return len + 4 + body_len;
}

static void cookies_are_made_and_recognised(void **state)
{
	(void)state;
	struct ask *a = zone("");
	uint8_t q[512], cookie[24];
	size_t len = ask_query("example.", "NS", ASK_EDNS, q, sizeof(q));
	size_t with = with_option(q, len, DNS_OPTION_COOKIE, "12345678", 8);
	size_t plain;

	assert_true(ask_wire(a, q, with, false) > 0);
	plain = a->wire_len; /* cookies are off */
	a->conf.cookies = true;
	assert_int_equal(ask_wire(a, q, with, false), plain + 28);
	memcpy(cookie, a->wire + a->wire_len - 24, 24);
	assert_memory_equal(cookie, "12345678", 8);
	with = with_option(q, len, DNS_OPTION_COOKIE, cookie, 24);
	assert_int_equal(ask_wire(a, q, with, false), plain + 28);
	assert_memory_equal(a->wire + a->wire_len - 24, cookie, 24);
	cookie[23] ^= 1; /* forged: a new one is made */
	with = with_option(q, len, DNS_OPTION_COOKIE, cookie, 24);
	assert_int_equal(ask_wire(a, q, with, false), plain + 28);
	cookie[23] ^= 1;
	assert_memory_equal(a->wire + a->wire_len - 24, cookie, 24);
	with = with_option(q, len, DNS_OPTION_COOKIE, cookie, 9); /* RFC 7873 5.2.2 */
	assert_true(ask_wire(a, q, with, false) > 0);
	assert_int_equal(a->facts.rcode, DNS_RCODE_FORMERR);
	ask_free(a);
}

static void tells_its_name_only_when_it_has_one_and_is_asked(void **state)
{
	(void)state;
	struct ask *a = zone("");
	uint8_t q[512];
	size_t len = ask_query("example.", "NS", ASK_EDNS, q, sizeof(q));
	size_t plain = ask_wire(a, q, len, false),
	       with = with_option(q, len, DNS_OPTION_NSID, "", 0);

	assert_int_equal(ask_wire(a, q, with, false), plain);
	a->conf.identity_len = 3;
	memcpy(a->conf.identity, "ns1", 3);
	assert_int_equal(ask_wire(a, q, with, false), plain + 7);
	assert_memory_equal(a->wire + a->wire_len - 3, "ns1", 3);
	len = ask_query("id.server.", "TXT", 0, q, sizeof(q));
	q[len - 1] = DNS_CLASS_CH; /* RFC 4892 */
	assert_int_equal(ask_wire(a, q, len, false), len + 12 + 4);
	assert_memory_equal(a->wire + a->wire_len - 4, "\3ns1", 4);
	len = ask_query("version.bind.", "TXT", 0, q, sizeof(q));
	q[len - 1] = DNS_CLASS_CH;
	assert_int_equal(ask_wire(a, q, len, false), len);
	assert_int_equal(a->facts.rcode, DNS_RCODE_REFUSED);
	ask_free(a);
}

static void keepalive_is_for_tcp(void **state)
{
	(void)state;
	struct ask *a = zone("");
	uint8_t q[512];
	size_t len = ask_query("example.", "NS", ASK_EDNS, q, sizeof(q));
	size_t plain = ask_wire(a, q, len, false),
	       with = with_option(q, len, DNS_OPTION_TCP_KEEPALIVE, "", 0);

	a->conf.idle_100ms = 100;
	assert_int_equal(ask_wire(a, q, with, false), plain); /* RFC 7828 3.2.1 */
	assert_int_equal(ask_wire(a, q, with, true), plain + 6);
	assert_int_equal(a->wire[a->wire_len - 1], 100);
	ask_free(a);
}

static void every_answer_fits_into_every_size(void **state)
{
	(void)state;
	struct ask *a = zone(
		"big TXT " L60 " " L60 " " L60 " " L60 " " L60 "\nmx MX 1 big\nbig A 192.0.2.3\n"
		"c CNAME big\n* CNAME mx\nd DNAME c\nsub NS ns.sub\nns.sub A 192.0.2.7\n");
	static const char *const names[] = {"big.example.", "mx.example.",  "c.example.",
					    "w.example.",   "x.d.example.", "a.sub.example.",
					    "example."};
	uint8_t q[512];

	for (uint16_t size = 512; size <= 600; size++) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			struct dns_message m;
			size_t len = ask_query(names[i], "TXT", ASK_EDNS, q, sizeof(q));
			put_u16(q + len - 8, size);
			assert_in_range(ask_wire(a, q, len, false), 12, size);
			assert_int_equal(dns_message_read(span_of(a->wire, a->wire_len), &m), OK);
			assert_true(m.edns.present);
		}
	}
	ask_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_what_is_no_query),
		cmocka_unit_test(refuses_torn_and_double_questions),
		cmocka_unit_test(refuses_other_opcodes_with_the_question_echoed),
		cmocka_unit_test(refuses_names_of_no_zone_and_says_so),
		cmocka_unit_test(answers_servfail_for_a_zone_that_is_not_loaded),
		cmocka_unit_test(refuses_query_types_that_are_no_data),
		cmocka_unit_test(refuses_unknown_edns_versions),
		cmocka_unit_test(survives_every_prefix_and_bit_flip),
		cmocka_unit_test(echoes_the_case_of_the_question),
		cmocka_unit_test(negative_answers_carry_the_soa_with_the_lower_ttl),
		cmocka_unit_test(follows_cnames_as_far_as_it_knows),
		cmocka_unit_test(follows_cnames_into_other_zones_it_serves),
		cmocka_unit_test(dname_redirects_what_is_below_it),
		cmocka_unit_test(any_is_one_set_over_udp_and_all_over_tcp),
		cmocka_unit_test(refers_with_glue_of_the_child_first),
		cmocka_unit_test(glue_that_is_needed_and_does_not_fit_sets_tc),
		cmocka_unit_test(truncates_whole_sets),
		cmocka_unit_test(ds_at_an_apex_comes_from_the_parent_when_we_have_it),
		cmocka_unit_test(adds_addresses_unless_told_not_to),
		cmocka_unit_test(each_of_four_addresses_comes_first_a_quarter_of_the_time),
		cmocka_unit_test(cookies_are_made_and_recognised),
		cmocka_unit_test(tells_its_name_only_when_it_has_one_and_is_asked),
		cmocka_unit_test(keepalive_is_for_tcp),
		cmocka_unit_test(every_answer_fits_into_every_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
