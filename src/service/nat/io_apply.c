#include "service/nat/io_apply.h"

#include "service/nat/net.h"
#include "service/nat/tables.h"

#include <stdlib.h>
#include <string.h>

/* The programs read what is written here at any instant. */
#define STORE(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELEASE)
#define LOAD(place)	    __atomic_load_n(&(place), __ATOMIC_ACQUIRE)

enum { READ_MAX = 1024, KEY_MAX = 16 };

/* --- hash tables and tries -------------------------------------------------------------------- */

/* What a table is to hold: n keys side by side, and as many values. */
struct wanted {
	const struct bpf_table *table;
	const uint8_t *keys, *values;
	uint32_t n;
};

static bool is_wanted(const struct wanted *w, const uint8_t *key)
{
	for (uint32_t i = 0; i < w->n; i++)
		if (memcmp(w->keys + (size_t)i * w->table->key_size, key, w->table->key_size) == 0)
			return true;
	return false;
}

/* One by one: tables of devices have no other way. */
static enum err remove_others(const struct wanted *w, uint8_t *others)
{
	uint8_t key[KEY_MAX];
	uint32_t n = 0, size = w->table->key_size;
	enum err e = bpf_table_next(w->table, NULL, key);
	for (; !e; e = bpf_table_next(w->table, key, key))
		if (!is_wanted(w, key) && n < w->table->entries_max)
			memcpy(others + (size_t)n++ * size, key, size);
	for (uint32_t i = 0; e == ERR_ABSENT && i < n; i++) {
		enum err gone = bpf_table_remove(w->table, others + (size_t)i * size);
		if (gone && gone != ERR_ABSENT)
			return gone;
	}
	return e == ERR_ABSENT ? OK : e;
}

/* What is wanted comes first, so that nobody is without a record meanwhile. */
static enum err reconcile(const struct wanted *w)
{
	ASSERT(w->table->key_size <= KEY_MAX);
	for (uint32_t i = 0; i < w->n; i++)
		TRY(bpf_table_put(w->table, w->keys + (size_t)i * w->table->key_size,
				  w->values + (size_t)i * w->table->value_size, BPF_PUT));
	uint8_t *others = calloc(w->table->entries_max, w->table->key_size);
	if (!others)
		return ENOMEM;
	enum err e = remove_others(w, others);
	free(others);
	return e;
}

static enum err write_sources(const struct nat_plane *p, const struct nat_tables *t)
{
	struct nat_source_key4 *keys = calloc(t->sources_n + 1, sizeof(*keys));
	struct nat_source *values = calloc(t->sources_n + 1, sizeof(*values));
	struct wanted w = {
		.table = &p->sources4, .keys = (uint8_t *)keys, .values = (uint8_t *)values};
	enum err e = keys && values ? OK : (enum err)ENOMEM;
	for (size_t i = 0; !e && i < t->sources_n; i++) {
		const struct nat_source_place *s = &t->sources[i];
		if (s->prefix.address.family != 4)
			continue;
		keys[w.n] = (struct nat_source_key4){s->prefix.bits,
						     nat_address_be32(&s->prefix.address)};
		values[w.n++] = (struct nat_source){.zone = s->zone, .flags = s->flags};
	}
	if (!e)
		e = reconcile(&w);
	free(keys);
	free(values);
	return e;
}

static enum err write_locals(const struct nat_plane *p, const struct nat_tables *t)
{
	__be32 keys[NAT_LOCALS_MAX];
	struct nat_local values[NAT_LOCALS_MAX];
	struct wanted w = {
		.table = &p->locals4, .keys = (uint8_t *)keys, .values = (uint8_t *)values};
	for (size_t i = 0; i < t->locals_n; i++) {
		keys[w.n] = t->locals[i].address;
		values[w.n++] = (struct nat_local){t->locals[i].slot, t->locals[i].flags};
	}
	return reconcile(&w);
}

/* --- hosts ------------------------------------------------------------------------------------ */

static const struct nat_host_setting *find_host(const struct nat_tables *t,
						const struct nat_host_key *key)
{
	for (size_t i = 0; t && i < t->hosts_n; i++)
		if (memcmp(&t->hosts[i].key, key, sizeof(*key)) == 0)
			return &t->hosts[i];
	return NULL;
}

/* The record counts while we look at it: it is only written where something differs. */
static enum err write_host(const struct nat_plane *p, const struct nat_host_setting *host)
{
	struct nat_host record;
	enum err e = bpf_table_get(&p->hosts, &host->key, &record);
	if (e == ERR_ABSENT) {
		record = (struct nat_host){.flows_max = host->flows_max,
					   .flags = host->flags,
					   .public_slot = NAT_NO_PUBLIC};
		e = bpf_table_put(&p->hosts, &host->key, &record, BPF_PUT_NEW);
		return e == ERR_EXISTS ? write_host(p, host) : e;
	}
	TRY(e);
	if (record.flows_max == host->flows_max && record.flags == host->flags)
		return OK;
	record.flows_max = host->flows_max;
	record.flags = host->flags;
	return bpf_table_put(&p->hosts, &host->key, &record, BPF_PUT_OLD);
}

/* Records that an earlier configuration made and this one does not are those of anybody. */
static enum err release_hosts(const struct nat_plane *p, const struct nat_tables *t)
{
	struct bpf_cursor cursor = {0};
	struct nat_host_key *keys = calloc(READ_MAX, sizeof(*keys));
	struct nat_host *values = calloc(READ_MAX, sizeof(*values));
	enum err e = keys && values ? OK : (enum err)ENOMEM;
	while (!e && !cursor.ended) {
		uint32_t n = READ_MAX;
		e = bpf_table_read(&p->hosts, &cursor, keys, values, &n);
		for (uint32_t i = 0; !e && i < n; i++) {
			struct nat_host_setting plain = {.key = keys[i],
							 .flags = t->settings.host_flags,
							 .flows_max = t->settings.host_flows_max};
			bool other = values[i].flags != plain.flags ||
				     values[i].flows_max != plain.flows_max;
			if (other && !find_host(t, &keys[i]))
				e = write_host(p, &plain);
		}
	}
	free(keys);
	free(values);
	return e;
}

static enum err write_hosts(const struct nat_plane *p, const struct nat_tables *before,
			    const struct nat_tables *now)
{
	for (size_t i = 0; i < now->hosts_n; i++)
		TRY(write_host(p, &now->hosts[i]));
	if (before && before->settings.host_flags == now->settings.host_flags &&
	    before->settings.host_flows_max == now->settings.host_flows_max &&
	    before->hosts_n == now->hosts_n &&
	    memcmp(before->hosts, now->hosts, now->hosts_n * sizeof(now->hosts[0])) == 0)
		return OK;
	return release_hosts(p, now);
}

/* --- rules and forwards ----------------------------------------------------------------------- */

static bool same_set(const struct nat_tables *a, const struct nat_tables *b)
{
	return a->rules_end == b->rules_end && a->rules_n == b->rules_n &&
	       a->rules_own == b->rules_own && a->rules_plain == b->rules_plain &&
	       a->rules_taken == b->rules_taken && a->untaken == b->untaken &&
	       a->rates_n == b->rates_n && a->forwards_n == b->forwards_n &&
	       memcmp(a->rules, b->rules, sizeof(a->rules)) == 0 &&
	       memcmp(a->rates, b->rates, sizeof(a->rates)) == 0 &&
	       memcmp(a->forwards, b->forwards, sizeof(a->forwards)) == 0 &&
	       memcmp(a->forward_places, b->forward_places, sizeof(a->forward_places)) == 0;
}

static void write_set(const struct nat_plane *p, const struct nat_tables *t, uint32_t set)
{
	uint32_t rule = set * NAT_SET_RULES, rate = set * NAT_SET_RATES;
	uint32_t forward = set * NAT_SET_FORWARDS;
	for (uint32_t i = 1; i < t->rates_n; i++)
		*(struct nat_rate *)nat_plane_at(p, NAT_ARRAY_RATES, rate + i) = t->rates[i];
	for (uint32_t i = 1; i <= t->rules_end; i++) {
		struct nat_rule *r = nat_plane_at(p, NAT_ARRAY_RULES, rule + i);
		*r = t->rules[i];
		if (r->rate)
			r->rate = (uint16_t)(r->rate + rate);
	}
	for (uint32_t i = 1; i <= t->forwards_n; i++) {
		struct nat_forward4 *f = nat_plane_at(p, NAT_ARRAY_FORWARDS4, forward + i);
		*f = t->forwards[i];
		if (f->rule)
			f->rule = (uint16_t)(f->rule + rule);
	}
	nat_plane_settings(p)->sets[set] = (struct nat_set){
		.rule_first = rule + 1,
		.rules_n = t->rules_n,
		.rules_own = (uint16_t)t->rules_own,
		.plain_n = (uint16_t)(t->rules_plain - t->rules_n),
		.taken_n = t->untaken ? 0 : (uint16_t)(t->rules_taken - t->rules_plain),
		.forward_first = forward + 1,
		.forwards_n = (uint16_t)t->forwards_n};
}

/* --- ports ------------------------------------------------------------------------------------ */

static bool is_ours(uint32_t word)
{
	return (word & NAT_PORT_FORWARD) != 0; /* of NAT_PORT_GATEWAY as well */
}

static void want_ports(const struct nat_tables *t, uint32_t set, uint32_t slot, uint8_t space,
		       uint32_t wanted[NAT_PORTS])
{
	memset(wanted, 0, NAT_PORTS * sizeof(*wanted));
	if (!t->publics[slot].address)
		return;
	for (size_t i = 0; i < t->kept_n; i++)
		for (uint32_t port = t->kept[i].first;
		     t->kept[i].space == space && port <= t->kept[i].last; port++)
			wanted[port] = NAT_PORT_GATEWAY;
	for (uint32_t i = 1; i <= t->forwards_n; i++) {
		const struct nat_forward4 *f = &t->forwards[i];
		const struct nat_forward_place *place = &t->forward_places[i];
		bool here = place->slot == NAT_EVERY_PUBLIC || place->slot == slot;
		for (uint32_t port = f->first; here && f->space == space && port <= f->last; port++)
			wanted[port] = NAT_PORT_FORWARD | (set * NAT_SET_FORWARDS + i);
	}
}

/* A port that a host's mapping has becomes a forward's or ours at once: its flows go on, as they
 * are found by their tuples; the mapping gives back only what is its own. */
static void write_port(uint32_t *word, uint32_t wanted)
{
	uint32_t was = LOAD(*word);
	while (was != wanted && (wanted || is_ours(was)) &&
	       !__atomic_compare_exchange_n(word, &was, wanted, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_ACQUIRE))
		;
}

static enum err write_ports(const struct nat_plane *p, const struct nat_tables *t, uint32_t set)
{
	uint32_t *ports = ((struct nat_ports *)nat_plane_at(p, NAT_ARRAY_PORTS, 0))->whose;
	uint32_t *wanted = calloc(NAT_PORTS, sizeof(*wanted));
	if (!wanted)
		return ENOMEM;
	for (uint32_t slot = 0; slot < p->publics_max; slot++)
		for (uint8_t space = NAT_SPACE_TCP; space <= NAT_SPACE_UDP; space++) {
			want_ports(t, set, slot, space, wanted);
			for (uint32_t port = 0; port < NAT_PORTS; port++)
				write_port(&ports[NAT_PORT_AT(slot, space, port)], wanted[port]);
		}
	free(wanted);
	return OK;
}

/* --- devices and public addresses ------------------------------------------------------------- */

static struct nat_device device_of(const struct nat_tables *t, const struct nat_net *net,
				   const struct nat_net_device *d, uint16_t sends)
{
	struct nat_device device = {.ifindex = d->ifindex, .mtu = d->mtu, .zone = (uint8_t)d->zone};
	memcpy(device.mac, d->mac, sizeof(device.mac));
	device.flags = (uint16_t)((d->zone == NAT_ZONE_OUTSIDE ? NAT_DEVICE_OUTSIDE : 0) |
				  (d->ethernet ? NAT_DEVICE_ETHER : 0) | sends |
				  (t->judged >> d->zone & 1 ? NAT_DEVICE_JUDGED : 0));
	for (size_t i = net->addresses_n; i-- > 0;)
		if (net->addresses[i].ifindex == d->ifindex &&
		    net->addresses[i].address.family == 4)
			device.address = nat_address_be32(&net->addresses[i].address);
	for (size_t i = 0; i < t->devices_n; i++)
		if (t->devices[i].ifindex == d->ifindex) {
			device.public_first = t->devices[i].first;
			device.public_n = t->devices[i].n;
		}
	return device;
}

static enum err write_devices(const struct nat_plane *p, const struct nat_tables *t,
			      const struct nat_net *net, const uint16_t *sends)
{
	struct nat_device *wanted = calloc(NAT_DEVICES, sizeof(*wanted));
	if (!wanted)
		return ENOMEM;
	for (size_t i = 0; i < net->devices_n; i++)
		if (net->devices[i].zone >= 0)
			wanted[net->devices[i].ifindex & (NAT_DEVICES - 1)] =
				device_of(t, net, &net->devices[i], sends[i]);
	for (uint32_t slot = 0; slot < NAT_DEVICES; slot++) {
		struct nat_device *d = nat_plane_at(p, NAT_ARRAY_DEVICES, slot);
		if (memcmp(d, &wanted[slot], sizeof(*d)) == 0)
			continue;
		uint32_t ifindex = wanted[slot].ifindex;
		if (d->ifindex != ifindex)
			STORE(d->ifindex, 0); /* nobody's until it is whole */
		wanted[slot].ifindex = d->ifindex;
		*d = wanted[slot];
		STORE(d->ifindex, ifindex);
	}
	free(wanted);
	return OK;
}

static void write_publics(const struct nat_plane *p, const struct nat_tables *t)
{
	for (uint32_t slot = 0; slot < NAT_PUBLICS; slot++) {
		struct nat_public *public = nat_plane_at(p, NAT_ARRAY_PUBLICS, slot);
		STORE(public->ifindex, t->publics[slot].ifindex);
		STORE(public->address, t->publics[slot].address);
	}
}

static enum err write_xdp_ports(const struct nat_plane *p, const struct nat_net *net,
				const uint16_t *sends)
{
	uint32_t *keys = calloc(net->devices_n + 1, sizeof(*keys));
	struct wanted w = {
		.table = &p->xdp_ports, .keys = (uint8_t *)keys, .values = (uint8_t *)keys};
	if (!keys)
		return ENOMEM;
	for (size_t i = 0; i < net->devices_n; i++)
		if (sends[i] & NAT_DEVICE_XDP_SEND)
			keys[w.n++] = net->devices[i].ifindex;
	enum err e = reconcile(&w);
	free(keys);
	return e;
}

/* --- all -------------------------------------------------------------------------------------- */

static void write_settings(const struct nat_plane *p, const struct nat_settings *now)
{
	struct nat_settings *s = nat_plane_settings(p);
	for (size_t i = 0; i < NAT_IDLE_N; i++)
		STORE(s->idle[i], now->idle[i]);
	STORE(s->host_flows_max, now->host_flows_max);
	STORE(s->host_flags, now->host_flags);
	STORE(s->block_n, now->block_n);
	STORE(s->port_low, now->port_low);
	STORE(s->port_high, now->port_high);
	STORE(s->events_s, now->events_s);
	STORE(s->ttl_answers_s, now->ttl_answers_s);
	STORE(s->sweep_n, now->sweep_n);
	STORE(s->sweep_ns, now->sweep_ns);
	STORE(s->flows_max, now->flows_max < p->flows_max ? now->flows_max : p->flows_max);
	STORE(s->mappings_max, s->flows_max);
	STORE(s->flags, now->flags);
}

/* 0 is the generation of nothing. */
static void step(uint16_t *generation)
{
	uint16_t next = (uint16_t)(*generation + 1);
	STORE(*generation, next ? next : 1);
}

void nat_apply_hops(struct nat_plane *p)
{
	step(&nat_plane_settings(p)->hop_gen);
}

static bool same_places(const struct nat_tables *a, const struct nat_tables *b)
{
	return a->sources_n == b->sources_n && a->locals_n == b->locals_n &&
	       memcmp(a->sources, b->sources, a->sources_n * sizeof(a->sources[0])) == 0 &&
	       memcmp(a->locals, b->locals, a->locals_n * sizeof(a->locals[0])) == 0 &&
	       memcmp(a->publics, b->publics, sizeof(a->publics)) == 0;
}

enum err nat_apply(struct nat_plane *p, const struct nat_tables *before,
		   const struct nat_tables *now, const struct nat_net *net, const uint16_t *sends)
{
	struct nat_settings *s = nat_plane_settings(p);
	bool new_set = !before || !same_set(before, now);
	bool new_places = !before || !same_places(before, now);
	uint32_t set = new_set ? (s->set & 1) ^ 1 : s->set & 1;
	TRY(write_sources(p, now));
	TRY(write_locals(p, now));
	write_publics(p, now);
	TRY(write_hosts(p, before, now));
	if (new_set)
		write_set(p, now, set);
	TRY(write_devices(p, now, net, sends));
	TRY(write_xdp_ports(p, net, sends));
	write_settings(p, &now->settings);
	STORE(s->set, set);
	if (new_set || new_places) {
		TRY(write_ports(p, now, set));
		step(&s->rules_gen);
	}
	nat_apply_hops(p);
	return OK;
}
