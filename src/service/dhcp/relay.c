#include "service/dhcp/relay.h"

#include "base/writer.h"
#include "proto/dhcp/relay.h"

/* --- links --- */

enum err relay_init(struct relay *r, const struct relay_link *links, size_t n,
		    const struct relay_effects *effects)
{
	if (n > RELAY_LINKS_MAX)
		return ERR_LIMIT;
	*r = (struct relay){.links_n = n, .effects = *effects};
	for (size_t i = 0; i < n; i++) {
		ASSERT(links[i].servers_n <= RELAY_SERVERS_MAX);
		ASSERT(links[i].hops_max <= RELAY_HOPS_MAX);
		r->links[i] = links[i];
	}
	return OK;
}

void relay_set_links(struct relay *r, const struct dhcp_link *links, size_t n)
{
	for (size_t i = 0; i < r->links_n; i++) {
		r->present[i] = (struct dhcp_link){0};
		for (size_t k = 0; k < n; k++) {
			if (strcmp(links[k].name, r->links[i].interface) == 0)
				r->present[i] = links[k];
		}
	}
}

/* Ours, for giaddr. */
static uint32_t giaddr_of(const struct relay *r, size_t link)
{
	return r->links[link].giaddr ? r->links[link].giaddr : r->present[link].address;
}

static bool is_ours(const struct relay *r, uint32_t address)
{
	for (size_t i = 0; i < r->links_n && address; i++) {
		if (r->present[i].ifindex &&
		    (r->present[i].address == address || r->links[i].giaddr == address))
			return true;
	}
	return false;
}

/* --- option 82 --- */

/* What we say of a link in option 82, but for what depends on the message. */
static struct dhcp_relay_info info_of(const struct relay *r, size_t i)
{
	const struct relay_link *l = &r->links[i];
	struct dhcp_relay_info info = {
		.circuit_id = l->circuit_id_len ? span_of(l->circuit_id, l->circuit_id_len)
						: span_text(l->interface),
		.remote_id = span_of(l->remote_id, l->remote_id_len),
		.subscriber_id = span_of(l->subscriber_id, l->subscriber_id_len),
		.has_circuit_id = true,
		.has_remote_id = l->remote_id_len > 0,
		.has_subscriber_id = l->subscriber_id_len > 0,
	};
	/* RFC 3527 2: giaddr is where servers reach us, this is where the client is. */
	if (giaddr_of(r, i) != r->present[i].address) {
		info.has_link_selection = true;
		info.link_selection = r->present[i].address;
	}
	/* RFC 5107 4: an address of ours that the client reaches. */
	if (l->server_id_override) {
		info.has_server_id_override = true;
		info.server_id_override = r->present[i].address;
	}
	return info;
}

/* Did we add it, for this link? A server echoes all of it (RFC 3046 2.2). */
static bool is_ours_for(const struct relay *r, size_t i, const struct dhcp_relay_info *echoed)
{
	struct dhcp_relay_info sent = info_of(r, i);
	return span_equal(sent.circuit_id, echoed->circuit_id) &&
	       span_equal(sent.remote_id, echoed->remote_id) &&
	       span_equal(sent.subscriber_id, echoed->subscriber_id) &&
	       sent.has_link_selection == echoed->has_link_selection &&
	       sent.link_selection == echoed->link_selection;
}

/* --- from a client to the servers --- */

static void send_to_servers(struct relay *r, size_t i, struct span message)
{
	const struct relay_link *l = &r->links[i];
	for (size_t k = 0; k < l->servers_n; k++) {
		struct dhcp_send s = {
			.how = DHCP_SEND_UDP,
			.local = giaddr_of(r, i),
			.address = l->servers[k],
			.port = DHCP_PORT_SERVER,
			.message = message,
		};
		r->effects.send(r->effects.arg, &s);
	}
	r->forwarded++;
}

/* A copy with option 82. ERR_LIMIT: it would be too long. */
static enum err copy_with_option(const struct relay *r, size_t i, const struct dhcp_arrival *a,
				 struct writer *w)
{
	uint8_t option[DHCP_RELAY_INFO_MAX];
	struct writer o = writer_of(option, sizeof(option));
	struct dhcp_relay_info info = info_of(r, i);
	if (r->links[i].server_id_override) {
		/* RFC 5010 2: the server learns that the client renews, and does not rebind. */
		info.has_flags = true;
		info.flags = is_ours(r, a->to) ? DHCP_RELAY_FLAG_UNICAST : 0;
	}
	dhcp_relay_info_write(&o, &info);
	TRY(writer_check(&o));
	return dhcp_relay_copy_with(&r->message, (uint8_t)(r->message.head.hops + 1),
				    giaddr_of(r, i), writer_span(&o), w);
}

static enum relay_cause forward(struct relay *r, const struct dhcp_arrival *a)
{
	const struct dhcp_message *m = &r->message;
	size_t i = 0;
	while (i < r->links_n && (a->ifindex == 0 || r->present[i].ifindex != a->ifindex))
		i++;
	if (i == r->links_n || r->present[i].address == 0)
		return RELAY_CAUSE_LINK;
	const struct relay_link *l = &r->links[i];
	if (m->head.hops > l->hops_max)
		return RELAY_CAUSE_HOPS;
	if (m->head.giaddr && is_ours(r, m->head.giaddr))
		return RELAY_CAUSE_FORGED;
	bool first = m->head.giaddr == 0;
	bool has_option = dhcp_message_has(m, DHCP_OPT_RELAY_AGENT_INFORMATION);
	if (first && has_option && !l->trusted)
		return RELAY_CAUSE_OPTION;
	struct writer w = writer_of(r->out, RELAY_SIZE_MAX);
	bool add = first && !has_option && l->option_82 && m->cookie;
	if (add && copy_with_option(r, i, a, &w) == OK) {
		send_to_servers(r, i, writer_span(&w));
		return RELAY_CAUSE_NONE;
	}
	/* RFC 3046 2.1: what the option makes too long goes on without it, and is counted. Nothing
	 * then names the link but giaddr. */
	r->too_long += add;
	w = writer_of(r->out, sizeof(r->out));
	if (dhcp_relay_copy(m, (uint8_t)(m->head.hops + 1),
			    first ? r->present[i].address : m->head.giaddr, &w))
		return RELAY_CAUSE_TORN;
	send_to_servers(r, i, writer_span(&w));
	return RELAY_CAUSE_NONE;
}

/* --- from a server to the client --- */

/* The link that a reply is for: its giaddr is ours, and where several share it, option 82 tells.
 * links_n: none. */
static size_t link_of(const struct relay *r, const struct dhcp_relay_info *echoed)
{
	size_t found = r->links_n;
	uint32_t giaddr = r->message.head.giaddr;
	for (size_t i = 0; i < r->links_n; i++) {
		if (r->present[i].ifindex == 0)
			continue;
		if (echoed && giaddr == giaddr_of(r, i) && is_ours_for(r, i, echoed))
			return i;
		/* The address of the link itself says enough. */
		if (giaddr && giaddr == r->present[i].address)
			found = i;
	}
	return found;
}

/* RFC 1542 4.1.2: broadcast when the client asks for it; else to yiaddr at the client's hardware
 * address, without ARP. An ACK to INFORM has the address in ciaddr. */
static void send_to_client(struct relay *r, size_t i, struct span message)
{
	const struct dhcp_head *h = &r->message.head;
	struct dhcp_send s = {
		.how = DHCP_SEND_BROADCAST,
		.ifindex = r->present[i].ifindex,
		.local = r->present[i].address,
		.address = h->yiaddr ? h->yiaddr : h->ciaddr,
		.port = DHCP_PORT_CLIENT,
		.message = message,
	};
	if (!(h->flags & DHCP_FLAG_BROADCAST) && s.address && h->htype == DHCP_HTYPE_ETHERNET &&
	    h->hlen == sizeof(s.mac)) {
		s.how = DHCP_SEND_FRAME;
		memcpy(s.mac, h->chaddr, sizeof(s.mac));
	}
	r->effects.send(r->effects.arg, &s);
	r->returned++;
}

static enum relay_cause give_back(struct relay *r, const struct dhcp_arrival *a)
{
	const struct dhcp_message *m = &r->message;
	struct dhcp_relay_info echoed;
	bool has = dhcp_message_has(m, DHCP_OPT_RELAY_AGENT_INFORMATION);
	if (has &&
	    dhcp_relay_info_read(dhcp_message_option(m, DHCP_OPT_RELAY_AGENT_INFORMATION), &echoed))
		return RELAY_CAUSE_OPTION;
	size_t i = link_of(r, has ? &echoed : NULL);
	if (i == r->links_n)
		return RELAY_CAUSE_LINK;
	/* A client would have us pass on its answer to others, past a switch that guards them. */
	if (a->ifindex == r->present[i].ifindex)
		return RELAY_CAUSE_FORGED;
	struct writer w = writer_of(r->out, sizeof(r->out));
	bool added = has && r->links[i].option_82 && is_ours_for(r, i, &echoed);
	/* RFC 3046 2.1: removed by who added it; a bridge that is trusted finds its own. */
	if (has && !added && !r->links[i].trusted)
		return RELAY_CAUSE_OPTION;
	enum err e =
		added ? dhcp_relay_copy_with(m, m->head.hops, m->head.giaddr, (struct span){0}, &w)
		      : dhcp_relay_copy(m, m->head.hops, m->head.giaddr, &w);
	if (e)
		return RELAY_CAUSE_TORN;
	send_to_client(r, i, writer_span(&w));
	return RELAY_CAUSE_NONE;
}

void relay_receive(struct relay *r, const struct dhcp_arrival *a, struct span packet)
{
	enum relay_cause cause = RELAY_CAUSE_TORN;
	if (dhcp_message_read(packet, &r->message) == OK)
		cause = r->message.head.op == DHCP_OP_REQUEST ? forward(r, a) : give_back(r, a);
	if (cause)
		r->refused[cause]++;
}

const char *relay_cause_name(enum relay_cause cause)
{
	static const char *const names[RELAY_CAUSES] = {
		[RELAY_CAUSE_NONE] = "none",	 [RELAY_CAUSE_TORN] = "torn",
		[RELAY_CAUSE_LINK] = "link",	 [RELAY_CAUSE_HOPS] = "hops",
		[RELAY_CAUSE_FORGED] = "forged", [RELAY_CAUSE_OPTION] = "option",
	};
	return names[cause];
}
