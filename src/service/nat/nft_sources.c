/* Which addresses may send from which zone (RFC 2827), as nftables can say it: prefixes that lie
 * within one another as ranges side by side. */
#include "service/nat/nft_inner.h"

#include <stdlib.h>
#include <string.h>

/* --- addresses as numbers --------------------------------------------------------------------- */

static int order(const struct ip_address *a, const struct ip_address *b)
{
	return memcmp(a->bytes, b->bytes, ip_address_len(a));
}

/* The one after it; false: it was the last. */
static bool step_up(struct ip_address *a)
{
	size_t i = ip_address_len(a);
	while (i > 0 && ++a->bytes[i - 1] == 0)
		i--;
	return i > 0;
}

/* The one before it; a is not the first. */
static void step_down(struct ip_address *a)
{
	size_t i = ip_address_len(a);
	while (i > 0 && a->bytes[i - 1]-- == 0)
		i--;
}

/* --- ranges ----------------------------------------------------------------------------------- */

/* Outer prefixes before those that lie within them. */
static int by_place(const void *left, const void *right)
{
	const struct nat_source_place *a = *(const struct nat_source_place *const *)left;
	const struct nat_source_place *b = *(const struct nat_source_place *const *)right;
	int by_address = order(&a->prefix.address, &b->prefix.address);
	return by_address ? by_address : a->prefix.bits - b->prefix.bits;
}

enum { DEPTH_MAX = 130 }; /* prefixes that hold one another: one of each length */

struct sweep {
	struct nft_spans *ret;
	const struct nat_source_place *open[DEPTH_MAX];
	size_t depth;
	struct ip_address at; /* all before it has been told */
	bool ended;	      /* so has all */
};

static void put_span(struct sweep *s, const struct ip_address *last)
{
	const struct nat_source_place *top = s->open[s->depth - 1];
	if (!s->ended && order(&s->at, last) <= 0 && s->ret->n < NFT_SPANS_MAX)
		s->ret->items[s->ret->n++] = (struct nft_span){s->at, *last, top->zone, top->flags};
}

static void close_top(struct sweep *s)
{
	struct ip_address last = ip_prefix_range(&s->open[s->depth - 1]->prefix).last;
	put_span(s, &last);
	s->depth--;
	if (!s->ended && order(&s->at, &last) <= 0) {
		s->at = last;
		s->ended = !step_up(&s->at);
	}
}

static void open_prefix(struct sweep *s, const struct nat_source_place *p)
{
	while (s->depth && !ip_prefix_contains(&s->open[s->depth - 1]->prefix, &p->prefix.address))
		close_top(s);
	if (s->depth && order(&s->at, &p->prefix.address) < 0) {
		struct ip_address before = p->prefix.address;
		step_down(&before);
		put_span(s, &before);
	}
	s->at = p->prefix.address;
	s->open[s->depth++] = p;
}

void nft_spans_make(const struct nat_tables *t, unsigned family, struct nft_spans *ret)
{
	const struct nat_source_place *sorted[NAT_SOURCES_MAX];
	struct sweep s = {.ret = ret};
	size_t n = 0;
	ret->n = 0;
	for (size_t i = 0; i < t->sources_n; i++)
		if (t->sources[i].prefix.address.family == family)
			sorted[n++] = &t->sources[i];
	if (n == 0)
		return;
	qsort(sorted, n, sizeof(sorted[0]), by_place);
	for (size_t i = 0; i < n; i++)
		open_prefix(&s, sorted[i]);
	while (s.depth)
		close_top(&s);
}

/* --- sets of them ----------------------------------------------------------------------------- */

/* Which ranges a rule is about. */
struct choice {
	uint32_t zones;	 /* bits */
	uint8_t without; /* flags that a range must not have */
};

static bool is_chosen(const struct nft_span *s, const struct choice *c)
{
	return (c->zones >> s->zone & 1) && !(s->flags & c->without);
}

static bool follows(const struct nft_span *a, const struct nft_span *b)
{
	struct ip_address next = a->last;
	return step_up(&next) && order(&next, &b->first) == 0;
}

/* `{ first-last, … `, without its end; how many there were: 0: nothing was written. */
static size_t put_ranges(struct nft_make *m, const struct nft_spans *spans, const struct choice *c)
{
	size_t n = 0;
	for (size_t i = 0; i < spans->n; i++) {
		const struct nft_span *first = &spans->items[i];
		if (!is_chosen(first, c))
			continue;
		while (i + 1 < spans->n && is_chosen(&spans->items[i + 1], c) &&
		       follows(&spans->items[i], &spans->items[i + 1]))
			i++;
		write_text(m->w, n++ ? ", " : "{ ");
		nft_put_address(m, &first->first);
		if (order(&first->first, &spans->items[i].last) != 0) {
			write_text(m->w, "-");
			nft_put_address(m, &spans->items[i].last);
		}
	}
	return n;
}

bool nft_put_routed(struct nft_make *m, const char *word, bool other, bool publics)
{
	struct choice routed = {.zones = NFT_ALL_ZONES & ~(1U << NAT_ZONE_BOGON)};
	size_t n = 0;
	size_t before = m->w->pos;
	write_format(m->w, "ip %s %s{ ", word, other ? "!= " : "");
	for (size_t i = 0; i < m->four.n; i++) {
		const struct nft_span *s = &m->four.items[i];
		bool is = s->zone >= NAT_ZONE_INSIDE && is_chosen(s, &routed) &&
			  (s->flags & NAT_SOURCE_ROUTED);
		if (!is)
			continue;
		write_text(m->w, n++ ? ", " : "");
		nft_put_address(m, &s->first);
		write_text(m->w, "-");
		nft_put_address(m, &s->last);
	}
	for (size_t i = 0; publics && i < NAT_PUBLICS; i++) {
		struct ip_address a = nat_address_of(m->t->publics[i].address);
		if (!m->t->publics[i].address)
			continue;
		write_text(m->w, n++ ? ", " : "");
		nft_put_address(m, &a);
	}
	write_text(m->w, " } ");
	if (!n && !m->w->bad)
		writer_rewind(m->w, before);
	return n > 0;
}

bool nft_put_here(struct nft_make *m, unsigned family)
{
	const struct choice here = {.zones = NFT_ALL_ZONES &
					     ~(1U << NAT_ZONE_OUTSIDE | 1U << NAT_ZONE_BOGON)};
	size_t before = m->w->pos;
	write_format(m->w, "%s daddr ", family == 4 ? "ip" : "ip6");
	if (put_ranges(m, family == 4 ? &m->four : &m->six, &here)) {
		write_text(m->w, " } ");
		return true;
	}
	if (!m->w->bad)
		writer_rewind(m->w, before);
	return false;
}

/* --- the chain -------------------------------------------------------------------------------- */

/* The machine's own addresses that are not to be seen outside. */
static void put_hidden(struct nft_make *m)
{
	size_t n = 0;
	for (size_t i = 0; i < m->t->locals_n; i++) {
		struct ip_address a = nat_address_of(m->t->locals[i].address);
		if (m->t->locals[i].flags & NAT_LOCAL_OUTSIDE)
			continue;
		if (!n++) {
			write_text(m->w, "\t\t");
			(void)nft_put_devices(m, "iifname", 1U << NAT_ZONE_OUTSIDE);
			write_text(m->w, "ip daddr { ");
		} else {
			write_text(m->w, ", ");
		}
		nft_put_address(m, &a);
	}
	if (n)
		write_text(m->w, " } counter drop\n");
}

/* Errors of ICMP may come from who has no public address, such as a router on the way; conntrack
 * says whether they are about a flow. A neighbour's question may have no source at all. */
static void put_outside(struct nft_make *m)
{
	struct choice others = {.zones = NFT_ALL_ZONES & ~(1U << NAT_ZONE_OUTSIDE)};
	struct choice hosts = {.zones = nat_conf_zones_inside(m->conf),
			       .without = NAT_SOURCE_ROUTED};
	const struct {
		const char *match;
		const struct nft_spans *spans;
		const struct choice *choice;
	} drops[] = {
		{"ip daddr", &m->four, &hosts},
		{"ip saddr", &m->four, &others},
		{"ip6 saddr", &m->six, &others},
	};
	static const char *const passes[] = {
		"udp sport 67 udp dport 68 accept",
		"icmp type { 3, 11, 12 } accept",
		"icmpv6 type { 1-4, 133-136 } accept",
	};
	for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++) {
		for (size_t p = 0; i == 1 && p < sizeof(passes) / sizeof(passes[0]); p++) {
			write_text(m->w, "\t\t");
			(void)nft_put_devices(m, "iifname", 1U << NAT_ZONE_OUTSIDE);
			write_format(m->w, "%s\n", passes[p]);
		}
		size_t before = m->w->pos;
		write_text(m->w, "\t\t");
		(void)nft_put_devices(m, "iifname", 1U << NAT_ZONE_OUTSIDE);
		write_format(m->w, "%s ", drops[i].match);
		if (put_ranges(m, drops[i].spans, drops[i].choice))
			write_text(m->w, " } counter drop\n");
		else if (!m->w->bad)
			writer_rewind(m->w, before);
	}
	put_hidden(m);
}

/* What goes to a whole link is not forwarded, and whoever asks for an address has none. */
static void put_inside(struct nft_make *m, unsigned zone)
{
	struct choice own = {.zones = 1U << zone};
	write_text(m->w, "\t\t");
	if (!nft_put_devices(m, "iifname", own.zones))
		return;
	write_text(m->w, "meta pkttype != host accept\n\t\t");
	(void)nft_put_devices(m, "iifname", own.zones);
	write_text(m->w, "ip saddr != ");
	write_text(m->w, put_ranges(m, &m->four, &own) ? " }" : "0.0.0.0");
	write_text(m->w, " counter drop\n\t\t");
	(void)nft_put_devices(m, "iifname", own.zones);
	write_text(m->w, "ip6 saddr != ");
	write_text(m->w, put_ranges(m, &m->six, &own) ? ", " : "{ ");
	write_text(m->w, "::, fe80::/10 } counter drop\n");
}

void nft_put_sources(struct nft_make *m)
{
	write_text(m->w, "\tchain sources {\n"
			 "\t\ttype filter hook prerouting priority -300; policy accept;\n");
	put_outside(m);
	for (unsigned z = NAT_ZONE_INSIDE; z < NAT_ZONE_BOGON; z++)
		if (nft_has_devices(m, 1U << z))
			put_inside(m, z);
	write_text(m->w, "\t}\n");
}
