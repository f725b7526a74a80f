#include "service/resolver/local.h"

#include "proto/dns/type.h"
#include "service/resolver/rrset.h"

#define LOCAL_TTL_S 10800u

/* In presentation form, deepest first where one holds another. */
static const char *const zones[] = {
	"localhost", "invalid", "test", "onion", "home.arpa", "resolver.arpa",
	/* RFC 6303 4.1 to 4.3 */
	"10.in-addr.arpa", "16.172.in-addr.arpa", "17.172.in-addr.arpa", "18.172.in-addr.arpa",
	"19.172.in-addr.arpa", "20.172.in-addr.arpa", "21.172.in-addr.arpa", "22.172.in-addr.arpa",
	"23.172.in-addr.arpa", "24.172.in-addr.arpa", "25.172.in-addr.arpa", "26.172.in-addr.arpa",
	"27.172.in-addr.arpa", "28.172.in-addr.arpa", "29.172.in-addr.arpa", "30.172.in-addr.arpa",
	"31.172.in-addr.arpa", "168.192.in-addr.arpa", "0.in-addr.arpa", "127.in-addr.arpa",
	"254.169.in-addr.arpa", "2.0.192.in-addr.arpa", "100.51.198.in-addr.arpa",
	"113.0.203.in-addr.arpa", "255.255.255.255.in-addr.arpa",
	"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", "d.f.ip6.arpa",
	"8.e.f.ip6.arpa", "9.e.f.ip6.arpa", "a.e.f.ip6.arpa", "b.e.f.ip6.arpa",
	"8.b.d.0.1.0.0.2.ip6.arpa"};

/* RFC 7793: 100.64.0.0/10, second octet 64 to 127. */
static bool is_shared_space(const struct dns_name *name, struct dns_name *ret_zone)
{
	unsigned labels = dns_name_labels(name);
	if (labels < 4)
		return false;
	struct span zone = dns_name_suffix_span(dns_name_span(name), 4), rest, octet;
	uint64_t n;
	octet = dns_name_first_label(zone);
	rest = dns_name_parent_span(zone);
	if (!span_equal(rest, span_of("\003100\007in-addr\004arpa", 18)) ||
	    !span_to_u64(octet, 127, &n) || n < 64)
		return false;
	dns_name_suffix(name, 4, ret_zone);
	return true;
}

/* Nearly all names end in something else, and need no search. */
static bool may_be_local(const struct dns_name *name)
{
	static const char *const ends[] = {"localhost", "invalid", "test", "onion", "arpa"};
	struct span end = dns_name_first_label(dns_name_suffix_span(dns_name_span(name), 1));
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (span_is(end, ends[i]))
			return true;
	return false;
}

static bool find_zone(const struct dns_name *name, struct dns_name *ret_zone)
{
	if (dns_name_is_root(name) || !may_be_local(name))
		return false;
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		struct dns_name zone;
		if (dns_name_from_text(span_text(zones[i]), NULL, &zone) == OK &&
		    dns_name_is_under(name, &zone)) {
			*ret_zone = zone;
			return true;
		}
	}
	return is_shared_space(name, ret_zone);
}

static void pack_one(struct writer *w, const struct dns_name *owner, uint16_t type,
		     struct span rdata)
{
	size_t at = rrset_pack_begin(w, dns_name_span(owner), type, LOCAL_TTL_S);
	rrset_pack_rdata(w, rdata);
	rrset_pack_end(w, at, 1, 0);
}

void local_soa(struct writer *w, const struct dns_name *zone)
{
	uint8_t room[64];
	struct writer rdata = writer_of(room, sizeof(room));
	write_bytes(&rdata, "\011localhost", 11);
	write_bytes(&rdata, "\006nobody\007invalid", 16);
	write_u32(&rdata, 1);
	write_u32(&rdata, 3600);
	write_u32(&rdata, 1200);
	write_u32(&rdata, 604800);
	write_u32(&rdata, LOCAL_TTL_S);
	pack_one(w, zone, DNS_TYPE_SOA, writer_span(&rdata));
}

static bool is_text(const struct dns_name *name, const char *text)
{
	struct dns_name other;
	return dns_name_from_text(span_text(text), NULL, &other) == OK &&
	       dns_name_equal(name, &other);
}

/* The few that exist: localhost and all below it (RFC 6761 6.3), and its reverse names. */
static bool pack_data(const struct dns_name *name, const struct dns_name *zone, uint16_t type,
		      struct writer *answer, bool *ret_exists)
{
	static const uint8_t v4[4] = {127, 0, 0, 1}, v6[16] = {[15] = 1};
	static const char loop6[] =
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa";
	bool host = is_text(zone, "localhost");
	bool reverse = is_text(name, "1.0.0.127.in-addr.arpa") || is_text(name, loop6);
	*ret_exists = host || reverse || dns_name_equal(name, zone);
	if (host && type == DNS_TYPE_A)
		pack_one(answer, name, type, span_of(v4, sizeof(v4)));
	else if (host && type == DNS_TYPE_AAAA)
		pack_one(answer, name, type, span_of(v6, sizeof(v6)));
	else if (reverse && type == DNS_TYPE_PTR)
		pack_one(answer, name, type, span_of("\011localhost", 11));
	else
		return false;
	return true;
}

enum local_kind local_find(const struct dns_name *name, uint16_t type, struct writer *answer,
			   struct writer *authority, struct dns_name *ret_zone)
{
	bool exists;
	if (!find_zone(name, ret_zone))
		return LOCAL_NONE;
	if (pack_data(name, ret_zone, type, answer, &exists))
		return LOCAL_ANSWER;
	if (dns_name_equal(name, ret_zone) && type == DNS_TYPE_SOA) {
		local_soa(answer, ret_zone);
		return LOCAL_ANSWER;
	}
	local_soa(authority, ret_zone);
	return exists ? LOCAL_NODATA : LOCAL_NXDOMAIN;
}

enum local_kind local_find_ipv4only(const struct dns_name *name, uint16_t type,
				    struct writer *answer, struct writer *authority,
				    struct dns_name *ret_zone)
{
	static const uint8_t both[2][4] = {{192, 0, 0, 170}, {192, 0, 0, 171}};
	static const struct dns_name zone = {.len = 15, .wire = "\010ipv4only\004arpa"};
	if (dns_name_is_root(name) || !may_be_local(name))
		return LOCAL_NONE;
	bool reverse = is_text(name, "170.0.0.192.in-addr.arpa") ||
		       is_text(name, "171.0.0.192.in-addr.arpa");
	if (!reverse && !dns_name_is_under(name, &zone))
		return LOCAL_NONE;
	*ret_zone = reverse ? *name : zone;
	if (reverse && type == DNS_TYPE_PTR) {
		pack_one(answer, name, type, dns_name_span(&zone));
		return LOCAL_ANSWER;
	}
	if (!reverse && type == DNS_TYPE_A && dns_name_equal(name, &zone)) {
		size_t at = rrset_pack_begin(answer, dns_name_span(name), type, LOCAL_TTL_S);
		rrset_pack_rdata(answer, span_of(both[0], 4));
		rrset_pack_rdata(answer, span_of(both[1], 4));
		rrset_pack_end(answer, at, 2, 0);
		return LOCAL_ANSWER;
	}
	if (dns_name_equal(name, ret_zone) && type == DNS_TYPE_SOA) {
		local_soa(answer, ret_zone);
		return LOCAL_ANSWER;
	}
	local_soa(authority, ret_zone);
	/* RFC 8880 7.1: nothing exists below it. */
	return dns_name_equal(name, ret_zone) ? LOCAL_NODATA : LOCAL_NXDOMAIN;
}
