#include "service/dhcp/conf_relay.h"

#include "base/writer.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/pattern.h"
#include "service/dhcp/relay.h"

static void check_identity(const char *key, const char *text, struct config_at *at)
{
	uint8_t buf[RELAY_ID_MAX];
	struct writer w = writer_of(buf, sizeof(buf));

	if (text && dhcp_octets_parse(span_text(text), &w) != OK)
		config_fail(at, key,
			    "write a text, or hexadecimal octets behind hex:, of at most %d octets",
			    RELAY_ID_MAX);
}

static void check(const void *conf, struct config_at *at)
{
	const struct dhcp_relay_conf *r = conf;
	const struct ip_address *servers = r->servers.items;

	for (size_t i = 0; i < r->servers.n; i++) {
		if (servers[i].family != 4 || ip_address_is_multicast(&servers[i]) ||
		    ip_address_is_unspecified(&servers[i]) ||
		    dhcp_conf_v4(&servers[i]) == UINT32_MAX)
			config_fail_item(at, "servers", i,
					 "write the IPv4 address of a DHCP server");
	}
	if (r->gateway_address.family == 6)
		config_fail(at, "gateway-address", "write an IPv4 address");
	check_identity("circuit-id", r->circuit_id, at);
	check_identity("remote-id", r->remote_id, at);
	check_identity("subscriber-id", r->subscriber_id, at);
	if (r->option_82)
		return;
	if (r->circuit_id || r->remote_id || r->subscriber_id || r->server_id_override)
		config_fail(at, "option-82", "what the other keys say is sent in option 82");
	if (r->gateway_address.family)
		config_fail(
			at, "gateway-address",
			"servers learn the link of the clients from option 82 then, which is off");
}

static const struct config_key relay_keys[] = {
	{.name = "interface",
	 .type = CONFIG_TEXT,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct dhcp_relay_conf, interface),
	 .min = 1,
	 .max = 15,
	 .example = "lan1",
	 .help = "where the clients are"},
	{.name = "servers",
	 .type = CONFIG_ADDRESS,
	 .flags = CONFIG_LIST | CONFIG_UNIQUE | CONFIG_REQUIRED,
	 CONFIG_FIELD(struct dhcp_relay_conf, servers),
	 .items_min = 1,
	 .items_max = RELAY_SERVERS_MAX,
	 .example = "[192.0.2.67, 192.0.2.68]",
	 .help = "the servers; each gets every message"},
	{.name = "gateway-address",
	 .type = CONFIG_ADDRESS,
	 CONFIG_FIELD(struct dhcp_relay_conf, gateway_address),
	 .example = "192.0.2.1",
	 .help = "where the servers answer (giaddr): another of this machine's addresses than the "
		 "interface's own, which then names the link by option 82 (RFC 3527)"},
	{.name = "option-82",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct dhcp_relay_conf, option_82),
	 .fallback = "on",
	 .help = "tell the servers where a client is plugged in (RFC 3046)"},
	{.name = "circuit-id",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct dhcp_relay_conf, circuit_id),
	 .min = 1,
	 .max = 256,
	 .example = "floor-2",
	 .help = "what the link is called there, a text or octets behind hex:; the interface's "
		 "name unless set"},
	{.name = "remote-id",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct dhcp_relay_conf, remote_id),
	 .min = 1,
	 .max = 256,
	 .example = "gate-1",
	 .help = "what this relay is called there; not sent unless set"},
	{.name = "subscriber-id",
	 .type = CONFIG_TEXT,
	 CONFIG_FIELD(struct dhcp_relay_conf, subscriber_id),
	 .min = 1,
	 .max = 256,
	 .example = "customer-17",
	 .help = "whom the link belongs to (RFC 3993); not sent unless set"},
	{.name = "trusted",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct dhcp_relay_conf, trusted),
	 .fallback = "off",
	 .help = "pass on option 82 of a bridge on the link; a message that has it is dropped "
		 "otherwise"},
	{.name = "server-id-override",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct dhcp_relay_conf, server_id_override),
	 .fallback = "off",
	 .help = "clients renew by way of this relay, too (RFC 5107)"},
	{.name = "hops-max",
	 .type = CONFIG_INTEGER,
	 CONFIG_FIELD(struct dhcp_relay_conf, hops_max),
	 .fallback = "4",
	 .min = 1,
	 .max = RELAY_HOPS_MAX,
	 .help = "a message that has passed so many relays is dropped (RFC 1542 4.1.1)"},
};

const struct config_map dhcp_relay_conf_map = {
	.help = "A link whose clients are served by servers elsewhere",
	.size = sizeof(struct dhcp_relay_conf),
	CONFIG_KEYS(relay_keys),
	.check = check,
	.example = "{interface: lan1, servers: [192.0.2.67]}",
};

void dhcp_check_relays(const struct dhcp_conf *c, struct config_at *at)
{
	const struct dhcp_relay_conf *relays = c->relays.items;
	const struct dhcp_network_conf *networks = c->networks.items;

	for (size_t i = 0; i < c->relays.n; i++) {
		const struct config_step place[] = {{"relay", i}, {"interface", CONFIG_STEP_WHOLE}};
		const char *interface = relays[i].interface;
		for (size_t k = 0; k < i; k++) {
			if (strcmp(relays[k].interface, interface) == 0)
				config_fail_inside(at, place, 2, "'%s' is relayed twice",
						   interface);
		}
		for (size_t k = 0; k < c->networks.n; k++) {
			if (networks[k].interface && strcmp(networks[k].interface, interface) == 0)
				config_fail_inside(
					at, place, 2,
					"'%s' has a network here; it is served or relayed",
					interface);
		}
	}
}

static uint8_t fill(const char *text, uint8_t into[RELAY_ID_MAX])
{
	struct writer w = writer_of(into, RELAY_ID_MAX);

	if (!text)
		return 0;
	enum err e = dhcp_octets_parse(span_text(text), &w);
	ASSERT(e == OK); /* check read it already */
	return (uint8_t)w.pos;
}

size_t dhcp_conf_relays(const struct dhcp_conf *c, struct relay_link *ret)
{
	const struct dhcp_relay_conf *from = c->relays.items;

	ASSERT(c->relays.n <= RELAY_LINKS_MAX);
	for (size_t i = 0; i < c->relays.n; i++) {
		const struct dhcp_relay_conf *r = &from[i];
		const struct ip_address *servers = r->servers.items;
		struct relay_link *l = &ret[i];
		*l = (struct relay_link){
			.servers_n = r->servers.n,
			.giaddr = r->gateway_address.family ? dhcp_conf_v4(&r->gateway_address) : 0,
			.hops_max = (uint8_t)r->hops_max,
			.option_82 = r->option_82,
			.trusted = r->trusted,
			.server_id_override = r->server_id_override,
		};
		(void)span_to_cstr(span_text(r->interface), l->interface, sizeof(l->interface));
		for (size_t k = 0; k < r->servers.n; k++)
			l->servers[k] = dhcp_conf_v4(&servers[k]);
		l->circuit_id_len = fill(r->circuit_id, l->circuit_id);
		l->remote_id_len = fill(r->remote_id, l->remote_id);
		l->subscriber_id_len = fill(r->subscriber_id, l->subscriber_id);
	}
	return c->relays.n;
}
