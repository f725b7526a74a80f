#include "service/policy/io_neighbours.h"

#include "os/clock.h"
#include "os/log.h"
#include "policy/io_follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	AGAIN_MS = 1000, /* until everything is asked for anew that was lost */
	/* An address of IPv6 that the kernel has forgotten, as it does to make room, is its
	 * holder's still when that speaks again: nobody else takes one. */
	REMEMBER_S = 600,
	REMEMBERED_MAX = 1 << 15, /* records; beyond it, who is forgotten is forgotten at once */
	TWO_LINKS = 0,		  /* in place of a link's number, which is never that */
};

static void ask(struct neighbour_table *t);

/* Not later than it was to be: else whoever makes for trouble all the time puts it off for ever. */
static void again_in(struct neighbour_table *t, uint64_t ms)
{
	uint64_t at_ms = loop_now_ms(t->loop) + ms;
	if (!t->again.set || t->again.at_ms > at_ms)
		loop_timer_set(t->loop, &t->again, at_ms);
}

static bool find(const struct devices_out *out, const struct policy_device_key *key,
		 struct policy_device *ret)
{
	return devices_out_find(out, key, ret) && ret->until_s > clock_wall_s();
}

/* Neighbours come and go as strangers like: there is an end to what is remembered of them. */
static bool is_full(const struct devices_out *out)
{
	struct devices_out_counts c;
	devices_out_count(out, &c);
	return c.records > REMEMBERED_MAX;
}

static void forget(struct neighbour_table *t, struct devices_out *out, const struct neighbour *one)
{
	const struct policy_device_key key = policy_device_at(&one->address);
	struct policy_device d;
	if (!find(out, &key, &d))
		return;
	/* What is left is the other link's. */
	if (d.version == TWO_LINKS) {
		again_in(t, AGAIN_MS);
		return;
	}
	if (d.version != one->ifindex || d.until_s != POLICY_DEVICE_FOREVER)
		return; /* it is another link's, or was forgotten before */
	bool full = is_full(out);
	if (full)
		again_in(t, REMEMBER_S * 1000); /* without what is over by then */
	if (full || one->address.family == 4) {
		devices_out_remove(out, &key);
		return;
	}
	d.until_s = clock_wall_s() + REMEMBER_S;
	devices_out_put(out, &key, &d);
}

/* One address on two links: whose a packet is, nobody can tell, as whoever is on one of them can
 * take the addresses of the other. Who moved is known when the kernel has forgotten where he was.
 */
static void there(struct neighbour_table *t, struct devices_out *out, const struct neighbour *one)
{
	const struct policy_device_key key = policy_device_at(&one->address);
	struct policy_device d = {.until_s = POLICY_DEVICE_FOREVER,
				  .has_mac = true,
				  .version = one->ifindex},
			     before;
	memcpy(d.mac, one->mac, sizeof(d.mac)); /* as long */
	if (find(out, &key, &before) && before.version != one->ifindex &&
	    (before.version == TWO_LINKS || memcmp(before.mac, d.mac, sizeof(d.mac)) != 0)) {
		d.has_mac = false;
		d.version = TWO_LINKS;
		again_in(t, REMEMBER_S * 1000);
	}
	devices_out_put(out, &key, &d);
}

/* While one is filled, what readers see goes on. */
static void told(void *arg, const struct neighbour *one)
{
	struct neighbour_table *t = arg;
	struct devices_out *const both[] = {t->out, t->next};
	t->told++;
	for (size_t i = 0; i < 2; i++) {
		if (both[i] && one->gone)
			forget(t, both[i], one);
		else if (both[i])
			there(t, both[i], one);
	}
}

static void all_told(struct neighbour_table *t)
{
	if (!t->next)
		return;
	enum err e = devices_out_show(t->next);
	if (e && !t->broken)
		log_error("hardware addresses of neighbours are not known: their table cannot be "
			  "written",
			  LOG_ERR(e));
	t->broken = e != OK;
	if (e) {
		/* The one that readers have goes on. */
		devices_out_free(TAKE(t->next));
		again_in(t, AGAIN_MS);
		return;
	}
	devices_out_free(t->out);
	t->out = TAKE(t->next);
}

static void begin_again(void *arg)
{
	ask(arg);
}

static void ask(struct neighbour_table *t)
{
	devices_out_free(TAKE(t->next));
	enum err e = devices_out_new(t->folder, POLICY_FILE_NEIGHBOURS, &t->next);
	if (!e)
		e = neighbours_ask(&t->kernel);
	if (!e)
		return;
	devices_out_free(TAKE(t->next));
	if (!t->broken)
		log_error("hardware addresses of neighbours are not known", LOG_ERR(e));
	t->broken = true;
	again_in(t, AGAIN_MS);
}

static void readable(void *arg, unsigned events)
{
	struct neighbour_table *t = arg;
	enum neighbours_told what;
	(void)events;
	enum err e = neighbours_read(&t->kernel, told, t, &what);
	if (!e && what == NEIGHBOURS_ALL)
		all_told(t);
	if (!e && what != NEIGHBOURS_LOST)
		return;
	t->lost++;
	again_in(t, AGAIN_MS);
}

/* --- life --- */

void neighbour_table_open(struct neighbour_table *t)
{
	t->kernel.fd = -1;
	enum err e = neighbours_open(&t->kernel);
	if (e)
		log_warning("hardware addresses of neighbours are not known: groups that go by "
			    "them hold for leases alone",
			    LOG_ERR(e));
}

static void stop(struct neighbour_table *t)
{
	char path[4096];
	loop_remove(t->loop, &t->watch);
	loop_timer_cancel(t->loop, &t->again);
	devices_out_free(TAKE(t->out));
	devices_out_free(TAKE(t->next));
	/* Who follows keeps what it has mapped; its records are taken back by an empty one. */
	(void)snprintf(path, sizeof(path), "%s/" POLICY_FILE_NEIGHBOURS, t->folder);
	if (access(path, F_OK) != 0)
		return;
	if (devices_out_new(t->folder, POLICY_FILE_NEIGHBOURS, &t->out) == OK)
		err_ignore(devices_out_show(t->out)); /* then it says what it said */
	devices_out_free(TAKE(t->out));
}

void neighbour_table_set(struct neighbour_table *t, bool wanted)
{
	if (t->kernel.fd < 0 || !t->folder)
		return;
	if (!wanted) {
		stop(t);
		return;
	}
	if (t->out || t->next)
		return;
	if (loop_add(t->loop, &t->watch, t->kernel.fd, LOOP_READ, readable, t) == OK)
		ask(t);
}

void neighbour_table_begin(struct neighbour_table *t, struct loop *loop, const char *folder,
			   bool wanted)
{
	t->loop = loop;
	loop_timer_init(&t->again, begin_again, t);
	t->folder = strdup(folder);
	neighbour_table_set(t, wanted);
}

void neighbour_table_done(struct neighbour_table *t)
{
	if (t->loop) {
		loop_remove(t->loop, &t->watch);
		loop_timer_cancel(t->loop, &t->again);
	}
	devices_out_free(TAKE(t->out));
	devices_out_free(TAKE(t->next));
	neighbours_done(&t->kernel);
	free(TAKE(t->folder));
}
