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
};

static void ask(struct neighbour_table *t);

static bool is_link_local(const struct ip_address *a)
{
	return a->family == 6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

static void forget(struct devices_out *out, const struct policy_device_key *key,
		   const struct ip_address *a)
{
	struct policy_device d;
	uint64_t until_s = clock_wall_s() + REMEMBER_S;
	if (a->family == 4 || !devices_out_find(out, key, &d)) {
		devices_out_remove(out, key);
		return;
	}
	if (d.until_s < until_s)
		return; /* it was forgotten before */
	d.until_s = until_s;
	devices_out_put(out, key, &d);
}

static void told(void *arg, const struct neighbour *one)
{
	struct neighbour_table *t = arg;
	struct devices_out *out = t->next ? t->next : t->out;
	const struct policy_device_key key = policy_device_at(&one->address);
	struct policy_device d = {.until_s = POLICY_DEVICE_FOREVER, .has_mac = true}, before;
	t->told++;
	if (one->gone) {
		forget(out, &key, &one->address);
		return;
	}
	memcpy(d.mac, one->mac, sizeof(d.mac)); /* as long */
	d.version = one->ifindex;
	/* One address of a link on two of them: whose a packet is, nobody can tell. */
	if (is_link_local(&one->address) && devices_out_find(out, &key, &before) &&
	    before.version != one->ifindex && memcmp(before.mac, d.mac, sizeof(d.mac)) != 0)
		d.has_mac = false;
	devices_out_put(out, &key, &d);
	/* What is seen now is seen by readers, too. */
	if (t->next && t->out)
		devices_out_put(t->out, &key, &d);
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
	loop_timer_set_after(t->loop, &t->again, AGAIN_MS);
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
	loop_timer_set_after(t->loop, &t->again, AGAIN_MS);
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
