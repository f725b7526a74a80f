/* What a proxy of this machine takes on its way to the world: led to its listener by `dnat`, which
 * remembers where it was meant to go. Each connection is asked about once, by its first packet. */
#include "service/nat/nft_inner.h"

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

/* The rules of a kind as lines of a chain, where there are devices from which it comes. */
static void put_rules(struct nft_make *m, uint32_t first, uint32_t last,
		      void (*end)(struct nft_make *m, uint32_t rule))
{
	for (uint32_t i = first; i <= last; i++) {
		const struct nat_rule *r = &m->t->rules[i];
		uint32_t from = r->from & nat_conf_zones_inside(m->conf);
		size_t before = m->w->pos;
		write_text(m->w, "\t\t");
		if ((r->to & OUTSIDE) && from && nft_put_devices(m, "iifname", from)) {
			nft_put_match(m, r);
			end(m, i);
			if (r->line)
				write_format(m->w, " comment \"line %u\"", r->line);
			write_text(m->w, "\n");
		} else if (!m->w->bad) {
			writer_rewind(m->w, before);
		}
	}
}

static void end_taken(struct nft_make *m, uint32_t rule)
{
	if (m->t->rules[rule].action == NAT_ALLOW)
		put_lead(m, rule);
	else
		write_text(m->w, "return");
}

/* What is refused goes on, to where it is refused and told. */
static void end_firewall(struct nft_make *m, uint32_t rule)
{
	write_text(m->w, m->t->rules[rule].action == NAT_ALLOW ? "goto taken" : "return");
}

void nft_put_taken(struct nft_make *m, bool judged)
{
	uint32_t inside = nat_conf_zones_inside(m->conf);
	if (m->t->rules_taken == m->t->rules_plain || !nft_has_devices(m, inside))
		return;
	write_text(m->w, "\tchain taken {\n");
	put_rules(m, m->t->rules_plain + 1, m->t->rules_taken, end_taken);
	write_text(m->w, "\t}\n");
	if (!judged) {
		write_text(m->w, "\tchain may_be_taken {\n");
		put_rules(m, 1, m->t->rules_n, end_firewall);
		write_text(m->w, "\t}\n");
	}
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
	write_format(m->w, "\t\tjump %s\n\t}\n", judged ? "taken" : "may_be_taken");
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
