#include "service/reverse-proxy/grpc.h"

#include "base/writer.h"
#include "proto/http/http1.h"
#include "proxy/exchange.h"

enum {
	TIMEOUT_DIGITS = 8,
	MESSAGE_MAX = 128, /* of grpc-message */
};

bool grpc_is_request(struct proxy_head *request)
{
	const struct http_field *f =
		request->version == 20 ? proxy_head_find(request, HTTP_FIELD_CONTENT_TYPE) : NULL;
	return f && grpc_is_type(f->value);
}

bool grpc_timeout_read(struct span text, uint64_t *ret_ms)
{
	/* In microseconds; nanoseconds are rounded up to one. */
	static const struct {
		char unit;
		uint64_t us;
	} units[] = {{'H', 3600000000}, {'M', 60000000}, {'S', 1000000}, {'m', 1000}, {'u', 1}};
	uint64_t n, us = 0;
	if (text.len < 2 || text.len > TIMEOUT_DIGITS + 1 ||
	    !span_to_u64(span_sub(text, 0, text.len - 1), UINT64_MAX, &n))
		return false;
	char unit = (char)text.data[text.len - 1];
	if (unit == 'n') {
		*ret_ms = (n + 999999) / 1000000;
		return true;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].unit == unit)
			us = units[i].us;
	if (!us)
		return false;
	*ret_ms = (n * us + 999) / 1000; /* eight digits of hours fit */
	return true;
}

enum grpc_status grpc_status_of(unsigned http)
{
	switch (http) {
	case 400: return GRPC_INTERNAL;
	case 401: return GRPC_UNAUTHENTICATED;
	case 403: return GRPC_PERMISSION_DENIED;
	case 404: return GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504: return GRPC_UNAVAILABLE;
	default: return GRPC_UNKNOWN;
	}
}

const struct proxy_limits *grpc_limits(struct proxy_exchange *x, const struct proxy_limits *base)
{
	const struct http_field *f = proxy_head_find_name(&x->request, span_text("grpc-timeout"));
	struct proxy_limits *l = proxy_exchange_alloc(x, sizeof(*l));
	uint64_t ms;
	if (!l)
		return base;
	*l = *base;
	l->first_byte_ms = l->back_body_ms = l->client_body_ms = base->tunnel_ms;
	l->client_rate_min = 0;
	if (f && grpc_timeout_read(f->value, &ms) && ms <= UINT32_MAX &&
	    (!l->whole_ms || ms < l->whole_ms))
		l->whole_ms = ms ? (uint32_t)ms : 1;
	return l;
}

/* "Bad Gateway: connect-failed". What a header field may have stands for itself there; neither text
 * has anything else, nor a percent sign. */
static struct span message_of(struct proxy_exchange *x, unsigned http)
{
	uint8_t room[MESSAGE_MAX];
	struct writer w = writer_of(room, sizeof(room));
	write_text(&w, http_reason(http));
	if (x->cause != PROXY_FINE && x->cause != PROXY_REFUSED)
		write_format(&w, ": %s", proxy_cause_text((enum proxy_cause)x->cause));
	return w.bad ? span_text("") : proxy_exchange_store(x, writer_span(&w));
}

void grpc_answer(struct proxy_exchange *x, struct proxy_verdict *v)
{
	struct proxy_head *r = &x->response;
	unsigned http = r->status;
	uint8_t digits[4];
	struct writer w = writer_of(digits, sizeof(digits));
	if (v->kind != PROXY_ANSWER || http < 300)
		return;
	bool late = http == 504 && x->cause == PROXY_WHOLE_TIME;
	write_format(&w, "%u", late ? GRPC_DEADLINE_EXCEEDED : grpc_status_of(http));
	struct span status = proxy_exchange_store(x, writer_span(&w));
	/* Without room for that, a status of HTTP tells less but is understood as well. */
	if (!status.data || proxy_head_set(r, span_text("content-type"), span_text(GRPC_TYPE)) ||
	    proxy_head_set(r, span_text("grpc-status"), status))
		return;
	err_ignore(proxy_head_set(r, span_text("grpc-message"), message_of(x, http)));
	r->status = 200;
	v->answer = (struct span){0};
}
