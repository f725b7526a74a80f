/* The handshake with an HTTP proxy that leads on to the target by CONNECT (RFC 9110 9.3.6). It is
 * told the target's name, who we are to it, and by whom the request came (Via), and nothing else of
 * the client's head. */
#include "base/writer.h"
#include "proto/http/head1.h"
#include "proxy/back1_inner.h"
#include "proxy/exchange.h"
#include "proxy/hop.h"

enum step { STEP_ASK, STEP_ANSWER };

/* RFC 9110 15.2: any number of them may come; who sends more than a few keeps us busy. They are
 * counted in lead_step. */
enum { INTERIMS_MAX = 8 };

static void write_field(struct writer *w, const char *name, struct span value)
{
	write_text(w, name);
	write_text(w, ": ");
	write_span(w, value);
	write_text(w, "\r\n");
}

bool back1_connect_prepare(struct proxy_back1 *b)
{
	const struct proxy_hop *hop = b->hop;
	const struct proxy_head *r = &b->x->request;
	b->lead = proxy_buffer_take(b->wire.pool);
	if (!b->lead)
		return false;
	struct writer w = writer_of(b->lead->data, PROXY_BUFFER_SIZE);
	write_text(&w, "CONNECT ");
	write_span(&w, hop->connect->authority);
	write_text(&w, " HTTP/1.1\r\n");
	write_field(&w, "Host", hop->connect->authority);
	if (hop->authorization.len)
		write_field(&w, "Proxy-Authorization", hop->authorization);
	for (size_t i = 0; i < r->fields_n; i++)
		if (r->fields[i].id == HTTP_FIELD_VIA)
			write_field(&w, "Via", r->fields[i].value);
	write_text(&w, "\r\n");
	b->lead->end = (uint32_t)w.pos;
	b->lead_step = STEP_ASK;
	return !w.bad;
}

static enum back1_lead failed(struct proxy_back1 *b, enum proxy_cause cause, enum err e)
{
	b->lead_cause = (uint8_t)cause;
	b->wire.t->error = e;
	return BACK1_LEAD_FAILED;
}

static bool ask(struct proxy_back1 *b)
{
	struct span s = proxy_buffer_span(b->lead);
	uint8_t *at = proxy_wire1_room(&b->wire, s.len);
	if (!at)
		return false;
	memcpy(at, s.data, s.len);
	b->lead_step = STEP_ANSWER;
	return true;
}

/* What it says in place of leading on. Of what is no answer of a proxy's, a web server's for
 * instance, the log has the number. */
static enum back1_lead refused(struct proxy_back1 *b, unsigned status)
{
	b->x->lead_status = (uint16_t)status;
	switch (status) {
	case 407: return failed(b, PROXY_UPSTREAM_SIGN_IN, (enum err)EACCES);
	case 403:
	case 451: return failed(b, PROXY_UPSTREAM_REFUSED, ERR_REFUSED);
	case 504: return failed(b, PROXY_UPSTREAM_FAILED, (enum err)ETIMEDOUT);
	default: break;
	}
	if (status >= 500 || status == 429)
		return failed(b, PROXY_UPSTREAM_FAILED, (enum err)EHOSTUNREACH);
	return failed(b, PROXY_UPSTREAM_FORMAT, ERR_FORMAT);
}

/* A whole head. MORE: an interim one. */
static enum back1_lead heard(struct proxy_back1 *b, const struct http1_head *read)
{
	if (read->status >= 300)
		return refused(b, read->status);
	/* RFC 9110 9.3.6: whatever a 2xx says of a body, it has none. What follows is the target's.
	 */
	proxy_wire1_skip(&b->wire, read->len);
	if (read->status >= 200)
		return BACK1_LEAD_OPEN;
	/* Nobody asked for another protocol. */
	if (read->status == 101 || b->lead_step++ >= STEP_ANSWER + INTERIMS_MAX)
		return failed(b, PROXY_UPSTREAM_FORMAT, ERR_FORMAT);
	return BACK1_LEAD_WAIT;
}

enum back1_lead back1_connect_turn(struct proxy_back1 *b)
{
	struct http1_head read = {.fields = b->x->response.fields,
				  .fields_max = PROXY_FIELDS_RECEIVED};
	if (b->lead_step == STEP_ASK && !ask(b))
		return failed(b, PROXY_BUSY, (enum err)ENOBUFS);
	/* What cannot be sent any more may have been answered before. */
	bool deaf = proxy_wire1_flush(&b->wire);
	for (;;) {
		struct span in = proxy_wire1_bytes(&b->wire);
		bool got = false;
		enum parse p = in.len ? http1_response_head(in, &read) : PARSE_MORE;
		if (p == PARSE_BAD || (p == PARSE_MORE && in.len >= PROXY_BUFFER_SIZE))
			return failed(b, PROXY_UPSTREAM_FORMAT, ERR_FORMAT);
		if (p == PARSE_DONE) {
			enum back1_lead said = heard(b, &read);
			if (said != BACK1_LEAD_WAIT)
				return said;
			continue;
		}
		enum err e = proxy_wire1_fill(&b->wire, &got);
		if (e == ERR_LIMIT)
			return failed(b, PROXY_BUSY, (enum err)ENOBUFS);
		if (e || (!got && deaf))
			return failed(b, PROXY_BACK_CLOSED, (enum err)ECONNRESET);
		if (!got) {
			proxy_wire1_rest(&b->wire);
			return BACK1_LEAD_WAIT;
		}
	}
}
