/* DECLINE, RELEASE and INFORM: nothing is granted here. */
#include "service/dhcp/exchange.h"

/* The record of an address that is the sender's; NULL, and counted: what he says of it is
 * worthless. */
static struct dhcp_record *own_record(struct dhcp_engine *e, const struct dhcp_exchange *x,
				      uint32_t address)
{
	struct dhcp_identity id;
	uint32_t server_id;
	dhcp_exchange_identity(x, &id);
	if (dhcp_message_address(&x->message, DHCP_OPT_SERVER_IDENTIFIER, &server_id) == OK &&
	    !dhcp_exchange_is_ours(e, x, server_id)) {
		dhcp_refuse(e, x, DHCP_CAUSE_NOT_OURS, address);
		return NULL;
	}
	struct dhcp_record *r = dhcp_table_find(&e->table, address);
	if (r && dhcp_record_is_of(r, &id) &&
	    (r->state == DHCP_LEASE_BOUND || r->state == DHCP_LEASE_OFFERED))
		return r;
	dhcp_refuse(e, x, DHCP_CAUSE_FORGED, address);
	return NULL;
}

/* True: it waits, or was dropped, because the address is being written or probed. */
static bool stands_aside(struct dhcp_engine *e, struct dhcp_exchange *x, struct dhcp_record *r)
{
	struct dhcp_exchange *first = dhcp_record_exchange(e, r);
	if (!first)
		return false;
	if (first->phase == DHCP_PHASE_PROBING) {
		dhcp_exchange_resume(e, first);
		dhcp_exchange_done(e, first);
		return false;
	}
	if (!dhcp_exchange_queue(e, x, r))
		dhcp_refuse(e, x, DHCP_CAUSE_BUSY, r->address);
	return true;
}

void dhcp_exchange_decline(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	uint32_t address;
	if (dhcp_message_address(&x->message, DHCP_OPT_REQUESTED_ADDRESS, &address) != OK) {
		dhcp_refuse(e, x, DHCP_CAUSE_TORN, 0);
		return;
	}
	struct dhcp_record *r = own_record(e, x, address);
	if (!r || stands_aside(e, x, r))
		return;
	/* RFC 2131 4.3.3: "The server MUST mark the network address as not available and SHOULD
	 * notify the local system administrator of a possible configuration problem." */
	const struct dhcp_network *n = dhcp_site_network_of(e->site, address);
	dhcp_record_rest(e, r, DHCP_LEASE_DECLINED, (n ? n : x->client.network)->decline_s);
	dhcp_tell(e, DHCP_EVENT_DECLINE, x, r);
	dhcp_commit_note(e, r);
}

void dhcp_exchange_release(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	uint32_t address = x->message.head.ciaddr;
	struct dhcp_record *r = own_record(e, x, address);
	if (!r || stands_aside(e, x, r))
		return;
	/* RFC 2131 4.3.4: "the server marks the network address as not allocated. The server SHOULD
	 * retain a record of the client's initialization parameters for possible reuse". */
	if (r->state == DHCP_LEASE_OFFERED) {
		dhcp_record_lapse(e, r);
		return;
	}
	dhcp_record_end(e, r, DHCP_LEASE_RELEASED);
	dhcp_tell(e, DHCP_EVENT_RELEASE, x, r);
	dhcp_commit_note(e, r);
}

void dhcp_exchange_inform(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	dhcp_tell(e, DHCP_EVENT_INFORM, x, NULL);
	x->place = (struct dhcp_place){.network = x->client.network};
	uint32_t address = x->message.head.ciaddr ? x->message.head.ciaddr : x->arrival.from;
	/* RFC 2131 3.4: "The servers SHOULD check the network address in a DHCPINFORM message for
	 * consistency, but MUST NOT check for an existing lease." */
	const struct dhcp_network *n = dhcp_site_network_of(e->site, address);
	if (!address || !n || n->link[0] != x->client.network) {
		dhcp_refuse(e, x, DHCP_CAUSE_WRONG_NETWORK, address);
		return;
	}
	x->place.network = n;
	x->place.pool = dhcp_network_pool_of(n, address);
	dhcp_reply_inform(e, x);
}
