#include "service/dhcp/relay6.h"

#include "proto/dhcp6/message.h"
#include "proto/dhcp6/option.h"
#include "service/dhcp/conf6.h"

static const struct ip_address all_servers = {.family = 6, .bytes = {0xff, 5, [13] = 1, [15] = 3}};

/* --- the configuration --- */

static void copy_name(char ret[16], const char *name)
{
	struct writer w = writer_of(ret, 15);
	write_text(&w, name ? name : "");
	ret[w.pos] = 0;
}

static void take_ids(const struct v6_relay_conf *c, struct relay6_link *l)
{
	struct writer w = writer_of(l->interface_id, sizeof(l->interface_id));
	write_text(&w, c->interface_id ? c->interface_id : c->interface);
	l->interface_id_len = (uint8_t)w.pos;
	w = writer_of(l->remote_id, sizeof(l->remote_id));
	if (c->remote_id) {
		write_u32(&w, c->enterprise);
		/* Checked when the configuration was read. */
		err_ignore(dhcp6_option_from_text(DHCP6_OPTION_HEX, span_text(c->remote_id), &w));
		l->remote_id_len = (uint8_t)w.pos;
	}
	w = writer_of(l->subscriber_id, sizeof(l->subscriber_id));
	if (c->subscriber_id)
		write_text(&w, c->subscriber_id);
	l->subscriber_id_len = (uint8_t)w.pos;
}

enum err relay6_init(struct relay6 *r, const struct v6_conf *conf,
		     const struct relay6_effects *effects)
{
	const struct v6_relay_conf *c = conf->relays.items;
	*r = (struct relay6){.effects = *effects};
	if (conf->relays.n > RELAY6_LINKS_MAX)
		return ERR_LIMIT;
	for (size_t i = 0; i < conf->relays.n; i++) {
		struct relay6_link *l = &r->links[r->links_n++];
		const struct ip_address *servers = c[i].servers.items;
		copy_name(l->interface, c[i].interface);
		copy_name(l->upstream, c[i].upstream);
		for (size_t k = 0; k < c[i].servers.n && k < RELAY6_SERVERS_MAX; k++)
			l->servers[l->servers_n++] = servers[k];
		/* RFC 8415 19: "it MUST use the All_DHCP_Servers multicast address as the default".
		 */
		if (l->servers_n == 0)
			l->servers[l->servers_n++] = all_servers;
		l->link_address = c[i].link_address;
		l->link_layer = c[i].link_layer;
		take_ids(&c[i], l);
	}
	return OK;
}

void relay6_set_links(struct relay6 *r, const struct v6_link *links, size_t n)
{
	for (size_t i = 0; i < r->links_n; i++) {
		r->present[i] = (struct v6_link){0};
		r->upstream[i] = 0;
		for (size_t k = 0; k < n; k++) {
			if (strcmp(links[k].name, r->links[i].interface) == 0)
				r->present[i] = links[k];
			if (strcmp(links[k].name, r->links[i].upstream) == 0)
				r->upstream[i] = links[k].ifindex;
		}
	}
}

static void refuse(struct relay6 *r, enum relay6_cause cause)
{
	r->refused[cause]++;
}

static size_t link_on(const struct relay6 *r, uint32_t ifindex)
{
	size_t i = 0;
	while (i < r->links_n && (!ifindex || r->present[i].ifindex != ifindex))
		i++;
	return i;
}

/* --- to the servers --- */

/* RFC 8415 19.1.1: "a globally scoped unicast address … from a prefix assigned to the link on which
 * the client should be assigned leases". */
static struct ip_address link_address(const struct relay6 *r, size_t i)
{
	if (r->links[i].link_address.family)
		return r->links[i].link_address;
	return r->present[i].addresses_n ? r->present[i].addresses[0]
					 : (struct ip_address){.family = 6};
}

static bool is_global(const struct ip_address *a)
{
	return !ip_address_is_link_local(a) && !ip_address_is_unspecified(a);
}

/* RFC 6939 4: the client's link-layer address; where nobody knows it, an EUI-64 in its link-local
 * address tells (RFC 4291 A). */
static void write_link_layer(struct writer *w, const struct ip_address *from, struct span mac)
{
	uint8_t made[6];
	const uint8_t *id = from->bytes + 8;
	if (mac.len == 0 && ip_address_is_link_local(from) && id[3] == 0xff && id[4] == 0xfe) {
		struct writer m = writer_of(made, sizeof(made));
		write_u8(&m, id[0] ^ 2);
		write_bytes(&m, id + 1, 2);
		write_bytes(&m, id + 5, 3);
		mac = writer_span(&m);
	}
	if (mac.len == 0)
		return;
	size_t at = dhcp6_option_begin(w, DHCP6_OPT_CLIENT_LINKLAYER_ADDR);
	write_u16(w, 1); /* Ethernet */
	write_span(w, mac);
	dhcp6_option_end(w, at);
}

static void write_own_options(const struct relay6_link *l, struct writer *w)
{
	if (l->interface_id_len)
		dhcp6_write_option(w, DHCP6_OPT_INTERFACE_ID,
				   span_of(l->interface_id, l->interface_id_len));
	if (l->remote_id_len)
		dhcp6_write_option(w, DHCP6_OPT_REMOTE_ID, span_of(l->remote_id, l->remote_id_len));
	if (l->subscriber_id_len)
		dhcp6_write_option(w, DHCP6_OPT_SUBSCRIBER_ID,
				   span_of(l->subscriber_id, l->subscriber_id_len));
}

static void send_up(struct relay6 *r, size_t i, struct span message)
{
	const struct relay6_link *l = &r->links[i];
	for (size_t k = 0; k < l->servers_n; k++) {
		bool scoped = ip_address_is_multicast(&l->servers[k]) ||
			      ip_address_is_link_local(&l->servers[k]);
		if (scoped && !r->upstream[i])
			continue; /* the interface to them is not there now */
		r->effects.send(r->effects.arg, scoped ? r->upstream[i] : 0, &l->servers[k],
				DHCP6_SERVER_PORT, message);
	}
	r->forwarded++;
}

static void forward(struct relay6 *r, size_t i, const struct v6_arrival *a, struct span mac,
		    struct span packet)
{
	uint8_t room[DHCP6_MESSAGE_MAX / 8];
	struct writer w = writer_of(room, sizeof(room));
	struct ip_address link = link_address(r, i);
	struct dhcp6_relay inner;
	uint8_t hop_count = 0;
	bool relayed = packet.data[0] == DHCP6_RELAY_FORW;
	if (relayed) {
		if (dhcp6_relay_read(packet, &inner) != OK) {
			refuse(r, RELAY6_CAUSE_TORN);
			return;
		}
		/* RFC 8415 19.1.2: "greater than or equal to HOP_COUNT_LIMIT, the relay agent
		 * discards the received message". */
		if (inner.hop_count >= DHCP6_HOP_COUNT_LIMIT) {
			refuse(r, RELAY6_CAUSE_HOPS);
			return;
		}
		hop_count = (uint8_t)(inner.hop_count + 1);
		/* "If the source address … is a globally scoped unicast address …, the relay agent
		 * sets the link-address field to 0". */
		if (is_global(&a->from))
			link = (struct ip_address){.family = 6};
	}
	dhcp6_write_relay_header(&w, DHCP6_RELAY_FORW, hop_count, &link, &a->from);
	write_own_options(&r->links[i], &w);
	if (!relayed && r->links[i].link_layer)
		write_link_layer(&w, &a->from, mac);
	dhcp6_write_option(&w, DHCP6_OPT_RELAY_MSG, packet);
	if (writer_check(&w) != OK)
		refuse(r, RELAY6_CAUSE_LENGTH);
	else
		send_up(r, i, writer_span(&w));
}

/* --- to the clients --- */

/* RFC 8415 19.2: "on the link identified by the Interface-Id option. Otherwise, if the link-address
 * field is not set to 0, … on the link identified by the link-address field". */
static size_t link_of_reply(const struct relay6 *r, const struct dhcp6_relay *reply)
{
	for (size_t i = 0; reply->interface_id.data && i < r->links_n; i++)
		if (span_equal(reply->interface_id,
			       span_of(r->links[i].interface_id, r->links[i].interface_id_len)))
			return i;
	for (size_t i = 0; !reply->interface_id.data && i < r->links_n; i++) {
		struct ip_address link = link_address(r, i);
		if (is_global(&reply->link) && ip_address_equal(&link, &reply->link))
			return i;
	}
	return r->links_n;
}

static bool is_upstream(const struct relay6 *r, uint32_t ifindex)
{
	for (size_t i = 0; i < r->links_n; i++)
		if (r->upstream[i] == ifindex)
			return true;
	return false;
}

static void give_back(struct relay6 *r, const struct v6_arrival *a, struct span packet)
{
	struct dhcp6_relay reply;
	/* A client would speak as a server to its neighbours. */
	if (link_on(r, a->ifindex) != r->links_n && !is_upstream(r, a->ifindex)) {
		refuse(r, RELAY6_CAUSE_LINK);
		return;
	}
	if (dhcp6_relay_read(packet, &reply) != OK) {
		refuse(r, RELAY6_CAUSE_TORN);
		return;
	}
	size_t i = link_of_reply(r, &reply);
	bool local = !is_global(&reply.peer);
	if ((i == r->links_n || !r->present[i].ifindex) && local) {
		refuse(r, RELAY6_CAUSE_LINK);
		return;
	}
	/* The next one is another relay, or the client: "RFC 8415 19.2: relays it to the address
	 * contained in the peer-address field". */
	bool relay_next = reply.message.data[0] == DHCP6_RELAY_REPL;
	r->effects.send(r->effects.arg,
			i < r->links_n && (local || !relay_next) ? r->present[i].ifindex : 0,
			&reply.peer, relay_next ? DHCP6_SERVER_PORT : DHCP6_CLIENT_PORT,
			reply.message);
	r->returned++;
}

void relay6_receive(struct relay6 *r, const struct v6_arrival *a, struct span mac,
		    struct span packet)
{
	if (packet.len < DHCP6_HEADER_LEN) {
		refuse(r, RELAY6_CAUSE_TORN);
		return;
	}
	uint8_t type = packet.data[0];
	if (type == DHCP6_RELAY_REPL) {
		give_back(r, a, packet);
		return;
	}
	/* RFC 8415 16.3, 16.10, 16.11: "relay agents MUST discard any received" such. Types that
	 * nobody knows are forwarded (19). */
	if (type == DHCP6_ADVERTISE || type == DHCP6_REPLY || type == DHCP6_RECONFIGURE) {
		refuse(r, RELAY6_CAUSE_TYPE);
		return;
	}
	size_t i = link_on(r, a->ifindex);
	if (i == r->links_n)
		refuse(r, RELAY6_CAUSE_LINK);
	else
		forward(r, i, a, mac, packet);
}
