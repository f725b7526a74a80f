/* What a client asks for inside a tunnel, as far as it can be read: the name in the ClientHello of
 * TLS. It may be another one than the tunnel was opened for, or the tunnel be for an address. */
#include "service/forward-proxy/io_face.h"
#include "service/forward-proxy/io_inspect.h"
#include "service/forward-proxy/opening.h"

bool forward_looks_into(const struct forward_exchange *e)
{
	const struct forward_site *site = e->view->site;
	if (e->kind == FORWARD_TLS) /* that was judged ahead of it, and may be inspected */
		return site->inspect_like;
	bool matters = site->conf->policy || site->rules.rules_n || site->inspect_like ||
		       site->conf->tunnels.other == FORWARD_OTHER_REFUSE;
	return matters && ports_contain(&site->tls_ports, e->to.port);
}

bool forward_opening(void *arg, const struct proxy_connection *c, struct span bytes)
{
	struct client_hello h;
	(void)arg;
	(void)c;
	return opening_read(bytes, &h) != OPENING_MORE;
}

static enum proxy_first refuse(struct forward_exchange *e, enum refusal why, struct span detail)
{
	forward_count(e->worker, FORWARD_COUNT_REFUSED + why);
	e->refusal = (uint8_t)why;
	e->detail = detail;
	return PROXY_FIRST_REFUSE;
}

static enum proxy_first judge_name(struct forward_exchange *e, struct span name)
{
	struct destination to;
	struct span detail = {0};
	e->asked = proxy_exchange_store(e->x, name);
	if (!e->to.address.family && span_equal(name, destination_name(&e->to)))
		return PROXY_FIRST_PASS; /* judged before the tunnel was opened */
	if (destination_read_host(name, e->to.port, &to))
		return refuse(e, REFUSAL_HELLO, detail);
	if (!forward_rules_let(e, &to, &detail))
		return refuse(e, REFUSAL_ASKED_RULE, detail);
	if (!forward_policy_lets(e, &to, &detail))
		return refuse(e, REFUSAL_ASKED_BLOCKED, detail);
	return PROXY_FIRST_PASS;
}

/* By what is in force now, though the tunnel is older. */
static enum proxy_first judge(struct forward_exchange *e, struct span name)
{
	struct forward_view *own = e->view;
	e->view = e->worker->view;
	enum proxy_first said = judge_name(e, name);
	e->view = own;
	e->rule = NULL; /* of a view that is not ours; nobody is told by a page */
	return said;
}

/* What may go on, may be answered here. */
static enum proxy_first hello(struct forward_exchange *e, const struct client_hello *h)
{
	bool judged = !h->name[0] || e->kind == FORWARD_TLS;
	bool inspects = false;
	enum proxy_first said = judged ? PROXY_FIRST_PASS : judge(e, span_text(h->name));
	if (said != PROXY_FIRST_PASS)
		return said;
	/* Nobody whose TLS is inspected goes by unseen because there is no room. */
	if (forward_inspects(e, h, &inspects))
		return refuse(e, REFUSAL_MEMORY, (struct span){0});
	return inspects ? PROXY_FIRST_INSPECT : PROXY_FIRST_PASS;
}

enum proxy_first forward_first_bytes(void *arg, struct proxy_exchange *x, struct span bytes,
				     bool last)
{
	static const struct span none;
	struct forward_exchange *e = x->service;
	struct client_hello h;
	(void)arg;
	switch (opening_read(bytes, &h)) {
	case OPENING_MORE:
		if (!last)
			return PROXY_FIRST_MORE;
		break;
	case OPENING_TLS: return hello(e, &h);
	case OPENING_OTHER:
		if (e->view->site->conf->tunnels.other == FORWARD_OTHER_PASS)
			return PROXY_FIRST_PASS;
		return refuse(e, REFUSAL_NO_TLS, none);
	case OPENING_TORN: break;
	}
	return refuse(e, REFUSAL_HELLO, none);
}
