#include "service/reverse-proxy/io_rates.h"

#include "crypto/hmac.h"
#include "crypto/random.h"
#include "crypto/sealed.h"
#include "crypto/secret.h"
#include "os/log.h"
#include "os/loop.h"
#include "service/reverse-proxy/conf.h"
#include "service/reverse-proxy/guard/guard.h"
#include "service/reverse-proxy/rate_rows.h"
#include "store/worker.h"

#include <stdlib.h>

enum {
	TURN_MS = 200,
	ROWS_TURN = 4,	   /* written in one turn */
	REMOVALS_TURN = 8, /* asked for in one turn */
	REQUESTS_MAX = 3 * ROWS_TURN + REMOVALS_TURN,
	DROPS_TURN = 64, /* rounds of forgetting what nobody can be told */
	SEALED_MAX = RATE_ROW_MAX + SEALED_OVERHEAD,
};
_Static_assert((int)SEALED_MAX <= (int)STORE_VALUE_MAX, "a row fits");

static const char *const tables[] = {"rates"};
static const char purpose[] = "reverse-proxy rates";

struct reverse_rates {
	struct loop *loop;
	struct guard_state *guard;
	void (*wake)(void *arg);
	void *arg;
	char url[REVERSE_STORE_URL_MAX]; /* "": none that is shared */
	struct sealed_key key;
	uint64_t gateway; /* ours */
	uint64_t written; /* rows so far */
	struct store *store;
	struct store_worker *worker; /* NULL: no limit has been shared yet */
	struct loop_timer timer;
	bool known; /* history is over: what comes is new */
	bool away;  /* the log was told */
	bool unreadable;
	struct rate_peers peers;
	struct guard_share shares[RATE_SHARES_MAX]; /* of the row in hand */
	uint64_t told, heard, dropped;		    /* requests */
	uint64_t refused;			    /* rows of others */
};

bool reverse_rates_key(const struct reverse_conf *conf, uint8_t *ret)
{
	uint8_t key[REVERSE_STORE_KEY_LEN], mac[CRYPTO_HMAC_SHA256_LEN];
	if (!reverse_store_is_shared(conf) || !conf->store_key.len ||
	    reverse_store_key_read(conf->store_key, key) != OK)
		return false;
	crypto_hmac_sha256(span_of(key, sizeof(key)), span_text(purpose), mac);
	memcpy(ret, mac, GUARD_SHARE_KEY_LEN);
	crypto_wipe(key, sizeof(key));
	crypto_wipe(mac, sizeof(mac));
	return true;
}

/* --- what others told --- */

/* A row opens in its own place only. */
static struct span place_of(const struct rate_place *at, uint8_t *room, size_t size)
{
	uint8_t key[RATE_KEY_LEN];
	struct writer w = writer_of(room, size);
	rate_place_write(at, key);
	write_text(&w, purpose);
	write_bytes(&w, key, sizeof(key));
	return writer_span(&w);
}

static enum err row_open(struct reverse_rates *r, const struct rate_place *at, struct span sealed,
			 uint64_t *ret_number, size_t *ret_n)
{
	uint8_t plain[SEALED_MAX], place[64];
	size_t len;
	if (sealed.len > sizeof(plain))
		return ERR_FORMAT;
	TRY(sealed_open(sealed, &r->key, place_of(at, place, sizeof(place)), plain, &len));
	return rate_row_read(span_of(plain, len), ret_number, r->shares, ret_n);
}

static void tell_unreadable(struct reverse_rates *r, enum err e)
{
	r->refused++;
	if (!r->unreadable)
		log_warning("rates of another gateway cannot be read and are not counted: "
			    "`store-key` must be the same everywhere",
			    LOG_ERR(e));
	r->unreadable = true;
}

/* History was admitted long ago, perhaps: it is read only so that nobody replays it. */
static void row_take(struct reverse_rates *r, const struct rate_place *at,
		     const struct store_row *row, uint64_t now_ms)
{
	struct rate_peer *peer = rate_peers_told(&r->peers, at, row->version, now_ms);
	uint64_t number;
	size_t n;
	if (!peer)
		return;
	enum err e = row_open(r, at, row->value, &number, &n);
	if (e) {
		tell_unreadable(r, e);
		return;
	}
	if (!rate_peer_read(peer, at->slot, number) || !r->known)
		return;
	peer->live = true;
	unsigned others = rate_peers_live(&r->peers, now_ms);
	for (size_t i = 0; i < n; i++) {
		guard_share_charge(r->guard, &r->shares[i], others, now_ms);
		r->heard += r->shares[i].count;
	}
}

static void feed_take(struct reverse_rates *r, const struct store_feed *f)
{
	struct rate_place at;
	if (f->kind != STORE_FEED_ROW) {
		r->known = f->kind == STORE_FEED_END;
		return;
	}
	if (rate_place_read(f->row.key, &at) != OK || at.gateway == r->gateway)
		return;
	if (f->row.removed)
		rate_peers_removed(&r->peers, &at, f->row.version);
	else
		row_take(r, &at, &f->row, loop_now_ms(r->loop));
}

void reverse_rates_woken(struct reverse_rates *r)
{
	struct store_request *request;
	struct store_feed feed;
	if (!r->worker)
		return;
	while ((request = store_worker_result(r->worker))) {
		/* What failed is late by now: it is not told again. */
		if (request->result == OK)
			r->told += request->number;
		else
			r->dropped += request->number;
		store_worker_give(r->worker, request);
	}
	while (store_worker_feed(r->worker, &feed))
		feed_take(r, &feed);
}

/* --- what is told to others --- */

static bool row_put(struct reverse_rates *r)
{
	uint8_t plain[RATE_ROW_MAX], place[64];
	struct writer w = writer_of(plain, sizeof(plain));
	struct store_request *q = store_worker_take(r->worker);
	if (!q)
		return false;
	size_t n = guard_shares_take(r->guard, r->shares, RATE_SHARES_MAX);
	if (n == 0) {
		store_worker_give(r->worker, q);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		q->number += r->shares[i].count;
	const struct rate_place at = {r->gateway, (unsigned)(r->written % RATE_RING)};
	struct writer sealed = writer_of(q->value, SEALED_MAX);
	rate_row_write(&w, r->written + 1, r->shares, n);
	if (sealed_write(&sealed, &r->key, place_of(&at, place, sizeof(place)), writer_span(&w))) {
		r->dropped += q->number;
		store_worker_give(r->worker, q);
		return false;
	}
	r->written++;
	rate_place_write(&at, q->key);
	q->key_len = RATE_KEY_LEN;
	q->value_len = (uint16_t)sealed.pos;
	store_worker_put(r->worker, q);
	return n == RATE_SHARES_MAX;
}

static void removals_put(struct reverse_rates *r)
{
	struct store_request *q;
	for (size_t i = 0; i < REMOVALS_TURN && (q = store_worker_take(r->worker)); i++) {
		struct rate_place at;
		if (!rate_peers_silent(&r->peers, loop_now_ms(r->loop), &at, &q->version)) {
			store_worker_give(r->worker, q);
			return;
		}
		/* Somebody who speaks again has written another one. */
		q->expect = STORE_EXPECT_VERSION;
		q->remove = true;
		q->key_len = RATE_KEY_LEN;
		rate_place_write(&at, q->key);
		store_worker_put(r->worker, q);
	}
}

/* Told later it would be taken for what is admitted then. */
static void drop(struct reverse_rates *r)
{
	size_t n = RATE_SHARES_MAX;
	for (size_t i = 0; i < DROPS_TURN && n == RATE_SHARES_MAX; i++) {
		n = guard_shares_take(r->guard, r->shares, RATE_SHARES_MAX);
		for (size_t k = 0; k < n; k++)
			r->dropped += r->shares[k].count;
	}
}

static void tell_away(struct reverse_rates *r, const struct store_state *s)
{
	bool away = !s->connected && s->since_ms;
	if (away && !r->away)
		log_warning("the store is away: limits hold for each gateway alone",
			    LOG_TEXT("why", s->reason));
	else if (s->connected && r->away)
		log_notice("the store is back: limits are shared again");
	else
		return;
	r->away = away;
}

static void tell(struct reverse_rates *r)
{
	struct store_state s;
	store_state(r->store, &s);
	tell_away(r, &s);
	if (s.connected && r->known) {
		for (size_t i = 0; i < ROWS_TURN && row_put(r); i++)
			;
		removals_put(r);
		(void)store_worker_flush(r->worker); /* PostgreSQL's results come with a wake */
	} else {
		drop(r);
	}
}

static void turn(void *arg)
{
	struct reverse_rates *r = arg;
	tell(r);
	loop_timer_set_after(r->loop, &r->timer, TURN_MS);
}

/* --- its life --- */

enum err reverse_rates_new(struct loop *loop, struct guard_state *guard,
			   const struct reverse_conf *conf, void (*wake)(void *arg), void *arg,
			   struct reverse_rates **ret)
{
	uint64_t gateway;
	TRY(crypto_random(&gateway, sizeof(gateway)));
	struct reverse_rates *r = calloc(1, sizeof(*r));
	if (!r)
		return ENOMEM;
	*r = (struct reverse_rates){
		.loop = loop, .guard = guard, .wake = wake, .arg = arg, .gateway = gateway};
	loop_timer_init(&r->timer, turn, r);
	if (reverse_store_is_shared(conf) && conf->store_key.len &&
	    reverse_store_key_read(conf->store_key, r->key.bytes) == OK)
		reverse_store_url(conf, r->url, sizeof(r->url));
	*ret = r;
	return OK;
}

static enum err start(struct reverse_rates *r)
{
	const struct store_config config = {.url = r->url, .tables = tables, .tables_len = 1};
	TRY(store_new(&config, &r->store));
	const struct store_worker_config worker = {.store = r->store,
						   .requests_max = REQUESTS_MAX,
						   .value_max = SEALED_MAX,
						   .poll_ms = TURN_MS,
						   .cpu = -1,
						   .wake = r->wake,
						   .wake_arg = r->arg};
	TRY(store_worker_new(&worker, &r->worker));
	return store_worker_start(r->worker);
}

static void stop(struct reverse_rates *r)
{
	store_worker_free(r->worker);
	store_free(r->store);
	r->worker = NULL;
	r->store = NULL;
}

static bool is_wanted(const struct reverse_conf *conf)
{
	const struct reverse_route_conf *routes = conf->routes.items;
	bool wanted = conf->has_guard && reverse_guard_shared(&conf->guard) != SIZE_MAX;
	for (size_t i = 0; i < conf->routes.n; i++)
		wanted |= routes[i].has_guard && reverse_guard_shared(&routes[i].guard) != SIZE_MAX;
	return wanted;
}

void reverse_rates_set(struct reverse_rates *r, const struct reverse_conf *conf)
{
	if (r->worker || !is_wanted(conf))
		return;
	if (!r->url[0]) {
		log_warning("limits hold for each gateway alone: a `store` that is new in the "
			    "configuration is used after a restart");
		return;
	}
	enum err e = start(r);
	if (e) {
		log_error("limits hold for each gateway alone", LOG_ERR(e));
		stop(r);
		return;
	}
	loop_timer_set_after(r->loop, &r->timer, TURN_MS);
}

static void write_one(struct writer *w, const char *name, const char *help, const char *type,
		      uint64_t value)
{
	write_format(w,
		     "# HELP gatehouse_reverse_proxy_%s %s\n# TYPE gatehouse_reverse_proxy_%s %s\n"
		     "gatehouse_reverse_proxy_%s %llu\n",
		     name, help, name, type, name, (unsigned long long)value);
}

void reverse_rates_metrics(const struct reverse_rates *r, struct writer *w)
{
	if (!r->worker)
		return;
	write_one(w, "rates_shared", "1 when limits are shared with other gateways now", "gauge",
		  !r->away && r->known);
	write_one(w, "rates_gateways", "other gateways that share them and admit requests", "gauge",
		  rate_peers_live(&r->peers, loop_now_ms(r->loop)));
	write_one(w, "rates_told_total", "admitted requests that others were told of", "counter",
		  r->told);
	write_one(w, "rates_heard_total", "requests that others admitted", "counter", r->heard);
	write_one(w, "rates_lost_total",
		  "admitted requests that others were not told of: the store was away, or too many "
		  "keys at once",
		  "counter", r->dropped + guard_shares_lost(r->guard));
	write_one(w, "rates_refused_total", "rows of others that could not be read", "counter",
		  r->refused);
}

void reverse_rates_free(struct reverse_rates *r)
{
	if (!r)
		return;
	loop_timer_cancel(r->loop, &r->timer);
	if (r->worker)
		tell(r); /* the last ones; what was put is committed before the thread ends */
	stop(r);
	crypto_wipe(r->url, sizeof(r->url));
	sealed_key_done(&r->key);
	free(r);
}
