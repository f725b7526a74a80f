/* Limits for those whom nobody knows: addresses for each relay port, and each second. */
#include "service/dhcp/exchange.h"

/* The port a client is at: option 82's circuit-id and remote-id, else the relay, else the link. */
static uint64_t port_key(const struct dhcp_engine *e, uint32_t link, struct span circuit_id,
			 struct span remote_id)
{
	uint8_t bytes[4 + 1 + 255 + 255];
	struct writer w = writer_of(bytes, sizeof(bytes));
	write_u32(&w, link);
	write_u8(&w, (uint8_t)circuit_id.len);
	write_span(&w, circuit_id);
	write_span(&w, remote_id);
	return siphash13_of(e->key, bytes, w.pos);
}

static uint64_t rate_key(const struct dhcp_engine *e, const struct dhcp_exchange *x)
{
	const struct dhcp_client *c = &x->client;
	if (c->relay && c->relay->circuit_id.len)
		return port_key(e, c->link_address, c->relay->circuit_id, c->relay->remote_id);
	uint8_t bytes[9];
	struct writer w = writer_of(bytes, sizeof(bytes));
	write_u8(&w, c->link_address != 0);
	write_u32(&w, c->link_address);
	write_u32(&w, c->link_address ? 0 : c->ifindex);
	return siphash13_of(e->key, bytes, w.pos);
}

bool dhcp_admit_stranger(struct dhcp_engine *e, const struct dhcp_exchange *x)
{
	uint32_t limit = x->client.network->per_second;
	if (!limit)
		return true;
	/* Two ports that share a bucket share its allowance: the table never grows, and a stranger
	 * cannot choose whom he meets there. One that is a second old is anybody's. */
	uint64_t key = rate_key(e, x);
	struct dhcp_rate *r = &e->rates[key % DHCP_RATES];
	if (e->now_ms - r->since_ms >= 1000)
		*r = (struct dhcp_rate){.key = key, .since_ms = e->now_ms};
	if (r->taken >= limit)
		return false;
	r->taken++;
	return true;
}

/* --- leases of a port at once --- */

static bool port_equal(const void *record, const void *key, size_t key_len)
{
	const struct dhcp_port *p = record;
	return key_len == sizeof(p->key) && memcmp(&p->key, key, key_len) == 0;
}

void dhcp_ports_init(struct dhcp_engine *e)
{
	table_done(&e->by_port);
	slab_done(&e->ports);
	table_init(&e->by_port, e->key, e->limits.leases, port_equal);
	slab_init(&e->ports, sizeof(struct dhcp_port), e->limits.leases);
	e->counts_ports = false;
	const struct dhcp_network *all;
	size_t n = dhcp_site_networks(e->site, &all);
	for (size_t i = 0; i < n; i++)
		e->counts_ports = e->counts_ports || all[i].per_port;
}

static struct dhcp_port *find_port(const struct dhcp_engine *e, const uint64_t *key)
{
	return table_find(&e->by_port, (uint32_t)*key, key, sizeof(*key));
}

void dhcp_port_count(struct dhcp_engine *e, const struct dhcp_record *r, int change)
{
	if (!e->counts_ports)
		return;
	struct dhcp_lease l;
	dhcp_record_lease(r, &l);
	if (!l.circuit_id.len)
		return;
	uint64_t key = port_key(e, r->link, l.circuit_id, l.remote_id);
	struct dhcp_port *p = find_port(e, &key);
	if (!p && change > 0) {
		p = slab_take(&e->ports);
		if (!p)
			return;
		p->key = key;
		if (table_insert(&e->by_port, (uint32_t)key, &p->key, sizeof(p->key), p) != OK) {
			slab_give(&e->ports, p);
			return;
		}
	}
	if (!p)
		return;
	p->leases += (uint32_t)change;
	if (p->leases)
		return;
	(void)table_remove(&e->by_port, (uint32_t)key, &key, sizeof(key));
	slab_give(&e->ports, p);
}

bool dhcp_admit_port(struct dhcp_engine *e, const struct dhcp_exchange *x)
{
	const struct dhcp_client *c = &x->client;
	if (!c->network->per_port || !c->relay || !c->relay->circuit_id.len)
		return true;
	uint64_t key = port_key(e, dhcp_network_link(c->network), c->relay->circuit_id,
				c->relay->remote_id);
	const struct dhcp_port *p = find_port(e, &key);
	return !p || p->leases < c->network->per_port;
}
