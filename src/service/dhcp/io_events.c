#include "service/dhcp/io_events.h"

#include "base/writer.h"
#include "control/control.h"
#include "proto/dhcp/message.h"
#include "proto/ip/address.h"

#include <assert.h>

static const char *const kind_names[] = {
	[DHCP_EVENT_DISCOVER] = "discover", [DHCP_EVENT_OFFER] = "offer",
	[DHCP_EVENT_REQUEST] = "request",   [DHCP_EVENT_ACK] = "ack",
	[DHCP_EVENT_NAK] = "nak",	    [DHCP_EVENT_DECLINE] = "decline",
	[DHCP_EVENT_RELEASE] = "release",   [DHCP_EVENT_INFORM] = "inform",
	[DHCP_EVENT_CONFLICT] = "conflict", [DHCP_EVENT_EXPIRE] = "expire",
	[DHCP_EVENT_POOL] = "pool",	    [DHCP_EVENT_REFUSED] = "refused",
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
	h->granted_s = l->granted_s;
	h->expires_s = l->expires_s;
	h->name_len = keep(h->name, sizeof(h->name), l->name);
	h->circuit_len = keep(h->circuit, sizeof(h->circuit), l->circuit_id);
	if (!h->mac_len && l->mac_len)
		h->mac_len = keep(h->mac, sizeof(h->mac), span_of(l->mac, l->mac_len));
}

void events_hold(struct events *e, uint64_t now_ms, const struct dhcp_event *event)
{
	struct held_event *h = &e->held[e->next];
	e->next = (e->next + 1) % EVENTS_HELD;
	if (e->n < EVENTS_HELD)
		e->n++;
	else
		e->overwritten++;
	/* The texts behind their lengths need no zeros. */
	h->time_ms = now_ms;
	h->kind = (uint8_t)event->kind;
	h->cause = (uint8_t)event->cause;
	h->address = event->address;
	h->mac_len = h->client_id_len = h->circuit_len = h->name_len = h->hostname_len = 0;
	h->from_client = false;
	h->xid = h->ciaddr = h->giaddr = h->requested = h->server_id = 0;
	h->granted_s = h->expires_s = 0;
	h->pool_first = h->pool_last = 0;
	h->used = (uint32_t)event->used;
	h->size = (uint32_t)event->size;
	h->network[0] = '\0';
	if (event->network)
		(void)span_to_cstr(
			span_sub(span_text(event->network->name), 0, sizeof(h->network) - 1),
			h->network, sizeof(h->network));
	if (event->pool) {
		h->pool_first = event->pool->first;
		h->pool_last = event->pool->last;
	}
	if (event->client)
		hold_client(h, event->client);
	if (event->lease)
		hold_lease(h, event->lease);
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
	if (h->expires_s)
		set_number(o, "lease_s",
			   h->expires_s == UINT32_MAX ? h->expires_s : h->expires_s - h->granted_s);
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

void events_tell(struct events *e, struct control *control)
{
	size_t first = (e->next + EVENTS_HELD - e->n) % EVENTS_HELD;
	for (size_t i = 0; i < e->n; i++) {
		const struct held_event *h = &e->held[(first + i) % EVENTS_HELD];
		control_event_at(control, h->time_ms, kind_names[h->kind], tell_one(h));
	}
	e->n = 0;
}
