#include "proxy/hop.h"

#include "base/writer.h"
#include "proto/proxy-header/header.h"
#include "proxy/back1.h"
#include "proxy/back2.h"
#include "proxy/face.h"
#include "proxy/hop_inner.h"
#include "proxy/worker.h"

void hop_open(struct proxy_exchange *x)
{
	struct proxy_hop *hop = x->hop;
	if (!hop->open_n)
		hop->only_http1 = false; /* it may have learned since */
	bool http2 = hop->protocol == PROXY_HTTP2;
	/* Not all servers of HTTP/2 take what changes the protocol, all of HTTP/1.1 may. */
	if (hop->protocol == PROXY_HTTP_ALPN)
		http2 = !hop->only_http1 && !x->request.protocol.len;
	/* Which version is spoken behind a proxy is known when that has led on. */
	if (http2 && proxy_hop_is_led(hop)) {
		if (proxy_back2_join(x))
			return;
		http2 = false;
	}
	if (http2)
		proxy_back2_open(x);
	else if (!proxy_back1_reuse(hop, x))
		proxy_back1_connect(x->worker, hop, x);
}

void hop_count_open(struct proxy_worker *w, struct proxy_hop *hop)
{
	hop->open_n++;
	proxy_count_add(&w->counts, PROXY_COUNT_BACK_CONNECTS, 1);
	proxy_count_add(&w->counts, PROXY_COUNT_BACK_OPEN, 1);
}

void hop_count_gone(struct proxy_worker *w, struct proxy_hop *hop)
{
	proxy_count_add(&w->counts, PROXY_COUNT_BACK_OPEN, (uint64_t)-1);
	hop_let_go(w, hop);
}

void hop_hold(struct proxy_hop *hop)
{
	hop->open_n++;
}

void hop_let_go(struct proxy_worker *w, struct proxy_hop *hop)
{
	ASSERT(hop->open_n > 0);
	hop->open_n--;
	if (hop->closing && !hop->open_n && w->face->hop_empty)
		w->face->hop_empty(w->face_arg, hop);
}

void proxy_hop_close(struct proxy_worker *w, struct proxy_hop *hop)
{
	(void)w;
	hop->closing = true;
	while (hop->idle) {
		bool last = hop->open_n == 1;
		proxy_back1_close(hop->idle_last);
		if (last)
			return; /* hop_empty may have freed it */
	}
	proxy_back2_close_hop(hop);
}

enum proxy_cause hop_open_cause(struct proxy_hop *hop, const struct proxy_transport *t)
{
	hop->fault = t->fault;
	if (!t->fault)
		return PROXY_CONNECT_FAILED;
	/* Who hangs up in the middle of a handshake does not speak TLS, or not ours. */
	return t->error == ERR_REFUSED ? PROXY_BACK_CERTIFICATE : PROXY_BACK_TLS;
}

bool hop_leads_to(const struct proxy_hop *hop, const struct ip_endpoint *to)
{
	if (ip_endpoint_equal(to, &hop->to))
		return true;
	for (size_t i = 0; i < hop->others_n; i++)
		if (ip_endpoint_equal(to, &hop->others[i]))
			return true;
	return false;
}

enum err hop_connect(const struct proxy_exchange *x, struct tls_peer *tls,
		     struct proxy_transport **ret)
{
	const struct proxy_connection *c = x->connection;
	struct proxy_worker *w = x->worker;
	uint8_t bytes[PROXY_HEADER_WRITE_MAX];
	struct writer out = writer_of(bytes, sizeof(bytes));
	if (x->hop->proxy_header) {
		struct proxy_header h = {.version = x->hop->proxy_header, .local = !c};
		if (c) {
			h.transport = PROXY_HEADER_STREAM;
			h.source = c->peer;
			h.destination = c->local;
		}
		proxy_header_write(&out, &h);
		TRY(writer_check(&out));
	}
	return w->io->connect(w, x->hop, tls, writer_span(&out), ret);
}
