/* Advertise and Reply (RFC 8415 18.3.9, 18.3.10). */
#include "service/dhcp/v6_inner.h"

/* RFC 8415 18.3.2: "The T1/T2 times set in each applicable IA option for a Reply MUST be the same
 * values across all IAs". */
static void times_of(const struct v6_exchange *x, uint32_t *ret_t1_s, uint32_t *ret_t2_s)
{
	struct v6_times t = v6_site_times(x->engine->site, x->network, x->client.classes);
	uint32_t shortest = x->shortest_s;
	*ret_t1_s = *ret_t2_s = DHCP6_INFINITY; /* RFC 8415 21.4: as the preferred lifetime is */
	if (shortest != DHCP6_INFINITY) {
		*ret_t1_s = shortest / 2;
		*ret_t2_s = (uint32_t)((uint64_t)shortest * 4 / 5);
	}
	if (t.renew_s && t.renew_s < *ret_t1_s)
		*ret_t1_s = t.renew_s;
	if (t.rebind_s && t.rebind_s < *ret_t2_s)
		*ret_t2_s = t.rebind_s;
	if (*ret_t1_s > *ret_t2_s)
		*ret_t1_s = *ret_t2_s;
}

static void write_ia(const struct v6_exchange *x, const struct v6_answer *a, struct writer *w)
{
	uint32_t t1_s = 0, t2_s = 0;
	if (a->granted)
		times_of(x, &t1_s, &t2_s);
	size_t at = dhcp6_ia_begin(w, a->ia.kind, a->ia.iaid, t1_s, t2_s);
	for (size_t i = 0; i < a->leases_n; i++)
		dhcp6_write_lease(w, a->ia.kind, &a->leases[i], NULL);
	if (a->has_status)
		dhcp6_write_status(w, a->status, a->text);
	dhcp6_option_end(w, at);
}

static bool takes_reconfigure(const struct v6_exchange *x)
{
	return x->network && x->network->reconfigure && x->client.duid.len &&
	       dhcp6_has(&x->m, DHCP6_HAS_RECONF_ACCEPT);
}

/* RFC 8415 20.4.2: the key goes out "during the Request/Reply, Solicit/Reply, or
 * Information-request/Reply message exchange". */
static void write_reconfigure(struct v6_exchange *x, uint8_t type, struct writer *w)
{
	uint8_t key[DHCP6_RECONFIGURE_KEY_LEN];
	bool first = x->m.type == DHCP6_SOLICIT || x->m.type == DHCP6_REQUEST ||
		     x->m.type == DHCP6_INFORMATION_REQUEST;
	if (!takes_reconfigure(x))
		return;
	dhcp6_write_option(w, DHCP6_OPT_RECONF_ACCEPT, (struct span){0});
	if (type != DHCP6_REPLY || !first)
		return;
	v6_key_of(x->engine, x->client.duid, key);
	dhcp6_write_auth_key(w, v6_replay_next(x->engine, x->now_ms), key);
}

/* RFC 4704 6: what the server does about the name, which it completes. */
static void write_fqdn(const struct v6_exchange *x, struct writer *w)
{
	const struct dhcp_naming *naming = &x->engine->naming;
	struct dhcp6_fqdn f = x->fqdn;
	struct dns_name name;
	bool s = f.flags & DHCP6_FQDN_S, n = f.flags & DHCP6_FQDN_N;
	struct names_fqdn_verdict v = {.n = true, .o = s};
	if (!x->has_fqdn)
		return;
	if (naming->updates)
		v = names_fqdn_judge(naming->policy, s, n);
	f.flags = (uint8_t)((v.s ? DHCP6_FQDN_S : 0) | (v.o ? DHCP6_FQDN_O : 0) |
			    (v.n ? DHCP6_FQDN_N : 0));
	struct names_label label = names_label_clean(span_of(x->name, x->name_len));
	if (naming->domain.len > 1 && label.len &&
	    dns_name_prepend_label(span_of(label.text, label.len), &naming->domain, &name) == OK) {
		f.name = name;
		f.partial = false;
	}
	dhcp6_write_fqdn(w, &f);
}

static void write_body(struct v6_exchange *x, uint8_t type, struct writer *w)
{
	bool short_one = x->m.type == DHCP6_CONFIRM || x->m.type == DHCP6_RELEASE ||
			 x->m.type == DHCP6_DECLINE || x->status == DHCP6_USE_MULTICAST;
	dhcp6_write_header(w, type, x->m.transaction_id);
	dhcp6_write_option(w, DHCP6_OPT_SERVERID, span_of(x->engine->duid, x->engine->duid_len));
	if (x->m.client_id.len)
		dhcp6_write_option(w, DHCP6_OPT_CLIENTID, x->m.client_id);
	if (x->has_status)
		dhcp6_write_status(w, x->status, x->status_text);
	for (size_t i = 0; i < x->answers_n; i++)
		write_ia(x, &x->answers[i], w);
	if (short_one)
		return;
	if (type == DHCP6_ADVERTISE && x->network->preference)
		dhcp6_write_option_u8(w, DHCP6_OPT_PREFERENCE, x->network->preference);
	if (type == DHCP6_REPLY && x->m.type == DHCP6_SOLICIT)
		dhcp6_write_option(w, DHCP6_OPT_RAPID_COMMIT, (struct span){0});
	write_reconfigure(x, type, w);
	write_fqdn(x, w);
	v6_site_write_options(x->engine->site, x->network, x->reservation, x->client.classes,
			      x->m.oro, w);
}

bool v6_reply_write(struct v6_exchange *x, uint8_t type, struct writer *w)
{
	struct dhcp6_relay_marks marks;
	dhcp6_relays_begin(w, &x->relays, &marks);
	write_body(x, type, w);
	dhcp6_relays_end(w, &x->relays, &marks);
	return writer_check(w) == OK;
}

void v6_reply_to(const struct v6_exchange *x, struct v6_send *ret)
{
	/* RFC 8415 18.3.10: to the source address, and "through the interface on which the original
	 * message was received" where it came directly. */
	ret->to = x->arrival->from;
	ret->port = x->relays.n ? DHCP6_SERVER_PORT : DHCP6_CLIENT_PORT;
	ret->ifindex = !x->relays.n || ip_address_is_link_local(&ret->to) ? x->arrival->ifindex : 0;
}
