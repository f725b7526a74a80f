#include "service/nat/io_probe.h"

#include "os/fd.h"
#include "os/log.h"
#include "os/tcp.h"
#include "service/nat/conf.h"
#include "service/nat/tables.h"

#include <stdlib.h>

enum {
	EVERY_MS = 1000,
	ANSWER_MS = 2000, /* it ends the connection by then, or does not answer */
	FAILS_MAX = 2,	  /* one after the other: it is down */
};

struct nat_probe {
	struct nat_prober *prober;
	size_t number; /* of the entry */
	struct ip_endpoint to;
	struct loop_watch watch;
	struct loop_timer timer;
	int fd; /* -1: between two calls */
	bool open;
	unsigned fails;
	bool down;
};

static void hang_up(struct nat_probe *p)
{
	if (p->fd < 0)
		return;
	loop_remove(p->prober->loop, &p->watch);
	fd_done(&p->fd);
}

static void found(struct nat_probe *p, bool answers)
{
	bool was = p->down;
	hang_up(p);
	p->fails = answers ? 0 : p->fails + 1;
	p->down = p->fails >= FAILS_MAX;
	loop_timer_set_after(p->prober->loop, &p->timer, EVERY_MS);
	if (was == p->down)
		return;
	if (was)
		log_notice("a proxy answers again: clients are led to it",
			   LOG_ENDPOINT("proxy", &p->to));
	p->prober->changed(p->prober->arg);
}

/* Refused: nobody listens. A reset is the answer of who does, as the end is; while it has not come
 * the connection may only lie in the queue of somebody dead. */
static void told(void *arg, uint32_t events)
{
	struct nat_probe *p = arg;
	char byte;
	size_t len;
	(void)events;
	if (!p->open) {
		enum err e = tcp_connect_result(p->fd);
		if (e) {
			found(p, e == (enum err)ECONNRESET);
			return;
		}
		p->open = true;
		loop_remove(p->prober->loop, &p->watch);
		if (loop_add(p->prober->loop, &p->watch, p->fd, LOOP_READ, told, p)) {
			fd_done(&p->fd);
			found(p, true); /* it is our own trouble */
		}
		return;
	}
	if (tcp_read(p->fd, &byte, 1, &len) != OK)
		found(p, true);
}

static void call(struct nat_probe *p)
{
	int fd;
	enum err e = tcp_connect(&p->to, NULL, &fd);
	if (e) {
		found(p, err_is_shortage(e));
		return;
	}
	p->open = false;
	if (loop_add(p->prober->loop, &p->watch, fd, LOOP_WRITE, told, p)) {
		fd_done(&fd);
		found(p, true);
		return;
	}
	p->fd = fd;
	loop_timer_set_after(p->prober->loop, &p->timer, ANSWER_MS);
}

static void due(void *arg)
{
	struct nat_probe *p = arg;
	if (p->fd >= 0)
		found(p, false);
	else
		call(p);
}

/* --- all of them ------------------------------------------------------------------------------ */

void nat_prober_init(struct nat_prober *p, struct loop *loop, void (*changed)(void *arg), void *arg)
{
	*p = (struct nat_prober){.loop = loop, .changed = changed, .arg = arg};
}

static void add(struct nat_prober *p, const struct ip_endpoint *to, size_t number)
{
	struct nat_probe *probe = &p->items[p->n++];
	*probe = (struct nat_probe){.prober = p, .number = number, .to = *to, .fd = -1};
	loop_timer_init(&probe->timer, due, probe);
	loop_timer_set_after(p->loop, &probe->timer, 0);
}

void nat_prober_turn(struct nat_prober *p, const struct nat_conf *conf)
{
	const struct nat_take_conf *takes = conf ? conf->takes.items : NULL;
	for (size_t i = 0; i < p->n; i++) {
		hang_up(&p->items[i]);
		loop_timer_cancel(p->loop, &p->items[i].timer);
	}
	free(TAKE(p->items));
	p->n = 0;
	p->of = conf;
	if (!conf || !conf->takes.n)
		return;
	p->items = calloc(2 * conf->takes.n, sizeof(*p->items));
	if (!p->items) {
		log_warning("whether proxies answer is not looked at", LOG_ERR((enum err)ENOMEM));
		return;
	}
	for (size_t i = 0; i < conf->takes.n; i++) {
		const struct ip_endpoint *to = takes[i].to.items;
		for (size_t k = 0; takes[i].when_down == NAT_DOWN_PASS && k < takes[i].to.n; k++)
			add(p, &to[k], i);
	}
}

static bool is_down(const struct nat_prober *p, size_t number, unsigned family)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].number == number && p->items[i].to.address.family == family)
			return p->items[i].down;
	return false;
}

static void tell_down(struct nat_tables *t, const struct nat_take_conf *take, unsigned family)
{
	char text[IP_ENDPOINT_TEXT_MAX];
	(void)ip_endpoint_format(nat_take_conf_to(take, family), text);
	nat_tables_note(t, take->line, "the proxy at %s does not answer: clients go without it",
			text);
}

void nat_prober_release(const struct nat_prober *p, const struct nat_conf *conf,
			struct nat_tables *t)
{
	const struct nat_take_conf *takes = conf->takes.items;
	if (conf != p->of)
		return;
	for (uint32_t i = t->rules_plain + 1; i <= t->rules_taken; i++) {
		struct nat_rule *r = &t->rules[i];
		unsigned family = nat_address_unmap(r->dst).family;
		if (r->action == NAT_DROP || !is_down(p, t->takes[i], family))
			continue;
		if (r->action == NAT_ALLOW)
			tell_down(t, &takes[t->takes[i]], family);
		r->action = NAT_DROP; /* left alone */
	}
}
