#include "service/nat/io_holds.h"

#include "service/nat/io_nat.h"

#include <string.h>

enum { TRIES = 3, NS_IN_MS = 1000000, TICK_SPARE = 2 };

#define ATOMIC_LOAD(place) __atomic_load_n(&(place), __ATOMIC_ACQUIRE)

/* --- where ------------------------------------------------------------------------------------ */

static const struct nat_device_place *place_of(const struct nat *n, uint32_t ifindex)
{
	for (size_t i = 0; i < n->now->devices_n; i++)
		if (n->now->devices[i].ifindex == ifindex && n->now->devices[i].n)
			return &n->now->devices[i];
	return NULL;
}

static const struct nat_device_place *place_now(const struct nat *n)
{
	const struct nat_net *net = &n->machine.net;
	for (size_t i = 0; i < net->routes_n; i++) {
		const struct nat_net_route *r = &net->routes[i];
		const struct nat_device_place *place = r->to.address.family == 4 && r->to.bits == 0
							       ? place_of(n, r->ifindex)
							       : NULL;
		if (place)
			return place;
	}
	for (size_t i = 0; i < n->now->devices_n; i++)
		if (n->now->devices[i].n)
			return &n->now->devices[i];
	return NULL;
}

bool nat_holds_uplink_changed(struct nat *n)
{
	struct nat_uplink now = {0}, *was = &n->holds.uplink;
	const struct nat_device_place *place = place_now(n);
	if (place) {
		now.ifindex = place->ifindex;
		now.first = place->first;
		now.n = place->n;
		for (uint32_t i = 0; i < now.n && now.first + i < NAT_PUBLICS; i++)
			now.addresses[i] = n->now->publics[now.first + i].address;
	}
	bool same = now.ifindex == was->ifindex && now.first == was->first && now.n == was->n &&
		    memcmp(now.addresses, was->addresses, sizeof(now.addresses)) == 0;
	*was = now;
	return !same;
}

/* The public address that the data plane gives to that host (public_of in bpf/port.h). */
static __be32 public_of(const struct nat *n, const struct ip_address *internal)
{
	const struct nat_uplink *u = &n->holds.uplink;
	struct nat_host_key key;
	struct nat_host host;
	uint32_t slot;
	nat_address_map(internal, key.address);
	if (bpf_table_get(&n->plane.hosts, &key, &host) == OK && host.public_slot >= u->first &&
	    host.public_slot - u->first < u->n)
		slot = host.public_slot;
	else
		slot = u->first + nat_public_spread(nat_address_be32(internal), u->n);
	return n->now->publics[slot].address;
}

static enum err external_address(void *arg, const struct ip_address *internal, uint8_t family,
				 struct ip_address *ret)
{
	const struct nat *n = arg;
	if (family != 4 || internal->family != 4 || !n->holds.uplink.n)
		return ERR_ABSENT;
	*ret = nat_address_of(public_of(n, internal));
	return OK;
}

static const struct nat_source_place *source_of(const struct nat *n, const struct ip_prefix *prefix)
{
	for (size_t i = 0; i < n->now->sources_n; i++)
		if (ip_prefix_equal(&n->now->sources[i].prefix, prefix))
			return &n->now->sources[i];
	return NULL;
}

/* The zone of a host inside; ERR_REFUSED: it is nobody's there. ERR_UNSUPPORTED: it is known to
 * the world as it is, and not translated. */
static enum err zone_of(const struct nat *n, const struct ip_address *host, uint8_t *ret)
{
	struct ip_prefix prefix;
	unsigned zone = nat_tables_zone(n->now, host, &prefix);
	const struct nat_source_place *source = source_of(n, &prefix);
	if (zone < NAT_ZONE_INSIDE || zone >= NAT_ZONE_BOGON ||
	    nat_net_is_own(&n->machine.net, host))
		return ERR_REFUSED;
	if (source && source->flags & NAT_SOURCE_ROUTED)
		return ERR_UNSUPPORTED;
	*ret = (uint8_t)zone;
	return OK;
}

/* --- what is there ---------------------------------------------------------------------------- */

static uint8_t space_of(uint8_t protocol)
{
	return protocol == PORTCTL_TCP ? NAT_SPACE_TCP : NAT_SPACE_UDP;
}

static bool is_held(const struct nat_mapping4 *record)
{
	return record->life == NAT_LIVE && (record->flags & NAT_MAPPING_HELD);
}

/* 0: no public address. */
static uint32_t whose(const struct nat *n, uint8_t protocol, __be32 address, uint16_t port)
{
	for (uint32_t slot = 0; slot < NAT_PUBLICS && slot < n->plane.publics_max; slot++)
		if (n->now->publics[slot].address == address && address) {
			uint32_t at = NAT_PORT_AT(slot, space_of(protocol), port);
			const uint32_t *word = nat_plane_at(&n->plane, NAT_ARRAY_PORTS, at / 2);
			return ATOMIC_LOAD(word[at & 1]);
		}
	return 0;
}

static struct nat_mapping4 *record_at(const struct nat *n, uint32_t number)
{
	return number && number < n->plane.array[NAT_ARRAY_MAPPINGS4].entries_max
		       ? nat_plane_at(&n->plane, NAT_ARRAY_MAPPINGS4, number)
		       : NULL;
}

static bool is_of(const struct nat_mapping4 *record, const struct ip_endpoint *internal)
{
	return record->in.src == nat_address_be32(&internal->address) &&
	       record->in.sport == nat_be16(internal->port);
}

/* NULL: it is not there. */
static struct nat_mapping4 *record_of(const struct nat *n, const struct portctl_mapping *m)
{
	if (m->external.address.family != 4 || m->internal.address.family != 4)
		return NULL;
	uint32_t number =
		whose(n, m->protocol, nat_address_be32(&m->external.address), m->external.port);
	struct nat_mapping4 *record = record_at(n, number);
	return record && is_held(record) && is_of(record, &m->internal) ? record : NULL;
}

bool nat_holds_has(const struct nat *n, const struct portctl_mapping *m)
{
	return record_of(n, m);
}

/* --- filters ---------------------------------------------------------------------------------- */

static void filter_fill(const struct portctl_mapping *m, struct nat_filter4 *ret)
{
	*ret = (struct nat_filter4){0};
	for (size_t i = 0; i < m->filters_n; i++) {
		const struct portctl_filter *f = &m->filters[i];
		struct nat_peer4 *peer = &ret->peer[i];
		uint8_t mask[4];
		put_u32(mask, f->remote.bits ? UINT32_MAX << (32 - f->remote.bits) : 0);
		struct ip_address as_address = ip_address_of(span_of(mask, sizeof(mask)));
		peer->address = nat_address_be32(&f->remote.address);
		peer->mask = nat_address_be32(&as_address);
		peer->port = nat_be16(f->port);
		peer->used = 1;
	}
}

static struct nat_filter4 *filter_at(const struct nat *n, uint32_t number)
{
	return nat_plane_at(&n->plane, NAT_ARRAY_FILTERS4, number);
}

/* A number whose filter is the mapping's, was when that one is. Nobody uses one that is written. */
static enum err filter_take(struct nat *n, const struct portctl_mapping *m, uint16_t was,
			    uint16_t *ret)
{
	struct nat_filter4 filter;
	*ret = 0;
	if (!m->filters_n)
		return OK;
	for (size_t i = 0; i < m->filters_n; i++)
		if (m->filters[i].remote.address.family != 4)
			return ERR_UNSUPPORTED;
	filter_fill(m, &filter);
	if (was && was < NAT_FILTERS && memcmp(filter_at(n, was), &filter, sizeof(filter)) == 0) {
		*ret = was;
		return OK;
	}
	for (uint16_t i = 1; i < NAT_FILTERS; i++)
		if (!n->holds.filters[i]) {
			n->holds.filters[i] = true;
			*filter_at(n, i) = filter;
			*ret = i;
			return OK;
		}
	return ERR_LIMIT;
}

static void filter_give(struct nat *n, uint16_t number)
{
	if (number && number < NAT_FILTERS)
		n->holds.filters[number] = false;
}

/* --- holding and letting go ------------------------------------------------------------------- */

static uint32_t tick_of(uint64_t ms)
{
	uint32_t tick = (uint32_t)(ms * NS_IN_MS >> NAT_TICK_SHIFT);
	return tick ? tick : 1;
}

/* Nobody new comes in from here on; the sweep does the rest. */
static void let_go(struct nat *n, struct nat_mapping4 *record)
{
	uint16_t filter = record->filter;
	(void)__atomic_and_fetch(&record->flags, (uint8_t)~NAT_MAPPING_OPEN, __ATOMIC_ACQ_REL);
	__atomic_store_n(&record->until, tick_of(loop_now_ms(&n->life.loop)), __ATOMIC_RELEASE);
	__atomic_store_n(&record->filter, 0, __ATOMIC_RELEASE);
	filter_give(n, filter);
}

static enum err err_of(uint16_t why)
{
	switch (why) {
	case 0: return OK;
	case NAT_C_DROP_NO_ROUTE: return ERR_ABSENT;
	default: return ERR_LIMIT;
	}
}

static enum err run(const struct nat *n, struct nat_hold *hold)
{
	/* A syscall program answers where it was asked. */
	struct bpf_run run = {.context_in = hold, .context_in_len = sizeof(*hold)};
	TRY(bpf_program_run(n->holds.program_fd, &run));
	return err_of(hold->why);
}

/* The record that holds it now. The sweep may end it just when it is taken up again. */
static enum err hold_it(const struct nat *n, struct nat_hold *hold, struct nat_mapping4 **ret)
{
	for (int i = 0; i < TRIES; i++) {
		enum err e = run(n, hold);
		*ret = e ? NULL : record_at(n, hold->mapping);
		if (e && hold->why != NAT_C_RACE)
			return e;
		if (*ret && is_held(*ret))
			return OK;
	}
	return ERR_LIMIT;
}

/* Whether the wanted endpoint can be had at all. */
static enum err may_have(const struct nat *n, const struct portctl_mapping *m)
{
	struct ip_address given = nat_address_of(public_of(n, &m->internal.address));
	if (!ip_address_is_unspecified(&m->external.address) &&
	    !ip_address_equal(&m->external.address, &given))
		return ERR_EXISTS;
	uint32_t number =
		m->external.port ? whose(n, m->protocol, nat_address_be32(&given), m->external.port)
				 : NAT_PORT_FREE;
	const struct nat_mapping4 *record = record_at(n, number);
	return number == NAT_PORT_FREE || (record && is_of(record, &m->internal)) ? OK : ERR_EXISTS;
}

static bool suits(const struct nat *n, const struct portctl_mapping *m, bool exact,
		  const struct nat_mapping4 *record)
{
	struct ip_address address = nat_address_of(record->address);
	if (record->address != public_of(n, &m->internal.address))
		return false; /* it was made for an address that we have lost */
	return !exact || ((!m->external.port || record->port == nat_be16(m->external.port)) &&
			  (ip_address_is_unspecified(&m->external.address) ||
			   ip_address_equal(&address, &m->external.address)));
}

static enum err hold_new(struct nat *n, const struct portctl_mapping *m, struct nat_hold *hold,
			 bool exact, struct ip_endpoint *ret)
{
	struct nat_mapping4 *record;
	TRY(hold_it(n, hold, &record));
	if (!suits(n, m, exact, record)) {
		let_go(n, record);
		return ERR_EXISTS;
	}
	*ret = (struct ip_endpoint){.address = nat_address_of(record->address),
				    .port = nat_host16(record->port)};
	return OK;
}

static enum err map_open(void *arg, const struct portctl_mapping *m, bool exact,
			 struct ip_endpoint *ret)
{
	struct nat *n = arg;
	uint8_t zone;
	uint16_t filter, was;
	if (m->internal.address.family != 4 || m->external.address.family != 4 ||
	    m->remote.address.family || (m->protocol != PORTCTL_TCP && m->protocol != PORTCTL_UDP))
		return ERR_UNSUPPORTED;
	TRY(zone_of(n, &m->internal.address, &zone));
	if (!n->holds.uplink.n)
		return ERR_ABSENT;
	if (exact)
		TRY(may_have(n, m));
	const struct nat_mapping4 *before = record_of(n, m);
	was = before ? before->filter : 0;
	TRY(filter_take(n, m, was, &filter));
	struct nat_hold hold = {.in = {.src = nat_address_be32(&m->internal.address),
				       .sport = nat_be16(m->internal.port),
				       .proto = m->protocol,
				       .zone = zone},
				.ifindex = n->holds.uplink.ifindex,
				.until = tick_of(m->expires_ms) + TICK_SPARE,
				.now = tick_of(loop_now_ms(&n->life.loop)),
				.port = m->external.port ? m->external.port : m->internal.port,
				.filter = filter,
				.open = 1};
	enum err e = hold_new(n, m, &hold, exact, ret);
	if (e && filter != was)
		filter_give(n, filter);
	else if (!e && was != filter)
		filter_give(n, was);
	return e;
}

static enum err map_renew(void *arg, const struct portctl_mapping *m)
{
	struct ip_endpoint given;
	return map_open(arg, m, true, &given);
}

static void map_close(void *arg, const struct portctl_mapping *m)
{
	struct nat_mapping4 *record = record_of(arg, m);
	if (record)
		let_go(arg, record);
}

/* --- all -------------------------------------------------------------------------------------- */

static bool is_known(const struct nat *n, const struct portctl *list,
		     const struct nat_mapping4 *record)
{
	struct ip_endpoint internal = {.address = nat_address_of(record->in.src),
				       .port = nat_host16(record->in.sport)};
	const struct portctl_mapping *m =
		list ? portctl_find(list, record->in.proto, &internal, NULL) : NULL;
	return m && record_of(n, m) == record;
}

void nat_holds_settle(struct nat *n, const struct portctl *list)
{
	const struct nat_pool *pool = nat_plane_at(&n->plane, NAT_ARRAY_POOLS, NAT_POOL_MAPPINGS4);
	uint32_t top = ATOMIC_LOAD(pool->fresh);
	memset(n->holds.filters, 0, sizeof(n->holds.filters));
	for (uint32_t number = 1; number <= top; number++) {
		struct nat_mapping4 *record = record_at(n, number);
		if (!record || !is_held(record))
			continue;
		if (!is_known(n, list, record))
			let_go(n, record);
		else if (record->filter && record->filter < NAT_FILTERS)
			n->holds.filters[record->filter] = true;
	}
}

enum err nat_holds_open(struct nat *n, struct portctl_effects *effects)
{
	*effects = (struct portctl_effects){.arg = n,
					    .map_open = map_open,
					    .map_renew = map_renew,
					    .map_close = map_close,
					    .external_address = external_address};
	return bpf_set_program(n->plane.set, "nat_hold", &n->holds.program_fd);
}
