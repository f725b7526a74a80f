/* What servers send (RFC 8415 16, 18.2.9 to 18.2.11). */
#include "service/dhcp-client/v6_inner.h"

/* True: it was acted upon. */
static bool refuse(enum uplink6_cause *ret, enum uplink6_cause cause)
{
	*ret = cause;
	return false;
}

static bool is_allowed_server(const struct uplink6 *u, const struct ip_address *from)
{
	for (size_t i = 0; i < u->rules->servers_allowed_n; i++)
		if (ip_prefix_contains(&u->rules->servers_allowed[i], from))
			return true;
	return u->rules->servers_allowed_n == 0;
}

static bool is_ours(const struct uplink6 *u, const struct dhcp6_message *m)
{
	return span_equal(m->client_id, u->rules->duid);
}

static bool is_bound_server(const struct uplink6 *u, const struct dhcp6_message *m)
{
	return u->server_len && span_equal(m->server_id, span_of(u->server, u->server_len));
}

/* 18.2.9, 18.2.10: "MUST process any SOL_MAX_RT option and INF_MAX_RT option … even if the message
 * contains a Status Code option indicating a failure". */
static void take_max_rt(struct uplink6 *u, const struct dhcp6_message *m)
{
	if (dhcp6_has(m, DHCP6_HAS_SOL_MAX_RT))
		u->sol_max_rt_s = m->sol_max_rt_s;
	if (dhcp6_has(m, DHCP6_HAS_INF_MAX_RT))
		u->inf_max_rt_s = m->inf_max_rt_s;
	if (u->sending.type == DHCP6_SOLICIT && u->sol_max_rt_s)
		u->sending.mrt_ms = u->sol_max_rt_s * UINT64_C(1000);
	if (u->sending.type == DHCP6_INFORMATION_REQUEST && u->inf_max_rt_s)
		u->sending.mrt_ms = u->inf_max_rt_s * UINT64_C(1000);
}

/* --- Advertise --- */

static bool is_better(const struct uplink6_offer *a, const struct uplink6_offer *b)
{
	return a->preference != b->preference ? a->preference > b->preference
					      : a->leases > b->leases;
}

static void keep_offer(struct uplink6 *u, const struct dhcp6_message *m, uint8_t leases)
{
	struct uplink6_offer o = {.preference = m->preference,
				  .duid_len = (uint8_t)m->server_id.len,
				  .leases = leases};
	struct writer w = writer_of(o.duid, sizeof(o.duid));
	size_t at;
	write_span(&w, m->server_id);
	for (size_t i = 0; i < u->offers_n; i++)
		if (u->offers[i].duid_len == o.duid_len &&
		    span_equal(span_of(u->offers[i].duid, o.duid_len), m->server_id))
			return; /* it said so already */
	for (at = u->offers_n; at > 0 && is_better(&o, &u->offers[at - 1]); at--)
		;
	if (at == UPLINK6_OFFERS_MAX)
		return;
	if (u->offers_n < UPLINK6_OFFERS_MAX)
		u->offers_n++;
	for (size_t i = u->offers_n - 1; i > at; i--)
		u->offers[i] = u->offers[i - 1];
	u->offers[at] = o;
}

static bool take_advertise(struct uplink6 *u, uint64_t now_ms, const struct dhcp6_message *m,
			   enum uplink6_cause *ret)
{
	if (!m->server_id.len || !m->client_id.len)
		return refuse(ret, UPLINK6_CAUSE_IDENTITY);
	if (u->sending.type != DHCP6_SOLICIT || !u->sending.sent)
		return refuse(ret, UPLINK6_CAUSE_TYPE);
	take_max_rt(u, m);
	uint8_t leases = uplink6_count(u, m);
	/* 18.2.9: "MUST ignore any Advertise message that contains no addresses … and no delegated
	 * prefixes". */
	if (m->status || leases == 0)
		return refuse(ret, m->status ? UPLINK6_CAUSE_STATUS : UPLINK6_CAUSE_LEASE);
	keep_offer(u, m, leases);
	/* 18.2.1: a preference of 255, or any once the first RT has elapsed. */
	if (m->preference == 255 || u->sending.sent > 1)
		uplink6_request(u, now_ms);
	return true;
}

/* --- Reply --- */

static void take_key(struct uplink6 *u, const struct dhcp6_message *m)
{
	struct dhcp6_auth a;
	if (!u->rules->reconfigure || !m->auth.len || dhcp6_auth_read(m->auth, &a) != OK)
		return;
	if (dhcp6_auth_key(&a, u->key) != OK)
		return;
	/* RFC 8415 20.3: "the client MUST record the replay detection value". */
	u->has_key = u->has_replay = true;
	u->replay = a.replay;
}

static void take_server(struct uplink6 *u, const struct dhcp6_message *m)
{
	struct writer w = writer_of(u->server, sizeof(u->server));
	if (!is_bound_server(u, m)) /* the key was another server's */
		u->has_key = u->has_replay = false;
	write_span(&w, m->server_id);
	u->server_len = (uint8_t)w.pos;
}

static bool take_leases(struct uplink6 *u, uint64_t now_ms, const struct dhcp6_message *m,
			enum uplink6_cause *ret)
{
	bool unknown, renewal = u->sending.type == DHCP6_RENEW || u->sending.type == DHCP6_REBIND;
	bool had = u->leases_n > 0;
	/* 18.2.10: UnspecFail: the message goes on being retransmitted, ever more slowly. */
	if (m->status == DHCP6_UNSPEC_FAIL)
		return refuse(ret, UPLINK6_CAUSE_STATUS);
	if (m->status == DHCP6_NOT_ON_LINK && !renewal) {
		uplink6_solicit(u, now_ms);
		return refuse(ret, UPLINK6_CAUSE_STATUS);
	}
	bool any = uplink6_take(u, now_ms, m, &unknown);
	if (unknown && renewal) {
		/* 18.2.10.1: "Sends a Request message to the server that responded if any of the
		 * IAs in the Reply message contain the NoBinding status code." */
		take_server(u, m);
		u->chosen = (struct uplink6_offer){.duid_len = u->server_len};
		struct writer w = writer_of(u->chosen.duid, sizeof(u->chosen.duid));
		write_span(&w, m->server_id);
		uplink6_request_again(u, now_ms);
		return true;
	}
	if (!any && u->leases_n && renewal)
		return refuse(ret, UPLINK6_CAUSE_LEASE); /* as if it had not come */
	if (!any && u->leases_n == 0) {
		if (had)
			uplink6_publish(u);
		uplink6_request(u, now_ms); /* another server */
		return refuse(ret, UPLINK6_CAUSE_LEASE);
	}
	take_server(u, m);
	take_key(u, m);
	uplink6_take_options(u, m);
	u->vain = 0;
	u->counts.bound++;
	uplink6_settle(u, now_ms);
	uplink6_publish(u);
	return true;
}

static bool take_information(struct uplink6 *u, uint64_t now_ms, const struct dhcp6_message *m,
			     enum uplink6_cause *ret)
{
	/* 21.23: the default where it lacks, and not less than IRT_MINIMUM. */
	uint32_t refresh_s = dhcp6_has(m, DHCP6_HAS_REFRESH) ? m->refresh_s : IRT_DEFAULT_S;
	if (m->status)
		return refuse(ret, UPLINK6_CAUSE_STATUS);
	if (refresh_s < IRT_MINIMUM_S)
		refresh_s = IRT_MINIMUM_S;
	take_server(u, m);
	take_key(u, m);
	uplink6_take_options(u, m);
	u->refresh_ms =
		refresh_s == DHCP6_INFINITY ? UPLINK6_NEVER : now_ms + refresh_s * UINT64_C(1000);
	if (u->leases_n) {
		uplink6_settle(u, now_ms); /* a Reconfigure asked for it */
	} else {
		uplink6_quiet(u);
		uplink6_enter(u, UPLINK6_INFORMED);
	}
	uplink6_publish(u);
	return true;
}

static bool take_confirm(struct uplink6 *u, uint64_t now_ms, const struct dhcp6_message *m,
			 enum uplink6_cause *ret)
{
	/* 18.2.10.3: any Success, "explicit or implicit", counts more than NotOnLink. */
	if (m->status == DHCP6_SUCCESS) {
		uplink6_settle(u, now_ms);
		uplink6_publish(u);
		return true;
	}
	if (m->status == DHCP6_NOT_ON_LINK)
		u->off_link = true;
	return refuse(ret, UPLINK6_CAUSE_STATUS);
}

static bool take_reply(struct uplink6 *u, uint64_t now_ms, const struct dhcp6_message *m,
		       enum uplink6_cause *ret)
{
	uint8_t type = u->sending.type;
	if (!m->server_id.len || !m->client_id.len)
		return refuse(ret, UPLINK6_CAUSE_IDENTITY);
	if (!type || !u->sending.sent)
		return refuse(ret, UPLINK6_CAUSE_TYPE);
	/* 18.2.1: "The client will discard any Reply messages that do not contain the Rapid Commit
	 * option." */
	if (type == DHCP6_SOLICIT &&
	    (!u->rules->rapid_commit || !dhcp6_has(m, DHCP6_HAS_RAPID_COMMIT)))
		return refuse(ret, UPLINK6_CAUSE_TYPE);
	if (type == DHCP6_REQUEST &&
	    !span_equal(m->server_id, span_of(u->chosen.duid, u->chosen.duid_len)))
		return refuse(ret, UPLINK6_CAUSE_SERVER);
	if ((type == DHCP6_RENEW || type == DHCP6_RELEASE || type == DHCP6_DECLINE) &&
	    !is_bound_server(u, m))
		return refuse(ret, UPLINK6_CAUSE_SERVER);
	take_max_rt(u, m);
	switch (type) {
	case DHCP6_INFORMATION_REQUEST: return take_information(u, now_ms, m, ret);
	case DHCP6_CONFIRM: return take_confirm(u, now_ms, m, ret);
	/* 18.2.10.2: completed, "regardless of the Status Code option". */
	case DHCP6_RELEASE:
		uplink6_quiet(u);
		uplink6_enter(u, UPLINK6_IDLE);
		return true;
	case DHCP6_DECLINE: uplink6_settle(u, now_ms); return true;
	default: return take_leases(u, now_ms, m, ret);
	}
}

/* --- Reconfigure --- */

static bool take_reconfigure(struct uplink6 *u, uint64_t now_ms, bool to_multicast,
			     const struct dhcp6_message *m, enum uplink6_cause *ret)
{
	uint64_t replay;
	uint8_t type = m->reconfigure_type;
	bool settled = u->state == UPLINK6_BOUND || u->state == UPLINK6_INFORMED;
	/* 16.11: "the message was not unicast to the client". */
	if (to_multicast || !u->has_key || !m->auth.len)
		return refuse(ret, UPLINK6_CAUSE_FORGED);
	if (!m->server_id.len || !is_ours(u, m))
		return refuse(ret, UPLINK6_CAUSE_IDENTITY);
	if (!is_bound_server(u, m))
		return refuse(ret, UPLINK6_CAUSE_SERVER);
	if (!dhcp6_has(m, DHCP6_HAS_RECONF_MSG) ||
	    (type != DHCP6_RENEW && type != DHCP6_REBIND && type != DHCP6_INFORMATION_REQUEST))
		return refuse(ret, UPLINK6_CAUSE_TYPE);
	if (dhcp6_auth_verify(m->wire, m->auth, u->key, u->has_replay ? u->replay : 0, &replay) !=
	    OK)
		return refuse(ret, UPLINK6_CAUSE_FORGED);
	u->replay = replay;
	u->has_replay = true;
	/* 18.2.11: "the client MUST ignore any additional Reconfigure messages until the exchange
	 * is complete"; and there must be something to renew. */
	if (!settled || (type != DHCP6_INFORMATION_REQUEST && u->leases_n == 0))
		return refuse(ret, UPLINK6_CAUSE_TYPE);
	u->reconfiguring = true;
	if (type == DHCP6_RENEW)
		uplink6_start_renew(u, now_ms);
	else if (type == DHCP6_REBIND)
		uplink6_start_rebind(u, now_ms);
	else
		uplink6_inform(u, now_ms);
	return true;
}

/* --- any datagram --- */

static bool receive(struct uplink6 *u, uint64_t now_ms, const struct ip_address *from,
		    bool to_multicast, enum uplink6_cause *ret)
{
	const struct dhcp6_message *m = &u->message;
	if (!is_allowed_server(u, from))
		return refuse(ret, UPLINK6_CAUSE_SERVER);
	if (m->type == DHCP6_RECONFIGURE)
		return take_reconfigure(u, now_ms, to_multicast, m, ret);
	if (m->type != DHCP6_ADVERTISE && m->type != DHCP6_REPLY)
		return refuse(ret, UPLINK6_CAUSE_TYPE); /* 16.2, 16.4 to 16.9, 16.12 */
	if (m->transaction_id != u->sending.transaction_id || (m->client_id.len && !is_ours(u, m)))
		return refuse(ret, UPLINK6_CAUSE_NOT_OURS);
	return m->type == DHCP6_ADVERTISE ? take_advertise(u, now_ms, m, ret)
					  : take_reply(u, now_ms, m, ret);
}

void uplink6_receive(struct uplink6 *u, uint64_t now_ms, const struct ip_address *from,
		     bool to_multicast, struct span datagram)
{
	enum uplink6_cause cause = UPLINK6_CAUSE_NONE;
	enum err err = dhcp6_message_read(datagram, &u->message);
	if (u->state == UPLINK6_DOWN)
		return;
	if (err) {
		u->counts.refused[err == ERR_UNSUPPORTED ? UPLINK6_CAUSE_TYPE
							 : UPLINK6_CAUSE_TORN]++;
		return;
	}
	struct uplink6_event event = {.type = u->message.type,
				      .status = u->message.status,
				      .transaction_id = u->message.transaction_id};
	bool taken = receive(u, now_ms, from, to_multicast, &cause);
	if (taken)
		u->counts.received[event.type & 15]++;
	else
		u->counts.refused[cause]++;
	event.kind = taken ? UPLINK6_EVENT_RECEIVED : UPLINK6_EVENT_REFUSED;
	event.cause = cause;
	if (taken || cause != UPLINK6_CAUSE_NOT_OURS)
		uplink6_tell(u, &event);
}
