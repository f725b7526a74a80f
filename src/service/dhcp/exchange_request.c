#include "service/dhcp/exchange.h"

/* RFC 2131 table 4: how a client says in which state it is. */
enum request_kind { SELECTING, INIT_REBOOT, RENEWING, MALFORMED };

struct request {
	enum request_kind kind;
	uint32_t address;
	bool chose_us; /* SELECTING */
};

static struct request read_request(const struct dhcp_engine *e, const struct dhcp_exchange *x)
{
	struct request r = {.kind = MALFORMED};
	uint32_t server_id, requested;
	const struct dhcp_message *m = &x->message;
	bool wants =
		dhcp_message_address(m, DHCP_OPT_REQUESTED_ADDRESS, &requested) == OK && requested;
	if (dhcp_message_has(m, DHCP_OPT_SERVER_IDENTIFIER)) {
		if (dhcp_message_address(m, DHCP_OPT_SERVER_IDENTIFIER, &server_id) != OK)
			return r;
		r.chose_us = dhcp_exchange_is_ours(e, x, server_id);
		r.kind = SELECTING;
		r.address = wants ? requested : m->head.ciaddr;
	} else if (m->head.ciaddr) { /* RENEWING and REBINDING differ in who is asked only */
		r.kind = RENEWING;
		r.address = m->head.ciaddr;
	} else if (wants) {
		r.kind = INIT_REBOOT;
		r.address = requested;
	}
	if (!r.address && (r.kind != SELECTING || r.chose_us))
		r.kind = MALFORMED;
	return r;
}

/* RFC 2131 3.1 4: servers that were not selected "use the DHCPREQUEST message as notification that
 * the client has declined that server's offer". The address is anybody's at once. */
static void withdraw_offers(struct dhcp_engine *e, const struct dhcp_exchange *x, uint32_t but)
{
	struct dhcp_identity id;
	dhcp_exchange_identity(x, &id);
	for (unsigned i = 0; i < 8; i++) { /* the table changes: from the start each time */
		struct dhcp_record *r = dhcp_table_first_of(&e->table, &id);
		while (r && (r->state != DHCP_LEASE_OFFERED || r->address == but))
			r = dhcp_table_next_of(&e->table, r, &id);
		if (!r)
			return;
		struct dhcp_exchange *w = dhcp_record_exchange(e, r);
		if (w && w->phase != DHCP_PHASE_PROBING)
			return; /* it is being written: the store's answer decides */
		if (w) {
			dhcp_exchange_resume(e, w);
			dhcp_exchange_done(e, w);
		}
		dhcp_record_lapse(e, r);
	}
}

static bool has_record(const struct dhcp_engine *e, const struct dhcp_exchange *x)
{
	struct dhcp_identity id;
	dhcp_exchange_identity(x, &id);
	return dhcp_table_first_of(&e->table, &id) != NULL;
}

/* Somebody else's reservation, pool or network by now, or a reservation of its own waits
 * elsewhere: RFC 2131 4.3.2 lets the server refuse, and the client begins anew. */
static bool should_move(const struct dhcp_engine *e, const struct dhcp_exchange *x,
			uint32_t address)
{
	const struct dhcp_reservation *r = x->client.reservation;
	struct dhcp_place place;
	if (!r || !r->address || r->address == address || e->store_away ||
	    dhcp_place_of(e, x, r->address, &place) != DHCP_CAUSE_NONE)
		return false;
	const struct dhcp_record *there = dhcp_table_find(&e->table, r->address);
	return !there || dhcp_state_is_ended(there->state);
}

/* Not the client's by our records. What is said then, by section 4.3.2: */
static void refuse_unknown(struct dhcp_engine *e, struct dhcp_exchange *x,
			   const struct request *req, enum dhcp_cause cause)
{
	bool known = has_record(e, x), authoritative = x->client.network->authoritative;
	const struct dhcp_record *r = dhcp_table_find(&e->table, req->address);
	if (req->kind == SELECTING) {
		/* RFC 5107: all servers behind that relay go by one identifier; the offer may be
		 * another's. */
		if (x->client.relay && x->relay.has_server_id_override && !known)
			dhcp_refuse(e, x, DHCP_CAUSE_NOT_OURS, req->address);
		else
			dhcp_reply_nak(e, x, cause, req->address);
	} else if (cause == DHCP_CAUSE_WRONG_NETWORK) {
		/* "If the server detects that the client is on the wrong net [...] then the server
		 * SHOULD send a DHCPNAK message to the client." */
		if (known || authoritative)
			dhcp_reply_nak(e, x, cause, req->address);
		else
			dhcp_refuse(e, x, DHCP_CAUSE_UNKNOWN_LEASE, req->address);
	} else if (e->store_away) {
		dhcp_refuse(e, x, DHCP_CAUSE_UNKNOWN_LEASE, req->address);
	} else if (known && req->kind == INIT_REBOOT) {
		/* "If the network is correct, then the DHCP server should check if the client's
		 * notion of its IP address is correct. If not, then the server SHOULD send a
		 * DHCPNAK message to the client." */
		dhcp_reply_nak(e, x, cause, req->address);
	} else if (req->kind == RENEWING && authoritative && r && dhcp_record_is_held(e, r)) {
		dhcp_reply_nak(e, x, DHCP_CAUSE_TAKEN, req->address);
	} else {
		/* "If the DHCP server has no record of this client, then it MUST remain silent". */
		dhcp_refuse(e, x, DHCP_CAUSE_UNKNOWN_LEASE, req->address);
	}
}

/* An offer that was lost with the process, or lapsed: still good when the address is. */
static enum dhcp_cause claim_selected(struct dhcp_engine *e, struct dhcp_exchange *x,
				      uint32_t address, struct dhcp_place place)
{
	if (!has_record(e, x) && !dhcp_admit_stranger(e, x))
		return DHCP_CAUSE_RATE;
	if (!dhcp_admit_port(e, x))
		return DHCP_CAUSE_PORT;
	return dhcp_claim(e, x, address, place);
}

static void grant(struct dhcp_engine *e, struct dhcp_exchange *x, const struct request *req)
{
	struct dhcp_place place;
	struct dhcp_identity id;
	dhcp_exchange_identity(x, &id);
	struct dhcp_record *r = dhcp_table_find(&e->table, req->address);
	bool mine = r && dhcp_record_is_of(r, &id);
	enum dhcp_cause cause = dhcp_place_of(e, x, req->address, &place);
	if (!cause && mine && should_move(e, x, req->address))
		cause = DHCP_CAUSE_TAKEN;
	if (!cause && !mine && req->kind != SELECTING)
		cause = DHCP_CAUSE_TAKEN;
	if (cause && !mine) {
		refuse_unknown(e, x, req, cause);
		return;
	}
	if (!cause)
		cause = mine ? dhcp_claim(e, x, req->address, place)
			     : claim_selected(e, x, req->address, place);
	if (cause == DHCP_CAUSE_RATE || cause == DHCP_CAUSE_PORT || cause == DHCP_CAUSE_BUSY)
		dhcp_refuse(e, x, cause, req->address);
	else if (cause)
		dhcp_reply_nak(e, x, cause, req->address);
	else
		dhcp_commit_grant(e, x);
}

/* True: another message of this client, or the end of what it had, is on its way to the store. */
static bool stands_in_line(struct dhcp_engine *e, struct dhcp_exchange *x, uint32_t address)
{
	struct dhcp_record *r = dhcp_table_find(&e->table, address);
	struct dhcp_exchange *first = r ? dhcp_record_exchange(e, r) : NULL;
	struct dhcp_identity id;
	if (!first)
		return false;
	dhcp_exchange_identity(x, &id);
	if (first->phase == DHCP_PHASE_PROBING) {
		if (!dhcp_record_is_of(r, &id))
			return false;
		dhcp_exchange_resume(e, first); /* it was offered before, and is being asked for */
		dhcp_exchange_done(e, first);
		return false;
	}
	if (first->phase == DHCP_PHASE_GRANT && first->answered && dhcp_commit_meanwhile(e, x, r))
		return true;
	bool repeated = first->phase == DHCP_PHASE_GRANT &&
			first->message.head.xid == x->message.head.xid && dhcp_record_is_of(r, &id);
	if (repeated || !dhcp_exchange_queue(e, x, r))
		dhcp_refuse(e, x, DHCP_CAUSE_BUSY, address);
	return true;
}

void dhcp_exchange_request(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	struct request req = read_request(e, x);
	if (x->tries == 0)
		dhcp_tell(e, DHCP_EVENT_REQUEST, x, NULL);
	if (req.kind == MALFORMED) {
		dhcp_refuse(e, x, DHCP_CAUSE_TORN, 0);
	} else if (req.kind == SELECTING && !req.chose_us) {
		withdraw_offers(e, x, 0);
		dhcp_refuse(e, x, DHCP_CAUSE_NOT_OURS, req.address);
	} else if (!stands_in_line(e, x, req.address)) {
		grant(e, x, &req);
		if (x->phase == DHCP_PHASE_GRANT)
			withdraw_offers(e, x, req.address);
	}
}
