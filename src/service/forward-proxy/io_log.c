/* An exchange that has ended, as a line of the access log. */
#include "os/clock.h"
#include "proxy/access-log/access_line.h"
#include "service/forward-proxy/io_face.h"

static struct span field_of(struct proxy_exchange *x, uint16_t id)
{
	const struct http_field *f = proxy_head_find(&x->request, id);
	return f ? f->value : (struct span){0};
}

static uint64_t between(uint64_t from_us, uint64_t to_us)
{
	return from_us && to_us > from_us ? to_us - from_us : 0;
}

static void fill_tls(const struct proxy_tls_facts *tls, struct access_line *l)
{
	l->tls = tls->version;
	l->cipher = tls->cipher;
	l->server_name = tls->server_name;
	l->alpn = tls->alpn;
	l->resumed = tls->resumed;
}

/* Why it ended otherwise than it should: a rule of ours, or what befell it on its way. */
static const char *cause_of(const struct proxy_exchange *x, const struct forward_exchange *e)
{
	if (e && e->refusal)
		return refusal_facts((enum refusal)e->refusal)->word;
	if (x->cause == PROXY_FINE || x->cause == PROXY_REFUSED)
		return NULL;
	return proxy_cause_text((enum proxy_cause)x->cause);
}

void forward_log(struct forward_worker *w, struct proxy_exchange *x,
		 const struct forward_exchange *e)
{
	const struct forward_view *v = e ? e->view : w->view;
	const struct access_log_conf *conf = v ? &v->site->conf->access_log : NULL;
	const struct proxy_times *t = &x->times;
	char server[IP_ADDRESS_TEXT_MAX];
	struct writer line;
	if (!conf || conf->format == ACCESS_LOG_OFF)
		return;
	struct access_line l = {
		.time_ms = clock_wall_ms() - between(t->begin_us, t->end_us) / 1000,
		.client = ip_address_unmap(&x->connection->peer.address),
		.method = x->request.method,
		.scheme = x->request.method_id == PROXY_CONNECT ? (struct span){0}
								: x->request.scheme,
		.host = x->received_authority,
		.path = x->received_path,
		.referer = field_of(x, HTTP_FIELD_REFERER),
		.agent = field_of(x, HTTP_FIELD_USER_AGENT),
		.cause = cause_of(x, e),
		.status = x->response.status,
		.version = x->request.version,
		.tries = x->tries,
		.request_bytes = x->request_bytes,
		.response_bytes = x->sent_bytes,
		.duration_us = between(t->begin_us, t->end_us),
		.first_byte_us = between(t->begin_us, t->first_us),
		.connect_us = between(t->picked_us, t->open_us),
	};
	if (e) {
		l.user = e->user;
		l.tunnel_name = e->asked;
		l.detail = e->detail;
		l.inspected = e->inspected || e->inside;
		if (e->asked_by)
			l.upstream = span_text(e->asked_by->text);
		l.upstream_status = x->lead_status;
	}
	if (x->connection->tls)
		fill_tls(x->connection->tls, &l);
	if (e)
		l.cache = proxy_cached_word(e->cached);
	if (x->reached.address.family)
		l.server = span_of(server, ip_address_format(&x->reached.address, server));
	if (!access_out_begin(w->access, ACCESS_LINE_MAX, &line))
		return;
	access_line_write(&l, conf->format == ACCESS_LOG_JSON ? ACCESS_JSON : ACCESS_COMBINED,
			  conf->clients, &line);
	access_out_end(w->access, &line);
}
