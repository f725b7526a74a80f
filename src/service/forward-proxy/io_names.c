#include "service/forward-proxy/io_names.h"

#include "crypto/random.h"
#include "os/fd.h"
#include "os/udp.h"
#include "proto/dns/addresses.h"
#include "proto/dns/type.h"

#include <assert.h>
#include <stdlib.h>

enum {
	NAMES_MAX = 8192,
	TYPES = 2,
	TRIES = 2, /* of each resolver, for each type */
	WAIT_MS = 1500,
	DELAY_MS = 50, /* RFC 8305 3: so long an address waits for those of the other family */
	ANSWER_MAX = 4096,
};

static_assert((int)NAMES_ADDRESSES_MAX == TYPES * (int)DNS_ADDRESSES_MAX, "all that is told");

static const uint16_t types[TYPES] = {DNS_TYPE_A, DNS_TYPE_AAAA};

struct ask;

/* One type of one name. */
struct question {
	struct ask *of;
	int fd;
	uint16_t id;
	size_t tries;
	bool over, told;
	struct dns_addresses found;
	struct loop_watch watch;
	struct loop_timer timer;
};

struct ask {
	struct forward_names *all;
	struct name *k; /* NULL: not in use */
	bool late;	/* who waited was told what there was */
	struct dns_name name;
	struct question questions[TYPES];
	struct loop_timer delay;
};

struct forward_names {
	struct names names;
	struct loop *loop;
	void (*told)(void *arg, struct name_waiter *w);
	void *arg; /* borrowed */
	struct ip_endpoint resolvers[FORWARD_RESOLVERS_MAX];
	size_t resolvers_n;
	struct loop_timer next;
	struct ask asks[FORWARD_ASKS_MAX];
};

/* --- one name --------------------------------------------------------------------------------- */

static void question_close(struct question *q)
{
	loop_remove(q->of->all->loop, &q->watch);
	loop_timer_cancel(q->of->all->loop, &q->timer);
	fd_done(&q->fd);
}

static void tell(struct forward_names *n)
{
	struct name_waiter *w;
	while ((w = names_told(&n->names)))
		n->told(n->arg, w);
}

static struct names_answer answer_of(const struct ask *a)
{
	struct names_answer answer = {0};
	for (size_t i = 0; i < TYPES; i++) {
		const struct question *q = &a->questions[i];
		answer.of[i].told = q->told;
		answer.of[i].items = q->found.items;
		answer.of[i].n = q->told ? q->found.n : 0;
		answer.of[i].ttl_s = q->found.ttl_s;
	}
	return answer;
}

/* What is not told by now will not be. */
static void finish(struct ask *a)
{
	struct forward_names *n = a->all;
	const struct names_answer answer = answer_of(a);
	for (size_t i = 0; i < TYPES; i++)
		question_close(&a->questions[i]);
	loop_timer_cancel(n->loop, &a->delay);
	struct name *k = TAKE(a->k);
	if (a->late)
		names_late(&n->names, k, loop_now_ms(n->loop), &answer);
	else
		names_take(&n->names, k, loop_now_ms(n->loop), &answer);
	loop_timer_set_after(n->loop, &n->next, 0);
	tell(n);
}

static void look(struct ask *a)
{
	bool all = true, any = false;
	for (size_t i = 0; i < TYPES; i++) {
		all &= a->questions[i].over;
		any |= a->questions[i].told && a->questions[i].found.n;
	}
	if (all)
		finish(a);
	else if (any && !a->late && !a->delay.set)
		loop_timer_set_after(a->all->loop, &a->delay, DELAY_MS);
}

/* Who waits goes on with what there is; the rest is for who comes later. */
static void delayed(void *arg)
{
	struct ask *a = arg;
	struct forward_names *n = a->all;
	struct names_answer answer = answer_of(a);
	answer.more_comes = a->late = true;
	names_take(&n->names, a->k, loop_now_ms(n->loop), &answer);
	/* There may be no other one for those that are due. */
	loop_timer_set_after(n->loop, &n->next, 0);
	tell(n);
}

static void answered(void *arg, uint32_t events);

static enum err send_question(struct question *q, const struct ip_endpoint *to)
{
	uint8_t room[DNS_ADDRESSES_QUERY_MAX];
	struct ask *a = q->of;
	TRY(crypto_random(&q->id, sizeof(q->id)));
	struct span query = dns_addresses_query(&a->name, types[q - a->questions], q->id, room);
	TRY(udp_connect(to, NULL, 0, &q->fd));
	enum err e = udp_write(q->fd, query);
	if (!e)
		e = loop_add(a->all->loop, &q->watch, q->fd, LOOP_READ, answered, q);
	if (e)
		fd_done(&q->fd);
	else
		loop_timer_set_after(a->all->loop, &q->timer, WAIT_MS);
	return e;
}

/* The next resolver; over when all were tried. */
static void go_on(struct question *q)
{
	const struct forward_names *n = q->of->all;
	question_close(q);
	while (q->tries < n->resolvers_n * TRIES)
		if (send_question(q, &n->resolvers[q->tries++ % n->resolvers_n]) == OK)
			return;
	q->over = true;
}

static void timed_out(void *arg)
{
	struct question *q = arg;
	go_on(q);
	look(q->of);
}

static void answered(void *arg, uint32_t events)
{
	struct question *q = arg;
	uint8_t message[ANSWER_MAX];
	size_t len = 0;
	(void)events;
	enum err e = udp_read(q->fd, message, sizeof(message), &len);
	if (!e && (len == 0 || len > sizeof(message)))
		return;
	if (!e)
		e = dns_addresses_read(span_of(message, len), &q->of->name,
				       types[q - q->of->questions], q->id, &q->found);
	if (e == ERR_FORMAT)
		return; /* somebody else's; the right one may come yet */
	q->told = q->over = !e;
	if (e)
		go_on(q);
	else
		question_close(q);
	look(q->of);
}

static void ask(struct ask *a, struct name *k)
{
	a->k = k;
	a->late = false;
	/* It was read as a host's name, which is a name of the DNS unless it is too long. */
	bool is_name = dns_name_from_text(names_text(k), NULL, &a->name) == OK;
	for (size_t i = 0; i < TYPES; i++) {
		struct question *q = &a->questions[i];
		q->tries = 0;
		q->told = false;
		q->over = !is_name;
		q->found.n = 0;
		if (is_name)
			go_on(q);
	}
	look(a);
}

/* --- all -------------------------------------------------------------------------------------- */

/* One for whose rest nobody waits gives way: a silent name server holds up no other name. */
static struct ask *ask_free(struct forward_names *n)
{
	struct ask *late = NULL;
	for (size_t i = 0; i < FORWARD_ASKS_MAX; i++) {
		if (!n->asks[i].k)
			return &n->asks[i];
		if (n->asks[i].late)
			late = &n->asks[i];
	}
	if (late)
		finish(late);
	return late;
}

/* A name that has ended and is due anew ahead of its rest: that is for nobody any more. */
static void forget_rest(struct forward_names *n, const struct name *k)
{
	for (size_t i = 0; i < FORWARD_ASKS_MAX; i++)
		if (n->asks[i].k == k)
			finish(&n->asks[i]);
}

/* As many as there is room for; who is answered makes room. */
static void ask_next(void *arg)
{
	struct forward_names *n = arg;
	struct ask *a;
	while (names_are_due(&n->names) && (a = ask_free(n))) {
		struct name *k = names_due(&n->names);
		forget_rest(n, k);
		ask(a, k);
	}
}

static void ask_init(struct forward_names *n, struct ask *a)
{
	a->all = n;
	loop_timer_init(&a->delay, delayed, a);
	for (size_t i = 0; i < TYPES; i++) {
		a->questions[i].of = a;
		a->questions[i].fd = -1;
		loop_timer_init(&a->questions[i].timer, timed_out, &a->questions[i]);
	}
}

enum err forward_names_new(struct loop *loop, void (*told)(void *arg, struct name_waiter *w),
			   void *arg, struct forward_names **ret)
{
	uint64_t key[2];
	struct forward_names *n = calloc(1, sizeof(*n));
	enum err e = n ? crypto_random(key, sizeof(key)) : (enum err)ENOMEM;
	if (e) {
		free(n);
		return e;
	}
	n->loop = loop;
	n->told = told;
	n->arg = arg;
	names_init(&n->names, (struct hash_key){key[0], key[1]}, NAMES_MAX);
	loop_timer_init(&n->next, ask_next, n);
	for (size_t i = 0; i < FORWARD_ASKS_MAX; i++)
		ask_init(n, &n->asks[i]);
	*ret = n;
	return OK;
}

void forward_names_free(struct forward_names *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < FORWARD_ASKS_MAX; i++) {
		for (size_t t = 0; t < TYPES; t++)
			question_close(&n->asks[i].questions[t]);
		loop_timer_cancel(n->loop, &n->asks[i].delay);
	}
	loop_timer_cancel(n->loop, &n->next);
	names_done(&n->names);
	free(n);
}

void forward_names_set(struct forward_names *n, const struct ip_endpoint *resolvers,
		       size_t resolvers_n)
{
	ASSERT(resolvers_n <= FORWARD_RESOLVERS_MAX);
	memcpy(n->resolvers, resolvers, resolvers_n * sizeof(resolvers[0]));
	n->resolvers_n = resolvers_n;
}

enum names_found forward_names_find(struct forward_names *n, struct span text,
				    struct name_waiter *w, struct names_addresses *ret)
{
	enum names_found f = names_find(&n->names, text, loop_now_ms(n->loop), w, ret);
	if (f == NAMES_WAIT && !n->next.set)
		loop_timer_set_after(n->loop, &n->next, 0);
	return f;
}

void forward_names_worked(struct forward_names *n, struct span text, const struct ip_address *a)
{
	names_worked(&n->names, text, a);
}
