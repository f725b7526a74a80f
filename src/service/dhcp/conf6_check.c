#include "service/dhcp/conf6_check.h"

#include "proto/dhcp/duid.h"
#include "proto/dhcp/identity.h"
#include "proto/dhcp6/code.h"
#include "proto/dhcp6/option.h"
#include "service/dhcp/conf6.h"
#include "service/dhcp/conf6_option.h"
#include "service/dhcp/ra.h"
#include "service/dhcp/relay6.h"

static bool is_v6(const struct ip_address *a)
{
	return a->family == 6;
}

/* --- options and times of any place --- */

static void check_always(const struct v6_scope_conf *s, struct config_at *at)
{
	const char *const *words = s->always.items;
	uint16_t code;
	for (size_t i = 0; i < s->always.n; i++)
		if (v6_option_word(span_text(words[i]), &code) != OK) {
			const char *near = v6_option_nearest(words[i]);
			config_fail_item(at, "always", i, "there is no option '%s'%s%s", words[i],
					 near ? "; did you mean " : "; write its number",
					 near ? near : "");
		}
}

static void check_options(const struct v6_scope_conf *s, struct config_at *at)
{
	const struct v6_option_conf *o = s->options.items;
	for (size_t i = 0; i < s->options.n; i++)
		for (size_t k = 0; k < i; k++)
			if (o[i].code == o[k].code)
				config_fail_item(at, "options", i, "option %u is there twice",
						 o[i].code);
}

static void check_times(const struct v6_scope_conf *s, struct config_at *at)
{
	/* RFC 8415 21.6: a preferred lifetime above the valid one makes clients discard the lease.
	 */
	if (s->preferred_ms && s->valid_ms && s->preferred_ms > s->valid_ms)
		config_fail(at, "preferred", "preferred is above valid; write a shorter time");
	if (s->renew_ms && s->rebind_ms && s->renew_ms > s->rebind_ms)
		config_fail(at, "renew", "renew is above rebind; write a shorter time");
	if (s->rebind_ms && s->valid_ms && s->rebind_ms > s->valid_ms)
		config_fail(at, "rebind", "rebind is above valid; write a shorter time");
}

static void check_scope(const struct v6_scope_conf *s, struct config_at *at)
{
	check_always(s, at);
	check_options(s, at);
	check_times(s, at);
}

/* --- pools --- */

void v6_check_pool(const void *conf, struct config_at *at)
{
	const struct v6_pool_conf *p = conf;
	if (!is_v6(&p->range.first))
		config_fail(at, "range", "these are IPv4 addresses; write them in dhcp.networks");
}

void v6_check_prefix_pool(const void *conf, struct config_at *at)
{
	const struct v6_prefix_pool_conf *p = conf;
	if (!is_v6(&p->prefix.address))
		config_fail(at, "prefix", "prefixes are delegated of IPv6 only");
	else if (p->delegated_length < p->prefix.bits)
		config_fail(at, "delegated-length", "no /%u fits into a /%u", p->delegated_length,
			    p->prefix.bits);
	if (p->exclude_length && p->exclude_length <= p->delegated_length)
		config_fail(at, "exclude-length",
			    "what is kept out of a /%u is longer than that (RFC 6603 4.2)",
			    p->delegated_length);
}

static bool is_hex(const char *text, size_t max, size_t *ret_len)
{
	uint8_t buf[DHCP6_DUID_LEN_MAX];
	struct writer w = writer_of(buf, max < sizeof(buf) ? max : sizeof(buf));
	if (dhcp6_option_from_text(DHCP6_OPTION_HEX, span_text(text), &w) != OK)
		return false;
	*ret_len = w.pos;
	return true;
}

void v6_check_class(const void *conf, struct config_at *at)
{
	const struct v6_class_conf *c = conf;
	check_scope(&c->scope, at);
}

bool v6_conf_is_duid(const char *text)
{
	size_t len;
	return is_hex(text, DHCP6_DUID_LEN_MAX, &len) && len >= DHCP6_DUID_LEN_MIN;
}

bool v6_conf_is_mac(const char *text)
{
	size_t len;
	return is_hex(text, 8, &len) && len >= 6;
}

void v6_check_reservation(const void *conf, struct config_at *at)
{
	const struct v6_reservation_conf *r = conf;
	if (!r->duid == !r->mac)
		config_fail(at, NULL,
			    "a reservation is for a `duid` or for a `mac`; write one of them");
	if (r->duid && !v6_conf_is_duid(r->duid))
		config_fail(at, "duid",
			    "a DUID is 3 to 130 octets in hex, as "
			    "00:03:00:01:02:00:00:00:00:01");
	if (r->mac && !v6_conf_is_mac(r->mac))
		config_fail(at, "mac",
			    "a link-layer address is 6 octets in hex, as "
			    "02:00:00:00:00:01");
	if (r->address.family && !is_v6(&r->address))
		config_fail(at, "address", "this is an IPv4 address; write it in dhcp.networks");
	if (r->prefix.address.family && (!is_v6(&r->prefix.address) || r->prefix.bits >= 128))
		config_fail(at, "prefix",
			    "a delegated prefix is of IPv6 and shorter than 128 bits");
	if (!r->address.family && !r->prefix.address.family && !r->name && !r->scope.options.n)
		config_fail(at, NULL,
			    "the reservation gives nothing; write an address, a prefix, a "
			    "name or options");
	check_scope(&r->scope, at);
}

static bool overlap(const struct ip_prefix *a, const struct ip_prefix *b)
{
	return ip_prefix_contains(a, &b->address) || ip_prefix_contains(b, &a->address);
}

static void check_pools(const struct v6_network_conf *n, struct config_at *at)
{
	const struct v6_pool_conf *pools = n->pools.items;
	for (size_t i = 0; i < n->pools.n; i++) {
		const struct ip_range *r = &pools[i].range;
		if (!ip_prefix_contains(&n->subnet, &r->first) ||
		    !ip_prefix_contains(&n->subnet, &r->last))
			config_fail_item(at, "pools", i, "the range is not inside the subnet");
		for (size_t k = 0; k < i; k++)
			if (ip_address_compare(&r->first, &pools[k].range.last) <= 0 &&
			    ip_address_compare(&pools[k].range.first, &r->last) <= 0)
				config_fail_item(at, "pools", i, "the range overlaps pool %zu",
						 k + 1);
	}
}

static void check_prefix_pools(const struct v6_network_conf *n, struct config_at *at)
{
	const struct v6_prefix_pool_conf *pools = n->prefix_pools.items;
	for (size_t i = 0; i < n->prefix_pools.n; i++) {
		if (overlap(&pools[i].prefix, &n->subnet))
			config_fail_item(at, "prefix-pools", i,
					 "the prefix overlaps the subnet of the link itself");
		for (size_t k = 0; k < i; k++)
			if (overlap(&pools[i].prefix, &pools[k].prefix))
				config_fail_item(at, "prefix-pools", i,
						 "the prefix overlaps prefix pool %zu", k + 1);
	}
}

static void check_reservations(const struct v6_network_conf *n, struct config_at *at)
{
	const struct v6_reservation_conf *r = n->reservations.items;
	for (size_t i = 0; i < n->reservations.n; i++) {
		if (r[i].address.family && !ip_prefix_contains(&n->subnet, &r[i].address))
			config_fail_item(at, "reservations", i, "the address is not in the subnet");
		for (size_t k = 0; k < i; k++)
			if ((r[i].address.family &&
			     ip_address_equal(&r[i].address, &r[k].address)) ||
			    (r[i].prefix.address.family && r[k].prefix.address.family &&
			     overlap(&r[i].prefix, &r[k].prefix)))
				config_fail_item(at, "reservations", i,
						 "reservation %zu has it already", k + 1);
	}
}

void v6_check_network(const void *conf, struct config_at *at)
{
	const struct v6_network_conf *n = conf;
	if (!is_v6(&n->subnet.address)) {
		config_fail(at, "subnet", "this is an IPv4 network; write it in dhcp.networks");
		return;
	}
	if (n->subnet.bits == 128)
		config_fail(at, "subnet", "a network is more than one address; write its length");
	check_pools(n, at);
	check_prefix_pools(n, at);
	check_reservations(n, at);
	check_scope(&n->scope, at);
}

/* --- router advertisements --- */

void v6_check_advertised(const void *conf, struct config_at *at)
{
	const struct v6_advertised_conf *p = conf;
	if (!is_v6(&p->prefix.address))
		config_fail(at, "prefix", "router advertisements are of IPv6");
	/* RFC 4861 6.2.1: AdvPreferredLifetime "MUST NOT be larger than AdvValidLifetime". */
	if (p->preferred_ms > p->valid_ms)
		config_fail(at, "preferred", "preferred is above valid; write a shorter time");
	if (p->autonomous && p->prefix.bits != 64)
		config_fail(at, "prefix",
			    "hosts make addresses of their own only in a /64 (RFC 4862 "
			    "5.5.3); write `autonomous: off` for another length");
}

void v6_check_route(const void *conf, struct config_at *at)
{
	const struct v6_route_conf *r = conf;
	if (!is_v6(&r->prefix.address))
		config_fail(at, "prefix", "router advertisements are of IPv6");
}

static void check_pref64(const struct v6_advertise_conf *a, struct config_at *at)
{
	const struct ip_prefix *p = a->pref64.items;
	for (size_t i = 0; i < a->pref64.n; i++) {
		unsigned bits = p[i].bits;
		bool allowed = bits == 96 || (bits >= 32 && bits <= 64 && bits % 8 == 0);
		if (!is_v6(&p[i].address) || !allowed)
			config_fail_item(at, "pref64", i,
					 "a prefix of NAT64 has 96, 64, 56, 48, 40 or 32 bits (RFC "
					 "8781 4)");
	}
}

static void check_rdnss(const struct v6_advertise_conf *a, struct config_at *at)
{
	const struct ip_address *d = a->rdnss.items;
	for (size_t i = 0; i < a->rdnss.n; i++)
		if (!is_v6(&d[i]))
			config_fail_item(at, "rdnss", i,
					 "router advertisements carry IPv6 addresses");
}

void v6_check_advertise(const void *conf, struct config_at *at)
{
	const struct v6_advertise_conf *a = conf;
	/* RFC 4861 6.2.1: MinRtrAdvInterval "no greater than .75 * MaxRtrAdvInterval". */
	if (a->min_interval_ms && a->min_interval_ms * 4 > a->max_interval_ms * 3)
		config_fail(
			at, "min-interval",
			"min-interval is at most three quarters of max-interval (RFC 4861 6.2.1)");
	if (a->lifetime_ms && a->lifetime_ms < a->max_interval_ms)
		config_fail(at, "lifetime",
			    "lifetime is 0, or at least max-interval (RFC 4861 6.2.1)");
	size_t names = 0;
	const struct dns_name *n = a->dnssl.items;
	for (size_t i = 0; i < a->dnssl.n; i++)
		names += n[i].len;
	if (names > RA_NAMES_MAX)
		config_fail(at, "dnssl", "the names are more than %d octets together",
			    RA_NAMES_MAX);
	check_pref64(a, at);
	check_rdnss(a, at);
}

/* --- the relay agent --- */

void v6_check_relay(const void *conf, struct config_at *at)
{
	const struct v6_relay_conf *r = conf;
	const struct ip_address *servers = r->servers.items;
	bool multicast = r->servers.n == 0;
	size_t len;
	for (size_t i = 0; i < r->servers.n; i++) {
		if (!is_v6(&servers[i]))
			config_fail_item(at, "servers", i, "DHCPv6 servers have IPv6 addresses");
		multicast = multicast || ip_address_is_multicast(&servers[i]) ||
			    ip_address_is_link_local(&servers[i]);
	}
	if (multicast && !r->upstream)
		config_fail(at, "upstream",
			    "servers that are found by multicast need the interface that leads to "
			    "them");
	if (r->remote_id && !is_hex(r->remote_id, RELAY6_ID_MAX, &len))
		config_fail(at, "remote-id", "it is octets in hex");
	if (r->remote_id && !r->enterprise)
		config_fail(at, "enterprise",
			    "a remote-id begins with IANA's number of whoever "
			    "assigned it (RFC 4649 3)");
	if (r->link_address.family && !is_v6(&r->link_address))
		config_fail(at, "link-address", "this is an IPv4 address");
}

/* --- all together --- */

static bool same(const char *a, const char *b)
{
	return a && b && span_is(span_text(a), b);
}

static void check_networks(const struct v6_conf *c, struct config_at *at)
{
	const struct v6_network_conf *n = c->networks.items;
	for (size_t i = 0; i < c->networks.n; i++)
		for (size_t k = 0; k < i; k++) {
			if (overlap(&n[i].subnet, &n[k].subnet))
				config_fail_item(at, "networks", i,
						 "the subnet overlaps that of network %zu", k + 1);
			if (same(n[i].name, n[k].name))
				config_fail_item(at, "networks", i,
						 "network %zu has that name already", k + 1);
		}
}

/* A prefix of one network's pools inside another's would be given away twice. */
static void check_delegations(const struct v6_conf *c, struct config_at *at)
{
	const struct v6_network_conf *n = c->networks.items;
	for (size_t i = 0; i < c->networks.n; i++)
		for (size_t k = 0; k < c->networks.n; k++) {
			const struct v6_prefix_pool_conf *a = n[i].prefix_pools.items;
			const struct v6_prefix_pool_conf *b = n[k].prefix_pools.items;
			for (size_t p = 0; p < n[i].prefix_pools.n; p++) {
				if (i != k && overlap(&a[p].prefix, &n[k].subnet))
					config_fail_item(at, "networks", i,
							 "a prefix pool overlaps the subnet of "
							 "network %zu",
							 k + 1);
				for (size_t q = 0; k < i && q < n[k].prefix_pools.n; q++)
					if (overlap(&a[p].prefix, &b[q].prefix))
						config_fail_item(at, "networks", i,
								 "a prefix pool overlaps one of "
								 "network %zu",
								 k + 1);
			}
		}
}

static void check_interfaces(const struct v6_conf *c, struct config_at *at)
{
	const struct v6_advertise_conf *a = c->advertise.items;
	const struct v6_relay_conf *r = c->relays.items;
	const struct v6_network_conf *n = c->networks.items;
	for (size_t i = 0; i < c->advertise.n; i++)
		for (size_t k = 0; k < i; k++)
			if (same(a[i].interface, a[k].interface))
				config_fail_item(at, "advertise", i,
						 "the interface is there twice");
	for (size_t i = 0; i < c->relays.n; i++) {
		for (size_t k = 0; k < i; k++)
			if (same(r[i].interface, r[k].interface))
				config_fail_item(at, "relay", i, "the interface is there twice");
		for (size_t k = 0; k < c->networks.n; k++)
			if (same(r[i].interface, n[k].interface))
				config_fail_item(at, "relay", i,
						 "network %zu is served on that interface", k + 1);
	}
}

void v6_check(const void *conf, struct config_at *at)
{
	const struct v6_conf *c = conf;
	check_networks(c, at);
	check_delegations(c, at);
	check_interfaces(c, at);
	v6_check_classes(c, at);
	check_scope(&c->scope, at);
}
