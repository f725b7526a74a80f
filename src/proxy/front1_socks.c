/* A client that speaks SOCKS: its request becomes an exchange like that of CONNECT. */
#include "proto/http/basic.h"
#include "proxy/exchange.h"
#include "proxy/front1_inner.h"
#include "proxy/worker.h"

enum { AUTHORITY_MAX = SOCKS_NAME_MAX + 16 };

/* Composed; flushed by whoever is next. */
static bool put(struct proxy_front1 *f, const struct writer *w)
{
	uint8_t *at = w->pos ? proxy_wire1_room(&f->wire, w->pos) : NULL;
	if (at)
		memcpy(at, w->data, w->pos);
	return !w->bad && (at || !w->pos);
}

static enum front1_step gone(struct proxy_front1 *f, enum proxy_cause cause)
{
	front1_end(f, cause, false);
	return FRONT1_GONE;
}

/* A request of a method, with what the client has said of itself. */
static bool fill(struct proxy_front1 *f, struct proxy_exchange *x, const char *method)
{
	struct proxy_head *r = &x->request;
	r->method = span_text(method);
	r->method_id = proxy_method_id(r->method);
	r->version = f->socks.version;
	if (!f->credentials)
		return true;
	struct span value = proxy_exchange_store(x, proxy_buffer_span(f->credentials));
	return value.data && !proxy_head_add(r, span_text("proxy-authorization"), value);
}

enum front1_step front1_begin(struct proxy_front1 *f, struct proxy_exchange *x, size_t used)
{
	proxy_wire1_skip(&f->wire, used);
	proxy_wire1_in(&f->wire, PROXY_FRAMING_NONE, 0);
	proxy_wire1_rest(&f->wire);
	f->keep_alive = false;
	f->state = PROXY_FRONT1_ANSWER;
	proxy_deadline_clear(&f->deadline);
	f->x = x;
	proxy_exchange_begin(x, true);
	return FRONT1_ON;
}

static enum front1_step no_room(struct proxy_front1 *f, struct proxy_exchange *x)
{
	if (x)
		proxy_exchange_give(x);
	return gone(f, PROXY_BUSY);
}

static enum front1_step request(struct proxy_front1 *f, const struct proxy_socks_message *m)
{
	struct proxy_exchange *x = proxy_exchange_take(f->c.worker, &f->c, &f->front);
	char text[AUTHORITY_MAX];
	struct writer w = writer_of(text, sizeof(text));
	if (!x || !fill(f, x, f->socks.associates ? PROXY_SOCKS_ASSOCIATE_METHOD : "CONNECT"))
		return no_room(f, x);
	proxy_socks_authority(&m->to, &w);
	x->request.authority = proxy_exchange_store(x, writer_span(&w));
	if (w.bad || !x->request.authority.data)
		return no_room(f, x);
	proxy_buffer_give(f->wire.pool, TAKE(f->credentials));
	return front1_begin(f, x, m->used);
}

/* An exchange of its own says whether it is right. They are said again with the request: what is
 * allowed then goes by who it is. */
static enum front1_step sign_in(struct proxy_front1 *f, const struct proxy_socks_message *m)
{
	struct proxy_buffer *b = proxy_buffer_take(f->wire.pool);
	struct proxy_exchange *x = NULL;
	if (!b)
		return no_room(f, x);
	struct writer w = writer_of(b->data, sizeof(b->data));
	basic_write(&w, m->user, m->password);
	b->end = w.bad ? 0 : (uint32_t)w.pos; /* bad: a name that nobody can have */
	f->credentials = b;
	x = proxy_exchange_take(f->c.worker, &f->c, &f->front);
	if (!x || !fill(f, x, PROXY_SOCKS_SIGN_IN_METHOD))
		return no_room(f, x);
	return front1_begin(f, x, m->used);
}

enum front1_step front1_socks_step(struct proxy_front1 *f)
{
	uint8_t room[PROXY_SOCKS_ANSWER_MAX];
	struct writer out = writer_of(room, sizeof(room));
	struct span in = proxy_wire1_bytes(&f->wire);
	struct proxy_socks_message m;
	if (f->wire.in_eof || f->broken || f->c.worker->draining)
		return gone(f, PROXY_FINE);
	enum proxy_socks_took took = proxy_socks_take(&f->socks, in, &out, &m);
	if (!put(f, &out) || proxy_wire1_flush(&f->wire))
		return gone(f, PROXY_CLIENT_GONE);
	switch (took) {
	case PROXY_SOCKS_MORE: return FRONT1_READ;
	case PROXY_SOCKS_ON: proxy_wire1_skip(&f->wire, m.used); return FRONT1_ON;
	case PROXY_SOCKS_SAID: return sign_in(f, &m);
	case PROXY_SOCKS_ASKED: return request(f, &m);
	case PROXY_SOCKS_END: break;
	}
	front1_no_request(f, PROXY_CLIENT_FORMAT);
	return FRONT1_ON;
}

static enum socks5_reply reply_of(const struct proxy_exchange *x)
{
	if (x->response.status < 300)
		return SOCKS5_SUCCEEDED;
	if (x->cause == PROXY_CONNECT_FAILED)
		return socks5_reply_of(x->connect_error);
	if (x->cause == PROXY_CONNECT_TIME || x->cause == PROXY_UPSTREAM_TIME)
		return SOCKS5_TTL_EXPIRED;
	/* It says nothing of where the client wants to go. */
	if (x->cause == PROXY_UPSTREAM_SIGN_IN || x->cause == PROXY_UPSTREAM_FORMAT)
		return SOCKS5_FAILED;
	switch (x->response.status) {
	case 403:
	case 407:
	case 429: return SOCKS5_NOT_ALLOWED;
	case 502:
	case 504: return SOCKS5_HOST_UNREACHABLE;
	default: return SOCKS5_FAILED;
	}
}

bool front1_socks_head(struct proxy_front1 *f, const struct proxy_exchange *x)
{
	uint8_t room[PROXY_SOCKS_ANSWER_MAX];
	struct writer out = writer_of(room, sizeof(room));
	bool good = x->response.status < 300;
	bool tunnel = x->response.body == PROXY_BODY_TUNNEL;
	if (f->socks.step == PROXY_SOCKS_SIGN_IN) {
		f->keep_alive = good;
		proxy_socks_signed_in(&f->socks, good, &out);
	} else {
		proxy_socks_answer(&f->socks, reply_of(x), &x->bound, &out);
		if (tunnel)
			f->state = PROXY_FRONT1_TUNNEL;
		else if (good)
			f->state = PROXY_FRONT1_HOLD;
	}
	if (!put(f, &out))
		return false;
	if (f->state != PROXY_FRONT1_ANSWER)
		proxy_wire1_in(&f->wire, PROXY_FRAMING_CLOSE, 0);
	/* What the face says for people to read has no place here. */
	proxy_wire1_out(&f->wire, tunnel ? PROXY_FRAMING_CLOSE : PROXY_FRAMING_NONE, 0);
	return true;
}
