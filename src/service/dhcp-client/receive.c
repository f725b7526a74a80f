#include "service/dhcp-client/engine_inner.h"

/* RFC 8925 3.4: MIN_V6ONLY_WAIT. */
#define IPV6_ONLY_MIN_S UINT64_C(300)
/* Between attempts when a server answers each REQUEST with NAK. */
#define NAK_WAIT_MS	UINT64_C(1000)
#define NAK_DOUBLES_MAX 6u

static void tell_received(struct uplink *u, uint32_t server)
{
	struct uplink_event event = {.kind = UPLINK_EVENT_RECEIVED,
				     .state = u->state,
				     .type = u->message.type,
				     .address = u->message.head.yiaddr,
				     .server = server,
				     .xid = u->message.head.xid};
	u->counts.received[u->message.type]++;
	u->effects.event(u->effects.arg, &event);
}

static void refuse(struct uplink *u, enum uplink_cause cause)
{
	uint32_t server = 0;
	err_ignore(dhcp_message_address(&u->message, DHCP_OPT_SERVER_IDENTIFIER, &server));
	uplink_refuse(u, cause, u->message.type, server);
}

/* What an OFFER or an ACK brings, into scratch. */
static enum uplink_cause judge(struct uplink *u)
{
	uint32_t ignored = 0;
	struct lease *l = &u->scratch;
	if (lease_read(&u->message, l, &ignored) != OK)
		return UPLINK_CAUSE_LEASE;
	u->counts.refused[UPLINK_CAUSE_OPTION] += ignored;
	if (!uplink_server_allowed(u, l->server))
		return UPLINK_CAUSE_SERVER;
	return uplink_address_allowed(u, l->address) ? UPLINK_CAUSE_NONE : UPLINK_CAUSE_ADDRESS;
}

/* RFC 8925 3.2: who can do without IPv4 does not request the address, and waits, also when the
 * OFFER has none (3.3): nothing but the option and who sends it counts. */
static bool gives_way(struct uplink *u, uint64_t now_ms)
{
	uint32_t wait_s, server;
	if (!u->rules->ipv6_only ||
	    dhcp_message_u32(&u->message, DHCP_OPT_IPV6_ONLY_PREFERRED, &wait_s) != OK ||
	    dhcp_message_address(&u->message, DHCP_OPT_SERVER_IDENTIFIER, &server) != OK ||
	    !uplink_server_allowed(u, server))
		return false;
	tell_received(u, server);
	uplink_drop(u, true);
	uplink_begin(u, now_ms,
		     1000 * (wait_s < IPV6_ONLY_MIN_S ? IPV6_ONLY_MIN_S : (uint64_t)wait_s));
	return true;
}

/* --- OFFER ------------------------------------------------------------------------------------ */

/* The place of a server among those that are allowed: the first is the dearest. */
static size_t server_rank(const struct uplink *u, uint32_t server)
{
	struct ip_address a = ip_address_v4((uint8_t)(server >> 24), (uint8_t)(server >> 16),
					    (uint8_t)(server >> 8), (uint8_t)server);
	size_t i = 0;
	while (i < u->rules->servers_allowed_n &&
	       !ip_prefix_contains(&u->rules->servers_allowed[i], &a))
		i++;
	return i;
}

/* By the order of servers-allowed, then the address that we had before, then who came first. */
static bool is_better(const struct uplink *u, const struct uplink_offer *a,
		      const struct uplink_offer *b)
{
	size_t rank_a = server_rank(u, a->server), rank_b = server_rank(u, b->server);
	if (rank_a != rank_b)
		return rank_a < rank_b;
	return u->last && a->address == u->last && b->address != u->last;
}

static void on_offer(struct uplink *u, uint64_t now_ms)
{
	if (u->state == UPLINK_SELECTING && gives_way(u, now_ms))
		return;
	enum uplink_cause cause = u->state == UPLINK_SELECTING ? judge(u) : UPLINK_CAUSE_TYPE;
	const struct lease *l = &u->scratch;
	struct uplink_offer offer = {l->address, l->server, l->lease_s};
	for (size_t i = 0; cause == UPLINK_CAUSE_NONE && i < u->offers_n; i++)
		if (u->offers[i].server == offer.server)
			return; /* the answer to another copy of our DISCOVER */
	if (cause == UPLINK_CAUSE_NONE && u->offers_n == UPLINK_OFFERS_MAX)
		cause = UPLINK_CAUSE_FULL;
	if (cause != UPLINK_CAUSE_NONE) {
		refuse(u, cause);
		return;
	}
	tell_received(u, offer.server);
	size_t at = u->offers_n++;
	for (; at > 0 && is_better(u, &offer, &u->offers[at - 1]); at--)
		u->offers[at] = u->offers[at - 1];
	u->offers[at] = offer;
	if (u->choose_ms == UINT64_MAX)
		u->choose_ms = now_ms + u->rules->offer_wait_ms;
}

/* --- ACK -------------------------------------------------------------------------------------- */

/* Is it from whom we asked, about what we asked? */
static enum uplink_cause judge_ack(const struct uplink *u)
{
	const struct lease *l = &u->scratch;
	uint32_t server = 0, address = 0;
	switch (u->state) {
	case UPLINK_SELECTING:
		/* RFC 4039 3.1: an ACK in this state counts only with the option in it. */
		return u->rules->rapid_commit && l->rapid ? UPLINK_CAUSE_NONE : UPLINK_CAUSE_TYPE;
	case UPLINK_REQUESTING:
		server = u->chosen.server;
		address = u->chosen.address;
		break;
	case UPLINK_REBOOTING: address = u->last; break;
	case UPLINK_RENEWING:
		server = u->lease.server;
		address = u->lease.address;
		break;
	default: address = u->lease.address; break;
	}
	if (server && l->server != server)
		return UPLINK_CAUSE_SERVER;
	return l->address == address ? UPLINK_CAUSE_NONE : UPLINK_CAUSE_ADDRESS;
}

static bool waits_for_ack(const struct uplink *u)
{
	return u->state == UPLINK_SELECTING || u->state == UPLINK_REQUESTING ||
	       u->state == UPLINK_REBOOTING || u->state == UPLINK_RENEWING ||
	       u->state == UPLINK_REBINDING;
}

static void on_ack(struct uplink *u, uint64_t now_ms)
{
	enum uplink_cause cause = waits_for_ack(u) ? judge(u) : UPLINK_CAUSE_TYPE;
	if (cause == UPLINK_CAUSE_NONE)
		cause = judge_ack(u);
	if (cause != UPLINK_CAUSE_NONE) {
		refuse(u, cause);
		return;
	}
	if ((u->state == UPLINK_REBOOTING || u->state == UPLINK_SELECTING) && gives_way(u, now_ms))
		return;
	tell_received(u, u->scratch.server);
	bool renewal = u->state == UPLINK_RENEWING || u->state == UPLINK_REBINDING;
	u->pending = u->scratch;
	u->has_pending = true;
	/* RFC 2131 4.4.1: the lease begins when the REQUEST was sent. */
	u->pending_ms = u->sent_ms;
	u->pending_end_ms = u->pending.lease_s == LEASE_FOREVER
				    ? UINT64_MAX
				    : u->sent_ms + u->pending.lease_s * UINT64_C(1000);
	/* Only a server that gave a nonce may go without giving it again (RFC 6704 3.1.2). */
	if (renewal && !u->pending.has_nonce && u->lease.has_nonce) {
		u->pending.has_nonce = true;
		u->pending.replay = u->lease.replay;
		memcpy(u->pending.nonce, u->lease.nonce, sizeof(u->pending.nonce));
	}
	if (renewal)
		uplink_take(u, now_ms);
	else
		uplink_check(u, now_ms);
}

/* --- NAK, FORCERENEW -------------------------------------------------------------------------- */

static enum uplink_cause judge_nak(struct uplink *u, uint32_t *ret_server)
{
	if (!waits_for_ack(u) || u->state == UPLINK_SELECTING)
		return UPLINK_CAUSE_TYPE;
	/* RFC 2131 table 3: the server identifier MUST be in it. */
	if (dhcp_message_address(&u->message, DHCP_OPT_SERVER_IDENTIFIER, ret_server) != OK)
		return UPLINK_CAUSE_LEASE;
	uint32_t asked = u->state == UPLINK_REQUESTING ? u->chosen.server
			 : u->state == UPLINK_RENEWING ? u->lease.server
						       : 0;
	if ((asked && *ret_server != asked) || !uplink_server_allowed(u, *ret_server))
		return UPLINK_CAUSE_SERVER;
	return UPLINK_CAUSE_NONE;
}

static void on_nak(struct uplink *u, uint64_t now_ms)
{
	uint32_t server;
	enum uplink_cause cause = judge_nak(u, &server);
	if (cause != UPLINK_CAUSE_NONE) {
		refuse(u, cause);
		return;
	}
	tell_received(u, server);
	unsigned doubles = u->naks < NAK_DOUBLES_MAX ? u->naks : NAK_DOUBLES_MAX;
	uint64_t wait_ms = u->naks ? NAK_WAIT_MS << doubles : 0;
	u->naks++;
	u->last = 0;
	uplink_drop(u, true);
	uplink_begin(u, now_ms, wait_ms);
}

/* RFC 6704 3.1.3: believed only with a digest of the nonce that came with our lease, and only once.
 */
static void on_force_renew(struct uplink *u, uint64_t now_ms)
{
	uint64_t replay = 0;
	enum uplink_cause cause = UPLINK_CAUSE_NONE;
	if (!u->rules->force_renew || u->state != UPLINK_BOUND)
		cause = UPLINK_CAUSE_TYPE;
	else if (!u->lease.has_nonce ||
		 dhcp_auth_verify(&u->message, u->lease.nonce, &replay) != OK ||
		 replay <= u->lease.replay)
		cause = UPLINK_CAUSE_FORGED;
	if (cause != UPLINK_CAUSE_NONE) {
		refuse(u, cause);
		return;
	}
	u->lease.replay = replay;
	tell_received(u, u->lease.server);
	err_ignore(uplink_renew(u, now_ms)); /* BOUND: the link is up */
}

/* --- all of them ------------------------------------------------------------------------------ */

static bool is_ours(const struct uplink *u, const struct dhcp_message *m)
{
	return m->head.op == DHCP_OP_REPLY && m->head.htype == DHCP_HTYPE_ETHERNET &&
	       span_equal(dhcp_head_chaddr(&m->head), span_of(u->mac, IP_MAC_LEN)) &&
	       (m->type == DHCP_FORCERENEW || m->head.xid == u->xid);
}

void uplink_receive(struct uplink *u, uint64_t now_ms, struct span datagram)
{
	struct dhcp_message *m = &u->message;
	if (dhcp_message_read(datagram, m) != OK) {
		u->counts.refused[UPLINK_CAUSE_TORN]++;
		return;
	}
	if (!is_ours(u, m)) {
		u->counts.refused[UPLINK_CAUSE_NOT_OURS]++;
		return;
	}
	struct span id = dhcp_message_option(m, DHCP_OPT_CLIENT_IDENTIFIER);
	/* RFC 6842 3: "If the two client identifiers do not match, the client MUST silently discard
	 * the message." */
	if (id.len && !span_equal(id, u->rules->client_id)) {
		refuse(u, UPLINK_CAUSE_IDENTITY);
		return;
	}
	switch (m->type) {
	case DHCP_OFFER: on_offer(u, now_ms); break;
	case DHCP_ACK: on_ack(u, now_ms); break;
	case DHCP_NAK: on_nak(u, now_ms); break;
	case DHCP_FORCERENEW: on_force_renew(u, now_ms); break;
	default: refuse(u, UPLINK_CAUSE_TYPE); break;
	}
	uplink_turn(u, now_ms);
}

/* --- a lease from the file -------------------------------------------------------------------- */

enum err uplink_restore(struct uplink *u, uint64_t now_ms, struct span message,
			uint64_t obtained_ms, uint64_t end_ms, bool in_force)
{
	ASSERT(u->state == UPLINK_DOWN);
	if (dhcp_message_read(message, &u->message) != OK || u->message.type != DHCP_ACK)
		return ERR_FORMAT;
	if (end_ms <= now_ms || judge(u) != UPLINK_CAUSE_NONE)
		return ERR_REFUSED;
	u->pending = u->scratch;
	u->has_pending = true;
	u->pending_ms = obtained_ms;
	u->pending_end_ms = end_ms;
	u->last = u->pending.address;
	if (in_force) {
		struct lease_times times = lease_times(&u->pending, uplink_random(u));
		u->lease = u->pending;
		u->has_lease = true;
		u->has_pending = false;
		u->obtained_ms = obtained_ms;
		u->end_ms = end_ms;
		u->renew_ms = end_ms == UINT64_MAX ? UINT64_MAX : obtained_ms + times.renew_ms;
		u->rebind_ms = end_ms == UINT64_MAX ? UINT64_MAX : obtained_ms + times.rebind_ms;
	}
	return OK;
}
