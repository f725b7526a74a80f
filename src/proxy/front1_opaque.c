/* A client whose connection was taken on its way, and whose bytes are for the server alone: its
 * beginning becomes an exchange like that of CONNECT, to where the connection was meant to go. */
#include "proxy/exchange.h"
#include "proxy/front1_inner.h"
#include "proxy/worker.h"

enum { VERSION = 1 }; /* of no protocol of ours */

static enum front1_step gone(struct proxy_front1 *f, enum proxy_cause cause, bool abort)
{
	front1_end(f, cause, abort);
	return FRONT1_GONE;
}

static enum front1_step request(struct proxy_front1 *f, struct span bytes)
{
	struct proxy_exchange *x = proxy_exchange_take(f->c.worker, &f->c, &f->front);
	char text[IP_ENDPOINT_TEXT_MAX];
	if (!x)
		return gone(f, PROXY_BUSY, true);
	struct proxy_head *r = &x->request;
	r->method = span_text("CONNECT");
	r->method_id = PROXY_CONNECT;
	r->version = VERSION;
	r->authority =
		proxy_exchange_store(x, span_of(text, ip_endpoint_format(&f->c.local, text)));
	if (!r->authority.data) {
		proxy_exchange_give(x);
		return gone(f, PROXY_BUSY, true);
	}
	x->opening = bytes; /* nothing more is read before the verdict */
	return front1_begin(f, x, 0);
}

enum front1_step front1_opaque_step(struct proxy_front1 *f)
{
	const struct proxy_worker *w = f->c.worker;
	struct span in = proxy_wire1_bytes(&f->wire);
	bool last = f->wire.in_eof || in.len >= f->head_max;
	if (f->broken || w->draining || (!in.len && last))
		return gone(f, PROXY_FINE, false);
	if (!last && in.len == f->scanned) /* nothing is new */
		return FRONT1_READ;
	f->scanned = (uint32_t)in.len;
	if (!last && w->face->opening && !w->face->opening(w->face_arg, &f->c, in))
		return FRONT1_READ;
	return request(f, in);
}

void front1_opaque_head(struct proxy_front1 *f, const struct proxy_exchange *x, bool end)
{
	const struct proxy_head *head = &x->response;
	if (head->body != PROXY_BODY_TUNNEL) {
		proxy_wire1_out(&f->wire, end ? PROXY_FRAMING_NONE : PROXY_FRAMING_LENGTH,
				end ? 0 : head->length);
		return;
	}
	f->state = PROXY_FRONT1_TUNNEL;
	proxy_wire1_in(&f->wire, PROXY_FRAMING_CLOSE, 0);
	proxy_wire1_out(&f->wire, PROXY_FRAMING_CLOSE, 0);
}
