#include "service/dhcp/exchange.h"

#include "base/reader.h"

#define BROADCAST UINT32_MAX

static const struct dhcp_link *link_of(const struct dhcp_engine *e, uint32_t ifindex, size_t *ret_i)
{
	for (size_t i = 0; i < e->links_n; i++)
		if (e->links[i].ifindex == ifindex) {
			*ret_i = i;
			return &e->links[i];
		}
	return NULL;
}

static bool network_holds(const struct dhcp_network *n, uint32_t address)
{
	return n->bits == 0 || (address ^ n->subnet) >> (32 - n->bits) == 0;
}

static bool serves(const struct dhcp_network *n, const struct dhcp_link *l)
{
	if (n->interface)
		return strncmp(n->interface, l->name, sizeof(l->name)) == 0;
	return l->address && network_holds(n, l->address);
}

void dhcp_engine_serve(struct dhcp_engine *e)
{
	const struct dhcp_network *all;
	size_t n = dhcp_site_networks(e->site, &all);
	for (size_t i = 0; i < e->links_n; i++) {
		e->served[i] = NULL;
		for (size_t k = 0; k < n && !e->served[i]; k++)
			if (serves(&all[k], &e->links[i]))
				e->served[i] = all[k].link[0];
	}
}

bool dhcp_engine_owns(const struct dhcp_engine *e, uint32_t address)
{
	for (size_t i = 0; i < e->links_n; i++)
		if (e->links[i].address == address)
			return true;
	return false;
}

/* --- where it leads --- */

static bool arrived_unicast(const struct dhcp_exchange *x)
{
	return x->arrival.to != BROADCAST && x->arrival.to != 0;
}

/* The address that says which subnet the client is on, or 0: the link that the message came by. */
static uint32_t link_address(const struct dhcp_exchange *x)
{
	/* RFC 3527 3: the relay's word is nearer than giaddr and, by its section 5, than the
	 * client's own wish. */
	uint32_t wish;
	if (x->client.relay && x->relay.has_link_selection)
		return x->relay.link_selection;
	/* RFC 3011 3: it takes the place of giaddr then, also as a wish of the client's own. */
	if (dhcp_message_address(&x->message, DHCP_OPT_SUBNET_SELECTION, &wish) == OK && wish)
		return wish;
	return x->message.head.giaddr;
}

static const struct dhcp_network *first_of_link(const struct dhcp_network *n)
{
	return n ? n->link[0] : NULL;
}

static const struct dhcp_network *network_of(const struct dhcp_engine *e, struct dhcp_exchange *x)
{
	x->client.link_address = link_address(x);
	if (x->client.link_address)
		return first_of_link(dhcp_site_network_of(e->site, x->client.link_address));
	const struct dhcp_network *n = NULL;
	/* RFC 2131 4.3.2: a renewal "will be unicast, so no relay agents will be involved": where
	 * its packets come in says nothing of the subnet, and ciaddr is to be trusted. */
	if (x->message.head.ciaddr && (arrived_unicast(x) || x->message.type == DHCP_INFORM))
		n = first_of_link(dhcp_site_network_of(e->site, x->message.head.ciaddr));
	size_t i;
	if (!n && link_of(e, x->arrival.ifindex, &i))
		n = e->served[i];
	return n;
}

static uint32_t server_id_of(const struct dhcp_engine *e, const struct dhcp_exchange *x)
{
	/* RFC 5107 4: the identifier in the replies is the one that the relay gives. */
	if (x->client.relay && x->relay.has_server_id_override)
		return x->relay.server_id_override;
	if (x->client.network->server_id)
		return x->client.network->server_id;
	if (arrived_unicast(x) && dhcp_engine_owns(e, x->arrival.to))
		return x->arrival.to;
	size_t i;
	const struct dhcp_link *l = link_of(e, x->arrival.ifindex, &i);
	return l && l->address ? l->address : x->arrival.to;
}

uint32_t dhcp_engine_server_id(const struct dhcp_engine *e, const struct dhcp_network *n)
{
	if (n->server_id)
		return n->server_id;
	for (size_t i = 0; i < e->links_n; i++)
		if (e->served[i] == n->link[0] && e->links[i].address)
			return e->links[i].address;
	return 0;
}

bool dhcp_exchange_is_ours(const struct dhcp_engine *e, const struct dhcp_exchange *x, uint32_t id)
{
	if (id == x->server_id || dhcp_engine_owns(e, id))
		return true;
	const struct dhcp_network *all;
	size_t n = dhcp_site_networks(e->site, &all);
	for (size_t i = 0; i < n; i++)
		if (all[i].server_id && all[i].server_id == id)
			return true;
	return false;
}

/* --- who it is --- */

void dhcp_exchange_identity(const struct dhcp_exchange *x, struct dhcp_identity *ret)
{
	*ret = (struct dhcp_identity){.link = dhcp_network_link(x->client.network),
				      .htype = x->client.htype,
				      .mac_len = x->client.mac_len,
				      .mac = x->client.mac,
				      .client_id = x->client.client_id};
}

static enum dhcp_cause read_client(struct dhcp_exchange *x)
{
	struct dhcp_client *c = &x->client;
	const struct dhcp_head *h = &x->message.head;
	c->message = &x->message;
	c->ifindex = x->arrival.ifindex;
	c->htype = h->htype;
	c->mac_len = h->hlen;
	struct reader chaddr = reader_of(h->chaddr, h->hlen);
	read_bytes(&chaddr, c->mac, h->hlen);
	/* RFC 2131 4.2: "If the client provides a 'client identifier', the client MUST use the
	 * same 'client identifier' in all subsequent messages"; the server identifies it by that,
	 * and by chaddr otherwise. */
	if (dhcp_message_client_id(&x->message, &c->client_id) != OK)
		c->client_id = (struct span){0};
	if (c->client_id.len > DHCP_IDENTITY_MAX || (!c->client_id.len && !c->mac_len))
		return DHCP_CAUSE_TORN;
	if (!dhcp_message_has(&x->message, DHCP_OPT_RELAY_AGENT_INFORMATION))
		return DHCP_CAUSE_NONE;
	struct span option = dhcp_message_option(&x->message, DHCP_OPT_RELAY_AGENT_INFORMATION);
	if (option.len > DHCP_RELAY_INFO_MAX || dhcp_relay_info_read(option, &x->relay) != OK)
		return DHCP_CAUSE_TORN;
	c->relay = &x->relay;
	return DHCP_CAUSE_NONE;
}

static bool locate(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	x->client.network = network_of(e, x);
	if (!x->client.network)
		return false;
	x->server_id = server_id_of(e, x);
	x->client.classes = 0;
	x->client.reservation = NULL;
	dhcp_site_judge(e->site, &x->client);
	return true;
}

bool dhcp_exchange_refresh(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	if (!x->site || x->site == e->site)
		return true;
	dhcp_site_unref(x->site);
	x->site = dhcp_site_ref(e->site);
	x->place = (struct dhcp_place){0};
	return locate(e, x);
}

static enum dhcp_cause read_message(struct dhcp_engine *e, struct dhcp_exchange *x,
				    const struct dhcp_arrival *a, struct span packet)
{
	x->client = (struct dhcp_client){0};
	x->arrival = *a;
	x->record = DHCP_RECORD_NONE;
	x->phase = DHCP_PHASE_HERE;
	x->tries = 0;
	x->rapid = x->familiar = x->answered = x->has_fqdn = false;
	if (packet.len > sizeof(x->packet))
		return DHCP_CAUSE_TORN;
	struct reader r = reader_of_span(packet);
	read_bytes(&r, x->packet, packet.len);
	x->packet_len = (uint32_t)packet.len;
	if (dhcp_message_read(span_of(x->packet, packet.len), &x->message) != OK ||
	    x->message.head.op != DHCP_OP_REQUEST)
		return DHCP_CAUSE_TORN;
	uint8_t type = x->message.type;
	if (type < sizeof(e->counts.received) / sizeof(e->counts.received[0]))
		e->counts.received[type]++;
	return dhcp_message_is_bootp(&x->message) ? DHCP_CAUSE_BOOTP : read_client(x);
}

void dhcp_exchange_dispatch(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	switch (x->message.type) {
	case DHCP_DISCOVER: dhcp_exchange_discover(e, x); break;
	case DHCP_REQUEST: dhcp_exchange_request(e, x); break;
	case DHCP_DECLINE: dhcp_exchange_decline(e, x); break;
	case DHCP_RELEASE: dhcp_exchange_release(e, x); break;
	case DHCP_INFORM: dhcp_exchange_inform(e, x); break;
	default: dhcp_refuse(e, x, DHCP_CAUSE_TYPE, 0);
	}
}

void dhcp_engine_receive(struct dhcp_engine *e, uint64_t now_ms, const struct dhcp_arrival *a,
			 struct span packet)
{
	dhcp_engine_at(e, now_ms);
	struct dhcp_exchange *x = dhcp_exchange_here(e);
	if (!x) {
		e->counts.causes[DHCP_CAUSE_BUSY]++;
		return;
	}
	enum dhcp_cause cause = read_message(e, x, a, packet);
	if (cause == DHCP_CAUSE_NONE && !locate(e, x))
		cause = DHCP_CAUSE_NO_NETWORK;
	if (cause)
		dhcp_refuse(e, x, cause, 0);
	else
		dhcp_exchange_dispatch(e, x);
	dhcp_exchange_done(e, x);
}
