#include "service/dhcp/exchange.h"

static bool is_of_client(const struct dhcp_record *r, const struct dhcp_exchange *x)
{
	struct dhcp_identity id;
	dhcp_exchange_identity(x, &id);
	return dhcp_record_is_of(r, &id);
}

/* Nobody else is kept waiting: the exchange stands aside until the time has passed. */
static void probe(struct dhcp_engine *e, struct dhcp_exchange *x, struct dhcp_record *r)
{
	if (!dhcp_exchange_wait(e, x, DHCP_PHASE_PROBING, r)) {
		dhcp_record_lapse(e, r);
		dhcp_refuse(e, x, DHCP_CAUSE_BUSY, 0);
		return;
	}
	wheel_add(&e->wheel, &x->timer, e->now_ms + x->place.network->probe_ms);
	e->counts.probes++;
	bool local = !x->client.link_address;
	struct dhcp_probe p = {.address = r->address,
			       .ifindex = local ? x->arrival.ifindex : 0,
			       .local = local ? x->server_id : 0};
	e->effects.probe(e->effects.arg, &p);
}

/* The client asks again while its address is being probed: it is the new message that will be
 * answered, at the time of the old one. */
static void replace(struct dhcp_engine *e, struct dhcp_exchange *x, struct dhcp_record *r,
		    struct dhcp_exchange *old)
{
	uint64_t due_ms = old->timer.due_ms;
	x->tries = old->tries;
	dhcp_exchange_resume(e, old);
	dhcp_exchange_done(e, old);
	if (dhcp_exchange_wait(e, x, DHCP_PHASE_PROBING, r))
		wheel_add(&e->wheel, &x->timer, due_ms);
}

static void offer(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	enum dhcp_cause cause = dhcp_choose(e, x);
	if (cause) {
		dhcp_refuse(e, x, cause, 0);
		return;
	}
	struct dhcp_record *r = dhcp_table_at(&e->table, x->record);
	struct dhcp_exchange *old = dhcp_record_exchange(e, r);
	if (old && old->phase == DHCP_PHASE_PROBING)
		replace(e, x, r, old);
	else if (x->place.network->probe && !x->familiar && !old)
		probe(e, x, r);
	else
		dhcp_exchange_probed(e, x);
}

void dhcp_exchange_probed(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	struct dhcp_record *r = dhcp_table_at(&e->table, x->record);
	bool still = (r->state == DHCP_LEASE_OFFERED || r->state == DHCP_LEASE_BOUND) &&
		     is_of_client(r, x);
	if (!still) { /* another server has given it away meanwhile */
		if (++x->tries < DHCP_TRIES_MAX)
			offer(e, x);
		else
			dhcp_refuse(e, x, DHCP_CAUSE_NO_ADDRESS, 0);
		return;
	}
	/* RFC 4039 3.1: that ACK has the Rapid Commit option too, and the assignment is committed
	 * before it is sent. */
	x->rapid = x->place.network->rapid_commit &&
		   dhcp_message_has(&x->message, DHCP_OPT_RAPID_COMMIT);
	if (x->rapid)
		dhcp_commit_grant(e, x);
	else
		dhcp_reply_lease(e, x, DHCP_OFFER, r);
}

/* RFC 8925 3.3: a client that prefers IPv6, in a pool that does so too. The server SHOULD NOT
 * assign an address, SHOULD return 0.0.0.0 as the offered one, and SHOULD NOT honour Rapid Commit.
 * What the client may hold from before stays its own. */
static bool offer_none(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	struct dhcp_place place;
	struct span wanted = dhcp_message_requested(&x->message);
	if (span_find(wanted, DHCP_OPT_IPV6_ONLY_PREFERRED) == wanted.len ||
	    !dhcp_foresee(e, x, &place) ||
	    !dhcp_site_is_ipv6_only(dhcp_exchange_site(e, x), &x->client, place.network,
				    place.pool))
		return false;
	x->place = place;
	e->counts.ipv6_only++;
	dhcp_reply_lease(e, x, DHCP_OFFER, NULL);
	return true;
}

void dhcp_exchange_discover(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	if (x->tries == 0)
		dhcp_tell(e, DHCP_EVENT_DISCOVER, x, NULL);
	if (!dhcp_site_ours(dhcp_exchange_site(e, x), &x->client, x->message.head.secs))
		dhcp_refuse(e, x, DHCP_CAUSE_NOT_OURS, 0);
	else if (!offer_none(e, x))
		offer(e, x);
}

/* Somebody has the address. A stranger may lie about that, on his own link, at the price of one
 * address for each probe; the pool's limits hold all the same. */
void dhcp_engine_probed(struct dhcp_engine *e, uint64_t now_ms, uint32_t address,
			const uint8_t *mac)
{
	dhcp_engine_at(e, now_ms);
	struct dhcp_record *r = dhcp_table_find(&e->table, address);
	struct dhcp_exchange *x = r ? dhcp_record_exchange(e, r) : NULL;
	if (!x || x->phase != DHCP_PHASE_PROBING)
		return;
	const struct dhcp_client *c = &x->client;
	if (mac && c->mac_len == 6 && memcmp(mac, c->mac, 6) == 0)
		return; /* the client itself: it still uses what it had */
	struct dhcp_exchange *then = x->then;
	x->then = NULL;
	ASSERT(!then); /* nothing is queued behind a probe */
	e->counts.conflicts++;
	dhcp_exchange_resume(e, x);
	dhcp_table_forget(&e->table, r);
	dhcp_record_rest(e, r, DHCP_LEASE_CONFLICT, x->place.network->decline_s);
	dhcp_tell(e, DHCP_EVENT_CONFLICT, x, r);
	if (++x->tries >= DHCP_TRIES_MAX)
		dhcp_refuse(e, x, DHCP_CAUSE_NO_ADDRESS, 0);
	else if (dhcp_exchange_refresh(e, x))
		offer(e, x);
	dhcp_exchange_done(e, x);
}
