/* Tables follow the machine and the names. */
#include "os/log.h"
#include "os/sysctl.h"
#include "service/nat/io_apply.h"
#include "service/nat/io_apply6.h"
#include "service/nat/io_control.h"
#include "service/nat/io_nat.h"

#include <stdlib.h>
#include <string.h>

enum {
	REFRESH_MS = 50, /* changes come in swarms: an address, its route, its neighbours */
	HOPS_MS = 20,
};

/* --- putting in force ------------------------------------------------------------------------- */

static bool was_noted(const struct nat *n, const struct nat_note *note)
{
	for (size_t i = 0; n->applied && i < n->now->notes_n; i++)
		if (n->now->notes[i].line == note->line &&
		    strcmp(n->now->notes[i].text, note->text) == 0)
			return true;
	return false;
}

/* To the log and the events. */
static void tell_notes(const struct nat *n, const struct nat_tables *t)
{
	for (size_t i = 0; i < t->notes_n; i++) {
		const struct nat_note *note = &t->notes[i];
		json_t *fields = was_noted(n, note) ? NULL : json_object();
		if (!fields)
			continue;
		log_warning("not in force now", LOG_TEXT("why", note->text),
			    LOG_U64("line", note->line));
		nat_json_set(fields, "why", json_string(note->text));
		nat_json_set(fields, "line", json_integer(note->line));
		control_event(n->life.control, "not in force", fields);
	}
}

/* By the place in the machine's devices. */
static uint16_t *ways_to_send(const struct nat *n)
{
	const struct nat_net *net = &n->machine.net;
	uint16_t *sends = calloc(net->devices_n + 1, sizeof(*sends));
	for (size_t i = 0; sends && i < net->devices_n; i++)
		sends[i] = nat_attach_sends(&n->attached, net->devices[i].ifindex);
	return sends;
}

/* The tables are in force before a program looks at a packet with them, and what was in force stays
 * until then: only the guard on the ways out needs no table to be whole. */
static enum err put_in_force(struct nat *n, const struct nat_conf *conf)
{
	const struct nat_tables *before = n->applied ? n->now : NULL;
	if (nat_nft_is(&n->nft))
		return nat_nft_apply(&n->nft, conf, &n->machine.net, n->next);
	/* Who is to be led is led before the programs leave it to the machine, and as long as they
	 * do. */
	bool takes =
		n->taker.nft && !n->attached.off && n->next->rules_taken > n->next->rules_plain;
	if (takes)
		TRY(nat_taker_apply(&n->taker, conf, &n->machine.net, n->next));
	uint16_t *sends = ways_to_send(n);
	if (!sends)
		return ENOMEM;
	enum err e = nat_make_and_apply6(n->plane.set, &conf->v6, &n->machine.net, n->next,
					 conf->limits.flows6);
	if (!e)
		e = nat_apply(&n->plane, before, n->next, &n->machine.net, sends);
	if (!e)
		nat_attach(&n->attached, &n->plane, conf, &n->machine.net);
	free(sends);
	sends = e ? NULL : ways_to_send(n);
	/* Now that it is known how to send to each. */
	if (sends)
		e = nat_apply(&n->plane, n->next, n->next, &n->machine.net, sends);
	free(sends);
	if (!e && n->taker.nft && !n->attached.off && !takes)
		e = nat_taker_apply(&n->taker, conf, &n->machine.net, n->next);
	return e;
}

enum err nat_refresh(struct nat *n, const struct nat_conf *conf)
{
	bool nft = nat_nft_is(&n->nft);
	const struct nat_public *publics = !nft		? nat_apply_public(&n->plane, 0)
					   : n->applied ? n->now->publics
							: NULL;
	n->refreshes++;
	enum err e = nat_machine_read(&n->machine, conf);
	if (!e)
		e = nat_tables_make(conf, &n->names, &n->machine.net, publics,
				    nft ? NAT_PUBLICS : n->plane.publics_max, n->next);
	bool made = !e;
	n->next->untaken = !nft && !n->taker.nft;
	if (!e) {
		nat_prober_release(&n->prober, conf, n->next);
		tell_notes(n, n->next);
		e = put_in_force(n, conf);
	}
	if (!e) {
		struct nat_tables *old = n->now;
		n->now = n->next;
		n->next = old;
		n->applied = true;
	} else if (e == ERR_LIMIT && !made && n->next->notes_n) {
		const struct nat_note *why = &n->next->notes[n->next->notes_n - 1];
		log_error("the configuration does not fit", LOG_TEXT("why", why->text),
			  LOG_U64("line", why->line));
	} else {
		log_error("the tables cannot be put in force", LOG_ERR(e));
	}
	n->trouble = e;
	return e;
}

/* --- following -------------------------------------------------------------------------------- */

static void refresh_fired(void *arg)
{
	struct nat *n = arg;
	if (nat_refresh(n, nat_conf_of(n)) ==
	    OK) /* else it was logged; the next change tries again */
		nat_portctl_follow(n);
}

static void hops_fired(void *arg)
{
	struct nat *n = arg;
	if (!nat_nft_is(&n->nft))
		nat_apply_hops(&n->plane);
}

void nat_refresh_soon(struct nat *n)
{
	if (!n->refresh.set)
		loop_timer_set_after(&n->life.loop, &n->refresh, REFRESH_MS);
}

static void machine_changed(void *arg, unsigned bits)
{
	struct nat *n = arg;
	if (bits & ~(unsigned)NETLINK_NEIGHBOURS)
		nat_refresh_soon(n);
	else if (!n->hops.set)
		loop_timer_set_after(&n->life.loop, &n->hops, HOPS_MS);
}

static void name_changed(void *arg)
{
	nat_refresh_soon(arg);
}

static void proxy_changed(void *arg)
{
	nat_refresh_soon(arg);
}

void nat_refresh_init(struct nat *n)
{
	loop_timer_init(&n->refresh, refresh_fired, n);
	loop_timer_init(&n->hops, hops_fired, n);
	nat_prober_init(&n->prober, &n->life.loop, proxy_changed, n);
	nat_asker_init(&n->asker, &n->life.loop, &n->names, name_changed, n);
}

enum err nat_refresh_follow(struct nat *n)
{
	TRY(nat_machine_watch(&n->machine, &n->life.loop, machine_changed, n));
	nat_asker_turn(&n->asker, &nat_conf_of(n)->resolver);
	nat_prober_turn(&n->prober, nat_conf_of(n));
	return OK;
}
