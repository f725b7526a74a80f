#include "fetch/resolve.h"

#include "crypto/random.h"
#include "os/fd.h"
#include "os/udp.h"
#include "proto/dns/type.h"

enum {
	TYPES = 2,
	TRIES = 2, /* of each resolver, for each type */
	WAIT_MS = 2000,
	ANSWER_MAX = 4096,
};

static const uint16_t types[TYPES] = {DNS_TYPE_A, DNS_TYPE_AAAA};

static void go_on(struct fetch_resolve *r);

static void ask_close(struct fetch_resolve *r)
{
	loop_remove(r->loop, &r->watch);
	loop_timer_cancel(r->loop, &r->timer);
	fd_done(&r->fd);
}

static void answered(void *arg, uint32_t events)
{
	struct fetch_resolve *r = arg;
	uint8_t message[ANSWER_MAX];
	struct dns_addresses found;
	size_t len = 0;
	(void)events;
	enum err e = udp_read(r->fd, message, sizeof(message), &len);
	if (!e && (len == 0 || len > sizeof(message)))
		return;
	if (!e)
		e = dns_addresses_read(span_of(message, len), &r->name, types[r->type], r->id,
				       &found);
	if (e == ERR_FORMAT)
		return; /* somebody else's; the right one may come yet */
	for (size_t i = 0; !e && i < found.n && r->found_n < FETCH_RESOLVED_MAX; i++)
		r->found[r->found_n++] = found.items[i];
	if (!e) {
		r->type++;
		r->tries = 0;
	}
	go_on(r);
}

static enum err send_question(struct fetch_resolve *r, const struct ip_endpoint *to)
{
	uint8_t room[DNS_ADDRESSES_QUERY_MAX];
	TRY(crypto_random(&r->id, sizeof(r->id)));
	struct span query = dns_addresses_query(&r->name, types[r->type], r->id, room);
	TRY(udp_connect(to, NULL, 0, &r->fd));
	enum err e = udp_write(r->fd, query);
	if (!e)
		e = loop_add(r->loop, &r->watch, r->fd, LOOP_READ, answered, r);
	if (e)
		fd_done(&r->fd);
	else
		loop_timer_set_after(r->loop, &r->timer, WAIT_MS);
	return e;
}

/* The next resolver, then the next type; over when all were tried. */
static void go_on(struct fetch_resolve *r)
{
	ask_close(r);
	for (; r->type < TYPES; r->type++, r->tries = 0)
		while (r->tries < r->resolvers_n * TRIES)
			if (send_question(r, &r->resolvers[r->tries++ % r->resolvers_n]) == OK)
				return;
	r->call(r->arg, r->found, r->found_n);
}

static void timer(void *arg)
{
	go_on(arg);
}

void fetch_resolve_init(struct fetch_resolve *r, struct loop *loop, fetch_resolved *call, void *arg)
{
	*r = (struct fetch_resolve){.loop = loop, .call = call, .arg = arg, .fd = -1};
	loop_timer_init(&r->timer, timer, r);
}

enum err fetch_resolve(struct fetch_resolve *r, struct fetch_resolvers resolvers, const char *host)
{
	ASSERT(resolvers.n <= FETCH_RESOLVERS_MAX);
	fetch_resolve_stop(r);
	for (r->resolvers_n = 0; r->resolvers_n < resolvers.n; r->resolvers_n++)
		r->resolvers[r->resolvers_n] = resolvers.items[r->resolvers_n];
	r->found_n = r->type = r->tries = 0;
	if (ip_address_parse(span_text(host), &r->found[0]) == OK) {
		r->found_n = 1;
		r->type = TYPES;
	} else {
		TRY(dns_name_from_text(span_text(host), NULL, &r->name));
	}
	loop_timer_set_after(r->loop, &r->timer, 0);
	return OK;
}

void fetch_resolve_stop(struct fetch_resolve *r)
{
	if (r->loop)
		ask_close(r);
}
