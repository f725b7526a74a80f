#include "service/nat/conf_take.h"

#include "service/nat/conf.h"

static const char *const down_choices[] = {"refuse", "pass", NULL};
static const char *const quic_choices[] = {"refuse", "pass", NULL};

static const struct config_key take_keys[] = {
	{.name = "traffic",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED | CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct nat_take_conf, traffic),
	 .min = 1,
	 .max = 40,
	 .items_min = 1,
	 .items_max = 16,
	 .example = "443/tcp",
	 .help = "ports of TCP in the world: `443/tcp`, `8000-8010/tcp`"},
	{.name = "to",
	 .type = CONFIG_ENDPOINT,
	 .flags = CONFIG_REQUIRED | CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct nat_take_conf, to),
	 .items_min = 1,
	 .items_max = 2,
	 .example = "[192.168.1.1:3181, \"[fd00::1]:3181\"]",
	 .help = "the proxy's listener, an address of this machine for each family that is taken; "
		 "connections of the other one are left alone"},
	{.name = "from",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct nat_take_conf, from),
	 .min = 1,
	 .max = 253,
	 .items_max = 64,
	 .example = "[inside, guests]",
	 .help = "whose: zones, addresses, networks, names; of all inside, unless set"},
	{.name = "except-from",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct nat_take_conf, except_from),
	 .min = 1,
	 .max = 253,
	 .items_max = 64,
	 .example = "192.168.1.9",
	 .help = "who of them is left alone, in the same words"},
	{.name = "except-to",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE,
	 CONFIG_FIELD(struct nat_take_conf, except_to),
	 .min = 1,
	 .max = 253,
	 .items_max = 64,
	 .example = "[203.0.113.0/24, bank.example]",
	 .help = "addresses, networks and names in the world that are gone to without the proxy"},
	{.name = "when-down",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct nat_take_conf, when_down),
	 .choices = down_choices,
	 .fallback = "refuse",
	 .help = "while the proxy does not answer: `refuse` leads clients there all the same, so "
		 "that nobody passes a filter that is broken; `pass` lets them go to the world "
		 "without it, until it answers again"},
	{.name = "quic",
	 .type = CONFIG_CHOICE,
	 CONFIG_FIELD(struct nat_take_conf, quic),
	 .choices = quic_choices,
	 .fallback = "refuse",
	 .help = "UDP of the same clients to the same ports, by which HTTP/3 (QUIC) would pass by "
		 "the proxy: `refuse` tells them by ICMP that it is prohibited, so that browsers "
		 "take TCP at once; `pass` lets it go to the world"},
};

const struct config_map nat_take_conf_map = {
	.help = "Connections that a proxy of this machine takes on their way to the world",
	.size = sizeof(struct nat_take_conf),
	CONFIG_KEYS(take_keys),
	CONFIG_LINE(struct nat_take_conf, line),
	.example = "{traffic: 80/tcp, to: 192.168.1.1:3180}",
};

const struct ip_endpoint *nat_take_conf_to(const struct nat_take_conf *t, unsigned family)
{
	const struct ip_endpoint *to = t->to.items;
	for (size_t i = 0; i < t->to.n; i++)
		if (to[i].address.family == family)
			return &to[i];
	return NULL;
}

static void check_traffic(const struct nat_take_conf *t, size_t n, struct config_at *at)
{
	const char *const *texts = t->traffic.items;
	struct nat_traffics found;
	for (size_t i = 0; i < t->traffic.n; i++) {
		const struct config_step steps[] = {{"intercept", n}, {"traffic", i}};
		if (nat_traffic_parse(span_text(texts[i]), &found) || found.n != 1 ||
		    found.items[0].proto != NAT_PROTO_TCP || found.items[0].first == 0)
			config_fail_inside(at, steps, 2,
					   "'%s' is no port of TCP; write such as 443/tcp or "
					   "8000-8010/tcp",
					   texts[i]);
	}
}

/* The family of a listener is that of the clients who are led to it. */
static void check_unmapped(const struct ip_address *a, const struct config_step steps[2],
			   struct config_at *at)
{
	const struct ip_address plain = ip_address_unmap(a);
	char text[IP_ADDRESS_TEXT_MAX];
	if (!ip_address_is_mapped(a))
		return;
	(void)ip_address_format(&plain, text);
	config_fail_inside(at, steps, 2, "this is an address of IPv4; write it as %s", text);
}

static void check_to(const struct nat_take_conf *t, size_t n, struct config_at *at)
{
	const struct ip_endpoint *to = t->to.items;
	for (size_t i = 0; i < t->to.n; i++) {
		const struct config_step steps[] = {{"intercept", n}, {"to", i}};
		const struct ip_address *a = &to[i].address;
		check_unmapped(a, steps, at);
		if (ip_address_is_unspecified(a) || ip_address_is_loopback(a) ||
		    ip_address_is_multicast(a) || to[i].scope)
			config_fail_inside(at, steps, 2,
					   "clients cannot be led there; write an address of this "
					   "machine's on a device inside");
		if (!to[i].port)
			config_fail_inside(at, steps, 2, "write the port of the proxy's listener");
		if (i && to[i].address.family == to[0].address.family)
			config_fail_inside(at, steps, 2,
					   "one listener is enough for IPv%d; the other place is "
					   "for IPv%d",
					   a->family, a->family == 4 ? 6 : 4);
	}
}

/* The clients are inside, and what is taken goes to the world. */
static void check_zones(const struct nat_conf *c, const struct config_list *list, size_t n,
			const char *key, bool inside, struct config_at *at)
{
	const char *const *texts = list->items;
	struct nat_who who;
	for (size_t i = 0; i < list->n; i++) {
		const struct config_step steps[] = {{"intercept", n}, {key, i}};
		if (nat_who_parse(c, span_text(texts[i]), &who) || who.kind != NAT_WHO_ZONE)
			continue;
		if (!inside)
			config_fail_inside(at, steps, 2,
					   "'%s' is a zone; write addresses, networks or names "
					   "that are outside",
					   texts[i]);
		else if (!(nat_conf_zones_inside(c) >> who.zone & 1))
			config_fail_inside(at, steps, 2,
					   "only who is inside is led to a proxy, not '%s'",
					   texts[i]);
	}
}

void nat_take_conf_check(const struct nat_conf *c, struct config_at *at)
{
	const struct nat_take_conf *takes = c->takes.items;
	for (size_t i = 0; i < c->takes.n; i++) {
		const struct nat_take_conf *t = &takes[i];
		check_traffic(t, i, at);
		check_to(t, i, at);
		nat_conf_check_who(c, &t->from, (struct config_step){"intercept", i}, "from", at);
		nat_conf_check_who(c, &t->except_from, (struct config_step){"intercept", i},
				   "except-from", at);
		nat_conf_check_who(c, &t->except_to, (struct config_step){"intercept", i},
				   "except-to", at);
		check_zones(c, &t->from, i, "from", true, at);
		check_zones(c, &t->except_from, i, "except-from", true, at);
		check_zones(c, &t->except_to, i, "except-to", false, at);
	}
}
