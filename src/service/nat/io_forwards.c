/* The control socket's verb about forwarded ports: where they lead now, and how much goes by them.
 */
#include "service/nat/io_control.h"
#include "service/nat/io_flows.h"
#include "service/nat/io_walk.h"

#include <stdlib.h>
#include <string.h>

enum { TRIES = 3 };

struct nat_forward_counts {
	uint64_t flows, bytes[2];
};

static uint8_t proto_of(const struct nat_forward4 *f)
{
	return f->space == NAT_SPACE_TCP ? NAT_PROTO_TCP : NAT_PROTO_UDP;
}

static bool is_by(const struct nat *n, uint32_t i, const struct nat_flow_view *v)
{
	const struct nat_forward4 *f = &n->now->forwards[i];
	uint16_t slot = n->now->forward_places[i].slot;
	struct ip_address to = nat_address_of(f->to);
	if (v->proto != proto_of(f) || v->to.port < f->first || v->to.port > f->last ||
	    !ip_address_equal(&v->to_as.address, &to))
		return false;
	if (slot == NAT_EVERY_PUBLIC)
		return true;
	struct ip_address public = nat_address_of(n->now->publics[slot].address);
	return ip_address_equal(&v->to.address, &public);
}

static bool see(struct nat_walk *w, const struct nat_flow_view *v)
{
	const struct nat *n = w->n;
	if (!(v->flags & NAT_FLOW_FORWARD))
		return true;
	for (uint32_t i = 1; i <= n->now->forwards_n; i++)
		if (is_by(n, i, v)) {
			w->forwards[i].flows++;
			w->forwards[i].bytes[0] += v->bytes[0];
			w->forwards[i].bytes[1] += v->bytes[1];
			return true;
		}
	return true; /* a mapping of its own brought it in */
}

static json_t *forward_json(const struct nat *n, uint32_t i, const struct nat_forward_counts *c)
{
	const struct nat_forward4 *f = &n->now->forwards[i];
	const struct nat_forward_place *p = &n->now->forward_places[i];
	struct nat_traffic t = {proto_of(f), f->first, f->last};
	struct ip_address to = nat_address_of(f->to);
	const struct nat_forward_conf *conf = nat_conf_of(n)->forward.items;
	char text[NAT_TRAFFIC_TEXT_MAX];
	json_t *o = json_pack("{s:s,s:s,s:i}", "from", nat_traffic_format(&t, text), "to",
			      conf[p->conf].to, "line", (int)p->line);
	nat_json_set(o, "host", f->to ? nat_json_address(&to) : json_null());
	nat_json_set(o, "port", json_integer(f->to_first ? nat_host16(f->to_first) : f->first));
	nat_json_set(o, "limited", json_boolean(f->rules_n > 0));
	nat_json_set(o, "zone", json_string(nat_conf_zone_name(nat_conf_of(n), f->zone)));
	if (p->slot != NAT_EVERY_PUBLIC) {
		struct ip_address a = nat_address_of(n->now->publics[p->slot].address);
		nat_json_set(o, "address", nat_json_address(&a));
	}
	nat_json_set(o, "flows", json_integer((json_int_t)c->flows));
	nat_json_set(o, "bytes_sent", json_integer((json_int_t)c->bytes[0]));
	nat_json_set(o, "bytes_received", json_integer((json_int_t)c->bytes[1]));
	return o;
}

static void done(struct nat_walk *w)
{
	const struct nat *n = w->n;
	json_t *list;
	if (w->refreshes != n->refreshes && ++w->round < TRIES) {
		/* The forwards have other numbers now. */
		w->refreshes = n->refreshes;
		memset(w->forwards, 0, NAT_SET_FORWARDS * sizeof(*w->forwards));
		w->at = 1;
		loop_timer_set_after(&w->n->life.loop, &w->slice, 0);
		return;
	}
	list = json_array();
	for (uint32_t i = 1; i <= n->now->forwards_n; i++)
		(void)json_array_append_new(list, forward_json(n, i, &w->forwards[i]));
	control_reply_json(w->reply, 200, json_pack("{s:o}", "forwards", list));
	nat_walk_free(w);
}

void nat_handle_forwards(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct nat_walk *w = nat_walk_begin(arg, reply);
	(void)req;
	if (!w)
		return;
	w->forwards = calloc(NAT_SET_FORWARDS, sizeof(*w->forwards));
	if (!w->forwards) {
		control_reply_error(reply, 500, "out of memory");
		nat_walk_free(w);
		return;
	}
	w->refreshes = w->n->refreshes;
	w->see = see;
	w->done = done;
	nat_walk_go(w);
}
