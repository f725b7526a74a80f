#include "base/writer.h"
#include "service/nat/pcp.h"
#include "service/nat/portctl.h"

static enum natpmp_result result_of(enum portctl_verdict verdict)
{
	switch (verdict) {
	case PORTCTL_DONE:
	case PORTCTL_ABSENT: /* RFC 6886 3.4: what is not there is as good as deleted */
		return NATPMP_SUCCESS;
	case PORTCTL_NO_NETWORK: return NATPMP_NETWORK_FAILURE;
	case PORTCTL_TAKEN:
	case PORTCTL_HOST_FULL:
	case PORTCTL_FULL: return NATPMP_NO_RESOURCES;
	default: return NATPMP_NOT_AUTHORIZED;
	}
}

/* q's external port and lifetime become what was granted. */
static enum natpmp_result map(struct pcp_server *s, uint64_t now_ms, const struct pcp_arrival *a,
			      struct natpmp_request *q)
{
	const struct portctl_mapping *m = NULL;
	const struct portctl_ask ask = {
		.origin = PORTCTL_NAT_PMP,
		.zone = a->zone,
		.protocol = q->opcode == NATPMP_MAP_TCP ? PORTCTL_TCP : PORTCTL_UDP,
		.internal = {.address = a->source.address, .port = q->internal_port},
		.wanted = {.address = {.family = 4}, .port = q->external_port},
		.lifetime_s = q->lifetime_s,
	};
	if (q->lifetime_s) {
		enum natpmp_result result = result_of(portctl_open(s->list, now_ms, &ask, &m));
		q->external_port = m && !result ? m->external.port : 0;
		q->lifetime_s = m && !result ? portctl_left_s(m, now_ms) : 0;
		return result;
	}
	/* RFC 6886 3.4: "the NAT gateway MUST ... set the External Port to zero" in what confirms a
	 * deletion; port 0 inside means all of the protocol. */
	q->external_port = 0;
	if (q->internal_port)
		return result_of(portctl_close(s->list, now_ms, &ask, &m));
	(void)portctl_close_all(s->list, now_ms, &ask);
	return NATPMP_SUCCESS;
}

void natpmp_receive(struct pcp_server *s, uint64_t now_ms, const struct pcp_arrival *a,
		    struct span datagram, struct writer *answer)
{
	struct natpmp_request q;
	enum natpmp_result result;
	struct ip_address address = {0};
	if (a->source.address.family != 4 || !natpmp_request_read(datagram, &q, &result)) {
		s->dropped++;
		return;
	}
	bool address_asked = !result && q.opcode == NATPMP_ADDRESS;
	if (address_asked) {
		if (portctl_external_address(s->list, &a->source.address, 4, &address))
			result = NATPMP_NETWORK_FAILURE;
	} else if (!result) {
		result = map(s, now_ms, a, &q);
	}
	uint32_t epoch_s = portctl_epoch_s(s->list, now_ms);
	s->natpmp_answers[result]++;
	if (address_asked)
		natpmp_write_address(answer, result, epoch_s, &address);
	else
		natpmp_write_answer(answer, &q, result, epoch_s);
}
