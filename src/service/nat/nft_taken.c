/* What a proxy of this machine takes on its way to the world: led to its listener by `dnat`, which
 * remembers where it was meant to go. Each connection is asked about once, by its first packet. And
 * UDP to the same ports, which is refused, as it would pass by the proxy. */
#include "service/nat/nft_inner.h"
#include "service/nat/traffic.h"

#define OUTSIDE (1U << NAT_ZONE_OUTSIDE)

static const struct nat_take_conf *take_of(const struct nft_make *m, uint32_t rule)
{
	return (const struct nat_take_conf *)m->conf->takes.items + m->t->takes[rule];
}

static void put_lead(struct nft_make *m, uint32_t rule)
{
	struct ip_address world = nat_address_unmap(m->t->rules[rule].dst);
	const struct ip_endpoint *to = nat_take_conf_to(take_of(m, rule), world.family);
	char text[IP_ENDPOINT_TEXT_MAX];
	ASSERT(to);
	(void)ip_endpoint_format(to, text);
	write_format(m->w, "counter dnat %s to %s", world.family == 4 ? "ip" : "ip6", text);
}

/* A rule as a line of a chain, where there are devices from which it comes; to_world: and by which
 * it leaves. end: what becomes of it. */
static void put_rule(struct nft_make *m, uint32_t i, bool to_world,
		     void (*end)(struct nft_make *m, uint32_t rule))
{
	const struct nat_rule *r = &m->t->rules[i];
	uint32_t from = r->from & nat_conf_zones_inside(m->conf);
	size_t before = m->w->pos;
	write_text(m->w, "\t\t");
	if ((r->to & OUTSIDE) && from && nft_put_devices(m, "iifname", from) &&
	    (!to_world || nft_put_devices(m, "oifname", OUTSIDE))) {
		nft_put_match(m, r);
		end(m, i);
		if (r->line)
			write_format(m->w, " comment \"line %u\"", r->line);
		write_text(m->w, "\n");
	} else if (!m->w->bad) {
		writer_rewind(m->w, before);
	}
}

/* Those about a protocol. */
static void put_taking(struct nft_make *m, uint8_t proto, bool to_world,
		       void (*end)(struct nft_make *m, uint32_t rule))
{
	for (uint32_t i = m->t->rules_plain + 1; i <= m->t->rules_taken; i++)
		if (m->t->rules[i].proto == proto)
			put_rule(m, i, to_world, end);
}

/* --- led to the proxy ------------------------------------------------------------------------- */

static bool is_taken(const struct nft_make *m, uint32_t rule)
{
	return m->t->rules[rule].action == NAT_ALLOW;
}

static void end_taken(struct nft_make *m, uint32_t rule)
{
	if (is_taken(m, rule))
		put_lead(m, rule);
	else
		write_text(m->w, "return");
}

static void end_asked(struct nft_make *m, uint32_t rule)
{
	write_text(m->w, is_taken(m, rule) ? "goto may_be_taken" : "return");
}

/* Who would be led is judged here and nowhere else, so that a rate counts him once. */
static void end_firewall(struct nft_make *m, uint32_t rule)
{
	static const char *const ends[] = {[NAT_ALLOW] = "goto taken",
					   [NAT_DROP] = "counter drop",
					   [NAT_REJECT] = "counter reject with tcp reset"};
	write_text(m->w, ends[m->t->rules[rule].action]);
}

static void put_judging(struct nft_make *m)
{
	write_text(m->w, "\tchain may_be_taken {\n");
	for (uint32_t i = 1; i <= m->t->rules_n; i++)
		if (m->t->rules[i].proto == 0 || m->t->rules[i].proto == NAT_PROTO_TCP)
			put_rule(m, i, false, end_firewall);
	write_text(m->w, "\t\tcounter drop\n\t}\n"
			 "\tchain asked {\n");
	put_taking(m, NAT_PROTO_TCP, false, end_asked);
	write_text(m->w, "\t}\n");
}

/* What programs have left to the machine for its being taken, and nobody leads: the middle of a
 * connection that is not there. It would be routed to the world, unjudged. */
static void end_left(struct nft_make *m, uint32_t rule)
{
	write_text(m->w, is_taken(m, rule) ? "counter drop" : "accept");
}

static void put_left(struct nft_make *m)
{
	write_text(m->w, "\tchain not_led {\n"
			 "\t\ttype filter hook forward priority 0; policy accept;\n"
			 "\t\tmeta l4proto != tcp accept\n");
	put_taking(m, NAT_PROTO_TCP, true, end_left);
	write_text(m->w, "\t}\n");
}

/* --- past the proxy --------------------------------------------------------------------------- */

static void end_past(struct nft_make *m, uint32_t rule)
{
	write_text(m->w, m->t->rules[rule].action == NAT_REJECT
				 ? "counter reject with icmpx admin-prohibited"
				 : "accept");
}

/* Not, where every entry lets it pass. */
static bool refuses_past(const struct nft_make *m)
{
	for (uint32_t i = m->t->rules_plain + 1; i <= m->t->rules_taken; i++)
		if (m->t->rules[i].action == NAT_REJECT)
			return true;
	return false;
}

/* Behind the chain that judges, and also what goes on from before. An answer of who was asked from
 * outside is none. */
static void put_past(struct nft_make *m)
{
	write_text(m->w, "\tchain past_proxies {\n"
			 "\t\ttype filter hook forward priority 5; policy accept;\n"
			 "\t\tmeta l4proto != udp accept\n\t\tct direction reply accept\n");
	put_taking(m, NAT_PROTO_UDP, true, end_past);
	write_text(m->w, "\t}\n");
}

/* --- all -------------------------------------------------------------------------------------- */

void nft_put_taken(struct nft_make *m, bool judged)
{
	uint32_t inside = nat_conf_zones_inside(m->conf);
	if (m->t->rules_taken == m->t->rules_plain || !nft_has_devices(m, inside))
		return;
	write_text(m->w, "\tchain taken {\n");
	put_taking(m, NAT_PROTO_TCP, false, end_taken);
	write_text(m->w, "\t}\n");
	if (!judged)
		put_judging(m);
	write_text(m->w, "\tchain to_proxies {\n"
			 "\t\ttype nat hook prerouting priority -105; policy accept;\n"
			 "\t\tmeta l4proto != tcp accept\n\t\t");
	(void)nft_put_devices(m, "iifname !=", inside);
	write_text(m->w, "accept\n");
	for (unsigned family = 4; family <= 6; family += 2) {
		write_text(m->w, "\t\t");
		if (nft_put_here(m, family))
			write_text(m->w, "accept\n");
		else if (!m->w->bad)
			writer_rewind(m->w, m->w->pos - 2);
	}
	write_format(m->w, "\t\tjump %s\n\t}\n", judged ? "taken" : "asked");
	if (judged)
		put_left(m);
	else if (refuses_past(m))
		put_past(m);
}

/* Led to the listener, and not sent there by the client. */
static void put_let_in(struct nft_make *m, const struct ip_endpoint *to)
{
	char text[IP_ADDRESS_TEXT_MAX];
	(void)ip_address_format(&to->address, text);
	write_text(m->w, "\t\t");
	(void)nft_put_devices(m, "iifname", nat_conf_zones_inside(m->conf));
	write_format(m->w, "ct status dnat %s daddr %s tcp dport %u accept\n",
		     to->address.family == 4 ? "ip" : "ip6", text, to->port);
}

void nft_put_took(struct nft_make *m)
{
	const struct nat_take_conf *takes = m->conf->takes.items;
	if (!nft_has_devices(m, nat_conf_zones_inside(m->conf)))
		return;
	for (size_t i = 0; i < m->conf->takes.n; i++) {
		const struct ip_endpoint *to = takes[i].to.items;
		for (size_t k = 0; k < takes[i].to.n; k++)
			put_let_in(m, &to[k]);
	}
}
