/* What a client asks for, and the head as whoever gets it sees it. */
#include "base/decimal.h"
#include "service/forward-proxy/io_face.h"
#include "service/forward-proxy/io_inspect.h"

static struct span none(void)
{
	return (struct span){0};
}

/* ---- the target ---- */

/* RFC 9112 3.2.2, 3.2.3: a proxy is asked by absolute form and by CONNECT. In HTTP/2 there is one
 * form; what names https without CONNECT is for ourselves, as nobody else's TLS ends here. */
static enum refusal kind_of(const struct proxy_head *r, uint8_t *ret_kind)
{
	*ret_kind = FORWARD_FETCH;
	if (r->method_id == PROXY_CONNECT && !r->protocol.len) {
		*ret_kind = r->version < 10 ? FORWARD_SOCKS : FORWARD_TUNNEL;
		return REFUSAL_NONE;
	}
	if (r->version < 20 ? !r->absolute : span_equal_nocase(r->scheme, span_text("https")))
		return REFUSAL_OWN;
	return span_equal_nocase(r->scheme, span_text("http")) ? REFUSAL_NONE : REFUSAL_SCHEME;
}

bool forward_authority_set(struct forward_exchange *e)
{
	char text[DESTINATION_TEXT_MAX + 1];
	size_t len = destination_host_format(&e->to, text), host_len = len;
	struct writer w = writer_of(text + len, sizeof(text) - len);
	if (e->kind != FORWARD_FETCH || e->to.port != (e->inside ? 443 : 80)) {
		write_u8(&w, ':');
		write_decimal(&w, e->to.port);
	}
	struct span all = proxy_exchange_store(e->x, span_of(text, len + w.pos));
	if (w.bad || !all.data)
		return false;
	e->host = span_sub(all, 0, host_len);
	e->x->request.authority = all;
	return true;
}

static bool is_same(const struct destination *a, const struct destination *b)
{
	return a->port == b->port && a->address.family == b->address.family &&
	       (a->address.family ? ip_address_equal(&a->address, &b->address)
				  : span_equal(destination_name(a), destination_name(b)));
}

/* Whom TLS was spoken with is whom requests are for: RFC 9110 7.4. */
enum forward_step forward_read_inside(struct forward_exchange *e, struct proxy_verdict *ret)
{
	const struct forward_inspected *in = e->inside;
	struct proxy_head *r = &e->x->request;
	e->kind = FORWARD_FETCH;
	e->to = in->to;
	if (in->refusal)
		return forward_refuse(e, (enum refusal)in->refusal, in->detail, ret);
	if ((r->method_id == PROXY_CONNECT && !r->protocol.len) ||
	    (r->absolute && !span_equal_nocase(r->scheme, span_text("https"))))
		return forward_refuse(e, REFUSAL_ADDRESS, none(), ret);
	if (r->authority.len && destination_read(r->authority, 443, &e->to))
		return forward_refuse(e, REFUSAL_ADDRESS, none(), ret);
	if (!is_same(&e->to, &in->to))
		return forward_refuse(e, REFUSAL_MISDIRECTED, none(), ret);
	r->scheme = span_text("https");
	r->absolute = false;
	if (!forward_authority_set(e))
		return forward_refuse(e, REFUSAL_MEMORY, none(), ret);
	return FORWARD_STEP_ON;
}

enum forward_step forward_read_target(struct forward_exchange *e, struct proxy_verdict *ret)
{
	struct proxy_head *r = &e->x->request;
	if (e->x->opening.len)
		return forward_read_hello(e, ret);
	if (e->inside)
		return forward_read_inside(e, ret);
	if (forward_is_taken(e))
		return forward_read_claim(e, ret);
	enum refusal why = kind_of(r, &e->kind);
	bool tunnel = e->kind != FORWARD_FETCH;
	if (why == REFUSAL_OWN)
		return forward_own_page(e, ret);
	if (why)
		return forward_refuse(e, why, none(), ret);
	if (destination_read(r->authority, tunnel ? 0 : 80, &e->to))
		return forward_refuse(e, REFUSAL_ADDRESS, none(), ret);
	if (!forward_authority_set(e))
		return forward_refuse(e, REFUSAL_MEMORY, none(), ret);
	return FORWARD_STEP_ON;
}

/* ---- the last one on its way ---- */

static enum forward_step answer_options(struct forward_exchange *e, struct proxy_verdict *ret)
{
	struct proxy_head *r = &e->x->response;
	proxy_head_reset(r);
	r->status = 200;
	err_ignore(proxy_head_add(r, span_text("allow"),
				  span_text("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, "
					    "CONNECT")));
	ret->kind = PROXY_ANSWER;
	return FORWARD_STEP_ANSWERED;
}

static enum forward_step answer_trace(struct forward_exchange *e, struct proxy_verdict *ret)
{
	uint8_t room[MESSAGE_TRACE_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct proxy_head *r = &e->x->response;
	message_trace_write(&e->x->request, &w);
	ret->answer = w.bad ? none() : proxy_exchange_store(e->x, writer_span(&w));
	if (!ret->answer.data)
		return forward_refuse(e, REFUSAL_MEMORY, none(), ret);
	proxy_head_reset(r);
	r->status = 200;
	err_ignore(proxy_head_add(r, span_text("content-type"), span_text("message/http")));
	ret->kind = PROXY_ANSWER;
	return FORWARD_STEP_ANSWERED;
}

enum forward_step forward_count_hops(struct forward_exchange *e, struct proxy_verdict *ret)
{
	struct proxy_head *r = &e->x->request;
	if (message_via_count(r, e->view->site->name) > MESSAGE_LOOPS_MAX)
		return forward_refuse(e, REFUSAL_LOOP, none(), ret);
	switch (message_hops_take(r, e->hops)) {
	case MESSAGE_GOES_ON: return FORWARD_STEP_ON;
	case MESSAGE_BAD: return forward_refuse(e, REFUSAL_HOPS, none(), ret);
	case MESSAGE_ENDS_HERE: break;
	}
	return r->method_id == PROXY_TRACE ? answer_trace(e, ret) : answer_options(e, ret);
}

/* ---- what goes on ---- */

/* What is written of the client lies with the exchange. */
static enum err hide(struct forward_exchange *e)
{
	const struct privacy_conf *c = e->privacy;
	const struct ip_address client = ip_address_unmap(&e->x->connection->peer.address);
	bool writes = c->level == PRIVACY_NONE;
	void *room = writes ? proxy_exchange_alloc(e->x, PRIVACY_ROOM) : NULL;
	struct writer w = writer_of(room, room ? PRIVACY_ROOM : 0);
	if (writes && !room)
		return (enum err)ENOMEM;
	return privacy_request_edit(c, &e->x->request, &client, e->host, &w);
}

static void choose_privacy(struct forward_exchange *e)
{
	const struct privacy_levels *levels = &e->view->site->privacy;
	struct access_facts facts;
	e->privacy = &levels->otherwise;
	if (!levels->rules_n)
		return;
	const struct forward_membership groups = forward_membership_of(e);
	forward_facts(e, &e->to, &groups, &facts);
	e->privacy = privacy_level_of(levels, &facts);
}

enum forward_step forward_edit_request(struct forward_exchange *e, struct proxy_verdict *ret)
{
	/* The head of a tunnel goes nowhere; but an HTTP proxy is told Via. */
	if (e->kind != FORWARD_FETCH && !(e->upstream && upstream_is_http(e->upstream)))
		return FORWARD_STEP_ON;
	choose_privacy(e);
	if (message_request_edit(&e->x->request, &e->view->site->via) || hide(e))
		return forward_refuse(e, REFUSAL_MEMORY, none(), ret);
	return FORWARD_STEP_ON;
}

void forward_edit_answer(struct forward_exchange *e)
{
	message_response_edit(&e->x->response, &e->view->site->via);
	privacy_answer_edit(e->privacy, &e->x->response);
}
