/* Requests and TLS of clients that know of no proxy: their connections were taken on their way.
 * Where they go is known of the connection; which host that is only the client says, and it may say
 * anything.
 *
 * A request goes on to the address that its connection was meant for. The name must pass policy and
 * rules, true or not; only if it leads to that address does it stand for it: opens what rules open
 * for a name, and names what the cache keeps. So it is with the name that TLS asks for; what asks
 * for none is for the address. Else the request is judged once more as one for that
 * address, and neither asks the cache nor changes it (CVE-2009-0801 is of proxies that believed).
 */
#include "service/forward-proxy/io_face.h"
#include "service/forward-proxy/opening.h"

bool forward_is_taken(const struct forward_exchange *e)
{
	const struct proxy_connection *c = e->x->connection;
	const struct forward_entry *entry = c->door;
	const struct forward_listen_conf *l = e->view->listens[entry->number];
	return e->taken || (l && (l->transparent || l->transparent_tls) && !e->inside);
}

/* Where the connection was meant to go, as a target. */
static void set_meant(struct forward_exchange *e)
{
	const struct ip_endpoint *meant = &e->x->connection->local;
	e->to = (struct destination){.address = meant->address, .port = meant->port};
}

static enum forward_step no_target(struct forward_exchange *e, struct proxy_verdict *ret)
{
	return forward_refuse(e, REFUSAL_ADDRESS, (struct span){0}, ret);
}

enum forward_step forward_read_claim(struct forward_exchange *e, struct proxy_verdict *ret)
{
	const struct ip_endpoint *meant = &e->x->connection->local;
	struct proxy_head *r = &e->x->request;
	e->taken = true;
	e->kind = FORWARD_FETCH;
	names_addresses_set(&e->addresses, &meant->address);
	forward_count(e->worker, FORWARD_COUNT_TAKEN);
	if (r->method_id == PROXY_CONNECT ||
	    (r->absolute && !span_equal_nocase(r->scheme, span_text("http"))))
		return no_target(e, ret);
	if (!r->authority.len) /* HTTP/1.0 */
		set_meant(e);
	else if (destination_read(r->authority, 80, &e->to))
		return no_target(e, ret);
	r->scheme = span_text("http");
	r->absolute = false;
	if (!forward_authority_set(e))
		return forward_refuse(e, REFUSAL_MEMORY, (struct span){0}, ret);
	return FORWARD_STEP_ON;
}

enum forward_step forward_read_hello(struct forward_exchange *e, struct proxy_verdict *ret)
{
	const struct ip_endpoint *meant = &e->x->connection->local;
	struct proxy_head *r = &e->x->request;
	struct client_hello h;
	e->taken = true;
	e->kind = FORWARD_TLS;
	names_addresses_set(&e->addresses, &meant->address);
	r->method = span_text("TLS");
	set_meant(e);
	enum opening opening = opening_read(e->x->opening, &h);
	if (opening != OPENING_TLS)
		return forward_refuse(e, opening == OPENING_OTHER ? REFUSAL_NO_TLS : REFUSAL_HELLO,
				      (struct span){0}, ret);
	if (h.name[0]) {
		e->asked = proxy_exchange_store(e->x, span_text(h.name));
		if (destination_read_host(span_text(h.name), meant->port, &e->to))
			return forward_refuse(e, REFUSAL_HELLO, (struct span){0}, ret);
	}
	if (!forward_authority_set(e))
		return forward_refuse(e, REFUSAL_MEMORY, (struct span){0}, ret);
	e->x->received_authority = r->authority; /* for the log */
	return FORWARD_STEP_ON;
}

enum claim { CLAIM_TRUE, CLAIM_FALSE, CLAIM_WAIT };

/* Does what is claimed lead where the connection was meant to go? Whatever the DNS does not say
 * does not count for it. */
static enum claim judge_claim(struct forward_exchange *e)
{
	const struct ip_endpoint *meant = &e->x->connection->local;
	struct names_addresses found = {.n = 0};
	if (e->to.port != meant->port)
		return CLAIM_FALSE;
	if (e->to.address.family)
		return ip_address_equal(&e->to.address, &meant->address) ? CLAIM_TRUE : CLAIM_FALSE;
	switch (forward_names_find(e->worker->names, destination_name(&e->to), &e->waiter,
				   &found)) {
	case NAMES_KNOWN: break;
	case NAMES_WAIT: forward_count(e->worker, FORWARD_COUNT_NAMES); return CLAIM_WAIT;
	case NAMES_ABSENT:
	case NAMES_UNTOLD:
	case NAMES_FULL: return CLAIM_FALSE;
	}
	for (size_t i = 0; i < found.n; i++)
		if (ip_address_equal(&found.items[i], &meant->address))
			return CLAIM_TRUE;
	return CLAIM_FALSE;
}

/* From here on it is a request for that address; what its server gets as Host stays. */
static enum forward_step disbelieve(struct forward_exchange *e, struct proxy_verdict *ret)
{
	struct proxy_head *r = &e->x->request;
	struct span claimed = r->authority;
	e->unproved = true;
	e->allowed = false;
	set_meant(e);
	if (!forward_authority_set(e))
		return forward_refuse(e, REFUSAL_MEMORY, (struct span){0}, ret);
	e->x->received_authority = r->authority; /* for the log, and for pages */
	r->authority = claimed;
	forward_count(e->worker, FORWARD_COUNT_UNPROVED);
	return forward_judge_written(e, ret);
}

enum forward_step forward_check_claim(struct forward_exchange *e, struct proxy_verdict *ret)
{
	enum forward_step s = FORWARD_STEP_ON;
	if (!e->taken)
		return s;
	s = forward_judge_rules(e, ret); /* by the address that is dialled: all is known */
	if (s == FORWARD_STEP_ON)
		s = forward_judge_policy(e, ret);
	/* An engine's safe name, and who leads for us, find where it goes: not the client. */
	(void)forward_choose_way(e, ret);
	e->unproved = e->instead.len || e->upstream;
	if (s != FORWARD_STEP_ON || e->unproved)
		return s;
	switch (judge_claim(e)) {
	case CLAIM_TRUE: return FORWARD_STEP_ON;
	case CLAIM_WAIT: return FORWARD_STEP_WAIT;
	case CLAIM_FALSE: break;
	}
	return disbelieve(e, ret);
}
