/* The store and its thread: rows to the engine, the engine's writes to the disk, and what became of
 * them back. An ACK waits for the last. */
#include "base/writer.h"
#include "crypto/secret.h"
#include "os/clock.h"
#include "os/log.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/io_dhcp.h"
#include "service/dhcp/io_reserve.h"
#include "store/worker.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	REQUESTS_MAX = 8192,
	FEED_MAX = 1024,
	FEED_TURN = 512, /* rows of other servers in a row, before the loop looks at the others */
	LOOK_MS = 1000,
	CLOCK_OFF_MS = 1000, /* two servers' may be twice that apart: V6_REUSE_AFTER_S */
	CLOCK_RIGHT_MS = 700,
	FAMILY_V6 = 6, /* the first octet of a key */
};

static const char *const tables[] = {
	[DHCP_TABLE_LEASES] = "leases", [DHCP_TABLE_RESERVED] = "reservations"};

/* The password stands apart from the URL, which is shown; libpq takes it as a parameter of it. */
static void url_write(const struct dhcp_conf *conf, char *ret, size_t size)
{
	struct writer w = writer_of(ret, size - 1);
	write_text(&w, conf->store);
	if (conf->store_password.len) {
		write_text(&w, strchr(conf->store, '?') ? "&password=" : "?password=");
		for (size_t i = 0; i < conf->store_password.len; i++)
			write_format(&w, "%%%02X", conf->store_password.data[i]);
	}
	ret[w.pos] = '\0';
}

static bool is_shared(const char *store)
{
	return strncmp(store, "postgres", strlen("postgres")) == 0;
}

enum err dhcp_store_open(struct dhcp_service *d)
{
	const struct dhcp_conf *conf = dhcp_conf_of(d);
	const char *folder = service_life_state(&d->life);
	char path[4096], url[4096];
	bool shared = is_shared(conf->store);
	ASSERT(shared || folder);
	TRY(store_library_open(conf->store));
	(void)snprintf(path, sizeof(path), "%s/leases.db", folder ? folder : "");
	url_write(conf, url, sizeof(url));
	const struct store_config config = {.url = shared ? url : NULL,
					    .path = path,
					    .tables = tables,
					    .tables_len = DHCP_TABLES};
	enum err e = store_new(&config, &d->store);
	crypto_wipe(url, sizeof(url));
	if (e)
		log_error("the store cannot be made", LOG_ERR(e));
	return e;
}

/* --- rows in --- */

static bool is_v6(struct span key)
{
	return key.len && key.data[0] == FAMILY_V6;
}

static uint64_t hash_of(const struct dhcp_service *d, struct span key)
{
	return siphash13_of(d->key, key.data, key.len);
}

static void told_add(struct dhcp_service *d, const struct store_row *row)
{
	if (!d->telling || row->table != DHCP_TABLE_LEASES)
		return;
	if (row->version > d->told_version)
		d->told_version = row->version;
	if (d->told_n == d->told_size) {
		size_t size = d->told_size ? 2 * d->told_size : 4096;
		uint64_t *told = realloc(d->told, size * sizeof(*told));
		if (!told) {
			d->told_all = false;
			return;
		}
		d->told = told;
		d->told_size = size;
	}
	d->told[d->told_n++] = hash_of(d, row->key);
}

/* What cannot be read stays where it is, and its address is refused by the store itself. */
static enum err learn_lease(struct dhcp_service *d, struct span key, struct span value,
			    uint64_t version)
{
	enum err e = OK;
	if (!is_v6(key))
		e = dhcp_engine_learn(d->engine, dhcp_now_ms(d), key, value, version);
	else if (d->v6.engine) /* else it waits for a configuration that has IPv6 again */
		e = v6_engine_learn(d->v6.engine, dhcp_now_ms(d), key, value, version);
	dhcp_devices_learned(d, key);
	return e;
}

static enum err learn(struct dhcp_service *d, const struct store_row *row)
{
	struct span value = row->removed ? (struct span){0} : row->value;
	enum err e = row->table == DHCP_TABLE_LEASES
			     ? learn_lease(d, row->key, value, row->version)
			     : reserved_learn(&d->reserved, row->key, value, row->version);
	if (e == ERR_FORMAT || e == ERR_UNSUPPORTED || e == ERR_LIMIT)
		d->unreadable++;
	return e == (enum err)ENOMEM ? e : OK;
}

static enum err load_row(void *arg, const struct store_row *row)
{
	return learn(arg, row);
}

static void state_error(struct dhcp_service *d, const char *what, enum err e)
{
	struct store_state s;
	store_state(d->store, &s);
	log_error(what, LOG_TEXT("reason", s.reason), LOG_ERR(e));
}

static void tell_away(struct dhcp_service *d, bool away)
{
	dhcp_engine_store_away(d->engine, away);
	if (d->v6.engine)
		v6_engine_store_away(d->v6.engine, away);
}

enum err dhcp_store_load(struct dhcp_service *d)
{
	enum err e = store_open(d->store);
	if (store_is_permanent(e)) {
		state_error(d,
			    e == (enum err)EBUSY ? "another process has the store"
						 : "the store cannot be used",
			    e);
		return e;
	}
	for (unsigned table = 0; !e && table < DHCP_TABLES; table++)
		e = store_load(d->store, table, load_row, d);
	if (e == (enum err)ENOMEM)
		return e;
	if (e) {
		state_error(d, "the store is away; no new leases until it is back", e);
		tell_away(d, true);
		return ERR_CLOSED;
	}
	d->store_connected = true;
	if (d->unreadable)
		log_warning("rows of the store are left aside: torn, of a newer program, or more "
			    "than `leases` allows",
			    LOG_U64("rows", d->unreadable));
	return OK;
}

static int compare_told(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* A lease that the store had when it told everything, and did not tell, is gone. What we wrote
 * since has a newer version. */
static void forget_one(struct dhcp_service *d, struct span key, uint64_t version)
{
	uint64_t hash = hash_of(d, key);
	if (version && version <= d->told_version &&
	    !bsearch(&hash, d->told, d->told_n, sizeof(*d->told), compare_told))
		err_ignore(learn_lease(d, key, (struct span){0}, d->told_version));
}

static void forget_untold6(struct dhcp_service *d)
{
	struct v6_lease_view lease;
	uint8_t key[V6_LEASE_KEY_LEN];
	size_t at = 0;
	while (d->v6.engine && v6_engine_lease_next(d->v6.engine, &at, &lease)) {
		v6_lease_key(&lease.prefix, key);
		forget_one(d, span_of(key, sizeof(key)), lease.version);
	}
}

static void forget_untold(struct dhcp_service *d)
{
	struct dhcp_lease lease;
	uint8_t key[DHCP_LEASE_KEY_LEN];
	qsort(d->told, d->told_n, sizeof(*d->told), compare_told);
	forget_untold6(d);
	for (uint32_t from = 0; dhcp_engine_lease_from(d->engine, from, &lease);) {
		uint32_t address = lease.address;
		dhcp_lease_key(address, key);
		forget_one(d, span_of(key, sizeof(key)), lease.version);
		if (address == UINT32_MAX)
			return;
		from = address + 1;
	}
}

static void feed_take(struct dhcp_service *d, const struct store_feed *f)
{
	switch (f->kind) {
	case STORE_FEED_BEGIN:
		d->telling = d->told_all = true;
		d->told_n = 0;
		d->told_version = 0;
		return;
	case STORE_FEED_ROW:
		told_add(d, &f->row);
		err_ignore(learn(d, &f->row)); /* without memory it is not known, and asked anew */
		return;
	case STORE_FEED_END:
		if (d->told_all && d->told_n)
			forget_untold(d);
		d->telling = false;
		free(d->told);
		d->told = NULL;
		d->told_size = d->told_n = 0;
		return;
	}
}

/* --- writes out, and back --- */

enum err dhcp_store_put(void *arg, const struct dhcp_store *s)
{
	struct dhcp_service *d = arg;
	struct store_request *r = store_worker_take(d->worker);
	if (!r)
		return ERR_LIMIT;
	ASSERT(s->key.len <= sizeof(r->key) && s->value.len <= DHCP_LEASE_STORED_MAX);
	r->table = DHCP_TABLE_LEASES;
	r->remove = s->value.len == 0;
	r->version = s->expected;
	r->expect = s->expected ? STORE_EXPECT_VERSION
		    : r->remove ? STORE_EXPECT_ANY
				: STORE_EXPECT_ABSENT;
	r->number = s->token;
	r->key_len = (uint16_t)s->key.len;
	r->value_len = (uint16_t)s->value.len;
	memcpy(r->key, s->key.data, s->key.len);
	if (s->value.len)
		memcpy(r->value, s->value.data, s->value.len);
	store_worker_put(d->worker, r);
	return OK;
}

static void result_take(struct dhcp_service *d, const struct store_request *r, uint64_t now_ms)
{
	struct span current = {0};
	enum dhcp_stored result = DHCP_STORE_FAILED;
	uint64_t version = 0;
	if (r->result == OK) {
		result = DHCP_STORED;
		version = r->remove ? 0 : r->ret_version;
	} else if (r->result == ERR_EXISTS) {
		result = DHCP_STORE_CONFLICT;
		version = r->ret_version;
		current = span_of(r->value, r->value_len);
	} else if (r->result == ERR_ABSENT) {
		result = DHCP_STORE_CONFLICT;
	}
	if (is_v6(span_of(r->key, r->key_len)))
		v6_engine_stored(d->v6.engine, now_ms, r->number, result, version, current);
	else
		dhcp_engine_stored(d->engine, now_ms, r->number, result, version, current);
}

bool dhcp_store_clock(const struct dhcp_service *d, const struct store_state *s, int64_t *ret_ms)
{
	*ret_ms = s->clock_ms + (int64_t)(clock_ageing_us() / 1000) - (int64_t)dhcp_now_ms(d);
	return s->connected && s->clock_known;
}

/* Each server frees a lease by its own clock, and all share the database's. */
static void judge_clock(struct dhcp_service *d, const struct store_state *s)
{
	int64_t ahead_ms;
	if (!dhcp_store_clock(d, s, &ahead_ms))
		return;
	int64_t apart_ms = ahead_ms < 0 ? -ahead_ms : ahead_ms;
	bool off = apart_ms > (d->clock_off ? CLOCK_RIGHT_MS : CLOCK_OFF_MS);
	if (off == d->clock_off)
		return;
	d->clock_off = off;
	if (off)
		log_warning("this machine's clock and the database's are more than a second apart: "
			    "servers that share leases need one time",
			    LOG_U64("apart-ms", (uint64_t)apart_ms));
	else
		log_notice("this machine's clock and the database's agree again");
	events_tell(&d->events, d->life.control);
	control_event(d->life.control, off ? "clock-off" : "clock-right",
		      json_pack("{s:I}", "database_ahead_ms", (json_int_t)ahead_ms));
}

static void look(void *arg)
{
	struct dhcp_service *d = arg;
	struct store_state s;
	store_state(d->store, &s);
	loop_timer_set_after(&d->life.loop, &d->store_look, LOOK_MS);
	judge_clock(d, &s);
	if (s.connected == d->store_connected)
		return;
	d->store_connected = s.connected;
	tell_away(d, !s.connected);
	if (s.connected)
		log_notice("the store is back");
	else
		log_error("the store is away; known leases are renewed from memory",
			  LOG_TEXT("reason", s.reason), LOG_ERR(s.why));
	events_tell(&d->events, d->life.control); /* in the order they happened */
	control_event(d->life.control, s.connected ? "store-back" : "store-lost",
		      s.connected ? NULL : json_pack("{s:s}", "reason", s.reason));
}

void dhcp_store_woken(void *arg)
{
	struct dhcp_service *d = arg;
	struct store_request *r;
	struct store_feed feed;
	uint64_t now_ms = dhcp_now_ms(d);
	while ((r = store_worker_result(d->worker))) {
		if (r->table == DHCP_TABLE_LEASES)
			result_take(d, r, now_ms);
		else
			dhcp_reserve_stored(d, r);
		store_worker_give(d->worker, r);
	}
	unsigned rows = 0;
	while (rows++ < FEED_TURN && store_worker_feed(d->worker, &feed))
		feed_take(d, &feed);
	if (rows > FEED_TURN)
		loop_wake(&d->life.loop);
	if (d->reserved.changed && !d->telling)
		dhcp_site_renew(d);
}

/* In the store's thread. */
static void wake(void *arg)
{
	struct dhcp_service *d = arg;
	loop_wake(&d->life.loop);
}

enum err dhcp_store_start(struct dhcp_service *d)
{
	const struct dhcp_conf *conf = dhcp_conf_of(d);
	const struct store_worker_config config = {
		.store = d->store,
		.requests_max = conf->waiting_max < REQUESTS_MAX ? conf->waiting_max : REQUESTS_MAX,
		.value_max = DHCP_LEASE_STORED_MAX,
		.feed_max = FEED_MAX,
		.cpu = -1,
		.wake = wake,
		.wake_arg = d,
	};
	TRY(store_worker_new(&config, &d->worker));
	loop_on_wake(&d->life.loop, dhcp_store_woken, d);
	loop_timer_init(&d->store_look, look, d);
	loop_timer_set_after(&d->life.loop, &d->store_look, LOOK_MS);
	return store_worker_start(d->worker);
}

void dhcp_store_stop(struct dhcp_service *d)
{
	if (!d->worker)
		return;
	store_worker_stop(d->worker);
	dhcp_store_woken(d);
	dhcp_v4_flush(d);
	dhcp_v6_flush(d);
	loop_timer_cancel(&d->life.loop, &d->store_look); /* while there is a loop */
}

void dhcp_store_done(struct dhcp_service *d)
{
	store_worker_free(TAKE(d->worker));
	store_free(TAKE(d->store));
	free(d->told);
	d->told = NULL;
}
