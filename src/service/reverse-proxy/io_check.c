#include "service/reverse-proxy/io_check.h"

#include "crypto/tls.h"
#include "service/reverse-proxy/check.h"
#include "service/reverse-proxy/io_check_udp.h"

#include <assert.h>
#include <stdlib.h>

struct reverse_check_bytes {
	size_t in_len;	      /* by HTTP/1.1 */
	size_t out_at, out_n; /* of out: written, and there */
	uint8_t in[REVERSE_CHECK_ANSWER_MAX];
	uint8_t out[REVERSE_CHECK_QUESTION_MAX];
};

static_assert((int)REVERSE_CHECK_QUESTION_MAX >= (int)HTTP2_WRITE_MIN, "frames fit into out");

bool reverse_check_runs(const struct reverse_check_run *r)
{
	return fetch_connection_is(&r->connection) || r->udp_fd >= 0;
}

void reverse_check_end(struct reverse_check_run *r)
{
	reverse_check_udp_end(r);
	fetch_connection_close(&r->connection);
	reverse_check2_free(TAKE(r->k));
	free(TAKE(r->bytes));
	r->asked = false;
}

static void over(struct reverse_check_run *r, bool good, const char *why)
{
	reverse_check_end(r);
	r->over(r->arg, good, why);
}

static void failed(struct reverse_check_run *r, enum err e)
{
	const char *fault = fetch_connection_fault(&r->connection);
	over(r, false, *fault ? fault : err_text(e));
}

/* --- bytes ------------------------------------------------------------------------------------ */

static enum err take(struct reverse_check_run *r, size_t *ret_len)
{
	struct reverse_check_bytes *b = r->bytes;
	uint8_t *at = b->in + b->in_len;
	size_t room = sizeof(b->in) - b->in_len;
	return fetch_connection_read(&r->connection, at, room, ret_len);
}

static enum parse judge(struct reverse_check_run *r, size_t len, bool end, const char **ret_why)
{
	struct reverse_check_bytes *b = r->bytes;
	if (r->k) {
		if (len)
			reverse_check2_receive(r->k, loop_now_ms(r->loop), span_of(b->in, len));
		return reverse_check2_judge(r->k, end, ret_why);
	}
	b->in_len += len;
	*ret_why = "not the answer that is expected";
	return reverse_check_judge(r->conf, span_of(b->in, b->in_len), end);
}

/* True: the check goes on. */
static bool weigh(struct reverse_check_run *r, size_t len, bool end)
{
	const char *why = "";
	switch (judge(r, len, end, &why)) {
	case PARSE_DONE: over(r, true, ""); return false;
	case PARSE_BAD: over(r, false, why); return false;
	case PARSE_MORE: break;
	}
	return true;
}

/* True: the check goes on. */
static bool read_answer(struct reverse_check_run *r)
{
	size_t len = 1;
	while (len) {
		enum err e = take(r, &len);
		if (e && e != ERR_CLOSED) {
			failed(r, e);
			return false;
		}
		if (!weigh(r, e ? 0 : len, e != OK))
			return false;
	}
	return true;
}

/* Of HTTP/2 more comes with time: what its frames are answered. */
static void compose(struct reverse_check_run *r)
{
	struct reverse_check_bytes *b = r->bytes;
	struct writer w = writer_of(b->out, sizeof(b->out));
	if (r->k)
		reverse_check2_write(r->k, &w);
	b->out_at = 0;
	b->out_n = w.pos;
}

/* The rest stays where it is, as TLS wants it. */
static enum err write_out(struct reverse_check_run *r)
{
	struct reverse_check_bytes *b = r->bytes;
	size_t len = 1;
	while (len) {
		if (b->out_at == b->out_n)
			compose(r);
		struct span rest = span_of(b->out + b->out_at, b->out_n - b->out_at);
		if (!rest.len)
			break;
		TRY(fetch_connection_write(&r->connection, rest, &len));
		b->out_at += len;
	}
	return fetch_connection_wait(&r->connection, b->out_at < b->out_n);
}

/* --- its way ---------------------------------------------------------------------------------- */

static void ask(struct reverse_check_run *r)
{
	if (reverse_check_kind(r->conf) == REVERSE_CHECK_TCP) {
		over(r, true, "");
		return;
	}
	if (r->k && r->connection.tls && !span_is(tls_protocol(r->connection.tls), "h2")) {
		over(r, false, "it does not agree to HTTP/2");
		return;
	}
	r->asked = true;
	enum err e = write_out(r);
	if (e)
		failed(r, e);
}

static void ready(void *arg)
{
	struct reverse_check_run *r = arg;
	bool open = false;
	if (r->asked && !read_answer(r))
		return;
	enum err e = r->asked ? write_out(r) : fetch_connection_open(&r->connection, &open);
	/* What came before the connection broke counts. */
	if (e && r->asked && !read_answer(r))
		return;
	if (e)
		failed(r, e);
	else if (open)
		ask(r);
	else if (r->asked && r->k)
		(void)weigh(r, 0, false); /* the session may be over with what was written */
}

static enum err begin(struct reverse_check_run *r, const struct ip_endpoint *to,
		      const struct ip_endpoint *named)
{
	if (reverse_check_kind(r->conf) == REVERSE_CHECK_UDP)
		return reverse_check_udp_begin(r, to);
	r->bytes = calloc(1, sizeof(*r->bytes));
	if (!r->bytes)
		return ENOMEM;
	if (r->http2) {
		TRY(reverse_check2_new(r->share, r->conf, named, r->peer, &r->k));
	} else if (reverse_check_kind(r->conf) == REVERSE_CHECK_HTTP) {
		struct writer w = writer_of(r->bytes->out, sizeof(r->bytes->out));
		reverse_check_ask(r->conf, named, &w);
		TRY(writer_check(&w));
		r->bytes->out_n = w.pos;
	}
	fetch_connection_init(&r->connection, r->loop, ready, r);
	return fetch_connection_begin(&r->connection, to, r->peer);
}

enum err reverse_check_begin(struct reverse_check_run *r, const struct ip_endpoint *to,
			     const struct ip_endpoint *named)
{
	enum err e = begin(r, to, named);
	if (e)
		reverse_check_end(r);
	return e;
}
