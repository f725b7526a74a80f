#include "service/vpn/gate/rules.h"

#include "service/vpn/gate/packet.h"

#include <stdlib.h>

struct gate_rules {
	size_t n;
	struct gate_reach reach[];
};

static enum err check(const struct gate_reach *reach)
{
	bool ports = reach->first || reach->last;
	bool has_ports = reach->protocol == GATE_TCP || reach->protocol == GATE_UDP;
	if (reach->first > reach->last || (ports && (!has_ports || !reach->first)))
		return ERR_FORMAT;
	return OK;
}

enum err gate_rules_new(const struct gate_reach *reach, size_t n, struct gate_rules **ret)
{
	if (n > GATE_REACH_MAX)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++)
		TRY(check(&reach[i]));
	struct gate_rules *rules = malloc(sizeof(*rules) + n * sizeof(*reach));
	if (!rules)
		return ENOMEM;
	rules->n = n;
	for (size_t i = 0; i < n; i++)
		rules->reach[i] = reach[i];
	*ret = rules;
	return OK;
}

void gate_rules_free(struct gate_rules *rules)
{
	free(rules);
}

/* The other end of the peer's conversation. */
struct far_end {
	struct ip_address address;
	uint8_t protocol;
	uint16_t port;
	bool port_known;
};

static struct far_end far_end_of(const struct gate_packet *p, bool towards)
{
	return (struct far_end){
		.address = ip_address_of(towards ? p->destination : p->source),
		.protocol = p->protocol == GATE_ICMPV6 && p->family == 6 ? GATE_ICMP : p->protocol,
		.port = towards ? p->destination_port : p->source_port,
		.port_known = p->fragment != GATE_LATER,
	};
}

static bool matches(const struct gate_reach *reach, const struct far_end *end)
{
	bool icmp = reach->protocol == GATE_ICMPV6 && end->protocol == GATE_ICMP;
	if (reach->protocol && reach->protocol != end->protocol && !icmp)
		return false;
	if (reach->last && end->port_known && (end->port < reach->first || end->port > reach->last))
		return false;
	return ip_prefix_contains(&reach->to, &end->address);
}

static bool allow(const struct gate_rules *rules, const struct gate_packet *p, bool towards)
{
	struct gate_packet quoted;
	if (gate_packet_is_error(p)) {
		/* What it quotes was sent by him who now hears of it. */
		if (gate_packet_read_quoted(p, &quoted) != OK || gate_packet_is_error(&quoted) ||
		    !span_equal(p->destination, quoted.source))
			return false;
		p = &quoted;
		towards = !towards;
	}
	struct far_end end = far_end_of(p, towards);
	for (size_t i = 0; i < rules->n; i++) /* at most GATE_REACH_MAX */
		if (matches(&rules->reach[i], &end))
			return true;
	return false;
}

bool gate_rules_allow_in(const struct gate_rules *rules, const struct gate_packet *p)
{
	return allow(rules, p, true);
}

bool gate_rules_allow_out(const struct gate_rules *rules, const struct gate_packet *p)
{
	return allow(rules, p, false);
}
