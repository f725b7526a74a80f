/* A message from its octets to its answer: what is discarded (RFC 8415 16), where the client is
 * (13.1), who it is. */
#include "proto/dhcp/duid.h"
#include "service/dhcp/v6_inner.h"

static enum v6_cause cause_of(enum err err)
{
	return err == ERR_UNSUPPORTED ? V6_CAUSE_TYPE
	       : err == ERR_LIMIT     ? V6_CAUSE_LIMIT
				      : V6_CAUSE_TORN;
}

void v6_send_message(struct v6_engine *e, const struct v6_send *s, uint32_t transaction_id,
		     struct span duid)
{
	e->counts.sent[s->type & 15]++;
	e->effects.send(e->effects.arg, s);
	v6_tell(e, &(struct v6_event){.kind = V6_EVENT_SENT,
				      .type = s->type,
				      .transaction_id = transaction_id,
				      .duid = duid,
				      .from = s->to});
}

/* --- RFC 8415 16.2 to 16.12: which identifiers a type must have, and must not --- */

static bool is_ours(const struct v6_exchange *x)
{
	return span_equal(x->m.server_id, span_of(x->engine->duid, x->engine->duid_len));
}

static enum v6_cause judge(const struct v6_exchange *x)
{
	bool client = x->m.client_id.len > 0, server = x->m.server_id.len > 0;
	switch (x->m.type) {
	case DHCP6_SOLICIT:
	case DHCP6_CONFIRM:
	case DHCP6_REBIND: return client && !server ? V6_CAUSE_NONE : V6_CAUSE_IDENTITY;
	case DHCP6_REQUEST:
	case DHCP6_RENEW:
	case DHCP6_RELEASE:
	case DHCP6_DECLINE:
		if (!client || !server)
			return V6_CAUSE_IDENTITY;
		return is_ours(x) ? V6_CAUSE_NONE : V6_CAUSE_NOT_OURS;
	case DHCP6_INFORMATION_REQUEST:
		if (x->m.ias_n)
			return V6_CAUSE_OPTION;
		return !server || is_ours(x) ? V6_CAUSE_NONE : V6_CAUSE_NOT_OURS;
	default: return V6_CAUSE_TYPE;
	}
}

static bool is_unicast(const struct v6_exchange *x)
{
	return x->relays.n == 0 && !ip_address_is_multicast(&x->arrival->to);
}

/* --- where the client is --- */

static const struct v6_network *network_here(const struct v6_exchange *x)
{
	const struct v6_engine *e = x->engine;
	const struct v6_link *link = NULL;
	for (size_t i = 0; i < e->links_n && !link; i++)
		if (e->links[i].ifindex == x->arrival->ifindex)
			link = &e->links[i];
	if (!link)
		return NULL;
	const struct v6_network *n = v6_site_network_on(e->site, link->name);
	for (size_t i = 0; i < link->addresses_n && !n; i++) {
		n = v6_site_network_of(e->site, &link->addresses[i]);
		if (n && n->interface)
			n = NULL; /* it is served elsewhere */
	}
	return n;
}

/* RFC 8415 13.1: the link-address of the relay closest to the client; "the server MUST ignore any
 * link-address field whose value is zero" (by RFC 6221). */
static const struct v6_network *network_of(const struct v6_exchange *x)
{
	for (unsigned i = x->relays.n; i > 0; i--) {
		const struct ip_address *link = &x->relays.at[i - 1].link;
		if (!ip_address_is_unspecified(link) && !ip_address_is_link_local(link))
			return v6_site_network_of(x->engine->site, link);
	}
	return network_here(x);
}

/* --- who it is --- */

/* Of each word of relays that of the nearest to the client that says it. */
static void find_classes(struct v6_exchange *x)
{
	struct v6_told t = {.vendor_class = x->m.vendor_class,
			    .user_class = x->m.user_class,
			    .duid = x->client.duid,
			    .mac = x->client.mac};
	for (unsigned i = 0; i < x->relays.n; i++) {
		const struct dhcp6_relay *r = &x->relays.at[i];
		t.interface_id = r->interface_id.len ? r->interface_id : t.interface_id;
		t.remote_id = r->remote_id.len ? r->remote_id : t.remote_id;
		t.subscriber_id = r->subscriber_id.len ? r->subscriber_id : t.subscriber_id;
	}
	x->client.classes = v6_site_classes_of(x->engine->site, &t);
}

static void find_client(struct v6_exchange *x)
{
	uint16_t hardware;
	struct dhcp6_ia ia = {0};
	x->client.duid = x->m.client_id;
	if (x->relays.n == 0 ||
	    !dhcp6_relay_link_layer(&x->relays.at[x->relays.n - 1], &hardware, &x->client.mac))
		x->client.mac = duid_link_address(x->client.duid, &hardware);
	/* What stands there need not be one, and is longer than a lease keeps then. */
	if (x->client.mac.len > DHCP_MAC_MAX)
		x->client.mac = (struct span){0};
	find_classes(x);
	if (x->client.duid.len)
		x->holder = v6_holder_find(x->engine, x->client.duid);
	if (x->m.ias_n)
		err_ignore(dhcp6_ia_read(&x->m.ias[0], &ia)); /* message.c read it already */
	x->reservation = v6_link_reservation(x->network, &x->client, ia.iaid);
}

/* The name that the lease gets: the reservation's, else what the client calls itself, where hosts
 * may be called so. */
static void find_name(struct v6_exchange *x)
{
	char text[DNS_NAME_TEXT_MAX];
	struct writer w = writer_of(x->name, sizeof(x->name));
	x->has_fqdn = x->m.fqdn.len && dhcp6_fqdn_read(x->m.fqdn, &x->fqdn) == OK;
	if (x->reservation && x->reservation->name) {
		write_text(&w, x->reservation->name);
		if (x->has_fqdn &&
		    dns_name_from_text(span_text(x->reservation->name), NULL, &x->fqdn.name) == OK)
			x->fqdn.partial = true;
	} else if (x->has_fqdn && dns_name_is_host_name(dns_name_span(&x->fqdn.name))) {
		write_text(&w, dns_name_format(&x->fqdn.name, text));
		w.pos = w.pos ? w.pos - 1 : 0; /* the final dot */
	}
	x->name_len = w.bad ? 0 : (uint8_t)w.pos;
	/* RFC 4704 4.2: no name was given and none is known, so nothing is said of one. */
	x->has_fqdn = x->has_fqdn && !dns_name_is_root(&x->fqdn.name);
}

/* --- answering --- */

static bool send_now(struct v6_exchange *x, uint8_t type)
{
	struct writer w = writer_of(x->engine->room, sizeof(x->engine->room));
	struct v6_send s = {.type = type};
	if (!v6_reply_write(x, type, &w)) {
		x->cause = V6_CAUSE_LENGTH;
		return false;
	}
	v6_reply_to(x, &s);
	s.message = writer_span(&w);
	v6_send_message(x->engine, &s, x->m.transaction_id, x->client.duid);
	return true;
}

/* RFC 8415 18.3.2 and others: "the server discards the message and responds with a Reply message
 * containing a Status Code option with the value UseMulticast, …, and no other options". */
static bool say_multicast(struct v6_exchange *x)
{
	x->has_status = true;
	x->status = DHCP6_USE_MULTICAST;
	x->status_text = "send to ff02::1:2";
	return send_now(x, DHCP6_REPLY);
}

static bool answer(struct v6_exchange *x)
{
	struct v6_engine *e = x->engine;
	bool rapid = x->m.type == DHCP6_SOLICIT && dhcp6_has(&x->m, DHCP6_HAS_RAPID_COMMIT) &&
		     x->network->rapid_commit;
	bool renewal = x->m.type == DHCP6_RENEW || x->m.type == DHCP6_REBIND;
	x->commit = x->m.type != DHCP6_SOLICIT || rapid;
	x->without_store = renewal && e->store_away;
	if (renewal || x->m.type == DHCP6_INFORMATION_REQUEST)
		v6_path_obeyed(e, x->holder);
	if (!v6_bind(x)) {
		v6_commit_forget(x);
		return false;
	}
	if (e->store_away && x->refuses && !x->changes_n) {
		x->cause = V6_CAUSE_STORE; /* another server may know better */
		return false;
	}
	uint8_t type = x->commit ? DHCP6_REPLY : DHCP6_ADVERTISE;
	return x->changes_n ? v6_commit(x, type) : send_now(x, type);
}

static bool handle(struct v6_exchange *x, struct span packet)
{
	struct v6_engine *e = x->engine;
	enum err err = dhcp6_relays_read(packet, &x->relays);
	if (!err)
		err = dhcp6_message_read(x->relays.message, &x->m);
	if (err) {
		x->m.type = 0;
		x->cause = cause_of(err);
		return false;
	}
	e->counts.received[x->m.type & 15]++;
	x->client.duid = x->m.client_id;
	x->cause = judge(x);
	if (x->cause)
		return false;
	bool to_many = x->m.type == DHCP6_SOLICIT || x->m.type == DHCP6_CONFIRM ||
		       x->m.type == DHCP6_REBIND || x->m.type == DHCP6_INFORMATION_REQUEST;
	if (is_unicast(x) && to_many) {
		x->cause = V6_CAUSE_UNICAST;
		return false;
	}
	x->network = network_of(x);
	if (!x->network) {
		x->cause = V6_CAUSE_NO_NETWORK;
		return false;
	}
	v6_tell(e, &(struct v6_event){.kind = V6_EVENT_RECEIVED,
				      .type = x->m.type,
				      .transaction_id = x->m.transaction_id,
				      .duid = x->m.client_id,
				      .from = x->arrival->from,
				      .network = x->network});
	if (is_unicast(x))
		return say_multicast(x);
	find_client(x);
	find_name(x);
	return answer(x);
}

void v6_engine_receive(struct v6_engine *e, uint64_t now_ms, const struct v6_arrival *a,
		       struct span packet)
{
	struct v6_exchange *x = &e->x;
	v6_engine_turn(e, now_ms);
	*x = (struct v6_exchange){
		.engine = e, .now_ms = now_ms, .now_s = v6_now_up_s(now_ms), .arrival = a};
	/* Answered, and yet a lease was not to be had: that counts too. */
	if (handle(x, packet) && !x->cause)
		return;
	v6_tell(e, &(struct v6_event){.kind = V6_EVENT_REFUSED,
				      .cause = x->cause,
				      .type = x->m.type,
				      .transaction_id = x->m.transaction_id,
				      .duid = x->client.duid,
				      .from = a->from,
				      .network = x->network});
}
