#include "service/reverse-proxy/io_ocsp.h"

#include "base/writer.h"
#include "os/fd.h"
#include "os/tcp.h"

#include <stdlib.h>

enum { FETCH_MS = 10 * 1000 /* one address of a server */ };

struct ocsp_exchange {
	uint8_t out[OCSP_REQUEST_MAX], in[OCSP_ANSWER_MAX];
	size_t out_len, in_len;
};

static void hang_up(struct reverse_ocsp *o)
{
	loop_remove(o->loop, &o->watch);
	loop_timer_cancel(o->loop, &o->timer);
	fd_done(&o->fd);
	o->sent = false;
	if (o->work)
		o->work->in_len = 0;
}

/* The answer lies in what is freed behind the call, which may ask anew. */
static void finish(struct reverse_ocsp *o, struct span answer, const char *why)
{
	struct ocsp_exchange *work = TAKE(o->work);
	hang_up(o);
	o->call(o->arg, answer, why);
	free(work);
}

static void next_address(struct reverse_ocsp *o, const char *why);

static void read_answer(struct reverse_ocsp *o)
{
	struct ocsp_exchange *x = o->work;
	struct span body;
	size_t len = 1;
	while (len) {
		enum err e = tcp_read(o->fd, x->in + x->in_len, sizeof(x->in) - x->in_len, &len);
		if (e && e != ERR_CLOSED) {
			next_address(o, err_text(e));
			return;
		}
		if (e)
			len = 0;
		x->in_len += len;
		switch (ocsp_read(x->in, x->in_len, e != OK, &body)) {
		case PARSE_DONE: finish(o, body, ""); return;
		case PARSE_BAD: next_address(o, "the server's answer is not 200, or none"); return;
		case PARSE_MORE: break;
		}
	}
}

/* It fits into what a new connection takes at once. */
static enum err send_question(struct reverse_ocsp *o)
{
	size_t len = 0;
	TRY(tcp_write(o->fd, span_of(o->work->out, o->work->out_len), &len));
	if (len != o->work->out_len)
		return ERR_LIMIT;
	o->sent = true;
	return loop_modify(o->loop, &o->watch, LOOP_READ);
}

static void ready(void *arg, uint32_t events)
{
	struct reverse_ocsp *o = arg;
	(void)events;
	if (o->sent) {
		read_answer(o);
		return;
	}
	enum err e = tcp_connect_result(o->fd);
	if (!e)
		e = send_question(o);
	if (e)
		next_address(o, err_text(e));
}

static void next_address(struct reverse_ocsp *o, const char *why)
{
	hang_up(o);
	while (o->at_next < o->at_n) {
		const struct ip_endpoint to = {.address = o->resolve.found[o->at_next++],
					       .port = o->port};
		enum err e = tcp_connect(&to, NULL, &o->fd);
		if (!e)
			e = loop_add(o->loop, &o->watch, o->fd, LOOP_WRITE, ready, o);
		if (!e) {
			loop_timer_set_after(o->loop, &o->timer, FETCH_MS);
			return;
		}
		fd_done(&o->fd);
		why = err_text(e);
	}
	finish(o, (struct span){0}, why);
}

static void late(void *arg)
{
	next_address(arg, "no answer in time");
}

static void resolved(void *arg, const struct ip_address *found, size_t n)
{
	struct reverse_ocsp *o = arg;
	(void)found; /* it lies in resolve */
	o->at_n = n;
	o->at_next = 0;
	next_address(o, "its server has no address");
}

void reverse_ocsp_init(struct reverse_ocsp *o, struct loop *loop, reverse_ocsp_call *call,
		       void *arg)
{
	*o = (struct reverse_ocsp){.loop = loop, .call = call, .arg = arg, .fd = -1};
	fetch_resolve_init(&o->resolve, loop, resolved, o);
	loop_timer_init(&o->timer, late, o);
}

enum err reverse_ocsp_ask(struct reverse_ocsp *o, struct fetch_resolvers resolvers,
			  const struct ocsp_server *to, struct span question)
{
	reverse_ocsp_stop(o);
	struct ocsp_exchange *x = calloc(1, sizeof(*x));
	if (!x)
		return ENOMEM;
	struct writer w = writer_of(x->out, sizeof(x->out));
	ocsp_write(&w, to, question);
	enum err e = writer_check(&w);
	if (!e)
		e = fetch_resolve(&o->resolve, resolvers, to->host);
	if (e) {
		free(x);
		return e;
	}
	x->out_len = w.pos;
	o->port = to->port;
	o->work = x;
	return OK;
}

void reverse_ocsp_stop(struct reverse_ocsp *o)
{
	fetch_resolve_stop(&o->resolve);
	hang_up(o);
	free(TAKE(o->work));
}
