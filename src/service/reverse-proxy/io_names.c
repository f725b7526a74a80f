#include "service/reverse-proxy/io_names.h"

#include "crypto/random.h"
#include "os/fd.h"
#include "os/log.h"
#include "os/udp.h"
#include "proto/dns/type.h"
#include "service/reverse-proxy/lookup.h"

#include <stdlib.h>

enum {
	ASKS_MAX = 16,
	TRIES = 2, /* of each resolver, for each type */
	WAIT_MS = 2000,
	GATHER_MS = 1000, /* changes are told when all names are known, but not later than this */
	QUERY_MAX = 512,  /* of addresses and of services */
	ANSWER_MAX = 4096,
};

static const uint16_t types[LOOKUP_TYPES] = {DNS_TYPE_A, DNS_TYPE_AAAA};

/* A name that is asked for, from a port of its own. */
struct ask {
	struct reverse_names *of;
	struct lookup *lookup; /* NULL: not in use */
	int fd;
	uint16_t id;
	size_t type; /* index of types */
	size_t tries;
	struct lookup_answer answer;
	struct loop_watch watch;
	struct loop_timer timer;
};

struct reverse_names {
	struct loop *loop;
	void (*changed)(void *arg);
	void *arg;			     /* borrowed */
	const struct config_list *resolvers; /* borrowed from the configuration */
	struct lookups lookups;
	struct loop_timer next, tell;
	bool changes; /* not told yet */
	struct ask asks[ASKS_MAX];
};

/* --- one name --------------------------------------------------------------------------------- */

static void ask_close(struct ask *a)
{
	loop_remove(a->of->loop, &a->watch);
	loop_timer_cancel(a->of->loop, &a->timer);
	fd_done(&a->fd);
}

static void tell_soon(struct reverse_names *n)
{
	if (n->changes && lookups_settled(&n->lookups))
		loop_timer_set_after(n->loop, &n->tell, 0);
	else if (n->changes && !n->tell.set)
		loop_timer_set_after(n->loop, &n->tell, GATHER_MS);
}

static void finish(struct ask *a)
{
	struct reverse_names *n = a->of;
	uint64_t now_ms = loop_now_ms(n->loop);
	struct lookup *k = TAKE(a->lookup);
	ask_close(a);
	char name[DNS_NAME_TEXT_MAX];
	if (!a->answer.told[0] && !a->answer.told[1] && k->failures == 0)
		log_warning("no resolver tells a server's name; what was known of it stays",
			    LOG_TEXT("name", dns_name_format(&k->name, name)));
	n->changes |= lookups_take(&n->lookups, k, now_ms, &a->answer);
	tell_soon(n);
	loop_timer_set_after(n->loop, &n->next, 0);
}

static void answered(void *arg, uint32_t events);

static enum err send_question(struct ask *a, const struct ip_endpoint *to)
{
	uint8_t room[QUERY_MAX];
	TRY(crypto_random(&a->id, sizeof(a->id)));
	struct span query =
		a->lookup->srv ? dns_services_query(&a->lookup->name, a->id, room)
			       : dns_addresses_query(&a->lookup->name, types[a->type], a->id, room);
	TRY(udp_connect(to, NULL, 0, &a->fd));
	enum err e = udp_write(a->fd, query);
	if (!e)
		e = loop_add(a->of->loop, &a->watch, a->fd, LOOP_READ, answered, a);
	if (e)
		fd_done(&a->fd);
	else
		loop_timer_set_after(a->of->loop, &a->timer, WAIT_MS);
	return e;
}

/* The next resolver, then the next type; over when all were tried. */
static void go_on(struct ask *a)
{
	const struct ip_endpoint *at = a->of->resolvers->items;
	size_t n = a->of->resolvers->n, most = a->lookup->srv ? 1 : LOOKUP_TYPES;
	ask_close(a);
	for (; a->type < most; a->type++, a->tries = 0)
		while (a->tries < n * TRIES)
			if (send_question(a, &at[a->tries++ % n]) == OK)
				return;
	finish(a);
}

static void timed_out(void *arg)
{
	go_on(arg);
}

static enum err read_answer(struct ask *a, struct span message)
{
	const struct dns_name *name = &a->lookup->name;
	if (a->lookup->srv)
		return dns_services_read(message, name, a->id, &a->answer.services);
	return dns_addresses_read(message, name, types[a->type], a->id,
				  &a->answer.addresses[a->type]);
}

static void answered(void *arg, uint32_t events)
{
	struct ask *a = arg;
	uint8_t message[ANSWER_MAX];
	size_t len = 0;
	(void)events;
	enum err e = udp_read(a->fd, message, sizeof(message), &len);
	if (!e && (len == 0 || len > sizeof(message)))
		return;
	if (!e)
		e = read_answer(a, span_of(message, len));
	if (e == ERR_FORMAT)
		return; /* somebody else's; the right one may come yet */
	if (!e) {
		a->answer.told[a->type++] = true;
		a->tries = 0;
	}
	go_on(a);
}

/* --- all -------------------------------------------------------------------------------------- */

static struct ask *ask_free(struct reverse_names *n)
{
	for (size_t i = 0; i < ASKS_MAX; i++)
		if (!n->asks[i].lookup)
			return &n->asks[i];
	return NULL;
}

/* As many as there is room for; who is answered makes room. */
static void ask_next(void *arg)
{
	struct reverse_names *n = arg;
	uint64_t now_ms = loop_now_ms(n->loop);
	struct ask *a;
	struct lookup *k;
	while ((a = ask_free(n)) && (k = lookups_due(&n->lookups, now_ms))) {
		a->lookup = k;
		a->type = a->tries = 0;
		a->answer = (struct lookup_answer){0};
		go_on(a);
	}
	uint64_t next_ms = lookups_next_ms(&n->lookups);
	if (a && next_ms != LOOKUP_ASKED)
		loop_timer_set(n->loop, &n->next, next_ms);
}

static void tell(void *arg)
{
	struct reverse_names *n = arg;
	n->changes = false;
	n->changed(n->arg);
}

enum err reverse_names_new(struct loop *loop, void (*changed)(void *arg), void *arg,
			   struct reverse_names **ret)
{
	struct reverse_names *n = calloc(1, sizeof(*n));
	if (!n)
		return ENOMEM;
	n->loop = loop;
	n->changed = changed;
	n->arg = arg;
	loop_timer_init(&n->next, ask_next, n);
	loop_timer_init(&n->tell, tell, n);
	for (size_t i = 0; i < ASKS_MAX; i++) {
		n->asks[i].of = n;
		n->asks[i].fd = -1;
		loop_timer_init(&n->asks[i].timer, timed_out, &n->asks[i]);
	}
	*ret = n;
	return OK;
}

void reverse_names_free(struct reverse_names *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < ASKS_MAX; i++)
		ask_close(&n->asks[i]);
	loop_timer_cancel(n->loop, &n->next);
	loop_timer_cancel(n->loop, &n->tell);
	lookups_done(&n->lookups);
	free(n);
}

enum err reverse_names_set(struct reverse_names *n, const struct config_list *resolvers,
			   const struct reverse_pool_conf *pools, size_t pools_n)
{
	n->resolvers = resolvers;
	loop_timer_set_after(n->loop, &n->next, 0);
	return lookups_set(&n->lookups, pools, pools_n, loop_now_ms(n->loop));
}

bool reverse_names_target(void *arg, const struct reverse_server_conf *server, size_t nth,
			  struct reverse_target *ret)
{
	struct reverse_names *n = arg;
	return lookups_target(&n->lookups, server, nth, ret);
}
