#include "service/nat/portctl_rules.h"

static bool in_traffic(const struct portctl_rule *rule, uint8_t protocol, uint16_t port)
{
	for (size_t i = 0; i < rule->traffic_n; i++) {
		const struct portctl_traffic *t = &rule->traffic[i];
		if (t->protocol == protocol && port >= t->first && port <= t->last)
			return true;
	}
	return false;
}

static bool in_prefixes(const struct ip_prefix *list, size_t n, const struct ip_address *a)
{
	for (size_t i = 0; i < n; i++)
		if (ip_prefix_contains(&list[i], a))
			return true;
	return false;
}

static bool in_zones(const struct portctl_rule *rule, const char *zone)
{
	for (size_t i = 0; i < rule->zones_n; i++)
		if (strcmp(rule->zones[i], zone) == 0)
			return true;
	return false;
}

static bool allows(const struct portctl_rule *rule, const struct portctl_subject *s)
{
	bool all = rule->zones_n == 0 && rule->hosts_n == 0;
	return (all || in_zones(rule, s->zone) ||
		in_prefixes(rule->hosts, rule->hosts_n, s->host)) &&
	       in_traffic(rule, s->protocol, s->internal_port) &&
	       (s->external_port == 0 || in_traffic(rule, s->protocol, s->external_port));
}

bool portctl_rules_allow(const struct portctl_rules *r, const struct portctl_subject *s)
{
	for (size_t i = 0; i < r->rules_n; i++)
		if (allows(&r->rules[i], s))
			return true;
	return false;
}

bool portctl_rules_third_party(const struct portctl_rules *r, const struct ip_address *host)
{
	return in_prefixes(r->third_party, r->third_party_n, host);
}
