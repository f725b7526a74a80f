#include "proxy/io_race.h"

#include "os/fd.h"
#include "os/tcp.h"

#include <stdlib.h>

struct runner {
	struct proxy_race *of;
	int fd; /* -1: not begun, or failed */
	struct loop_watch watch;
};

struct proxy_race {
	struct loop *loop; /* borrowed */
	struct proxy_race_call call;
	struct ip_address from; /* family 0: any */
	bool speaks;
	struct ip_endpoint to[PROXY_RACE_MAX];
	struct runner runners[PROXY_RACE_MAX];
	size_t n, begun, running;
	enum err error; /* of the last one that failed */
	struct loop_timer next;
};

static void runner_close(struct runner *r)
{
	if (r->fd < 0)
		return;
	loop_forget(r->of->loop, &r->watch);
	fd_done(&r->fd);
}

void proxy_race_free(struct proxy_race *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->begun; i++)
		runner_close(&r->runners[i]);
	loop_timer_cancel(r->loop, &r->next);
	free(r);
}

static void over(struct proxy_race *race, enum err e, int fd)
{
	const struct proxy_race_call call = race->call;
	proxy_race_free(race);
	call.over(call.arg, e, fd);
}

static void begin_next(void *arg);

static void failed(struct proxy_race *race, enum err e)
{
	race->error = e;
	if (race->begun < race->n)
		loop_timer_set_after(race->loop, &race->next, 0);
	else if (!race->running)
		over(race, e, -1);
}

static void told(void *arg, uint32_t events)
{
	struct runner *r = arg;
	struct proxy_race *race = r->of;
	enum err e = events & (LOOP_ERROR | LOOP_HANGUP) ? tcp_connect_result(r->fd) : OK;
	if (!e && events & LOOP_WRITE) {
		/* Whoever takes it over watches it his own way. */
		loop_remove(race->loop, &r->watch);
		over(race, OK, fd_take(&r->fd));
		return;
	}
	runner_close(r);
	race->running--;
	failed(race, e ? e : ERR_CLOSED);
}

/* One client's connection must not take a descriptor for each address of a name. */
static void give_way(struct proxy_race *race)
{
	size_t at = 0;
	if (race->running < PROXY_RACE_AT_ONCE)
		return;
	while (race->runners[at].fd < 0)
		at++;
	runner_close(&race->runners[at]);
	race->running--;
}

static void begin_next(void *arg)
{
	struct proxy_race *race = arg;
	give_way(race);
	size_t at = race->begun++;
	struct runner *r = &race->runners[at];
	const struct ip_address *from = race->from.family ? &race->from : NULL;
	enum err e = race->speaks ? tcp_connect_to_speak(&race->to[at], from, &r->fd)
				  : tcp_connect(&race->to[at], from, &r->fd);
	if (!e)
		e = loop_add(race->loop, &r->watch, r->fd, LOOP_WRITE, told, r);
	if (e) {
		fd_done(&r->fd);
		failed(race, e);
		return;
	}
	race->running++;
	if (race->begun < race->n)
		loop_timer_set_after(race->loop, &race->next, PROXY_RACE_DELAY_MS);
}

enum err proxy_race_new(struct loop *loop, const struct proxy_race_way *way,
			struct proxy_race_call call, struct proxy_race **ret)
{
	struct proxy_race *race = calloc(1, sizeof(*race));
	if (!race)
		return ENOMEM;
	ASSERT(way->n > 0);
	race->loop = loop;
	race->call = call;
	race->from = way->from ? *way->from : (struct ip_address){0};
	race->speaks = way->speaks;
	race->n = way->n < PROXY_RACE_MAX ? way->n : PROXY_RACE_MAX;
	for (size_t i = 0; i < race->n; i++) {
		race->to[i] = way->to[i];
		race->runners[i] = (struct runner){.of = race, .fd = -1};
	}
	loop_timer_init(&race->next, begin_next, race);
	loop_timer_set_after(loop, &race->next, 0);
	*ret = race;
	return OK;
}
