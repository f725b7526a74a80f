/* The verbs about leases of IPv6: addresses and prefixes. */
#include "proto/dhcp6/ia.h"
#include "service/dhcp/io_dhcp.h"
#include "service/dhcp/io_leases.h"

#include <stdlib.h>

enum { PAGE_DEFAULT = 100, PAGE_MAX = 1000, SLICE_SHOWN = 16 };

static const char *kind_name(enum dhcp6_ia_kind kind)
{
	return kind == DHCP6_IA_NA ? "na" : kind == DHCP6_IA_TA ? "ta" : "pd";
}

static const char *state_name(enum v6_lease_state state)
{
	switch (state) {
	case V6_LEASE_PENDING: return "pending";
	case V6_LEASE_BOUND: return "bound";
	case V6_LEASE_ENDED: return "ended";
	case V6_LEASE_DECLINED: return "declined";
	}
	return "?";
}

static void lease_text(const struct ip_prefix *p, char ret[IP_PREFIX_TEXT_MAX])
{
	if (p->bits == 128)
		(void)ip_address_format(&p->address, ret);
	else
		(void)ip_prefix_format(p, ret);
}

static json_t *lease6_json(struct dhcp_service *d, const struct v6_lease_view *l)
{
	char text[IP_PREFIX_TEXT_MAX];
	uint64_t now_s = dhcp_now_ms(d) / 1000;
	const struct v6_network *n = v6_site_network_of(d->v6.site, &l->prefix.address);
	json_t *o = json_object();
	lease_text(&l->prefix, text);
	(void)json_object_set_new(o, "lease", json_string(text));
	(void)json_object_set_new(o, "kind", json_string(kind_name(l->kind)));
	(void)json_object_set_new(o, "state", json_string(state_name(l->state)));
	dhcp_json_octets(o, "duid", "", ":", l->duid);
	(void)json_object_set_new(o, "iaid", json_integer(l->iaid));
	dhcp_json_octets(o, "mac", "", ":", l->mac);
	if (l->name.len)
		(void)json_object_set_new(o, "name",
					  json_stringn((const char *)l->name.data, l->name.len));
	dhcp_json_time(o, "granted", l->granted_s);
	dhcp_json_time(o, "expires", l->expires_s);
	if (l->expires_s != UINT32_MAX && l->expires_s > now_s)
		(void)json_object_set_new(o, "left_s",
					  json_integer((json_int_t)(l->expires_s - now_s)));
	if (n)
		(void)json_object_set_new(o, "network", json_string(n->name));
	return o;
}

/* --- a list, in slices as that of IPv4 --- */

struct leases6_page {
	struct dhcp_service *d; /* borrowed */
	struct control_reply *reply;
	struct loop_timer slice;
	size_t at, limit;
	json_t *list;
	struct leases6_page *next, **link;
};

static void page_free(struct leases6_page *p)
{
	loop_timer_cancel(&p->d->life.loop, &p->slice);
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	json_decref(p->list);
	free(p);
}

static void page_end(struct leases6_page *p, bool more)
{
	json_t *answer = json_object();
	(void)json_object_set_new(answer, "leases", TAKE(p->list));
	if (more)
		(void)json_object_set_new(answer, "next", json_integer((json_int_t)p->at));
	control_reply_json(p->reply, 200, answer);
	page_free(p);
}

static void page_slice(void *arg)
{
	struct leases6_page *p = arg;
	struct dhcp_service *d = p->d;
	struct v6_lease_view l;
	for (size_t shown = 0; shown < SLICE_SHOWN; shown++) {
		if (!d->v6.engine || !v6_engine_lease_next(d->v6.engine, &p->at, &l)) {
			page_end(p, false);
			return;
		}
		(void)json_array_append_new(p->list, lease6_json(d, &l));
		if (json_array_size(p->list) == p->limit) {
			page_end(p, true);
			return;
		}
	}
	loop_timer_set_after(&d->life.loop, &p->slice, 0);
}

void dhcp_leases6_list(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct dhcp_service *d = arg;
	const char *from = control_request_query(req, "from");
	const char *limit = control_request_query(req, "limit");
	uint64_t at = 0, n = PAGE_DEFAULT;
	if ((from && !span_to_u64(span_text(from), UINT32_MAX, &at)) ||
	    (limit && (!span_to_u64(span_text(limit), PAGE_MAX, &n) || n == 0))) {
		control_reply_error(reply, 400,
				    "from= is what the page before said; limit= is 1 to 1000");
		return;
	}
	struct leases6_page *p = calloc(1, sizeof(*p));
	if (!p) {
		control_reply_error(reply, 500, "out of memory");
		return;
	}
	p->d = d;
	p->reply = reply;
	p->list = json_array();
	p->at = (size_t)at;
	p->limit = (size_t)n;
	p->next = d->pages6;
	p->link = &d->pages6;
	if (p->next)
		p->next->link = &p->next;
	d->pages6 = p;
	loop_timer_init(&p->slice, page_slice, p);
	page_slice(p);
}

void dhcp_leases6_stop(struct dhcp_service *d)
{
	while (d->pages6) {
		control_reply_error(d->pages6->reply, 503, "the service ends");
		page_free(d->pages6);
	}
}

/* --- one --- */

bool dhcp_request_is_v6(const struct control_request *req)
{
	const char *text = control_request_query(req, "address");
	return text && strchr(text, ':');
}

/* The record that address= means; false: the answer was given. */
static bool lease6_find(struct dhcp_service *d, const struct control_request *req,
			struct control_reply *reply, struct v6_lease_view *ret)
{
	const char *text = control_request_query(req, "address");
	struct ip_prefix prefix;
	if (ip_prefix_parse(span_text(text), &prefix) || prefix.address.family != 6) {
		control_reply_error(reply, 400, "address= must be an address, or a prefix");
		return false;
	}
	if (d->v6.engine && v6_engine_lease(d->v6.engine, &prefix, ret))
		return true;
	control_reply_error(reply, 404, "there is no lease of this address");
	return false;
}

void dhcp_lease6_show(struct dhcp_service *d, const struct control_request *req,
		      struct control_reply *reply)
{
	struct v6_lease_view l;
	if (lease6_find(d, req, reply, &l))
		control_reply_json(reply, 200, lease6_json(d, &l));
}

void dhcp_lease6_release(struct dhcp_service *d, const struct control_request *req,
			 struct control_reply *reply)
{
	struct v6_lease_view l;
	if (!lease6_find(d, req, reply, &l))
		return;
	enum err e = v6_engine_release(d->v6.engine, dhcp_now_ms(d), &l.prefix);
	if (e)
		control_reply_error(reply, e == ERR_ABSENT ? 404 : 503, err_text(e));
	else
		control_reply_json(reply, 200, json_pack("{s:b}", "released", 1));
}

void dhcp_lease6_renew(struct dhcp_service *d, const struct control_request *req,
		       struct control_reply *reply)
{
	struct v6_lease_view l;
	if (!lease6_find(d, req, reply, &l))
		return;
	enum err e = v6_engine_reconfigure(d->v6.engine, dhcp_now_ms(d), &l.prefix);
	if (e == ERR_UNSUPPORTED)
		control_reply_error(reply, 409,
				    "this client does not let itself be asked (RFC 8415 18.3.11), "
				    "or was not heard since the server began");
	else if (e)
		control_reply_error(reply, e == ERR_ABSENT ? 404 : 503, err_text(e));
	else
		control_reply_json(reply, 200, json_pack("{s:b}", "asked", 1));
}
