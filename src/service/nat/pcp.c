#include "service/nat/pcp.h"

#include "base/writer.h"
#include "service/nat/portctl.h"

/* RFC 6887 7.4: for how long a client shall not ask again. */
enum { SHORT_LIFETIME_S = 30, LONG_LIFETIME_S = 30 * 60 };

static uint32_t error_lifetime_s(enum pcp_result result)
{
	switch (result) {
	case PCP_NETWORK_FAILURE:
	case PCP_NO_RESOURCES:
	case PCP_USER_EX_QUOTA:
	case PCP_CANNOT_PROVIDE_EXTERNAL: return SHORT_LIFETIME_S;
	default: return LONG_LIFETIME_S;
	}
}

static enum pcp_result result_of(enum portctl_verdict verdict, uint8_t opcode)
{
	switch (verdict) {
	case PORTCTL_DONE:
	case PORTCTL_ABSENT: return PCP_SUCCESS;
	case PORTCTL_TAKEN: return PCP_CANNOT_PROVIDE_EXTERNAL;
	case PORTCTL_HOST_FULL: return PCP_USER_EX_QUOTA;
	case PORTCTL_FULL: return PCP_NO_RESOURCES;
	case PORTCTL_PEERS_FULL: return PCP_EXCESSIVE_REMOTE_PEERS;
	case PORTCTL_UNSUPPORTED: /* protocol and port were right: the family, or the far end */
		return opcode == PCP_PEER ? PCP_UNSUPP_OPCODE : PCP_CANNOT_PROVIDE_EXTERNAL;
	case PORTCTL_NO_NETWORK: return PCP_NETWORK_FAILURE;
	default: /* forbidden, another's */ return PCP_NOT_AUTHORIZED;
	}
}

/* RFC 6887 13.1: "MUST NOT" serve a THIRD_PARTY that the administrator did not allow. */
static enum pcp_result third_party_judge(const struct portctl *list, const struct pcp_request *q)
{
	if (!q->third_party)
		return PCP_SUCCESS;
	if (!portctl_third_party_on(list))
		return PCP_UNSUPP_OPTION;
	return portctl_third_party(list, &q->client) ? PCP_SUCCESS : PCP_NOT_AUTHORIZED;
}

/* What can be said without the list. */
static enum pcp_result judge(const struct portctl *list, const struct pcp_request *q)
{
	bool deletes = q->lifetime_s == 0;
	if (q->opcode == PCP_ANNOUNCE)
		return PCP_SUCCESS;
	enum pcp_result result = third_party_judge(list, q);
	if (result)
		return result;
	/* 11.1: protocol 0 is all protocols, port 0 all ports: we open neither, but close both. */
	if (deletes && q->opcode == PCP_MAP && (q->protocol == 0 || q->internal_port == 0))
		return q->protocol == 0 && q->internal_port ? PCP_MALFORMED_REQUEST : PCP_SUCCESS;
	if ((q->protocol != PORTCTL_TCP && q->protocol != PORTCTL_UDP) || q->internal_port == 0)
		return PCP_UNSUPP_PROTOCOL;
	if (q->opcode == PCP_PEER &&
	    (q->remote.port == 0 || ip_address_is_unspecified(&q->remote.address)))
		return PCP_MALFORMED_REQUEST;
	return PCP_SUCCESS;
}

/* An IPv4 host is not seen by an IPv6 address: whatever it suggests of that family stands for
 * "any".
 */
static void wanted_settle(struct portctl_ask *ask)
{
	bool insists = ask->exact && !ip_address_is_unspecified(&ask->wanted.address);
	if (ask->internal.address.family == 4 && ask->wanted.address.family == 6 && !insists)
		ask->wanted.address = (struct ip_address){.family = 4};
}

static enum pcp_result filters_of(const struct pcp_request *q, struct portctl_ask *ask,
				  struct portctl_filter room[PCP_FILTERS_MAX])
{
	for (size_t i = 0; i < q->filters_n; i++) {
		const struct pcp_filter *f = &q->filters[i];
		if (!f->remote.address.family)
			ask->filters_clear = true; /* it stands first: the reader saw to that */
		else if (f->remote.address.family != ask->wanted.address.family)
			return PCP_MALFORMED_OPTION; /* nobody of that family can come that way */
		else
			room[ask->filters_n++] = (struct portctl_filter){f->remote, f->port};
	}
	ask->filters = room;
	return PCP_SUCCESS;
}

/* What the list answered, and for how long that holds. */
struct outcome {
	enum pcp_result result;
	uint32_t lifetime_s;
};

static struct outcome failed(enum pcp_result result)
{
	return (struct outcome){result, error_lifetime_s(result)};
}

static struct outcome obey(struct pcp_server *s, uint64_t now_ms, const struct pcp_arrival *a,
			   struct pcp_request *q)
{
	struct portctl_filter filters[PCP_FILTERS_MAX];
	const struct portctl_mapping *m = NULL;
	struct portctl_ask ask = {
		.origin = PORTCTL_PCP,
		.zone = a->zone,
		.protocol = q->protocol,
		.internal = {.address = q->third_party ? q->third : a->source.address,
			     .port = q->internal_port},
		.wanted = q->external,
		.remote = q->remote,
		.exact = q->prefer_failure,
		.nonce = q->nonce,
		.lifetime_s = q->lifetime_s,
	};
	wanted_settle(&ask);
	if (q->lifetime_s == 0 && (q->protocol == 0 || q->internal_port == 0)) {
		(void)portctl_close_all(s->list, now_ms, &ask);
		return (struct outcome){PCP_SUCCESS, 0};
	}
	enum pcp_result result = filters_of(q, &ask, filters);
	if (result)
		return failed(result);
	enum portctl_verdict verdict = q->lifetime_s ? portctl_open(s->list, now_ms, &ask, &m)
						     : portctl_close(s->list, now_ms, &ask, &m);
	if (verdict == PORTCTL_FOREIGN) /* 11.3: "lifetime ... of that existing mapping" */
		return (struct outcome){PCP_NOT_AUTHORIZED, portctl_left_s(m, now_ms)};
	if (verdict != PORTCTL_DONE || !m)
		return verdict == PORTCTL_DONE || verdict == PORTCTL_ABSENT
			       ? (struct outcome){PCP_SUCCESS, 0}
			       : failed(result_of(verdict, q->opcode));
	q->external = m->external;
	return (struct outcome){PCP_SUCCESS, portctl_left_s(m, now_ms)};
}

void pcp_receive(struct pcp_server *s, uint64_t now_ms, const struct pcp_arrival *a,
		 struct span datagram, struct writer *answer)
{
	struct pcp_request q;
	enum pcp_result result;
	if (!pcp_request_read(datagram, &q, &result)) {
		s->dropped++;
		return;
	}
	/* 8.2: ADDRESS_MISMATCH, of which the client learns that a NAT stands between us, goes
	 * before what the rest may say. */
	if (result != PCP_UNSUPP_VERSION && q.client.family &&
	    !ip_address_equal(&q.client, &a->source.address))
		result = PCP_ADDRESS_MISMATCH;
	struct outcome o = {.result = result};
	if (!o.result)
		o.result = judge(s->list, &q);
	if (o.result)
		o = failed(o.result);
	else if (q.opcode != PCP_ANNOUNCE)
		o = obey(s, now_ms, a, &q);
	uint32_t epoch_s = portctl_epoch_s(s->list, now_ms);
	s->pcp_answers[o.result]++;
	if (o.result)
		pcp_write_error(answer, datagram, o.result, o.lifetime_s, epoch_s);
	else
		pcp_write_answer(answer, &q, o.lifetime_s, epoch_s);
}

void pcp_server_receive(struct pcp_server *s, uint64_t now_ms, const struct pcp_arrival *a,
			struct span datagram, struct writer *answer)
{
	if (datagram.len < 2 || (!s->pcp && !s->nat_pmp)) {
		s->dropped++;
		return;
	}
	/* RFC 6887 9 and RFC 6886 9: the first octet says which; who speaks one of them only
	 * answers the other in his own. */
	bool natpmp = s->nat_pmp && (datagram.data[0] == NATPMP_VERSION || !s->pcp);
	(natpmp ? natpmp_receive : pcp_receive)(s, now_ms, a, datagram, answer);
}

/* --- announcements --- */

void pcp_announcer_begin(struct pcp_announcer *a, uint64_t now_ms)
{
	*a = (struct pcp_announcer){PCP_ANNOUNCEMENTS, now_ms, PCP_ANNOUNCE_FIRST_MS};
}

uint64_t pcp_announcer_next_ms(const struct pcp_announcer *a)
{
	return a->left ? a->due_ms : UINT64_MAX;
}

bool pcp_announcer_step(struct pcp_announcer *a, uint64_t now_ms)
{
	if (!a->left || now_ms < a->due_ms)
		return false;
	a->left--;
	a->due_ms = now_ms + a->gap_ms;
	a->gap_ms *= 2;
	return true;
}

void pcp_announcement(const struct pcp_server *s, uint64_t now_ms, struct writer *w)
{
	pcp_write_announce(w, portctl_epoch_s(s->list, now_ms));
}

void natpmp_announcement(const struct pcp_server *s, uint64_t now_ms, const struct ip_address *host,
			 struct writer *w)
{
	struct ip_address address = {0};
	enum err e = portctl_external_address(s->list, host, 4, &address);
	natpmp_write_address(w, e ? NATPMP_NETWORK_FAILURE : NATPMP_SUCCESS,
			     portctl_epoch_s(s->list, now_ms), &address);
}
