/* What engines do, and when they are called. */
#include "crypto/random.h"
#include "os/clock.h"
#include "os/log.h"
#include "service/vpn/io_signin.h"
#include "service/vpn/io_vpn.h"

#include <stdlib.h>

static void effect_send(void *arg, const struct vpn_endpoint *to, uint8_t tos, struct span datagram)
{
	struct vpn_interface *f = arg;
	if (f->link)
		vpn_link_send(f->link, to, tos, datagram);
}

/* Without random bytes nothing that we send is a secret. */
static void effect_random(void *arg, void *ret, size_t len)
{
	(void)arg;
	if (crypto_random(ret, len)) {
		log_error("the kernel gives no random bytes: the service ends");
		abort();
	}
}

static uint64_t effect_wall_ns(void *arg)
{
	(void)arg;
	return clock_wall_ms() * 1000000;
}

static void effect_begin(void *arg)
{
	struct vpn_interface *f = arg;
	if (f->vpn->workers)
		vpn_workers_begin(f->vpn->workers);
}

static void effect_end(void *arg)
{
	struct vpn_interface *f = arg;
	if (f->vpn->workers)
		vpn_workers_end(f->vpn->workers);
}

/* --- events ----------------------------------------------------------------------------------- */

static json_t *endpoint_json(const struct vpn_endpoint *e)
{
	char text[IP_ENDPOINT_TEXT_MAX];
	if (!e->remote.address.family)
		return json_null();
	(void)ip_endpoint_format(&e->remote, text);
	return json_string(text);
}

static json_t *about(const struct vpn_interface *f, const struct vpn_peer *p)
{
	return json_pack("{s:s,s:s}", "interface", f->name, "peer", p->name);
}

static void tell_handshake(struct vpn_interface *f, const struct vpn_peer *p)
{
	struct vpn_endpoint at = {0};
	json_t *fields = about(f, p);
	if (vpn_peer_endpoint(p, &at))
		(void)json_object_set_new(fields, "endpoint", endpoint_json(&at));
	control_event(f->vpn->life.control, "handshake", fields);
}

static void tell_moved(struct vpn_interface *f, const struct vpn_event *e)
{
	json_t *fields = about(f, e->peer);
	(void)json_object_set_new(fields, "from", endpoint_json(&e->before));
	(void)json_object_set_new(fields, "to", endpoint_json(&e->after));
	(void)json_object_set_new(fields, "address_changed", json_boolean(e->address_changed));
	control_event(f->vpn->life.control, "endpoint moved", fields);
}

static void effect_event(void *arg, const struct vpn_event *e)
{
	struct vpn_interface *f = arg;
	struct control *control = f->vpn->life.control;
	if (e->kind == VPN_EVENT_REMOVED) {
		if (f->vpn->people)
			vpn_signin_peer_gone(f->vpn->people, e->peer);
		vpn_peer_gone(e->peer);
	}
	if (e->kind == VPN_EVENT_MOVED && f->vpn->people)
		vpn_signin_moved(f->vpn->people, e);
	if (e->kind == VPN_EVENT_GAVE_UP)
		vpn_lookup_want(f->vpn, e->peer);
	if (!control)
		return;
	switch (e->kind) {
	case VPN_EVENT_HANDSHAKE: tell_handshake(f, e->peer); break;
	case VPN_EVENT_MOVED: tell_moved(f, e); break;
	case VPN_EVENT_GAVE_UP:
		control_event(control, "handshake unanswered", about(f, e->peer));
		break;
	case VPN_EVENT_REMOVED: control_event(control, "peer removed", about(f, e->peer)); break;
	case VPN_EVENT_KEYS_GONE: break;
	}
}

void vpn_effects_fill(struct vpn_interface *f, struct vpn_effects *ret)
{
	*ret = (struct vpn_effects){
		.arg = f,
		.send = effect_send,
		.random = effect_random,
		.wall_ns = effect_wall_ns,
		.begin = effect_begin,
		.end = effect_end,
		.event = effect_event,
	};
}

/* --- when ------------------------------------------------------------------------------------- */

void vpn_engines_turn(void *vpn)
{
	struct vpn *v = vpn;
	uint64_t now_ms = vpn_now_ms();
	vpn_workers_turn(v->workers, now_ms);
	uint64_t next_ms = vpn_workers_next_ms(v->workers);
	if (next_ms == UINT64_MAX)
		loop_timer_cancel(&v->life.loop, &v->turn);
	else
		loop_timer_set_after(&v->life.loop, &v->turn,
				     next_ms > now_ms ? next_ms - now_ms : 0);
}
