#include "service/reverse-proxy/io_health.h"

#include "crypto/random.h"
#include "crypto/tls.h"
#include "service/reverse-proxy/balance/pool.h"
#include "service/reverse-proxy/check.h"
#include "service/reverse-proxy/check_udp.h"
#include "service/reverse-proxy/io_check.h"
#include "service/reverse-proxy/io_way.h"

#include <stdlib.h>

enum {
	FIRST_WITHIN_MS = 1000, /* first checks are spread over this, or their interval */
	CHECKS_MAX = 1 << 16,
};

/* One back end that is checked. */
struct check {
	struct reverse_health *health;
	struct backend *backend; /* counted */
	struct reverse_opinion opinion;
	bool wanted;		      /* private to reverse_health_set */
	struct loop_timer timer;      /* the next check, or the end of the one that runs */
	struct reverse_check_run run; /* its conf is the configuration's; owns its peer */
	const char *why; /* of the last failure, or that there was no check yet; "": it went well */
};

struct reverse_health {
	struct loop *loop;
	struct table checks; /* by back end */
	struct reverse_check2_share share;
	reverse_health_changed *changed;
	void *arg; /* borrowed */
};

/* --- one check -------------------------------------------------------------------------------- */

/* 0 to most - 1; all the same when the kernel gives none: the checks then run in step. */
static uint64_t random_below(uint64_t most)
{
	uint32_t v = 0;
	err_ignore(crypto_random(&v, sizeof(v)));
	return most ? v % most : 0;
}

static void check_later(struct check *c)
{
	uint64_t interval_ms = c->run.conf->interval_ms, tenth_ms = interval_ms / 10;
	loop_timer_set_after(c->health->loop, &c->timer,
			     interval_ms - tenth_ms + random_below(2 * tenth_ms + 1));
}

static void check_over(void *arg, bool good, const char *why)
{
	struct check *c = arg;
	c->why = why;
	check_later(c);
	if (!reverse_opinion_add(&c->opinion, c->run.conf, good))
		return;
	backend_set_checked(c->backend, loop_now_ms(c->health->loop), c->opinion.is);
	c->health->changed(c->health->arg, c->backend, good, why);
}

/* What we have not enough of, memory or descriptors, says nothing of the server. */
static void check_begin(struct check *c)
{
	struct ip_endpoint to = c->backend->at;
	if (c->run.conf->port)
		to.port = c->run.conf->port;
	enum err e = reverse_check_begin(&c->run, &to, &c->backend->at);
	if (e == ERR_LIMIT || err_is_shortage(e))
		check_later(c);
	else if (e)
		check_over(c, false, err_text(e));
	else
		loop_timer_set_after(c->health->loop, &c->timer, c->run.conf->timeout_ms);
}

static void check_due(void *arg)
{
	struct check *c = arg;
	if (!reverse_check_runs(&c->run)) {
		check_begin(c);
		return;
	}
	bool well = reverse_check_silence_is_well(c->run.conf);
	reverse_check_end(&c->run);
	check_over(c, well, well ? "" : "no answer in time");
}

static void check_free(struct check *c)
{
	reverse_check_end(&c->run);
	loop_timer_cancel(c->health->loop, &c->timer);
	tls_peer_unref(c->run.peer);
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
	enum err e = reverse_check2_share_init(&h->share);
	if (e) {
		free(h);
		return e;
	}
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
	reverse_check2_share_done(&h->share);
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
			    .why = "not checked yet",
			    .run = {.loop = h->loop,
				    .share = &h->share,
				    .over = check_over,
				    .arg = c,
				    .connection.fd = -1,
				    .udp_fd = -1},
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

/* By HTTP/2 where requests go by that alone, and of gRPC; else by HTTP/1.1. */
static bool is_http2(const struct reverse_pool_conf *conf)
{
	enum reverse_check_kind kind = reverse_check_kind(&conf->check);
	return kind == REVERSE_CHECK_GRPC ||
	       (kind == REVERSE_CHECK_HTTP && conf->protocol == REVERSE_PROTOCOL_H2);
}

/* As requests go there, but for the version of HTTP. */
static enum err peer_of(const struct pool_member *m, const struct reverse_pool_conf *conf,
			const struct reverse_way *way, struct tls_peer **ret)
{
	AUTO(tls_peer_unref) struct tls_peer *p = NULL;
	if (way && way->tls && reverse_check_kind(&conf->check) != REVERSE_CHECK_UDP) {
		TRY(tls_peer_new(way->tls, way->name ? way->name : m->host, &p));
		if (reverse_check_kind(&conf->check) != REVERSE_CHECK_TCP)
			TRY(tls_peer_offer(p, is_http2(conf) ? "h2" : "http/1.1"));
	}
	*ret = TAKE(p);
	return OK;
}

static enum err want(struct reverse_health *h, const struct pool_member *m,
		     const struct reverse_pool_conf *conf, const struct reverse_way *way)
{
	struct backend *b = m->backend;
	struct tls_peer *peer = NULL;
	TRY(peer_of(m, conf, way, &peer));
	struct check *c = find(h, b);
	if (!c) {
		enum err e = begin(h, b, conf->check.interval_ms, &c);
		if (e) {
			tls_peer_unref(peer);
			return e;
		}
	} else if (reverse_check_runs(&c->run)) {
		/* By the rules of before; it begins anew. */
		reverse_check_end(&c->run);
		loop_timer_set_after(h->loop, &c->timer, 0);
	}
	tls_peer_unref(c->run.peer);
	c->run.peer = peer;
	c->run.conf = &conf->check;
	c->run.http2 = is_http2(conf);
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
			enum err one = want(h, &pools[i]->members[k], &conf[i], ways[i]);
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
