#include "service/forward-proxy/access/inside.h"

#include "proto/ip/nat64.h"
#include "service/forward-proxy/access/destination.h"

#include <assert.h>

const char *inside_text(enum inside kind)
{
	static const char *const texts[] = {
		[INSIDE_NOT] = "outside",	  [INSIDE_OWN] = "own",
		[INSIDE_LOOPBACK] = "loopback",	  [INSIDE_LINK] = "link-local",
		[INSIDE_PRIVATE] = "private",	  [INSIDE_SHARED] = "shared",
		[INSIDE_METADATA] = "metadata",	  [INSIDE_UNSPECIFIED] = "unspecified",
		[INSIDE_MULTICAST] = "multicast", [INSIDE_BROADCAST] = "broadcast",
		[INSIDE_EXAMPLE] = "example",	  [INSIDE_TUNNEL] = "tunnel",
		[INSIDE_RESERVED] = "reserved",
	};
	static_assert(sizeof(texts) / sizeof(texts[0]) == INSIDE_KINDS, "a word for each");
	return kind < INSIDE_KINDS ? texts[kind] : "?";
}

struct block {
	enum inside kind;
	uint8_t bits;
	uint8_t bytes[16];
};

/* The first that holds an address is what it is; within a larger block the smaller comes first.
 * IANA: iana-ipv4-special-registry. Of what it calls globally reachable only those stay open that
 * are unicast to somebody: AS112, AMT. */
static const struct block blocks4[] = {
	/* Known by all customers of a cloud, and by none outside: Amazon and most others, its
	 * containers, Oracle, Alibaba, Azure. */
	{INSIDE_METADATA, 32, {169, 254, 169, 254}},
	{INSIDE_METADATA, 32, {169, 254, 170, 2}},
	{INSIDE_METADATA, 32, {169, 254, 170, 23}},
	{INSIDE_METADATA, 32, {192, 0, 0, 192}},
	{INSIDE_METADATA, 32, {100, 100, 100, 200}},
	{INSIDE_METADATA, 32, {168, 63, 129, 16}},
	{INSIDE_UNSPECIFIED, 8, {0}},
	{INSIDE_PRIVATE, 8, {10}},
	{INSIDE_SHARED, 10, {100, 64}},
	{INSIDE_LOOPBACK, 8, {127}},
	{INSIDE_LINK, 16, {169, 254}},
	{INSIDE_PRIVATE, 12, {172, 16}},
	{INSIDE_RESERVED, 24, {192, 0, 0}},
	{INSIDE_EXAMPLE, 24, {192, 0, 2}},
	{INSIDE_TUNNEL, 24, {192, 88, 99}}, /* relays of 6to4 (RFC 7526) */
	{INSIDE_PRIVATE, 16, {192, 168}},
	{INSIDE_EXAMPLE, 15, {198, 18}},
	{INSIDE_EXAMPLE, 24, {198, 51, 100}},
	{INSIDE_EXAMPLE, 24, {203, 0, 113}},
	{INSIDE_MULTICAST, 4, {224}},
	{INSIDE_BROADCAST, 32, {255, 255, 255, 255}},
	{INSIDE_RESERVED, 4, {240}},
};

/* IANA: iana-ipv6-special-registry. Outside 2000::/3 nothing is public (IANA:
 * ipv6-address-space), so what is missing here is reserved. */
static const struct block blocks6[] = {
	/* Amazon, Google, Scaleway. */
	{INSIDE_METADATA, 128, {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54}},
	{INSIDE_METADATA, 128, {0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54}},
	{INSIDE_METADATA, 128, {0xfd, 0x00, 0x00, 0x42, [15] = 0x42}},
	{INSIDE_UNSPECIFIED, 128, {0}},
	{INSIDE_LOOPBACK, 128, {[15] = 1}},
	{INSIDE_TUNNEL, 96, {0}},				    /* IPv4-compatible, RFC 4291 */
	{INSIDE_TUNNEL, 96, {[8] = 0xff, [9] = 0xff}},		    /* IPv4-translated, RFC 2765 */
	{INSIDE_TUNNEL, 32, {0x20, 0x01}},			    /* Teredo, RFC 4380 */
	{INSIDE_EXAMPLE, 48, {0x20, 0x01, 0x00, 0x02}},		    /* benchmarks, RFC 5180 */
	{INSIDE_RESERVED, 23, {0x20, 0x01}},			    /* the IETF's protocols */
	{INSIDE_EXAMPLE, 32, {0x20, 0x01, 0x0d, 0xb8}},		    /* RFC 3849 */
	{INSIDE_TUNNEL, 16, {0x20, 0x02}},			    /* 6to4, RFC 3056 */
	{INSIDE_EXAMPLE, 20, {0x3f, 0xff}},			    /* RFC 9637 */
	{INSIDE_RESERVED, 16, {0x3f, 0xfe}},			    /* the 6bone, RFC 3701 */
	{INSIDE_PRIVATE, 48, {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}}, /* RFC 8215 */
	{INSIDE_PRIVATE, 7, {0xfc}},				    /* RFC 4193 */
	{INSIDE_LINK, 10, {0xfe, 0x80}},
	{INSIDE_PRIVATE, 10, {0xfe, 0xc0}}, /* site-local, RFC 3879 */
	{INSIDE_MULTICAST, 8, {0xff}},
};

static const struct ip_prefix public6 = {.address = {.family = 6, .bytes = {0x20}}, .bits = 3};

/* What an address is by itself, and how many of its bits say so. */
struct found {
	enum inside kind;
	uint8_t bits;
};

/* RFC 5214 6.1: the interface's identifier is 0000:5efe or 0200:5efe and an IPv4 address. */
static bool is_isatap(const struct ip_address *a)
{
	return (a->bytes[8] & ~0x02) == 0 && a->bytes[9] == 0 && a->bytes[10] == 0x5e &&
	       a->bytes[11] == 0xfe;
}

static struct found look_up(const struct ip_address *a)
{
	const struct block *blocks = a->family == 4 ? blocks4 : blocks6;
	size_t n = a->family == 4 ? sizeof(blocks4) / sizeof(blocks4[0])
				  : sizeof(blocks6) / sizeof(blocks6[0]);
	for (size_t i = 0; i < n; i++) {
		if (blocks[i].bits >= 8 && blocks[i].bytes[0] != a->bytes[0])
			continue;
		struct ip_prefix p = {.address = {.family = a->family}, .bits = blocks[i].bits};
		memcpy(p.address.bytes, blocks[i].bytes, sizeof(p.address.bytes));
		if (ip_prefix_contains(&p, a))
			return (struct found){blocks[i].kind, blocks[i].bits};
	}
	if (a->family == 4)
		return (struct found){INSIDE_NOT, 0};
	if (!ip_prefix_contains(&public6, a))
		return (struct found){INSIDE_RESERVED, 3};
	/* By its last 64 bits: only an entry for the network or less opens it. */
	return is_isatap(a) ? (struct found){INSIDE_TUNNEL, 64} : (struct found){INSIDE_NOT, 0};
}

static bool is_own(const struct inside_rules *r, const struct ip_address *a)
{
	for (size_t i = 0; i < r->own_n; i++)
		if (ip_address_equal(&r->own[i], a))
			return true;
	return false;
}

static bool is_allowed(const struct inside_rules *r, const struct ip_address *a, unsigned bits)
{
	for (size_t i = 0; i < r->allow_n; i++)
		if (r->allow[i].bits >= bits && ip_prefix_contains(&r->allow[i], a))
			return true;
	return false;
}

/* The prefix of a translator that a lies in; NULL: none. */
static const struct ip_prefix *translator_of(const struct inside_rules *r,
					     const struct ip_address *a)
{
	for (size_t i = 0; i < r->nat64_n; i++)
		if (ip_prefix_contains(&r->nat64[i], a))
			return &r->nat64[i];
	return ip_prefix_contains(&ip_nat64_well_known, a) ? &ip_nat64_well_known : NULL;
}

static enum inside judge_plain(const struct inside_rules *r, const struct ip_address *a)
{
	struct found f =
		is_own(r, a) ? (struct found){INSIDE_OWN, a->family == 4 ? 32 : 128} : look_up(a);
	return f.kind == INSIDE_NOT || is_allowed(r, a, f.bits) ? INSIDE_NOT : f.kind;
}

struct ip_address inside_meant(const struct inside_rules *r, const struct ip_address *a)
{
	struct ip_address plain = ip_address_unmap(a);
	const struct ip_prefix *translator = plain.family == 6 ? translator_of(r, &plain) : NULL;
	if (translator)
		(void)ip_nat64_extract(translator, &plain, &plain);
	return plain;
}

enum inside inside_judge(const struct inside_rules *r, const struct ip_address *a)
{
	struct ip_address plain = ip_address_unmap(a), v4;
	if (plain.family == 0)
		return INSIDE_RESERVED;
	const struct ip_prefix *translator = plain.family == 6 ? translator_of(r, &plain) : NULL;
	if (!translator || is_own(r, &plain))
		return judge_plain(r, &plain);
	if (!ip_nat64_extract(translator, &plain, &v4))
		return INSIDE_RESERVED;
	return judge_plain(r, &v4);
}

enum inside inside_judge_all(const struct inside_rules *r, const struct ip_address *addresses,
			     size_t n)
{
	for (size_t i = 0; i < n; i++) {
		enum inside kind = inside_judge(r, &addresses[i]);
		if (kind != INSIDE_NOT)
			return kind;
	}
	return INSIDE_NOT;
}

enum inside inside_judge_written(const struct inside_rules *r, const struct destination *d)
{
	if (d->address.family)
		return inside_judge(r, &d->address);
	return destination_is_localhost(d) ? INSIDE_LOOPBACK : INSIDE_NOT;
}

bool inside_allow_opens(const struct ip_prefix *entry, const struct ip_prefix *nat64,
			size_t nat64_n)
{
	struct inside_rules none = {.nat64 = nat64, .nat64_n = nat64_n};
	struct found f = look_up(&entry->address);
	unsigned whole = entry->address.family == 4 ? 32 : 128;
	if (ip_address_is_mapped(&entry->address) ||
	    (entry->address.family == 6 && translator_of(&none, &entry->address)))
		return false; /* judged as IPv4: the IPv4 address is to be named */
	/* An address alone may be one of our own. */
	return entry->bits == whole || (f.kind != INSIDE_NOT && entry->bits >= f.bits);
}
