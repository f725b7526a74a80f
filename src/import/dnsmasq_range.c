#include "import/dnsmasq_range.h"

#include "proto/ip/prefix.h"

#define TEXT(s) (int)(s).len, (const char *)(s).data

/* 12h, 45m, 3600, 2d, infinite. */
bool dnsmasq_lease_time(struct span text, uint64_t *ret_s)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	uint64_t n, factor = 1;

	if (span_is(text, "infinite")) {
		*ret_s = UINT32_MAX - 1; /* the longest that has an end, in 136 years */
		return true;
	}
	for (size_t i = 0; text.len && i < sizeof(units) / sizeof(units[0]); i++)
		if ((text.data[text.len - 1] | 0x20) == units[i].unit) {
			factor = units[i].seconds;
			text.len--;
			break;
		}
	if (!span_to_u64(text, UINT32_MAX / factor, &n))
		return false;
	*ret_s = n * factor;
	return true;
}

void dnsmasq_tags_take(struct import_site *s, struct dnsmasq_list *l, struct dnsmasq_tags *ret)
{
	struct span rest;

	*ret = (struct dnsmasq_tags){.set = {0}};
	for (;; dnsmasq_list_next(l)) {
		if (dnsmasq_prefix(l->item, "tag:", &rest) ||
		    dnsmasq_prefix(l->item, "net:", &rest))
			import_text_add(s, &ret->wanted, rest);
		else if (dnsmasq_prefix(l->item, "set:", &rest))
			ret->set = rest;
		else if (dnsmasq_prefix(l->item, "interface:", &rest))
			ret->interface = rest;
		else
			return;
	}
}

/* The prefix length of a netmask; 0: it is none. */
static unsigned mask_bits(struct span text)
{
	struct ip_address mask;

	if (ip_address_parse(text, &mask) || mask.family != 4)
		return 0;
	uint32_t m = (uint32_t)mask.bytes[0] << 24 | (uint32_t)mask.bytes[1] << 16 |
		     (uint32_t)mask.bytes[2] << 8 | mask.bytes[3];
	unsigned bits = m ? (unsigned)__builtin_clz(~m | 1) : 0;
	if (m == UINT32_MAX)
		return 32;
	return bits && m == UINT32_MAX << (32 - bits) ? bits : 0;
}

static struct import_network *network_get(struct import_site *s, const struct ip_address *address,
					  unsigned bits, uint32_t line)
{
	struct ip_prefix prefix = ip_prefix_of(address, bits);
	char text[IP_PREFIX_TEXT_MAX];
	size_t len = ip_prefix_format(&prefix, text);
	bool ipv6 = address->family == 6;

	for (struct import_network *n = ipv6 ? s->networks6 : s->networks; n; n = n->next)
		if (span_equal(n->subnet, span_of(text, len)))
			return n;
	return import_network_add(s, ipv6, span_of(text, len), line);
}

/* --- dhcp-range --- */

/* A /24, or what is wide enough for both. */
static unsigned common_bits(const struct ip_address *first, const struct ip_address *last)
{
	unsigned bits = 24;

	for (struct ip_prefix p = ip_prefix_of(first, bits);
	     bits > 1 && !ip_prefix_contains(&p, last); p = ip_prefix_of(first, bits))
		bits--;
	return bits;
}

static void range4(struct import_site *s, uint32_t line, const struct ip_address *first,
		   struct dnsmasq_list *l, const struct dnsmasq_tags *tags)
{
	struct ip_address last = *first, other;
	struct span first_text = l->item, last_text = l->item;
	bool fixed = false;
	unsigned bits = 0;
	uint64_t lease_s = 0;

	dnsmasq_list_next(l);
	if (span_is(l->item, "static")) {
		fixed = true;
		dnsmasq_list_next(l);
	} else if (span_is(l->item, "proxy")) {
		import_note(s, line, "proxy DHCP beside another server is not carried over");
		return;
	} else if (!ip_address_parse(l->item, &last) && last.family == 4) {
		last_text = l->item;
		dnsmasq_list_next(l);
	}
	if (mask_bits(l->item)) {
		bits = mask_bits(l->item);
		dnsmasq_list_next(l);
		if (!ip_address_parse(l->item, &other))
			dnsmasq_list_next(l); /* the broadcast address follows from the mask */
	}
	if (l->item.len && !dnsmasq_lease_time(l->item, &lease_s))
		import_note(s, line, "not understood in a range: %.*s", TEXT(l->item));
	if (!bits) {
		bits = common_bits(first, &last);
		import_note(s, line,
			    "the file names no netmask (dnsmasq takes the interface's): /%u was "
			    "written; mend the subnet if it is another",
			    bits);
	}
	struct import_network *n = network_get(s, first, bits, line);
	if (tags->interface.len)
		n->interface = import_copy(s, tags->interface);
	if (fixed && n->scope.lease_s == 0)
		n->scope.lease_s = lease_s;
	if (fixed) {
		if (tags->set.len)
			import_note(s, line,
				    "set:%.*s on a range without a pool: write the options of that "
				    "tag under the network's `options`",
				    TEXT(tags->set));
		return; /* no pool: only reservations are answered */
	}
	struct import_pool *p = import_pool_add(s, n, first_text, last_text, line);
	/* dnsmasq chooses by a hash of the MAC and keeps a lease's record while it can. */
	p->allocate = IMPORT_DYNAMIC;
	p->scope.lease_s = lease_s;
	p->classes = tags->wanted;
	p->set = import_copy(s, tags->set);
	if (tags->wanted.first && tags->wanted.first->next)
		import_note(s, line,
			    "a range for those who have several tags: here one of the classes is "
			    "enough; make a class that has all their matches");
}

static void range6(struct import_site *s, uint32_t line, const struct ip_address *first,
		   struct dnsmasq_list *l, const struct dnsmasq_tags *tags)
{
	struct span first_text = l->item, last_text = {0}, rest;
	struct ip_address last;
	uint64_t bits = 64, n64, lease_s = 0;
	bool stateful = true, advertise = false, constructed = false;

	for (dnsmasq_list_next(l); l->item.len; dnsmasq_list_next(l)) {
		if (!ip_address_parse(l->item, &last) && last.family == 6)
			last_text = l->item;
		else if (dnsmasq_prefix(l->item, "constructor:", &rest)) {
			import_note(s, line,
				    "a range with constructor:%.*s is not carried over: write it "
				    "with the prefix itself, or delegate one with `dhcp-client`",
				    TEXT(rest));
			constructed = true;
		} else if (span_is(l->item, "ra-only") || span_is(l->item, "ra-stateless") ||
			   span_is(l->item, "slaac") || span_is(l->item, "ra-names") ||
			   span_is(l->item, "ra-advrouter") || span_is(l->item, "off-link")) {
			advertise = true;
			stateful = stateful && !span_is(l->item, "ra-only") &&
				   !span_is(l->item, "ra-stateless");
		} else if (span_is(l->item, "static"))
			stateful = false;
		else if (span_to_u64(l->item, 128, &n64) && n64 >= 48)
			bits = n64;
		else if (!dnsmasq_lease_time(l->item, &lease_s))
			import_note(s, line, "not understood in a range: %.*s", TEXT(l->item));
	}
	if (constructed)
		return;
	struct import_network *n = network_get(s, first, (unsigned)bits, line);
	if (tags->interface.len)
		n->interface = import_copy(s, tags->interface);
	n->advertise |= advertise;
	if (lease_s)
		n->scope.lease_s = lease_s;
	if (stateful && last_text.len)
		import_pool_add(s, n, first_text, last_text, line)->classes = tags->wanted;
}

void dnsmasq_range_take(struct import_site *s, uint32_t line, struct span value)
{
	struct dnsmasq_list l = dnsmasq_list_of(value);
	struct ip_address first;
	struct dnsmasq_tags tags;

	dnsmasq_tags_take(s, &l, &tags);
	if (ip_address_parse(l.item, &first))
		import_note(s, line,
			    "a range that begins with no address is not carried over: "
			    "%.*s",
			    TEXT(value));
	else if (first.family == 4)
		range4(s, line, &first, &l, &tags);
	else
		range6(s, line, &first, &l, &tags);
}
