#include "import/judge.h"

#include "base/writer.h"
#include "import/site.h"
#include "proto/ip/prefix.h"

#define TEXT(s) (int)(s).len, (const char *)(s).data

enum { HOST_LABEL_MAX = 63 };

/* --- texts --- */

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 0:0:c0:5D-bd:95 as 00:00:c0:5d:bd:95; empty: it is no hardware address. */
static struct span mac_as_ours(struct import_site *s, struct span text)
{
	char out[3 * 16 + 1];
	struct writer w = writer_of((uint8_t *)out, sizeof(out));
	size_t at = 0, groups = 0;

	while (at < text.len) {
		int value = 0;
		size_t n = 0;
		for (; at < text.len && n < 2 && hex_digit(text.data[at]) >= 0; n++)
			value = value << 4 | hex_digit(text.data[at++]);
		if (!n || (at < text.len && text.data[at] != ':' && text.data[at] != '-'))
			return (struct span){0};
		at++;
		write_format(&w, "%s%02x", groups++ ? ":" : "", (unsigned)value);
	}
	bool whole = !w.bad && groups == 6 && text.data[text.len - 1] != ':';
	return whole ? import_copy(s, writer_span(&w)) : (struct span){0};
}

static bool is_label(struct span text)
{
	if (!text.len || text.len > HOST_LABEL_MAX || text.data[0] == '-' ||
	    text.data[text.len - 1] == '-')
		return false;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (!(c >= '0' && c <= '9') && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') &&
		    c != '-')
			return false;
	}
	return true;
}

/* --- reservations --- */

static void name_judge(struct import_site *s, struct import_reservation *r)
{
	struct span label = span_sub(r->name, 0, span_find(r->name, '.'));

	if (!r->name.len || is_label(r->name))
		return;
	if (is_label(label)) {
		import_note(s, r->line,
			    "the name %.*s was written as %.*s: the domain is what `names` and "
			    "`domain-name` say",
			    TEXT(r->name), TEXT(label));
		r->name = label;
		return;
	}
	import_note(s, r->line, "%.*s is no name of a host and is left out", TEXT(r->name));
	r->name = (struct span){0};
}

/* One identity, as ours has it: the hardware address before what a client says of itself. False:
 * there is none. */
static bool identity_judge(struct import_site *s, struct import_reservation *r, bool ipv6)
{
	struct span mac = r->mac;

	if (mac.len) {
		r->mac = mac_as_ours(s, mac);
		if (!r->mac.len)
			import_note(s, r->line, "no hardware address of six octets: %.*s",
				    TEXT(mac));
	}
	struct span *others[] = {&r->duid, &r->client_id, &r->circuit_id, &r->remote_id};
	bool have = r->mac.len, port = false;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!others[i]->len)
			continue;
		bool ours = ipv6 == (i == 0); /* a DUID is what clients of IPv6 have */
		if (ours && (!have || (i == 3 && port))) {
			have = true;
			port = i == 2;
			continue;
		}
		if (have)
			import_note(s, r->line,
				    "known by several things, each of them enough: %.*s is left "
				    "out",
				    TEXT(*others[i]));
		*others[i] = (struct span){0};
	}
	return have;
}

static bool address_judge(struct import_site *s, struct import_network *n,
			  struct import_reservation *r)
{
	struct ip_prefix subnet;
	struct ip_address address;

	if (!r->address.len)
		return true;
	if (!ip_prefix_parse(n->subnet, &subnet) && !ip_address_parse(r->address, &address)) {
		struct ip_range hosts = ip_prefix_hosts(&subnet);
		if (ip_range_contains(&hosts, &address))
			return true;
	}
	import_note(s, r->line, "%.*s is no address of a host in %.*s", TEXT(r->address),
		    TEXT(n->subnet));
	return false;
}

static bool reservation_judge(struct import_site *s, struct import_network *n,
			      struct import_reservation *r, bool ipv6)
{
	name_judge(s, r);
	if (!identity_judge(s, r, ipv6)) {
		import_note(s, r->line,
			    "a host without an identity that is carried over is left out");
		return false;
	}
	if (ipv6 && !r->address.len && !r->prefix.len && !r->name.len && !r->scope.options.first) {
		import_note(s, r->line, "a host that is given nothing is left out");
		return false;
	}
	return address_judge(s, n, r);
}

static void reservations_judge(struct import_site *s, struct import_network *n, bool ipv6)
{
	struct import_reservation **at = &n->reservations;

	n->reservations_last = NULL;
	while (*at) {
		if (reservation_judge(s, n, *at, ipv6)) {
			n->reservations_last = *at;
			at = &(*at)->next;
		} else {
			*at = (*at)->next;
		}
	}
}

/* --- pools --- */

/* Cuts what is for no host off the range's ends: others give these addresses away, too. */
static void range_cut(struct import_site *s, const struct import_network *n, struct import_pool *p,
		      const struct ip_range *whole, const struct ip_range *hosts)
{
	struct ip_range range = *whole;
	char first[IP_ADDRESS_TEXT_MAX], last[IP_ADDRESS_TEXT_MAX];

	if (ip_address_compare(&range.first, &hosts->first) < 0)
		range.first = hosts->first;
	if (ip_address_compare(&range.last, &hosts->last) > 0)
		range.last = hosts->last;
	p->first = import_copy(s, span_of(first, ip_address_format(&range.first, first)));
	p->last = import_copy(s, span_of(last, ip_address_format(&range.last, last)));
	import_note(s, p->line,
		    "the first and the last address of %.*s are for no host: the range was written "
		    "as %.*s-%.*s",
		    TEXT(n->subnet), TEXT(p->first), TEXT(p->last));
}

static bool range_judge(struct import_site *s, const struct import_network *n,
			struct import_pool *p)
{
	struct ip_prefix subnet;
	struct ip_range range;
	struct span text = p->last.len && !span_equal(p->first, p->last)
				   ? import_format(s, "%.*s-%.*s", TEXT(p->first), TEXT(p->last))
				   : p->first;

	if (ip_prefix_parse(n->subnet, &subnet) || ip_range_parse(text, &range) ||
	    !ip_prefix_contains(&subnet, &range.first) || !ip_prefix_contains(&subnet, &range.last))
		return false;
	struct ip_range hosts = ip_prefix_hosts(&subnet);
	if (ip_address_compare(&range.last, &hosts.first) < 0 ||
	    ip_address_compare(&range.first, &hosts.last) > 0)
		return false;
	if (ip_address_compare(&range.first, &hosts.first) < 0 ||
	    ip_address_compare(&range.last, &hosts.last) > 0)
		range_cut(s, n, p, &range, &hosts);
	return true;
}

static const struct import_class *class_find(const struct import_site *s, struct span name)
{
	const struct import_class *c = s->classes;
	while (c && !span_equal(c->name, name))
		c = c->next;
	return c;
}

static void pools_judge(struct import_site *s, struct import_network *n, bool ipv6)
{
	struct import_pool **at = &n->pools;

	n->pools_last = NULL;
	while (*at) {
		struct import_pool *p = *at;
		if (!range_judge(s, n, p)) {
			import_note(s, p->line, "no range of the network %.*s: %.*s%s%.*s",
				    TEXT(n->subnet), TEXT(p->first), p->last.len ? "-" : "",
				    TEXT(p->last));
			*at = p->next;
			continue;
		}
		for (const struct import_text *t = p->classes.first; t && !ipv6; t = t->next) {
			const struct import_class *c = class_find(s, t->text);
			if (!c || !c->matches)
				import_note(s, p->line,
					    "the pool is for the class %.*s, and nothing that is "
					    "carried over says who is in it: write its `match`",
					    TEXT(t->text));
		}
		n->pools_last = p;
		at = &p->next;
	}
}

/* --- classes --- */

static bool says_something(const struct import_scope *c)
{
	return c->options.first || c->lease_s || c->lease_min_s || c->lease_max_s || c->renew_s ||
	       c->rebind_s || c->next_server.len || c->boot_file.len || c->server_name.len;
}

/* What is said of a class whose members are pools and hosts is said there. */
static void class_hand_out(struct import_site *s, struct import_class *c)
{
	for (struct import_network *n = s->networks; n; n = n->next) {
		for (struct import_pool *p = n->pools; p; p = p->next)
			if (p->set.len && span_equal(p->set, c->name)) {
				import_scope_inherit(s, &p->scope, &c->scope);
				c->told = true;
			}
		for (struct import_reservation *r = n->reservations; r; r = r->next)
			if (r->set.len && span_equal(r->set, c->name)) {
				import_scope_inherit(s, &r->scope, &c->scope);
				c->told = true;
			}
	}
}

static void classes_judge(struct import_site *s)
{
	for (struct import_class *c = s->classes; c; c = c->next) {
		class_hand_out(s, c);
		if (!c->matches && !c->told && says_something(&c->scope))
			import_note(s, c->line,
				    "nothing that is carried over says who is in the class %.*s: "
				    "what it gets is left out; write it with a `match`",
				    TEXT(c->name));
	}
}

/* --- networks --- */

static bool subnet_judge(struct import_site *s, struct import_network *n, bool ipv6)
{
	char text[IP_PREFIX_TEXT_MAX];
	struct ip_prefix prefix;

	if (ip_prefix_parse_masked(n->subnet, &prefix) || prefix.address.family != (ipv6 ? 6 : 4) ||
	    !prefix.bits) {
		import_note(s, n->line, "no subnet: %.*s", TEXT(n->subnet));
		return false;
	}
	n->subnet = import_copy(s, span_of(text, ip_prefix_format(&prefix, text)));
	return true;
}

/* Returns the last one that stays. */
static struct import_network *networks_judge(struct import_site *s, struct import_network **at,
					     bool ipv6)
{
	struct import_network *last = NULL;

	while (*at) {
		struct import_network *n = *at;
		if (!subnet_judge(s, n, ipv6)) {
			*at = n->next;
			continue;
		}
		pools_judge(s, n, ipv6);
		reservations_judge(s, n, ipv6);
		last = n;
		at = &n->next;
	}
	return last;
}

void import_judge(struct import_site *s)
{
	classes_judge(s);
	s->networks_last = networks_judge(s, &s->networks, false);
	s->networks6_last = networks_judge(s, &s->networks6, true);
}
