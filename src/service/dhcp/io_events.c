#include "service/dhcp/io_events.h"

#include "base/writer.h"
#include "control/control.h"
#include "proto/dhcp/message.h"
#include "proto/dhcp6/code.h"
#include "service/dhcp/v6_engine.h"

#include <assert.h>

static const char *const kind_names[] = {
	[DHCP_EVENT_DISCOVER] = "discover", [DHCP_EVENT_OFFER] = "offer",
	[DHCP_EVENT_REQUEST] = "request",   [DHCP_EVENT_ACK] = "ack",
	[DHCP_EVENT_NAK] = "nak",	    [DHCP_EVENT_DECLINE] = "decline",
	[DHCP_EVENT_RELEASE] = "release",   [DHCP_EVENT_INFORM] = "inform",
	[DHCP_EVENT_CONFLICT] = "conflict", [DHCP_EVENT_EXPIRE] = "expire",
	[DHCP_EVENT_POOL] = "pool",	    [DHCP_EVENT_REFUSED] = "refused",
};

static const char *const kind6_names[] = {
	[V6_EVENT_RECEIVED] = "v6-received", [V6_EVENT_SENT] = "v6-sent",
	[V6_EVENT_BOUND] = "v6-bound",	     [V6_EVENT_RENEWED] = "v6-renewed",
	[V6_EVENT_RELEASED] = "v6-released", [V6_EVENT_DECLINED] = "v6-declined",
	[V6_EVENT_EXPIRED] = "v6-expired",   [V6_EVENT_POOL] = "v6-pool",
	[V6_EVENT_REFUSED] = "v6-refused",
};

const char *dhcp_cause_name(enum dhcp_cause cause)
{
	static const char *const names[] = {
		[DHCP_CAUSE_NONE] = "none",
		[DHCP_CAUSE_TORN] = "torn",
		[DHCP_CAUSE_TYPE] = "type",
		[DHCP_CAUSE_BOOTP] = "bootp",
		[DHCP_CAUSE_NO_NETWORK] = "no-network",
		[DHCP_CAUSE_NO_ADDRESS] = "no-address",
		[DHCP_CAUSE_FIXED] = "fixed",
		[DHCP_CAUSE_RATE] = "rate",
		[DHCP_CAUSE_PORT] = "port",
		[DHCP_CAUSE_BUSY] = "busy",
		[DHCP_CAUSE_NOT_OURS] = "not-ours",
		[DHCP_CAUSE_UNKNOWN_LEASE] = "unknown-lease",
		[DHCP_CAUSE_WRONG_NETWORK] = "wrong-network",
		[DHCP_CAUSE_TAKEN] = "taken",
		[DHCP_CAUSE_FORGED] = "forged",
		[DHCP_CAUSE_STORE] = "store",
	};
	static_assert(sizeof(names) / sizeof(names[0]) == DHCP_CAUSES, "a name for each");
	ASSERT(cause < DHCP_CAUSES);
	return names[cause];
}

/* --- holding: on the packet path --- */

static uint8_t keep(void *room, size_t size, struct span s)
{
	size_t n = s.len < size ? s.len : size;
	if (n)
		memcpy(room, s.data, n);
	return (uint8_t)n;
}

static uint32_t address_option(const struct dhcp_message *m, uint8_t code)
{
	uint32_t address;
	return dhcp_message_address(m, code, &address) ? 0 : address;
}

static void hold_client(struct held_event *h, const struct dhcp_client *c)
{
	const struct dhcp_message *m = c->message;
	struct span hostname = {0};
	h->from_client = true;
	h->mac_len = keep(h->mac, sizeof(h->mac), span_of(c->mac, c->mac_len));
	h->client_id_len = keep(h->client_id, sizeof(h->client_id), c->client_id);
	h->giaddr = c->link_address;
	if (!m)
		return;
	h->xid = m->head.xid;
	h->ciaddr = m->head.ciaddr;
	h->giaddr = m->head.giaddr;
	h->requested = address_option(m, DHCP_OPT_REQUESTED_ADDRESS);
	h->server_id = address_option(m, DHCP_OPT_SERVER_IDENTIFIER);
	if (dhcp_message_has(m, DHCP_OPT_HOST_NAME) &&
	    !dhcp_message_text(m, DHCP_OPT_HOST_NAME, &hostname))
		h->hostname_len = keep(h->hostname, sizeof(h->hostname), hostname);
}

static void hold_lease(struct held_event *h, const struct dhcp_lease *l)
{
	h->name_len = keep(h->name, sizeof(h->name), l->name);
	h->circuit_len = keep(h->circuit, sizeof(h->circuit), l->circuit_id);
	if (!h->mac_len && l->mac_len)
		h->mac_len = keep(h->mac, sizeof(h->mac), span_of(l->mac, l->mac_len));
}

/* The next place of the ring. The texts behind their lengths need no zeros. */
static struct held_event *next_place(struct events *e, uint64_t now_ms, bool v6)
{
	struct held_event *h = &e->held[e->next];
	e->next = (e->next + 1) % EVENTS_HELD;
	if (e->n < EVENTS_HELD)
		e->n++;
	else
		e->overwritten++;
	h->time_ms = now_ms;
	h->v6 = v6;
	h->mac_len = h->client_id_len = h->circuit_len = h->name_len = h->hostname_len = 0;
	h->from_client = false;
	h->network[0] = '\0';
	h->lease_s = h->xid = 0;
	return h;
}

static void hold_network(struct held_event *h, const char *name)
{
	(void)span_to_cstr(span_sub(span_text(name), 0, sizeof(h->network) - 1), h->network,
			   sizeof(h->network));
}

static uint32_t left_s(uint32_t expires_s, uint64_t now_ms)
{
	uint64_t now_s = now_ms / 1000;
	return expires_s == UINT32_MAX ? expires_s
	       : expires_s > now_s     ? (uint32_t)(expires_s - now_s)
				       : 0;
}

void events_hold(struct events *e, uint64_t now_ms, const struct dhcp_event *event)
{
	struct held_event *h = next_place(e, now_ms, false);
	h->kind = (uint8_t)event->kind;
	h->cause = (uint8_t)event->cause;
	h->address = event->address;
	h->ciaddr = h->giaddr = h->requested = h->server_id = 0;
	h->pool_first = h->pool_last = 0;
	h->used = event->used;
	h->size = event->size;
	if (event->network)
		hold_network(h, event->network->name);
	if (event->pool) {
		h->pool_first = event->pool->first;
		h->pool_last = event->pool->last;
	}
	if (event->client)
		hold_client(h, event->client);
	if (event->lease)
		hold_lease(h, event->lease);
	/* Of an offer it is told how long the client may have it, which only the ACK decides. */
	if (event->lease && event->kind == DHCP_EVENT_ACK)
		h->lease_s = left_s(event->lease->expires_s, now_ms);
}

void events_hold6(struct events *e, uint64_t now_ms, const struct v6_event *event)
{
	const struct v6_lease_view *l = event->lease;
	struct held_event *h = next_place(e, now_ms, true);
	h->kind = (uint8_t)event->kind;
	h->cause = (uint8_t)event->cause;
	h->type = event->type;
	h->xid = event->transaction_id;
	h->used = event->used;
	h->size = event->size;
	h->from = (struct ip_prefix){.address = event->from, .bits = 128};
	h->prefix = l ? l->prefix : (struct ip_prefix){0};
	h->client_id_len = keep(h->client_id, sizeof(h->client_id), event->duid);
	if (event->network)
		hold_network(h, event->network->name);
	if (!l)
		return;
	h->name_len = keep(h->name, sizeof(h->name), l->name);
	h->mac_len = keep(h->mac, sizeof(h->mac), l->mac);
	h->lease_s = left_s(l->expires_s, now_ms);
}

/* --- telling --- */

static void set_address(json_t *o, const char *key, uint32_t address)
{
	char text[IP_ADDRESS_TEXT_MAX];
	const struct ip_address a =
		ip_address_v4((uint8_t)(address >> 24), (uint8_t)(address >> 16),
			      (uint8_t)(address >> 8), (uint8_t)address);
	if (!address)
		return;
	(void)ip_address_format(&a, text);
	(void)json_object_set_new(o, key, json_string(text));
}

/* Octets as "02:00:5e:00:53:01". */
static void set_octets(json_t *o, const char *key, const uint8_t *octets, size_t n)
{
	char text[3 * EVENT_TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text));
	for (size_t i = 0; i < n; i++)
		write_format(&w, "%s%02x", i ? ":" : "", octets[i]);
	if (n)
		(void)json_object_set_new(o, key, json_stringn(text, w.pos));
}

/* Bytes of a stranger: what is no UTF-8 is shown as octets. */
static void set_text(json_t *o, const char *key, const char *text, size_t n)
{
	json_t *string = n ? json_stringn(text, n) : NULL;
	if (string)
		(void)json_object_set_new(o, key, string);
	else
		set_octets(o, key, (const uint8_t *)text, n);
}

static void set_number(json_t *o, const char *key, uint64_t n)
{
	(void)json_object_set_new(o, key, json_integer((json_int_t)n));
}

static void tell_pool(json_t *o, const struct held_event *h)
{
	set_address(o, "first", h->pool_first);
	set_address(o, "last", h->pool_last);
	set_number(o, "used", h->used);
	set_number(o, "size", h->size);
}

static json_t *tell_one(const struct held_event *h)
{
	char xid[16];
	json_t *o = json_object();
	set_address(o, "address", h->address);
	set_octets(o, "mac", h->mac, h->mac_len);
	set_text(o, "name", h->name, h->name_len);
	if (h->network[0])
		(void)json_object_set_new(o, "network", json_string(h->network));
	if (h->lease_s)
		set_number(o, "lease_s", h->lease_s);
	if (h->from_client) {
		struct writer w = writer_of(xid, sizeof(xid));
		write_format(&w, "0x%08x", h->xid);
		(void)json_object_set_new(o, "xid", json_stringn(xid, w.pos));
		set_address(o, "requested", h->requested);
		set_address(o, "server_id", h->server_id);
		set_address(o, "ciaddr", h->ciaddr);
		set_address(o, "relay", h->giaddr);
		set_text(o, "host_name", h->hostname, h->hostname_len);
		set_octets(o, "client_id", h->client_id, h->client_id_len);
	}
	set_octets(o, "circuit_id", h->circuit, h->circuit_len);
	if (h->cause != DHCP_CAUSE_NONE)
		(void)json_object_set_new(o, "cause", json_string(dhcp_cause_name(h->cause)));
	if (h->kind == DHCP_EVENT_POOL)
		tell_pool(o, h);
	return o;
}

static void set_prefix(json_t *o, const char *key, const struct ip_prefix *p)
{
	char text[IP_PREFIX_TEXT_MAX];
	if (p->address.family == 0)
		return;
	if (p->bits == 128)
		(void)ip_address_format(&p->address, text);
	else
		(void)ip_prefix_format(p, text);
	(void)json_object_set_new(o, key, json_string(text));
}

static json_t *tell_one6(const struct held_event *h)
{
	const char *type = dhcp6_type_name(h->type);
	char xid[16];
	json_t *o = json_object();
	struct writer w = writer_of(xid, sizeof(xid));
	if (type)
		(void)json_object_set_new(o, "type", json_string(type));
	set_prefix(o, "address", &h->prefix);
	set_prefix(o, "from", &h->from);
	set_octets(o, "duid", h->client_id, h->client_id_len);
	set_octets(o, "mac", h->mac, h->mac_len);
	set_text(o, "name", h->name, h->name_len);
	if (h->network[0])
		(void)json_object_set_new(o, "network", json_string(h->network));
	if (h->lease_s)
		set_number(o, "lease_s", h->lease_s);
	if (type) {
		write_format(&w, "0x%06x", h->xid);
		(void)json_object_set_new(o, "xid", json_stringn(xid, w.pos));
	}
	if (h->cause != V6_CAUSE_NONE)
		(void)json_object_set_new(o, "cause",
					  json_string(v6_cause_name((enum v6_cause)h->cause)));
	if (h->kind == V6_EVENT_POOL) {
		set_number(o, "used", h->used);
		set_number(o, "size", h->size);
	}
	return o;
}

void events_tell(struct events *e, struct control *control)
{
	size_t first = (e->next + EVENTS_HELD - e->n) % EVENTS_HELD;
	for (size_t i = 0; i < e->n; i++) {
		const struct held_event *h = &e->held[(first + i) % EVENTS_HELD];
		control_event_at(control, h->time_ms,
				 h->v6 ? kind6_names[h->kind] : kind_names[h->kind],
				 h->v6 ? tell_one6(h) : tell_one(h));
	}
	e->n = 0;
}
