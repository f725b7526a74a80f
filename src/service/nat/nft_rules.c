/* The firewall's rules and the forwards as chains. */
#include "service/nat/nft_inner.h"
#include "service/nat/traffic.h"

#define OUTSIDE (1U << NAT_ZONE_OUTSIDE)
#define GATEWAY (1U << NAT_ZONE_GATEWAY)

/* --- limits ----------------------------------------------------------------------------------- */

/* The unit in which so many microseconds for each packet are a whole number of packets, or as good
 * as one. */
static void put_limit(struct nft_make *m, uint32_t number)
{
	static const struct {
		const char *word;
		uint64_t us;
	} units[] = {{"second", 1000000}, {"minute", 60000000}, {"hour", UINT64_C(3600000000)}};
	enum { UNITS = sizeof(units) / sizeof(units[0]) };
	const struct nat_rate *r = &m->t->rates[number];
	size_t u = 0;
	uint64_t n = 0;
	for (; u < UNITS; u++) {
		n = (units[u].us + r->cost_us / 2) / r->cost_us;
		uint64_t is = n * r->cost_us;
		uint64_t off = is > units[u].us ? is - units[u].us : units[u].us - is;
		if (n && off * 1000 <= units[u].us)
			break;
	}
	if (u == UNITS)
		u--;
	write_format(m->w, "\tlimit rate_%u {\n\t\trate %llu/%s burst %u packets\n\t}\n", number,
		     (unsigned long long)(n ? n : 1), units[u].word, r->depth_us / r->cost_us);
}

void nft_put_limits(struct nft_make *m)
{
	for (uint32_t i = 1; i < m->t->rates_n; i++)
		put_limit(m, i);
}

/* --- one rule --------------------------------------------------------------------------------- */

static void put_prefix(struct nft_make *m, const char *word, const uint8_t mapped[16], uint8_t bits)
{
	struct ip_address a = nat_address_unmap(mapped);
	char text[IP_PREFIX_TEXT_MAX];
	if (!bits)
		return;
	if (a.family == 4 && bits == 96) {
		write_text(m->w, "meta nfproto ipv4 ");
		return;
	}
	struct ip_prefix p = ip_prefix_of(&a, a.family == 4 ? bits - 96U : bits);
	(void)ip_prefix_format(&p, text);
	write_format(m->w, "%s %s %s ", a.family == 4 ? "ip" : "ip6", word, text);
}

static bool has_ports(uint8_t proto)
{
	return proto == NAT_PROTO_TCP || proto == NAT_PROTO_UDP || proto == NAT_PROTO_SCTP;
}

static void put_range(struct nft_make *m, const char *what, unsigned first, unsigned last)
{
	if (first == last)
		write_format(m->w, "%s %u ", what, first);
	else
		write_format(m->w, "%s %u-%u ", what, first, last);
}

/* first, last: type << 8 | code. */
static void put_icmp(struct nft_make *m, bool six, uint16_t first, uint16_t last)
{
	put_range(m, six ? "icmpv6 type" : "icmp type", first >> 8, last >> 8);
	if (first >> 8 == last >> 8 && ((first & 255) || (last & 255) != 255))
		put_range(m, six ? "icmpv6 code" : "icmp code", first & 255, last & 255);
}

static void put_traffic(struct nft_make *m, const struct nat_rule *r)
{
	if (!r->proto)
		return;
	write_format(m->w, "meta l4proto %u ", r->proto);
	if (r->dst_first == 0 && r->dst_last == UINT16_MAX && r->src_first == 0 &&
	    r->src_last == UINT16_MAX)
		return;
	if (r->proto == NAT_PROTO_ICMP || r->proto == NAT_PROTO_ICMPV6)
		put_icmp(m, r->proto == NAT_PROTO_ICMPV6, r->dst_first, r->dst_last);
	if (!has_ports(r->proto))
		return;
	if (r->src_first || r->src_last != UINT16_MAX)
		put_range(m, "th sport", r->src_first, r->src_last);
	if (r->dst_first || r->dst_last != UINT16_MAX)
		put_range(m, "th dport", r->dst_first, r->dst_last);
}

/* Everything but the zones. */
void nft_put_match(struct nft_make *m, const struct nat_rule *r)
{
	put_prefix(m, "saddr", r->src, r->src_bits);
	put_prefix(m, "daddr", r->dst, r->dst_bits);
	put_traffic(m, r);
	if (r->rate)
		write_format(m->w, "limit name \"rate_%u\" ", r->rate);
}

static void put_rest(struct nft_make *m, const struct nat_rule *r)
{
	static const char *const verdicts[] = {[NAT_ALLOW] = "accept",
					       [NAT_DROP] = "drop",
					       [NAT_REJECT] = "reject with icmpx admin-prohibited"};
	const char *verdict = verdicts[r->action];
	if (r->action == NAT_REJECT && r->proto == NAT_PROTO_TCP)
		verdict = "reject with tcp reset";
	else if (r->action == NAT_REJECT && !r->proto)
		verdict = "jump refused"; /* by what it is */
	nft_put_match(m, r);
	write_format(m->w, "counter %s", verdict);
	if (r->line)
		write_format(m->w, " comment \"line %u\"", r->line);
	write_text(m->w, "\n");
}

void nft_put_refused(struct nft_make *m)
{
	write_text(m->w, "\tchain refused {\n"
			 "\t\tmeta l4proto tcp reject with tcp reset\n"
			 "\t\treject with icmpx admin-prohibited\n\t}\n");
}

/* As one rule of a chain, where packets from those zones to those come by; not at all, where none
 * of them does. */
static void put_rule(struct nft_make *m, const struct nat_rule *r, uint32_t from, uint32_t to,
		     bool forwarded)
{
	size_t before = m->w->pos;
	write_text(m->w, "\t\t");
	bool comes = nft_put_devices(m, "iifname", from);
	if (comes && forwarded)
		comes = nft_put_devices(m, "oifname", to);
	if (comes)
		put_rest(m, r);
	else if (!m->w->bad)
		writer_rewind(m->w, before);
}

void nft_put_plain(struct nft_make *m, uint32_t zones)
{
	for (uint32_t i = m->t->rules_n + 1; i <= m->t->rules_plain; i++) {
		size_t before = m->w->pos;
		write_text(m->w, "\t\t");
		if (nft_put_devices(m, "iifname", zones) &&
		    nft_put_devices(m, "oifname", OUTSIDE)) {
			write_text(m->w, "meta nfproto ipv4 ");
			put_rest(m, &m->t->rules[i]);
		} else if (!m->w->bad) {
			writer_rewind(m->w, before);
		}
	}
}

/* --- to the machine --------------------------------------------------------------------------- */

void nft_put_input(struct nft_make *m)
{
	uint32_t judged = m->t->judged | OUTSIDE;
	write_text(m->w, "\tchain input {\n"
			 "\t\ttype filter hook input priority 0; policy accept;\n"
			 "\t\tct state established,related accept\n");
	nft_put_took(m);
	write_text(m->w, "\t\t");
	if (nft_put_devices(m, "iifname !=", judged))
		write_text(m->w, "accept\n\t\t");
	if (nft_put_devices(m, "iifname !=", OUTSIDE))
		write_text(m->w, "meta pkttype != host accept\n");
	write_text(m->w, "\t\tct state invalid counter drop\n");
	for (uint32_t i = 1; i <= m->t->rules_n; i++) {
		const struct nat_rule *r = &m->t->rules[i];
		if (r->to & GATEWAY)
			put_rule(m, r, r->from & judged, 0, false);
	}
	write_text(m->w, "\t\tcounter drop\n\t}\n");
}

/* --- from zone to zone ------------------------------------------------------------------------ */

static void put_rules(struct nft_make *m, uint32_t first, uint32_t last)
{
	for (uint32_t i = first; i <= last; i++) {
		const struct nat_rule *r = &m->t->rules[i];
		if (r->to & ~GATEWAY)
			put_rule(m, r, r->from, r->to & ~GATEWAY, true);
	}
}

/* What no rule can allow: strangers reach those inside by forwards only, or who is known to the
 * world, and not one another. */
static void put_inward(struct nft_make *m)
{
	write_text(m->w, "\t\t");
	(void)nft_put_devices(m, "iifname", OUTSIDE);
	(void)nft_put_devices(m, "oifname", OUTSIDE);
	write_text(m->w, "counter drop\n\t\t");
	(void)nft_put_devices(m, "iifname", OUTSIDE);
	write_text(m->w, "meta nfproto ipv4 ct status & dnat == 0 ");
	(void)nft_put_routed(m, "daddr", true, false);
	write_text(m->w, "counter drop\n");
}

/* A public address that is nobody's here and no forward's. */
static void put_nobody(struct nft_make *m)
{
	size_t before = m->w->pos;
	write_text(m->w, "\t\tip daddr ");
	if (nft_put_publics(m))
		write_text(m->w, "counter drop\n");
	else if (!m->w->bad)
		writer_rewind(m->w, before);
}

void nft_put_forwarding(struct nft_make *m)
{
	write_text(m->w, "\tchain forwarding {\n"
			 "\t\ttype filter hook forward priority 0; policy accept;\n\t\t");
	(void)nft_put_devices(m, "iifname !=", NFT_ALL_ZONES);
	write_text(m->w, "accept\n\t\t");
	(void)nft_put_devices(m, "oifname !=", NFT_ALL_ZONES);
	write_text(m->w, "counter drop\n");
	if (!m->conf->v6.forward)
		write_text(m->w, "\t\tmeta nfproto ipv6 counter drop\n");
	write_text(m->w, "\t\tct state established,related accept\n"
			 "\t\tct state invalid counter drop\n"
			 "\t\ttcp flags & (fin | syn | rst | ack) != syn counter drop\n");
	put_inward(m);
	put_nobody(m);
	put_rules(m, 1, m->t->rules_own);
	write_text(m->w, "\t\tmeta nfproto ipv4 ct status dnat jump forwarded\n");
	put_rules(m, m->t->rules_own + 1, m->t->rules_n);
	write_text(m->w, "\t\tcounter drop\n\t}\n");
}

/* --- forwards --------------------------------------------------------------------------------- */

static const char *proto_of(const struct nat_forward4 *f)
{
	return f->space == NAT_SPACE_TCP ? "tcp" : "udp";
}

/* `ip daddr { … } ` of the public addresses that it is for. */
static bool put_daddr(struct nft_make *m, uint32_t i)
{
	uint16_t slot = m->t->forward_places[i].slot;
	struct ip_address a;
	write_text(m->w, "ip daddr ");
	if (slot == NAT_EVERY_PUBLIC)
		return nft_put_publics(m);
	a = nat_address_of(m->t->publics[slot].address);
	nft_put_address(m, &a);
	write_text(m->w, " ");
	return m->t->publics[slot].address != 0;
}

/* Not even the machine itself has that port then. */
void nft_put_unled(struct nft_make *m)
{
	write_text(m->w, "\tchain unled {\n"
			 "\t\ttype filter hook prerouting priority -150; policy accept;\n");
	for (uint32_t i = 1; i <= m->t->forwards_n; i++) {
		const struct nat_forward4 *f = &m->t->forwards[i];
		size_t before = m->w->pos;
		write_text(m->w, "\t\t");
		(void)nft_put_devices(m, "iifname", NFT_ALL_ZONES);
		if (!f->to && put_daddr(m, i)) {
			write_format(m->w, "ct state new %s ", proto_of(f));
			put_range(m, "dport", f->first, f->last);
			write_text(m->w, "counter drop\n");
		} else if (!m->w->bad) {
			writer_rewind(m->w, before);
		}
	}
	write_text(m->w, "\t}\n");
}

/* nftables has no word for "so many further on": each port is told. */
static void put_shifted(struct nft_make *m, const struct nat_forward4 *f,
			const struct ip_address *to)
{
	unsigned n = f->last - f->first + 1U;
	m->ports += n;
	if (m->ports > NAT_NFT_PORTS_MAX) {
		m->err = m->err ? m->err : ERR_LIMIT;
		return;
	}
	write_format(m->w, "dnat ip to %s dport map { ", proto_of(f));
	for (unsigned k = 0; k < n; k++) {
		write_format(m->w, "%s%u : ", k ? ", " : "", f->first + k);
		nft_put_address(m, to);
		write_format(m->w, " . %u", nat_host16(f->to_first) + k);
	}
	write_text(m->w, " }");
}

static void put_target(struct nft_make *m, const struct nat_forward4 *f)
{
	struct ip_address to = nat_address_of(f->to);
	bool same = !f->to_first || nat_host16(f->to_first) == f->first;
	write_format(m->w, "%s ", proto_of(f));
	put_range(m, "dport", f->first, f->last);
	if (!same && f->first != f->last) {
		put_shifted(m, f, &to);
		return;
	}
	write_text(m->w, "dnat ip to ");
	nft_put_address(m, &to);
	if (!same)
		write_format(m->w, ":%u", nat_host16(f->to_first));
}

void nft_put_led(struct nft_make *m)
{
	for (uint32_t i = 1; i <= m->t->forwards_n; i++) {
		const struct nat_forward4 *f = &m->t->forwards[i];
		size_t before = m->w->pos;
		write_text(m->w, "\t\t");
		(void)nft_put_devices(m, "iifname", NFT_ALL_ZONES);
		if (f->to && put_daddr(m, i)) {
			put_target(m, f);
			write_format(m->w, " comment \"line %u\"\n", m->t->forward_places[i].line);
		} else if (!m->w->bad) {
			writer_rewind(m->w, before);
		}
	}
}

/* Where the packet went before it was sent on. */
static void put_origin(struct nft_make *m, uint32_t i)
{
	const struct nat_forward4 *f = &m->t->forwards[i];
	uint16_t slot = m->t->forward_places[i].slot;
	write_format(m->w, "\t\tmeta l4proto %s ", proto_of(f));
	put_range(m, "ct original proto-dst", f->first, f->last);
	if (slot == NAT_EVERY_PUBLIC)
		return;
	struct ip_address a = nat_address_of(m->t->publics[slot].address);
	write_text(m->w, "ct original ip daddr ");
	nft_put_address(m, &a);
	write_text(m->w, " ");
}

void nft_put_forwarded(struct nft_make *m)
{
	write_text(m->w, "\tchain forwarded {\n");
	for (uint32_t i = 1; i <= m->t->forwards_n; i++) {
		const struct nat_forward4 *f = &m->t->forwards[i];
		if (!f->to)
			continue;
		for (uint32_t r = f->rule; r < (uint32_t)f->rule + f->rules_n; r++) {
			size_t before = m->w->pos;
			put_origin(m, i);
			if (nft_put_devices(m, "iifname", m->t->rules[r].from))
				put_rest(m, &m->t->rules[r]);
			else if (!m->w->bad)
				writer_rewind(m->w, before);
		}
		put_origin(m, i);
		write_format(m->w, "counter %s\n", f->rules_n ? "drop" : "accept");
	}
	write_text(m->w, "\t\tcounter drop\n\t}\n");
}
