#include "service/reverse-proxy/io_health.h"

#include "crypto/random.h"
#include "crypto/tls.h"
#include "os/fd.h"
#include "os/tcp.h"
#include "service/reverse-proxy/balance/pool.h"
#include "service/reverse-proxy/check.h"
#include "service/reverse-proxy/io_way.h"

#include <stdlib.h>

enum {
	FIRST_WITHIN_MS = 1000, /* first checks are spread over this, or their interval */
	CHECKS_MAX = 1 << 16,
};

/* One back end that is checked. */
struct check {
	struct reverse_health *health;
	struct backend *backend;	       /* counted */
	const struct reverse_check_conf *conf; /* borrowed from the configuration */
	struct tls_peer *peer;		       /* owned; NULL: plain */
	struct reverse_opinion opinion;
	bool wanted; /* private to reverse_health_set */
	/* A check that runs; fd -1: none. */
	int fd;
	bool connected, sent;
	struct tls_stream *tls; /* owned; NULL: plain, or not connected yet */
	struct loop_watch watch;
	struct loop_timer timer; /* the next check, or the end of the one that runs */
	size_t in_len;
	uint8_t *in;	 /* REVERSE_CHECK_ANSWER_MAX, while it runs */
	const char *why; /* of the last failure; "": it went well, or there was none yet */
};

struct reverse_health {
	struct loop *loop;
	struct table checks; /* by back end */
	reverse_health_changed *changed;
	void *arg; /* borrowed */
};

/* --- one check -------------------------------------------------------------------------------- */

static void check_close(struct check *c)
{
	tls_stream_free(TAKE(c->tls));
	loop_remove(c->health->loop, &c->watch);
	fd_done(&c->fd);
	free(TAKE(c->in));
	c->in_len = 0;
	c->connected = c->sent = false;
}

/* 0 to most - 1; all the same when the kernel gives none: the checks then run in step. */
static uint64_t random_below(uint64_t most)
{
	uint32_t v = 0;
	err_ignore(crypto_random(&v, sizeof(v)));
	return most ? v % most : 0;
}

static void check_over(struct check *c, bool good, const char *why)
{
	uint64_t interval_ms = c->conf->interval_ms, tenth_ms = interval_ms / 10;
	check_close(c);
	c->why = why;
	loop_timer_set_after(c->health->loop, &c->timer,
			     interval_ms - tenth_ms + random_below(2 * tenth_ms + 1));
	if (!reverse_opinion_add(&c->opinion, c->conf, good))
		return;
	backend_set_checked(c->backend, loop_now_ms(c->health->loop), c->opinion.is);
	c->health->changed(c->health->arg, c->backend, good, why);
}

static void check_failed(struct check *c, enum err e)
{
	const char *fault = c->tls ? tls_fault(c->tls) : "";
	check_over(c, false, *fault ? fault : err_text(e));
}

static enum err wire_receive(void *arg, void *buf, size_t size, size_t *ret_len)
{
	const struct check *c = arg;
	return tcp_read(c->fd, buf, size, ret_len);
}

static enum err wire_send(void *arg, struct span bytes, size_t *ret_len)
{
	const struct check *c = arg;
	return tcp_write(c->fd, bytes, ret_len);
}

static enum err check_take(struct check *c, size_t *ret_len)
{
	uint8_t *at = c->in + c->in_len;
	size_t room = REVERSE_CHECK_ANSWER_MAX - c->in_len;
	return c->tls ? tls_read(c->tls, at, room, ret_len) : tcp_read(c->fd, at, room, ret_len);
}

static void check_read(struct check *c)
{
	size_t len = 1;
	while (len) {
		enum err e = check_take(c, &len);
		if (e && e != ERR_CLOSED) {
			check_failed(c, e);
			return;
		}
		c->in_len += e ? 0 : len;
		switch (reverse_check_judge(c->conf, span_of(c->in, c->in_len), e != OK)) {
		case PARSE_DONE: check_over(c, true, ""); return;
		case PARSE_BAD: check_over(c, false, "not the answer that is expected"); return;
		case PARSE_MORE: break;
		}
	}
}

/* The question fits into what a new connection takes at once. */
static enum err check_send(struct check *c)
{
	uint8_t room[REVERSE_CHECK_QUESTION_MAX];
	struct writer w = writer_of(room, sizeof(room));
	size_t len;
	reverse_check_ask(c->conf, &c->backend->at, &w);
	TRY(writer_check(&w));
	TRY(c->tls ? tls_write_some(c->tls, writer_span(&w), &len)
		   : tcp_write(c->fd, writer_span(&w), &len));
	if (len != w.pos)
		return ERR_LIMIT;
	c->sent = true;
	return loop_modify(c->health->loop, &c->watch, LOOP_READ);
}

/* The connection, and TLS in it. */
static enum err check_open(struct check *c, bool *ret_open)
{
	const struct tls_wire wire = {wire_receive, wire_send, c};
	if (!c->connected) {
		TRY(tcp_connect_result(c->fd));
		c->connected = true;
		if (c->peer)
			TRY(tls_stream_connect(c->peer, &wire, &c->tls));
	}
	if (c->tls)
		TRY(tls_handshake(c->tls));
	*ret_open = !c->tls || tls_is_open(c->tls);
	if (*ret_open)
		return OK;
	return loop_modify(c->health->loop, &c->watch,
			   tls_wants_room(c->tls) ? LOOP_WRITE : LOOP_READ);
}

static void check_ready(void *arg, uint32_t events)
{
	struct check *c = arg;
	bool open = false;
	(void)events;
	if (c->sent) {
		check_read(c);
		return;
	}
	enum err e = check_open(c, &open);
	if (!e && !open)
		return;
	if (!e && reverse_check_kind(c->conf) == REVERSE_CHECK_TCP) {
		check_over(c, true, "");
		return;
	}
	if (!e)
		e = check_send(c);
	if (e)
		check_failed(c, e);
}

static void check_begin(struct check *c)
{
	struct ip_endpoint to = c->backend->at;
	struct loop *loop = c->health->loop;
	if (c->conf->port)
		to.port = c->conf->port;
	c->in = malloc(REVERSE_CHECK_ANSWER_MAX);
	enum err e = c->in ? tcp_connect(&to, NULL, &c->fd) : (enum err)ENOMEM;
	if (!e)
		e = loop_add(loop, &c->watch, c->fd, LOOP_WRITE, check_ready, c);
	if (e)
		check_over(c, false, err_text(e));
	else
		loop_timer_set_after(loop, &c->timer, c->conf->timeout_ms);
}

static void check_due(void *arg)
{
	struct check *c = arg;
	if (c->fd >= 0)
		check_over(c, false, "no answer in time");
	else
		check_begin(c);
}

static void check_free(struct check *c)
{
	check_close(c);
	loop_timer_cancel(c->health->loop, &c->timer);
	tls_peer_unref(c->peer);
	backend_unref(c->backend);
	free(c);
}

/* --- all of them ------------------------------------------------------------------------------ */

static bool is_of(const void *record, const void *key, size_t key_len)
{
	const struct check *c = record;
	(void)key_len;
	return c->backend == *(struct backend *const *)key;
}

static struct check *find(const struct reverse_health *h, const struct backend *b)
{
	uint32_t hash = table_hash(&h->checks, span_of(&b, sizeof(b)));
	return table_find(&h->checks, hash, &b, sizeof(b));
}

enum err reverse_health_new(struct loop *loop, reverse_health_changed *changed, void *arg,
			    struct reverse_health **ret)
{
	struct hash_key key;
	TRY(crypto_random(&key, sizeof(key)));
	struct reverse_health *h = calloc(1, sizeof(*h));
	if (!h)
		return ENOMEM;
	h->loop = loop;
	h->changed = changed;
	h->arg = arg;
	table_init(&h->checks, key, CHECKS_MAX, is_of);
	*ret = h;
	return OK;
}

static bool drop(void *record, void *arg)
{
	(void)arg;
	check_free(record);
	return true;
}

void reverse_health_free(struct reverse_health *h)
{
	if (!h)
		return;
	(void)table_sweep(&h->checks, drop, NULL);
	table_done(&h->checks);
	free(h);
}

static enum err begin(struct reverse_health *h, struct backend *b, uint64_t interval_ms,
		      struct check **ret)
{
	struct check *c = calloc(1, sizeof(*c));
	if (!c)
		return ENOMEM;
	*c = (struct check){.health = h,
			    .backend = b,
			    .fd = -1,
			    .why = "",
			    .opinion = {.is = backend_checked(b)}};
	enum err e = table_insert(&h->checks, table_hash(&h->checks, span_of(&b, sizeof(b))), &b,
				  sizeof(b), c);
	if (e) {
		free(TAKE(c));
		return e;
	}
	backend_ref(b);
	loop_timer_init(&c->timer, check_due, c);
	loop_timer_set_after(
		h->loop, &c->timer,
		random_below(interval_ms < FIRST_WITHIN_MS ? interval_ms : FIRST_WITHIN_MS));
	*ret = c;
	return OK;
}

/* As requests go there, but by HTTP/1.1. */
static enum err peer_of(const struct pool_member *m, const struct reverse_check_conf *conf,
			const struct reverse_way *way, struct tls_peer **ret)
{
	AUTO(tls_peer_unref) struct tls_peer *p = NULL;
	if (way && way->tls) {
		TRY(tls_peer_new(way->tls, way->name ? way->name : m->host, &p));
		if (reverse_check_kind(conf) == REVERSE_CHECK_HTTP)
			TRY(tls_peer_offer(p, "http/1.1"));
	}
	*ret = TAKE(p);
	return OK;
}

static enum err want(struct reverse_health *h, const struct pool_member *m,
		     const struct reverse_check_conf *conf, const struct reverse_way *way)
{
	struct backend *b = m->backend;
	struct tls_peer *peer = NULL;
	TRY(peer_of(m, conf, way, &peer));
	struct check *c = find(h, b);
	if (!c) {
		enum err e = begin(h, b, conf->interval_ms, &c);
		if (e) {
			tls_peer_unref(peer);
			return e;
		}
	} else if (c->fd >= 0) {
		/* By the rules of before; it begins anew. */
		check_close(c);
		loop_timer_set_after(h->loop, &c->timer, 0);
	}
	tls_peer_unref(c->peer);
	c->peer = peer;
	c->conf = conf;
	c->wanted = true;
	return OK;
}

/* Those whose pool has no checks any more are taken for well. */
static bool drop_unwanted(void *record, void *arg)
{
	struct check *c = record;
	const struct reverse_health *h = arg;
	bool wanted = c->wanted;
	c->wanted = false;
	if (wanted)
		return false;
	backend_set_checked(c->backend, loop_now_ms(h->loop), BACKEND_UNCHECKED);
	check_free(c);
	return true;
}

enum err reverse_health_set(struct reverse_health *h, const struct reverse_pool_conf *conf,
			    struct reverse_way *const *ways, struct pool *const *pools, size_t n)
{
	enum err e = OK;
	for (size_t i = 0; i < n; i++) {
		size_t members = conf[i].checked ? pools[i]->members_n : 0;
		for (size_t k = 0; k < members; k++) {
			enum err one = want(h, &pools[i]->members[k], &conf[i].check, ways[i]);
			e = e ? e : one;
		}
	}
	(void)table_sweep(&h->checks, drop_unwanted, h);
	return e;
}

const char *reverse_health_why(const struct reverse_health *h, const struct backend *b)
{
	const struct check *c = find(h, b);
	return c ? c->why : NULL;
}
