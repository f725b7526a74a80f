#include "service/reverse-proxy/io_tickets.h"

#include "crypto/random.h"
#include "crypto/secret.h"
#include "os/log.h"
#include "service/reverse-proxy/conf.h"

static void use(struct reverse_tickets *t, uint64_t now_s)
{
	t->seals = ticket_ring_seals(&t->ring, now_s);
	tls_tickets_set(t->tickets, t->ring.keys, t->ring.n, t->seals);
}

/* As many new keys as are due. */
static enum err fill(struct ticket_ring *r, uint64_t now_s)
{
	while (ticket_ring_is_due(r, now_s)) {
		struct tls_ticket_key next;
		TRY(crypto_random(&next, sizeof(next)));
		ticket_ring_turn(r, now_s, &next);
		crypto_wipe(&next, sizeof(next));
	}
	return OK;
}

enum err reverse_tickets_begin(struct reverse_tickets *t, const struct reverse_conf *conf,
			       uint64_t now_s, void (*wake)(void *arg), void *arg)
{
	AUTO_DONE(sealed_key_done) struct sealed_key key = {0};
	char url[REVERSE_STORE_URL_MAX];
	TRY(tls_tickets_new(&t->tickets));
	TRY(fill(&t->ring, now_s));
	use(t, now_s);
	if (!reverse_store_is_shared(conf))
		return OK;
	if (!conf->store_key.len) {
		log_notice("gateways do not resume each other's sessions: `store-key` is not set");
		return OK;
	}
	TRY(reverse_store_key_read(conf->store_key, key.bytes));
	reverse_store_url(conf, url, sizeof(url));
	const struct ticket_store_setting setting = {url, &key, wake, arg};
	enum err e = ticket_store_new(&setting, &t->store);
	crypto_wipe(url, sizeof(url));
	return e;
}

enum err reverse_tickets_start(struct reverse_tickets *t)
{
	return t->store ? ticket_store_start(t->store) : OK;
}

/* No other gateway has put the key to come there for a whole period, and we cannot. */
static bool is_forsaken(const struct reverse_tickets *t, uint64_t now_s)
{
	return !ticket_store_is_ready(t->store) &&
	       t->ring.from_s[t->ring.n - 1] + TICKET_PERIOD_S <= now_s;
}

/* Ours in place of nothing or of what is too old; else the ring with the key to come. */
static void put(struct reverse_tickets *t, uint64_t now_s)
{
	struct ticket_ring next = t->ring;
	if (ticket_store_is_ready(t->store) && fill(&next, now_s) == OK)
		err_ignore(ticket_store_put(t->store, &next)); /* the next second tries again */
	ticket_ring_done(&next);
}

void reverse_tickets_turn(struct reverse_tickets *t, uint64_t now_s)
{
	bool due = ticket_ring_is_due(&t->ring, now_s);
	if (t->shared && due && is_forsaken(t, now_s))
		t->shared = false;
	if (t->store && (due || !t->shared))
		put(t, now_s);
	if (due && !t->shared && fill(&t->ring, now_s) == OK)
		use(t, now_s);
	if (ticket_ring_seals(&t->ring, now_s) != t->seals)
		use(t, now_s);
}

void reverse_tickets_woken(struct reverse_tickets *t, uint64_t now_s)
{
	struct ticket_ring told;
	if (!t->store || !ticket_store_woken(t->store, &told))
		return;
	t->ring = told;
	t->shared = true;
	ticket_ring_done(&told);
	use(t, now_s);
}

void reverse_tickets_done(struct reverse_tickets *t)
{
	ticket_store_free(t->store);
	tls_tickets_unref(t->tickets);
	crypto_wipe(t, sizeof(*t));
}
