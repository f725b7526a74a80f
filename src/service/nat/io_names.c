#include "service/nat/io_names.h"

#include "crypto/random.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/udp.h"

static void ask_next(struct nat_asker *a);

/* --- one question ----------------------------------------------------------------------------- */

static void close_ask(struct nat_ask *ask)
{
	loop_remove(ask->asker->loop, &ask->watch);
	loop_timer_cancel(ask->asker->loop, &ask->timer);
	fd_done(&ask->fd);
}

static void give_up(struct nat_ask *ask)
{
	struct nat_name *name = nat_names_find(ask->asker->names, &ask->name);
	close_ask(ask);
	ask->asker->silent++;
	if (name)
		nat_names_silent(name, ask->family, clock_monotonic_ms());
}

static enum err send_question(struct nat_ask *ask, const struct nat_name *name);

/* The next server, until each had its tries. */
static void try_on(struct nat_ask *ask)
{
	struct nat_asker *a = ask->asker;
	const struct nat_name *name = nat_names_find(a->names, &ask->name);
	while (name && ask->tries < a->servers_n * NAT_ASK_TRIES) {
		close_ask(ask);
		if (send_question(ask, name) == OK)
			return;
	}
	give_up(ask);
	ask_next(a);
}

static void timer_fired(void *arg)
{
	try_on(arg);
}

static void take_answer(struct nat_ask *ask, struct nat_name *name,
			const struct nat_name_answer *answer)
{
	struct nat_asker *a = ask->asker;
	close_ask(ask);
	a->answered++;
	if (nat_names_answer(a->names, name, ask->family, answer->addresses, answer->n,
			     answer->ttl_s, clock_monotonic_ms()))
		a->changed(a->arg);
	ask_next(a);
}

static void woken(void *arg, uint32_t events)
{
	struct nat_ask *ask = arg;
	struct nat_name *name = nat_names_find(ask->asker->names, &ask->name);
	struct nat_name_answer answer;
	uint8_t message[4096];
	size_t len = 0;
	(void)events;
	enum err e = udp_read(ask->fd, message, sizeof(message), &len);
	if (!e && (len == 0 || len > sizeof(message)))
		return;
	if (!name) { /* a reload has dropped it */
		close_ask(ask);
		ask_next(ask->asker);
		return;
	}
	if (!e)
		e = nat_names_read(span_of(message, len), name, ask->family, ask->id, &answer);
	if (!e)
		take_answer(ask, name, &answer);
	else if (e != ERR_FORMAT)
		try_on(ask);
}

static enum err send_question(struct nat_ask *ask, const struct nat_name *name)
{
	struct nat_asker *a = ask->asker;
	uint8_t room[NAT_NAME_QUERY_MAX];
	const struct ip_endpoint *server = &a->servers[ask->tries++ % a->servers_n];
	TRY(crypto_random(&ask->id, sizeof(ask->id)));
	TRY(udp_connect(server, NULL, 0, &ask->fd));
	enum err e = udp_write(ask->fd, nat_names_query(name, ask->family, ask->id, room));
	if (!e)
		e = loop_add(a->loop, &ask->watch, ask->fd, LOOP_READ, woken, ask);
	if (e) {
		fd_done(&ask->fd);
		return e;
	}
	a->asked++;
	loop_timer_set_after(a->loop, &ask->timer, NAT_ASK_WAIT_MS);
	return OK;
}

/* --- all -------------------------------------------------------------------------------------- */

static struct nat_ask *free_ask(struct nat_asker *a)
{
	for (size_t i = 0; i < NAT_ASKS_MAX; i++)
		if (a->asks[i].fd < 0)
			return &a->asks[i];
	return NULL;
}

static void ask_next(struct nat_asker *a)
{
	uint64_t now_ms = clock_monotonic_ms();
	struct nat_ask *ask = free_ask(a);
	enum nat_name_family family;
	struct nat_name *name;
	while (ask && a->servers_n && nat_names_due(a->names, now_ms, &name, &family)) {
		ask->name = name->name;
		ask->family = family;
		ask->tries = 0;
		while (ask->fd < 0 && ask->tries < a->servers_n * NAT_ASK_TRIES)
			err_ignore(send_question(ask, name)); /* the next server is tried */
		if (ask->fd < 0)
			give_up(ask);
		ask = free_ask(a);
	}
	uint64_t next_ms = nat_names_next_ms(a->names);
	if (ask && next_ms != UINT64_MAX)
		loop_timer_set_after(a->loop, &a->next, next_ms > now_ms ? next_ms - now_ms : 0);
}

static void next_fired(void *arg)
{
	ask_next(arg);
}

void nat_asker_init(struct nat_asker *a, struct loop *loop, struct nat_names *names,
		    void (*changed)(void *arg), void *arg)
{
	*a = (struct nat_asker){.loop = loop, .names = names, .changed = changed, .arg = arg};
	loop_timer_init(&a->next, next_fired, a);
	for (size_t i = 0; i < NAT_ASKS_MAX; i++) {
		a->asks[i].asker = a;
		a->asks[i].fd = -1;
		loop_timer_init(&a->asks[i].timer, timer_fired, &a->asks[i]);
	}
}

void nat_asker_turn(struct nat_asker *a, const struct config_list *servers)
{
	const struct ip_endpoint *items = servers->items;
	a->servers_n = 0;
	for (size_t i = 0; i < servers->n && i < NAT_ASK_SERVERS_MAX; i++)
		a->servers[a->servers_n++] = items[i];
	ask_next(a);
}

void nat_asker_done(struct nat_asker *a)
{
	if (!a->loop)
		return;
	for (size_t i = 0; i < NAT_ASKS_MAX; i++)
		if (a->asks[i].fd >= 0)
			close_ask(&a->asks[i]);
	loop_timer_cancel(a->loop, &a->next);
}
