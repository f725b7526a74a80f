#include "service/dhcp/conf_check.h"

#include "base/reader.h"
#include "base/writer.h"
#include "proto/dhcp/code.h"
#include "service/dhcp/arch.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/conf_option.h"
#include "service/dhcp/pattern.h"
#include "service/dhcp/site.h"

#include <stdlib.h>

enum { IDENTITY_MIN_CLIENT = 2 }; /* RFC 2132 9.14 */

uint32_t dhcp_conf_v4(const struct ip_address *a)
{
	struct reader r = reader_of(a->bytes, 4);

	ASSERT(a->family == 4);
	return read_u32(&r);
}

enum err dhcp_reservation_identity(const struct dhcp_reservation_conf *r, struct writer *w,
				   int *ret_kind, struct span *ret_identity,
				   struct span *ret_remote_id)
{
	size_t at = w->pos;
	struct dhcp_mac_prefix mac;

	*ret_remote_id = (struct span){0};
	if (r->mac) {
		*ret_kind = DHCP_IDENTITY_MAC;
		TRY(dhcp_mac_prefix_parse(span_text(r->mac), &mac));
		if (mac.octets_n != sizeof(mac.octets))
			return ERR_FORMAT;
		write_bytes(w, mac.octets, sizeof(mac.octets));
	} else {
		*ret_kind = r->client_id ? DHCP_IDENTITY_CLIENT_ID : DHCP_IDENTITY_CIRCUIT;
		TRY(dhcp_octets_parse(span_text(r->client_id ? r->client_id : r->circuit_id), w));
	}
	*ret_identity = span_of(w->data + at, w->pos - at);
	if (*ret_kind != DHCP_IDENTITY_CIRCUIT || !r->remote_id)
		return writer_check(w);
	at = w->pos;
	TRY(dhcp_octets_parse(span_text(r->remote_id), w));
	*ret_remote_id = span_of(w->data + at, w->pos - at);
	return writer_check(w);
}

enum err dhcp_bucket_parse(struct span text, unsigned *ret_first, unsigned *ret_last)
{
	size_t dash = span_find(text, '-');
	uint64_t first, last;

	if (!span_to_u64(span_trim(span_sub(text, 0, dash)), 255, &first))
		return ERR_FORMAT;
	last = first;
	if (dash < text.len &&
	    !span_to_u64(span_trim(span_sub(text, dash + 1, text.len)), 255, &last))
		return ERR_FORMAT;
	if (last < first)
		return ERR_FORMAT;
	*ret_first = (unsigned)first;
	*ret_last = (unsigned)last;
	return OK;
}

/* The same option by two names. */
static void check_codes(const struct config_list *options, struct config_at *at)
{
	const struct dhcp_option_conf *o = options->items;
	bool seen[256] = {false};

	for (size_t i = 0; i < options->n; i++) {
		if (o[i].code < 256 && seen[o[i].code])
			config_fail_item(at, "options", i,
					 "option %u is here a second time, by another name",
					 o[i].code);
		else if (o[i].code < 256)
			seen[o[i].code] = true;
	}
}

static void check_times(const struct dhcp_scope_conf *s, struct config_at *at)
{
	uint64_t lease = s->lease_ms;

	if (lease && s->lease_min_ms > lease)
		config_fail(at, "lease-time-min", "lease-time-min is above lease-time");
	if (lease && s->lease_max_ms && s->lease_max_ms < lease)
		config_fail(at, "lease-time-max", "lease-time-max is below lease-time");
	if (s->lease_min_ms && s->lease_max_ms && s->lease_min_ms > s->lease_max_ms)
		config_fail(at, "lease-time-min", "lease-time-min is above lease-time-max");
	if (lease && s->rebind_ms >= lease)
		config_fail(at, "rebind-time", "rebind-time is not before the end of lease-time");
	if (lease && s->renew_ms >= lease)
		config_fail(at, "renew-time", "renew-time is not before the end of lease-time");
	if (s->renew_ms && s->rebind_ms && s->renew_ms >= s->rebind_ms)
		config_fail(at, "renew-time", "renew-time is not before rebind-time");
}

void dhcp_check_scope(const struct dhcp_scope_conf *s, struct config_at *at)
{
	const char *const *always = s->always.items;
	uint8_t code;

	check_codes(&s->options, at);
	check_times(s, at);
	for (size_t i = 0; i < s->always.n; i++) {
		if (dhcp_option_word(span_text(always[i]), &code) == OK) {
			/* RFC 8925 3.2: not to hosts that did not ask. */
			if (code == DHCP_OPT_IPV6_ONLY_PREFERRED)
				config_fail_item(
					at, "always", i,
					"RFC 8925 allows this option only for clients that "
					"ask for it");
			continue;
		}
		config_meant(at, dhcp_option_nearest(always[i]));
		config_fail_item(at, "always", i, "there is no option '%s'", always[i]);
	}
	if (s->next_server.family == 6)
		config_fail(at, "next-server", "write an IPv4 address");
}

void dhcp_check_vendor(const void *conf, struct config_at *at)
{
	const struct dhcp_vendor_conf *v = conf;
	const char *const *patterns = v->vendor_class.items;
	uint8_t buf[1024];
	struct dhcp_pattern p;
	size_t total = 0;

	check_codes(&v->options, at);
	for (size_t i = 0; i < v->vendor_class.n; i++) {
		struct writer w = writer_of(buf, sizeof(buf));
		if (dhcp_pattern_parse(span_text(patterns[i]), &w, &p) != OK)
			config_fail_item(at, "vendor-class", i,
					 "write a text with at most 8 parts between its `*`, or "
					 "hexadecimal octets behind hex:");
	}
	if (v->enterprise && v->vendor_class.n)
		config_fail(
			at, "enterprise",
			"write vendor-class for option 43 or enterprise for option 125, not both");
	for (size_t i = 0; i < v->options.n; i++)
		total += 2 + ((const struct dhcp_option_conf *)v->options.items)[i].data.len;
	if (v->enterprise && total > UINT8_MAX)
		config_fail(at, "options",
			    "the options of one enterprise have at most 255 octets "
			    "together (RFC 3925); these have %zu",
			    total);
	if (total > 1024)
		config_fail(at, "options", "these are %zu octets together; at most 1024 fit",
			    total);
}

void dhcp_check_pool(const void *conf, struct config_at *at)
{
	const struct dhcp_pool_conf *p = conf;

	dhcp_check_scope(&p->scope, at);
	if (p->range.first.family != 4)
		config_fail(at, "range", "write a range of IPv4 addresses");
	else if (dhcp_conf_v4(&p->range.last) - dhcp_conf_v4(&p->range.first) >=
		 DHCP_POOL_ADDRESSES_MAX)
		config_fail(at, "range", "a pool has at most %u addresses",
			    DHCP_POOL_ADDRESSES_MAX);
}

/* RFC 1123 2.1: one label of letters, digits and hyphens. */
static bool is_host_name(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++) {
		char c = name[i];
		bool ldh = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			   (c >= '0' && c <= '9') || (c == '-' && i > 0 && i + 1 < n);
		if (!ldh)
			return false;
	}
	return n > 0;
}

void dhcp_check_reservation(const void *conf, struct config_at *at)
{
	const struct dhcp_reservation_conf *r = conf;
	int kinds = (r->mac != NULL) + (r->client_id != NULL) + (r->circuit_id != NULL), kind;
	uint8_t buf[2 * DHCP_IDENTITY_MAX];
	struct writer w = writer_of(buf, sizeof(buf));
	struct span identity, remote_id;

	dhcp_check_scope(&r->scope, at);
	if (r->address.family == 6)
		config_fail(at, "address", "write an IPv4 address");
	if (r->name && !is_host_name(r->name))
		config_fail(at, "name",
			    "a host name is letters, digits and hyphens, without a dot");
	if (kinds != 1) {
		config_fail(at, NULL, "a reservation has one of mac, client-id and circuit-id");
		return;
	}
	if (r->remote_id && !r->circuit_id)
		config_fail(at, "remote-id", "remote-id goes with circuit-id");
	if (dhcp_reservation_identity(r, &w, &kind, &identity, &remote_id) != OK ||
	    identity.len > DHCP_IDENTITY_MAX || remote_id.len > DHCP_IDENTITY_MAX) {
		config_fail(at,
			    r->mac	   ? "mac"
			    : r->client_id ? "client-id"
					   : "circuit-id",
			    r->mac ? "write a hardware address such as \"02:00:00:00:00:01\""
				   : "write a text, or hexadecimal octets behind hex:, of at most "
				     "255 octets");
		return;
	}
	if (kind == DHCP_IDENTITY_CLIENT_ID && identity.len < IDENTITY_MIN_CLIENT)
		config_fail(at, "client-id", "a client identifier has two octets or more");
}

static void check_patterns(const struct config_list *list, const char *key, struct config_at *at)
{
	const char *const *patterns = list->items;
	uint8_t buf[1024];
	struct dhcp_pattern p;

	for (size_t i = 0; i < list->n; i++) {
		struct writer w = writer_of(buf, sizeof(buf));
		if (dhcp_pattern_parse(span_text(patterns[i]), &w, &p) != OK)
			config_fail_item(at, key, i,
					 "write a text with at most 8 parts between its `*`, or "
					 "hexadecimal octets behind hex:");
	}
}

void dhcp_check_match(const void *conf, struct config_at *at)
{
	const struct dhcp_match_conf *m = conf;
	const char *const *macs = m->mac.items, *const *archs = m->architecture.items;
	struct dhcp_mac_prefix mac;
	uint16_t numbers[DHCP_ARCH_NUMBERS_MAX];
	size_t n;

	check_patterns(&m->vendor_class, "vendor-class", at);
	check_patterns(&m->user_class, "user-class", at);
	check_patterns(&m->client_id, "client-id", at);
	check_patterns(&m->circuit_id, "circuit-id", at);
	check_patterns(&m->remote_id, "remote-id", at);
	check_patterns(&m->subscriber_id, "subscriber-id", at);
	for (size_t i = 0; i < m->mac.n; i++) {
		if (dhcp_mac_prefix_parse(span_text(macs[i]), &mac) != OK)
			config_fail_item(at, "mac", i,
					 "write a hardware address such as \"02:00:00:00:00:01\", "
					 "or its beginning such as \"02:00:5e:*\"");
	}
	for (size_t i = 0; i < m->architecture.n; i++) {
		if (dhcp_arch_parse(span_text(archs[i]), numbers, &n) != OK)
			config_fail_item(at, "architecture", i,
					 "write a number from 0 to 65535, or a word such as bios, "
					 "uefi-x64, uefi-arm64 or http-x64");
	}
	if (!(m->vendor_class.n + m->user_class.n + m->mac.n + m->client_id.n + m->circuit_id.n +
	      m->remote_id.n + m->subscriber_id.n + m->architecture.n))
		config_fail(at, NULL, "this matches nobody: write at least one key");
}

void dhcp_check_class(const void *conf, struct config_at *at)
{
	const struct dhcp_class_conf *c = conf;

	dhcp_check_scope(&c->scope, at);
}

void dhcp_check_split(const void *conf, struct config_at *at)
{
	const struct dhcp_split_conf *s = conf;
	const char *const *buckets = s->buckets.items;
	unsigned first, last;

	for (size_t i = 0; i < s->buckets.n; i++) {
		if (dhcp_bucket_parse(span_text(buckets[i]), &first, &last) != OK)
			config_fail_item(at, "buckets", i,
					 "write a number from 0 to 255, or a range such as 0-127");
	}
}

/* --- a network --- */

struct extent {
	uint32_t first, last; /* addresses that hosts may have */
};

static struct extent hosts_of(const struct ip_prefix *subnet)
{
	struct ip_range hosts = ip_prefix_hosts(subnet);

	return (struct extent){dhcp_conf_v4(&hosts.first), dhcp_conf_v4(&hosts.last)};
}

static const char *v4_text(uint32_t address, char buf[IP_ADDRESS_TEXT_MAX])
{
	struct ip_address a = ip_address_v4((uint8_t)(address >> 24), (uint8_t)(address >> 16),
					    (uint8_t)(address >> 8), (uint8_t)address);

	(void)ip_address_format(&a, buf);
	return buf;
}

/* The nth router that the network names; 0: no more. */
static uint32_t router_of(const struct dhcp_network_conf *n, size_t nth)
{
	const struct dhcp_option_conf *o = n->scope.options.items;

	for (size_t i = 0; i < n->scope.options.n; i++) {
		if (o[i].code == DHCP_OPT_ROUTERS && nth < o[i].data.len / 4) {
			struct reader r = reader_of(o[i].data.data + 4 * nth, 4);
			return read_u32(&r);
		}
	}
	return 0;
}

struct ordered {
	uint32_t first, last;
	size_t place; /* in the file */
};

static int compare_ordered(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

static void check_pool_place(const struct dhcp_network_conf *n, size_t i, struct config_at *at)
{
	const struct dhcp_pool_conf *p = &((const struct dhcp_pool_conf *)n->pools.items)[i];
	const struct config_step range[] = {{"pools", i}, {"range", CONFIG_STEP_WHOLE}};
	uint32_t first = dhcp_conf_v4(&p->range.first), last = dhcp_conf_v4(&p->range.last);
	uint32_t server = n->server_id.family == 4 ? dhcp_conf_v4(&n->server_id) : 0;
	struct extent hosts = hosts_of(&n->subnet);
	char a[IP_ADDRESS_TEXT_MAX], b[IP_ADDRESS_TEXT_MAX];

	if (first < hosts.first || last > hosts.last) {
		config_fail_inside(
			at, range, 2,
			"the range leaves the addresses for hosts of the subnet, %s to %s",
			v4_text(hosts.first, a), v4_text(hosts.last, b));
		return;
	}
	if (server >= first && server <= last)
		config_fail_inside(at, range, 2, "the range holds the server's own address %s",
				   v4_text(server, a));
	for (size_t k = 0; router_of(n, k); k++) {
		uint32_t router = router_of(n, k);
		if (router >= first && router <= last && router != server)
			config_fail_inside(at, range, 2, "the range holds the router %s",
					   v4_text(router, a));
	}
}

static void check_pool_overlaps(const struct dhcp_network_conf *n, struct config_at *at)
{
	const struct dhcp_pool_conf *pools = n->pools.items;
	struct ordered *o = calloc(n->pools.n + 1, sizeof(*o));
	char a[IP_ADDRESS_TEXT_MAX];
	size_t widest = 0;

	for (size_t i = 0; o && i < n->pools.n; i++)
		o[i] = (struct ordered){dhcp_conf_v4(&pools[i].range.first),
					dhcp_conf_v4(&pools[i].range.last), i};
	if (o && n->pools.n)
		qsort(o, n->pools.n, sizeof(*o), compare_ordered);
	for (size_t i = 1; o && i < n->pools.n; i++) {
		const struct ordered *before = &o[widest], *now = &o[i];
		size_t told = now->place > before->place ? now->place : before->place;
		if (now->first <= before->last)
			config_fail_inside(at,
					   (const struct config_step[]){
						   {"pools", told}, {"range", CONFIG_STEP_WHOLE}},
					   2, "two pools have the address %s",
					   v4_text(now->first, a));
		if (now->last > before->last)
			widest = i;
	}
	free(o);
}

static void check_reserved_place(const struct dhcp_network_conf *n, size_t i, struct config_at *at)
{
	const struct dhcp_reservation_conf *r =
		&((const struct dhcp_reservation_conf *)n->reservations.items)[i];
	const struct config_step place[] = {{"reservations", i}, {"address", CONFIG_STEP_WHOLE}};
	struct extent hosts = hosts_of(&n->subnet);
	char a[IP_ADDRESS_TEXT_MAX], b[IP_ADDRESS_TEXT_MAX];

	if (r->address.family != 4)
		return;
	uint32_t address = dhcp_conf_v4(&r->address);
	if (address < hosts.first || address > hosts.last)
		config_fail_inside(at, place, 2,
				   "the address is not one for hosts of the subnet, %s to %s",
				   v4_text(hosts.first, a), v4_text(hosts.last, b));
	if (n->server_id.family == 4 && address == dhcp_conf_v4(&n->server_id))
		config_fail_inside(at, place, 2, "the address is the server's own");
	for (size_t k = 0; router_of(n, k); k++) {
		if (router_of(n, k) == address)
			config_fail_inside(at, place, 2, "the address is the router's");
	}
}

void dhcp_check_network(const void *conf, struct config_at *at)
{
	const struct dhcp_network_conf *n = conf;

	dhcp_check_scope(&n->scope, at);
	if (n->subnet.address.family != 4 || n->subnet.bits < 8) {
		config_fail(at, "subnet", "write an IPv4 network of 8 bits or more");
		return;
	}
	if (n->server_id.family == 6)
		config_fail(at, "server-id", "write an IPv4 address");
	for (size_t i = 0; i < n->pools.n; i++)
		check_pool_place(n, i, at);
	check_pool_overlaps(n, at);
	for (size_t i = 0; i < n->reservations.n; i++)
		check_reserved_place(n, i, at);
}
