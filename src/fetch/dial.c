#include "fetch/dial.h"

/* --- one address --- */

static bool is_inside(const struct ip_address *a)
{
	return ip_address_is_loopback(a) || ip_address_is_private(a) ||
	       ip_address_is_link_local(a) || ip_address_is_unspecified(a) ||
	       ip_address_is_multicast(a);
}

bool fetch_dial_is_inside(const struct fetch_dial *d)
{
	return d->at && is_inside(&d->found[d->at - 1]);
}

static void refuse(struct fetch_dial *d, const char *why)
{
	d->fault_why = ERR_REFUSED;
	(void)span_to_cstr(span_text(why), d->fault, sizeof(d->fault));
}

static void hang_up(struct fetch_dial *d, enum err why)
{
	const char *fault = fetch_connection_fault(&d->connection);
	if (*fault)
		d->fault_why = why;
	if (*fault)
		(void)span_to_cstr(span_sub(span_text(fault), 0, sizeof(d->fault) - 1), d->fault,
				   sizeof(d->fault));
	fetch_connection_close(&d->connection);
	loop_timer_cancel(d->loop, &d->timer);
}

static void over(struct fetch_dial *d, enum err why)
{
	fetch_resolve_stop(&d->resolve);
	hang_up(d, why);
	/* Who was there and is not trusted tells more than who is not there. */
	d->call(d->arg, *d->fault ? d->fault_why : why);
}

static void go_on(void *arg)
{
	struct fetch_dial *d = arg;
	bool open = false;
	enum err e = fetch_connection_open(&d->connection, &open);
	if (e) {
		fetch_dial_next(d, e);
	} else if (open) {
		loop_timer_cancel(d->loop, &d->timer);
		d->call(d->arg, OK);
	}
}

/* Who is the last has all of the time that is left. */
static void timer_set(struct fetch_dial *d)
{
	uint64_t until_ms = loop_now_ms(d->loop) + d->address_ms;
	if (d->at == d->found_n || until_ms > d->until_ms)
		until_ms = d->until_ms;
	loop_timer_set(d->loop, &d->timer, until_ms);
}

void fetch_dial_next(struct fetch_dial *d, enum err why)
{
	hang_up(d, why);
	d->connection.call = go_on;
	d->connection.arg = d;
	if (loop_now_ms(d->loop) >= d->until_ms)
		d->at = d->found_n;
	while (d->at < d->found_n) {
		const struct ip_endpoint to = {.address = d->found[d->at++], .port = d->port};
		if (d->outside && is_inside(&to.address)) {
			refuse(d, "a redirect leads from outside to an address inside");
			continue;
		}
		why = fetch_connection_begin(&d->connection, &to, d->peer);
		if (why)
			continue;
		timer_set(d);
		return;
	}
	over(d, why);
}

static void late(void *arg)
{
	struct fetch_dial *d = arg;
	if (loop_now_ms(d->loop) >= d->until_ms)
		over(d, (enum err)ETIMEDOUT);
	else
		fetch_dial_next(d, (enum err)ETIMEDOUT);
}

/* --- all of them --- */

static void resolved(void *arg, const struct ip_address *found, size_t n)
{
	struct fetch_dial *d = arg;
	for (d->found_n = 0; d->found_n < n; d->found_n++)
		d->found[d->found_n] = found[d->found_n];
	d->at = 0;
	if (n && d->may && !d->may(d->may_arg, found, n)) {
		d->found_n = 0;
		refuse(d, "an address may not be gone to");
	}
	fetch_dial_next(d, ERR_ABSENT);
}

void fetch_dial_init(struct fetch_dial *d, struct loop *loop, fetch_dialled *call, void *arg)
{
	*d = (struct fetch_dial){.loop = loop, .call = call, .arg = arg};
	fetch_resolve_init(&d->resolve, loop, resolved, d);
	fetch_connection_init(&d->connection, loop, go_on, d);
	loop_timer_init(&d->timer, late, d);
}

enum err fetch_dial(struct fetch_dial *d, const struct fetch_dial_to *to)
{
	fetch_dial_stop(d);
	d->port = to->port;
	d->peer = to->peer;
	d->address_ms = to->address_ms;
	d->until_ms = to->until_ms;
	d->outside = to->outside;
	d->may = to->may;
	d->may_arg = to->may_arg;
	d->fault[0] = '\0';
	TRY(fetch_resolve(&d->resolve, to->resolvers, to->host));
	loop_timer_set(d->loop, &d->timer, d->until_ms);
	return OK;
}

void fetch_dial_stop(struct fetch_dial *d)
{
	if (!d->loop)
		return;
	fetch_resolve_stop(&d->resolve);
	hang_up(d, OK);
}
